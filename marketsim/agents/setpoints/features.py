"""What an agent of the game of set-points sees: its own devices and forecasts, the tariffs, its own voltage, and what is public.

Public is what an operator of a pool can publish without telling who did what: the balance of all players in the last slot and
what is forecast of it for the hours to come, and the day's weather flag. A joint plan depends on these. Features are in natural
units; ``SetpointScaling`` brings them to about [-1, 1] by fixed numbers, which travel with every checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from marketsim.agents.game.features import BOUND, WINDOWS_H, Look
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.game import Features
from marketsim.core.units import to_price

_MIDDLE_VOLTAGE, _WIDTH_VOLTAGE = 1.0, 0.05
_SMALLEST: Final = 1e-3
"""Power [kW] and price below which nothing is scaled up."""


class PoolSight:
    """Observations of one slot of M markets of A players each, rows market by market, with what several features share."""

    def __init__(self, look: Look, shape: tuple[int, int], generator_kw: FloatArray, balance_kw: FloatArray) -> None:
        """``generator_kw`` of the last slot [M * A]; ``balance_kw``: net power of each market's players in it [M]."""
        self.look, self.generator_kw = look, generator_kw
        self._shape, self._balance_kw = shape, balance_kw
        self._ahead: FloatArray | None = None

    def same(self, value: float) -> FloatArray:
        """A number for everybody."""
        return np.full(self._shape[0] * self._shape[1], value)

    def of_market(self, per_market: FloatArray) -> FloatArray:
        """A quantity of markets for each of their players."""
        return np.repeat(per_market, self._shape[1])

    def balance(self) -> FloatArray:
        """Net power of all players in the last slot [kW]."""
        return self.of_market(self._balance_kw)

    def balance_ahead(self, window: int) -> FloatArray:
        """Forecast of what PV of all players exceeds their load by, in a window [kW]."""
        if self._ahead is None:
            own = self.look.ahead("pv_kw") - self.look.ahead("load_kw")
            self._ahead = own.reshape(len(own), *self._shape).sum(axis=2)
        return self.of_market(self._ahead[window])


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
    def of(cls, sizes: PlayerSizes) -> SetpointScaling:
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
