"""What a learning agent sees: its own meter, forecasts and store, the tariffs, the public last price, the time.

Nobody sees the order book or another agent's data. Features are in natural units; ``Scaling`` brings them to about
[-1, 1] by fixed numbers that come from ratings and training days and travel with every checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.records import Observations
from marketsim.core.units import WH_PER_KWH, to_price

BOUND: Final = 2.0
"""Largest size of a scaled feature."""
WINDOWS_H: Final = (1.0, 4.0, 12.0)
"""Ends of the windows after the slot that opens whose means are forecast [h]; each begins where the one before ends."""
_MIDDLE_VOLTAGE, _WIDTH_VOLTAGE = 1.0, 0.05
"""A voltage is seen as its distance from 1 p.u. in units of 5 %."""

RATINGS: Final = ("is_prosumer", "load_rating", "pv_rating")
"""Who an agent is: what a network that acts for several needs to know. They never change, so the scaling holds them."""

Feature: TypeAlias = Callable[["Look"], FloatArray]


class Look:
    """The observations of one slot, with what several features share computed once."""

    def __init__(self, seen: Observations) -> None:
        self.seen = seen
        self.hours = seen.time.hours
        self._ahead: dict[str, FloatArray] = {}

    def kw(self, energy_wh: IntArray) -> FloatArray:
        """Mean power of the slot."""
        return np.asarray(energy_wh / (WH_PER_KWH * self.hours))

    def ahead(self, name: str) -> FloatArray:
        """Forecast means of a series over ``WINDOWS_H`` after this slot [kW] [windows, k]."""
        if name not in self._ahead:
            expected = self.seen.forecast.series(name, 1 + int(window_bounds(self.hours)[-1]))
            self._ahead[name] = window_means(expected, self.hours)
        return self._ahead[name]

    def surplus_wh(self) -> IntArray:
        """What is left of PV and of what devices do in any case after the own load; a deficit is negative [k]."""
        surplus = self.seen.pv_wh - self.seen.load_wh
        for reach in self.seen.ranges:
            surplus = surplus + reach.firm_wh
        return surplus

    def level(self) -> FloatArray:
        """Mean level of the agent's fleets that store, 0 where there is none [k]."""
        levels = [reach.level for reach in self.seen.ranges]
        known = [np.isfinite(level) for level in levels]
        count = np.sum(known, axis=0) if levels else np.zeros(len(self.seen.load_wh))
        total = np.sum([np.nan_to_num(level) for level in levels], axis=0) if levels else count
        return np.asarray(np.divide(total, count, out=np.full(len(self.seen.load_wh), 0.5), where=count > 0))

    def sunny(self) -> FloatArray:
        """Public weather flag of the day; 1/2 where the source of profiles has none [k]."""
        try:
            return np.asarray(self.seen.forecast.series("sunny", 1)[0])
        except KeyError:
            return np.full(len(self.seen.load_wh), 0.5)

    def last_price(self) -> FloatArray:
        """Last public clearing price from 0 at the feed-in tariff to 1 at retail [k]."""
        room = (self.seen.retail_ticks - self.seen.feed_in_ticks).astype(np.float64)
        above = self.seen.last_price_ticks - self.seen.feed_in_ticks
        return np.asarray(np.divide(above, room, out=np.full(len(room), 0.5), where=room > 0))


@cache
def window_bounds(hours: float) -> IntArray:
    """First slot of each window, and the end of the last, counted from the slot after the present one.

    Every window has a slot of its own, however long slots are.
    """
    bounds = [0]
    for end in WINDOWS_H:
        bounds.append(max(round(end / hours), bounds[-1] + 1))
    return np.array(bounds, dtype=np.int64)


def window_means(expected: FloatArray, hours: float) -> FloatArray:
    """Means over ``WINDOWS_H`` of what is expected of this slot and those to the end of the last window [windows, ...]."""
    bounds = window_bounds(hours)
    sums = np.add.reduceat(expected[1:], bounds[:-1], axis=0)
    return np.asarray(sums / np.diff(bounds)[:, None])


def _angle(look: Look) -> float:
    return 2.0 * np.pi * look.seen.time.hour / 24.0


def _ahead(series: str, window: int) -> Feature:
    return lambda look: look.ahead(series)[window]


def _same(look: Look, value: float) -> FloatArray:
    return np.full(len(look.seen.load_wh), value)


_FEATURES: Final[dict[str, Feature]] = {
    "load_kw": lambda look: look.kw(look.seen.load_wh),
    "pv_kw": lambda look: look.kw(look.seen.pv_wh),
    "surplus_kw": lambda look: look.kw(look.surplus_wh()),
    **{f"load_ahead_{n}_kw": _ahead("load_kw", n) for n in range(len(WINDOWS_H))},
    **{f"pv_ahead_{n}_kw": _ahead("pv_kw", n) for n in range(len(WINDOWS_H))},
    "charge_level": lambda look: look.level(),
    "retail": lambda look: to_price(look.seen.retail_ticks),
    "feed_in": lambda look: to_price(look.seen.feed_in_ticks),
    "hour_sin": lambda look: _same(look, np.sin(_angle(look))),
    "hour_cos": lambda look: _same(look, np.cos(_angle(look))),
    "weekday": lambda look: _same(look, float(look.seen.time.begins.weekday())),
    "sunny": lambda look: look.sunny(),
    "last_fill": lambda look: look.seen.last_fill,
    "last_price": lambda look: look.last_price(),
    "voltage_pu": lambda look: np.nan_to_num(look.seen.voltage_pu, nan=_MIDDLE_VOLTAGE),
    "last_refused": lambda look: look.seen.last_refused,
    **dict.fromkeys(RATINGS, lambda look: _same(look, 0.0)),
}
"""Every feature, in natural units [k]."""
GRID: Final = ("voltage_pu", "last_refused")
"""What only a gate makes worth seeing."""
STORES: Final = ("charge_level",)
OWN: Final = ("load_kw", "pv_kw", "surplus_kw", "charge_level", "voltage_pu")
"""Features that a centralised critic sees of every agent; the other public ones it sees once."""
PUBLIC: Final = ("retail", "feed_in", "hour_sin", "hour_cos", "weekday", "sunny", "last_price")


def feature_names(*, stores: bool, grid: bool, ratings: bool) -> tuple[str, ...]:
    """What is seen where anybody has a store, where there is a gate, and where networks are shared."""
    left_out = (*(() if stores else STORES), *(() if grid else GRID), *(() if ratings else RATINGS))
    return tuple(name for name in _FEATURES if name not in left_out)


class Scaling(NamedTuple):
    """``clip((x - offset) * factor, -BOUND, BOUND)`` of each agent's features."""

    names: tuple[str, ...]
    offset: FloatArray
    """[A, F]"""
    factor: FloatArray
    """[A, F]"""

    def of(self, agents: NDArray[np.int64]) -> Scaling:
        """The scaling of agents that are each one of the A: ``agents`` [k]."""
        return Scaling(self.names, self.offset[agents], self.factor[agents])

    def __call__(self, look: Look) -> NDArray[np.float32]:
        """Scaled features of the agents that see [A, F]."""
        scaled = np.empty(self.offset.shape)
        for column, name in enumerate(self.names):
            scaled[:, column] = _FEATURES[name](look)
        scaled -= self.offset
        scaled *= self.factor
        np.clip(scaled, -BOUND, BOUND, out=scaled)
        return scaled.astype(np.float32)


def unknown_features(names: Sequence[str]) -> list[str]:
    """Features that this version does not know, which a checkpoint of another one may hold."""
    return [name for name in names if name not in _FEATURES]


class Ratings(NamedTuple):
    """Sizes of A agents, from the scenario and its training days."""

    is_prosumer: NDArray[np.bool_]
    load_kw: FloatArray
    """Largest load."""
    pv_kw: FloatArray
    """Largest PV."""
    retail: float
    """Largest price of the utility, of either sign [currency/kWh]."""

    def shares(self) -> dict[str, FloatArray]:
        """Role and ratings as shares of the community's largest, by ``RATINGS`` [A]."""
        shares = [part / max(float(part.max()), _SMALLEST) for part in (self.load_kw, self.pv_kw)]
        return dict(zip(RATINGS, (self.is_prosumer.astype(np.float64), *shares), strict=True))


_SMALLEST: Final = 1e-3
"""Power [kW] and price below which nothing is scaled up."""


def scaling(names: tuple[str, ...], ratings: Ratings) -> Scaling:
    """The scaling of features by ratings."""
    load, pv = np.maximum(ratings.load_kw, _SMALLEST), np.maximum(ratings.pv_kw, _SMALLEST)
    n = len(load)

    shares = ratings.shares()

    def terms(name: str) -> tuple[FloatArray | float, FloatArray | float]:
        if name in shares:
            return 1.0 - 2.0 * shares[name], 1.0
        if name == "surplus_kw":
            return 0.0, 1.0 / np.maximum(load, pv)
        if name.startswith(("load_", "pv_")) and name.endswith("_kw"):
            return 0.0, 1.0 / (load if name.startswith("load_") else pv)
        if name in ("retail", "feed_in"):
            return 0.0, 1.0 / max(ratings.retail, _SMALLEST)
        if name == "weekday":
            return 3.0, 1.0 / 3.0
        if name == "voltage_pu":
            return _MIDDLE_VOLTAGE, 1.0 / _WIDTH_VOLTAGE
        return (0.0, 1.0) if name in ("hour_sin", "hour_cos") else (0.5, 2.0)  # shares from 0 to 1

    offset, factor = np.empty((2, n, len(names)))
    for column, name in enumerate(names):
        offset[:, column], factor[:, column] = terms(name)
    return Scaling(names, offset, factor)
