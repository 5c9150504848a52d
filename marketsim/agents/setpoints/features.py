"""What an agent of the game of set-points sees: its own devices and forecasts, the tariffs, its own voltage, and what is public.

Public is what an operator of a pool can publish without telling who did what: the balance of all players in the last slot and
what is forecast of it for the hours to come, and the day's weather flag. A joint plan depends on these. Features are in natural
units; ``SetpointScaling`` brings them to about [-1, 1] by fixed numbers, which travel with every checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from marketsim.agents.game.features import BOUND, WINDOWS_H, Look, window_bounds, window_means
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.game import Features
from marketsim.core.records import Observations
from marketsim.core.units import WH_PER_KWH, to_price

_MIDDLE_VOLTAGE, _WIDTH_VOLTAGE = 1.0, 0.05
_SMALLEST: Final = 1e-3
"""Power [kW] and price below which nothing is scaled up."""


SEES: Final = ("time", "market", "last_price_ticks", "voltage_pu", "forecast", "last_device_wh", "pool")
"""Fields of ``Observations`` that features take beside those that executing set-points takes."""


class PoolSight:
    """Observations of one slot of k agents, with what several features share worked out once."""

    def __init__(self, seen: Observations, generator: int | None) -> None:
        """``generator``: the fleet that is steered, None without one. ValueError where nobody tells of the last slot."""
        if seen.last_device_wh is None or seen.pool is None:
            raise ValueError(
                "what set-points are learned from takes observations that tell of the last slot and the pool"
            )
        self.look, self._pool = Look(seen), seen.pool
        last_wh = np.zeros(len(seen.load_wh)) if generator is None else seen.last_device_wh[generator]
        self.generator_kw: FloatArray = last_wh / (WH_PER_KWH * seen.time.hours)
        self._ahead: FloatArray | None = None

    def same(self, value: float) -> FloatArray:
        """A number for everybody."""
        return np.full(len(self.generator_kw), value)

    def balance(self) -> FloatArray:
        """Net power of the pool in the last slot [kW]."""
        per_market = self._pool.balance_wh() / (WH_PER_KWH * self.look.hours)
        return np.asarray(per_market[self.look.seen.market])

    def balance_ahead(self, window: int) -> FloatArray:
        """Forecast of what PV of the pool exceeds its load by, in a window [kW]."""
        if self._ahead is None:
            self._ahead = window_means(self._of_pool("pv_kw"), self.look.hours)
            self._ahead -= window_means(self._of_pool("load_kw"), self.look.hours)
        return np.asarray(self._ahead[window][self.look.seen.market])

    def _of_pool(self, series: str) -> FloatArray:
        return self._pool.series(series, 1 + int(window_bounds(self.look.hours)[-1]))


PoolFeature: TypeAlias = Callable[[PoolSight], FloatArray]


def _angle(sight: PoolSight) -> float:
    return 2.0 * np.pi * sight.look.seen.time.hour / 24.0


def _own_ahead(series: str, window: int) -> PoolFeature:
    return lambda sight: sight.look.ahead(series)[window]


def _pool_ahead(window: int) -> PoolFeature:
    return lambda sight: sight.balance_ahead(window)


_WINDOWS: Final = range(len(WINDOWS_H))
_OWN: Final[dict[str, PoolFeature]] = {
    "load_kw": lambda sight: sight.look.kw(sight.look.seen.load_wh),
    "pv_kw": lambda sight: sight.look.kw(sight.look.seen.pv_wh),
    **{f"load_ahead_{n}_kw": _own_ahead("load_kw", n) for n in _WINDOWS},
    **{f"pv_ahead_{n}_kw": _own_ahead("pv_kw", n) for n in _WINDOWS},
    "charge_level": lambda sight: sight.look.level(),
    "generator_kw": lambda sight: sight.generator_kw,
    "voltage_pu": lambda sight: np.nan_to_num(sight.look.seen.voltage_pu, nan=_MIDDLE_VOLTAGE),
}
_PUBLIC: Final[dict[str, PoolFeature]] = {
    "retail": lambda sight: to_price(sight.look.seen.retail_ticks),
    "feed_in": lambda sight: to_price(sight.look.seen.feed_in_ticks),
    "hour_sin": lambda sight: sight.same(np.sin(_angle(sight))),
    "hour_cos": lambda sight: sight.same(np.cos(_angle(sight))),
    "day_left": lambda sight: sight.same(1.0 - sight.look.seen.time.hour / 24.0),
    "sunny": lambda sight: sight.look.sunny(),
    "last_price": lambda sight: sight.look.last_price(),
    "balance_kw": lambda sight: sight.balance(),
    **{f"balance_ahead_{n}_kw": _pool_ahead(n) for n in _WINDOWS},
}
NAMES: Final = (*_OWN, *_PUBLIC)
"""Everything that is seen, in order: what is one's own, then what is public."""
N_OWN: Final = len(_OWN)
_FEATURES: Final = {**_OWN, **_PUBLIC}


class PlayerSizes(NamedTuple):
    """Sizes of the A players of a market, from the scenario and its training days."""

    load_kw: FloatArray
    """Largest load [A]."""
    pv_kw: FloatArray
    """Largest PV [A]."""
    generator_kw: FloatArray
    """Rated [A]."""
    retail: float
    """Largest price of the utility, of either sign [currency/kWh]."""


class SetpointScaling(NamedTuple):
    """``clip((x - offset) * factor, -BOUND, BOUND)`` of each player's features."""

    offset: FloatArray
    """[A, F]"""
    factor: FloatArray
    """[A, F]"""

    @classmethod
    def by(cls, sizes: PlayerSizes) -> SetpointScaling:
        """The scaling of features by sizes."""
        load, pv, generator = (np.maximum(kw, _SMALLEST) for kw in sizes[:3])
        offset, factor = np.empty((2, len(load), len(NAMES)))
        whole = float(np.maximum(load, pv).sum())
        terms: dict[str, tuple[float, FloatArray | float]] = {
            "charge_level": (0.5, 2.0),
            "generator_kw": (0.0, 1.0 / generator),
            "voltage_pu": (_MIDDLE_VOLTAGE, 1.0 / _WIDTH_VOLTAGE),
            **dict.fromkeys(("retail", "feed_in"), (0.0, 1.0 / max(sizes.retail, _SMALLEST))),
            **dict.fromkeys(("hour_sin", "hour_cos"), (0.0, 1.0)),
            **dict.fromkeys(("day_left", "sunny", "last_price"), (0.5, 2.0)),
        }
        for column, name in enumerate(NAMES):
            by_name = (0.0, 1.0 / (load if name.startswith("load") else pv if name.startswith("pv") else whole))
            offset[:, column], factor[:, column] = terms.get(name, by_name)
        return cls(offset, factor)

    def tiled(self, n_markets: int) -> SetpointScaling:
        """The same for the players of so many markets [M * A, F]."""
        return SetpointScaling(*(np.tile(part, (n_markets, 1)) for part in self))

    def of(self, agents: IntArray) -> SetpointScaling:
        """That of agents that are each one of the A [k, F]."""
        return SetpointScaling(self.offset[agents], self.factor[agents])

    def __call__(self, sight: PoolSight) -> Features:
        """Scaled features of all players [M * A, F]."""
        scaled = np.empty(self.offset.shape)
        for column, name in enumerate(NAMES):
            scaled[:, column] = _FEATURES[name](sight)
        scaled -= self.offset
        scaled *= self.factor
        np.clip(scaled, -BOUND, BOUND, out=scaled)
        return scaled.astype(np.float32)


def rows_of_state(n_agents: int) -> IntArray:
    """Which of the features of a market's players, one after the other, a central critic sees: all own ones, public ones once."""
    whole = np.arange(n_agents * len(NAMES)).reshape(n_agents, len(NAMES))
    return np.concatenate((whole[:, :N_OWN].reshape(-1), whole[0, N_OWN:]))
