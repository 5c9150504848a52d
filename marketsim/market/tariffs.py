"""The utility's tariffs: flat, by time of use, or a series of real-time prices.

Each is a table of prices by slot, worked out when the simulation is built; a slot only looks its row up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray, frozen
from marketsim.core.build import Basics
from marketsim.core.clock import Clock, SlotTime
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.records import Tariffs
from marketsim.core.units import to_ticks
from marketsim.market.price_file import read_prices
from marketsim.market.tariff_params import FlatParams, SeriesParams, TimeOfUseParams, Window

_MINUTES_PER_DAY = 1_440
_TOLERANCE_H = 1e-9


class PriceTable(NamedTuple):
    """Prices [currency/kWh] of consecutive slots from midnight of the start, each [n_slots] or [1]."""

    retail: FloatArray
    feed_in: FloatArray
    wholesale: FloatArray | None


class TableTariff:
    """A tariff that looks prices up; one day of prices repeats, and beyond the end the last day does."""

    def __init__(self, prices: PriceTable, slots_per_day: int, n_markets: int) -> None:
        self._n_markets = n_markets
        self._per_day = slots_per_day
        self._ticks = tuple(None if column is None else to_ticks(column) for column in prices)
        self._n_slots = len(prices.retail)
        self._of_day = [self._record(row) for row in range(self._n_slots)] if self._n_slots <= slots_per_day else []

    def at(self, time: SlotTime) -> Tariffs:
        """Prices of a slot, the same in all markets [n_markets]."""
        if self._of_day:
            return self._of_day[time.of_day % self._n_slots]
        beyond = time.slot >= self._n_slots
        return self._record(self._n_slots - self._per_day + time.of_day if beyond else time.slot)

    def _record(self, row: int) -> Tariffs:
        retail, feed_in, wholesale = (None if ticks is None else self._everywhere(ticks[row]) for ticks in self._ticks)
        assert retail is not None
        assert feed_in is not None
        return Tariffs(retail, feed_in, wholesale)

    def _everywhere(self, ticks: np.int64) -> IntArray:
        column = np.full(self._n_markets, ticks, dtype=np.int64)
        frozen(column)
        return column


def build_flat(params: FlatParams, context: Basics) -> TableTariff:
    """The same prices in every slot."""
    wholesale = None if params.wholesale is None else np.array([params.wholesale])
    prices = PriceTable(np.array([params.retail]), np.array([params.feed_in]), wholesale)
    return TableTariff(prices, context.clock.slots_per_day, context.community.n_markets)


def build_time_of_use(params: TimeOfUseParams, context: Basics) -> TableTariff:
    """Prices by the hour of the day; ScenarioError where a window begins or ends inside a slot."""
    _demand_whole_slots(params.windows, context.clock)
    hours = np.arange(context.clock.slots_per_day) * context.clock.slot_hours
    window = [params.windows[_window_at(params.windows, float(hour))] for hour in hours]
    feed_in = [params.feed_in if row.feed_in is None else row.feed_in for row in window]
    wholesale = [params.wholesale if row.wholesale is None else row.wholesale for row in window]
    costs = [cost for cost in wholesale if cost is not None]
    prices = PriceTable(
        retail=np.array([row.retail for row in window]),
        feed_in=np.array(feed_in),
        wholesale=np.array(costs) if len(costs) == len(window) else None,
    )
    return TableTariff(prices, context.clock.slots_per_day, context.community.n_markets)


def _window_at(windows: Sequence[Window], hour: float) -> int:
    return next(
        index
        for index, window in enumerate(windows)
        for begin, end in window.spans
        if begin - _TOLERANCE_H <= hour < end - _TOLERANCE_H
    )


def _demand_whole_slots(windows: Sequence[Window], clock: Clock) -> None:
    problems = []
    for index, window in enumerate(windows):
        for name, hour in (("from_hour", window.from_hour), ("to_hour", window.to_hour)):
            slots = hour / clock.slot_hours
            if abs(slots - round(slots)) > _TOLERANCE_H:
                message = f"a window must begin and end with a slot of {clock.slot_minutes} minutes"
                problems.append(Problem(message, f"windows[{index}].{name}", f"{hour:g}"))
    if problems:
        raise ScenarioError(problems)


def build_series(params: SeriesParams, context: Basics) -> TableTariff:
    """Real-time prices; ScenarioError unless they are one day, which repeats, or cover the run."""
    if params.file is not None:
        given = read_prices(
            context.fence.file(params.file, ScenarioError),
            params.feed_in,
            params.wholesale,
            context.clock,
            params.value_minutes,
        )
    else:
        assert params.retail is not None
        given = (params.retail, params.feed_in, params.wholesale)
    retail = np.array(given[0], dtype=np.float64)
    used = _whole_days(len(retail), params, context.clock)
    columns = [None if values is None else np.broadcast_to(np.array(values), retail.shape)[:used] for values in given]
    by_slot = [None if values is None else _by_slot(values, params.value_minutes, context.clock) for values in columns]
    assert by_slot[0] is not None
    assert by_slot[1] is not None
    prices = PriceTable(by_slot[0], by_slot[1], by_slot[2])
    return TableTariff(prices, context.clock.slots_per_day, context.community.n_markets)


def _whole_days(n_values: int, params: SeriesParams, clock: Clock) -> int:
    """How many values whole days have; ScenarioError unless that is one day or covers the run."""
    per_day = _MINUTES_PER_DAY // params.value_minutes
    days = n_values // per_day
    longer, shorter = max(clock.slot_minutes, params.value_minutes), min(clock.slot_minutes, params.value_minutes)
    problems = []
    if n_values != per_day and days < clock.days:
        more = "" if clock.days == 1 else f", or {per_day * clock.days} for the {clock.days} days of the run"
        hint = f"give {per_day} values for a day that repeats{more}"
        given = "retail" if params.file is None else "file"
        problems.append(Problem("the prices cover neither one day nor the run", given, f"{n_values} values", hint))
    if longer % shorter:
        message = f"a value of {params.value_minutes} minutes and a slot of {clock.slot_minutes} do not fit together"
        problems.append(Problem(message, "value_minutes", hint="one must be a multiple of the other"))
    if problems:
        raise ScenarioError(problems)
    return days * per_day


def _by_slot(values: FloatArray, value_minutes: int, clock: Clock) -> FloatArray:
    """Values of a fixed duration as one a slot: repeated in shorter slots, averaged over longer ones."""
    if value_minutes >= clock.slot_minutes:
        return np.repeat(values, value_minutes // clock.slot_minutes)
    return np.asarray(values.reshape(-1, clock.slot_minutes // value_minutes).mean(axis=1))
