"""What agents expect of later slots.

The first entry is the slot that opens. A slot trades on its metered energy (``market.gate_closure_slots: 0``), so
that entry is the actual. From a gate closure of 1 on it is a forecast like the others, and what is metered is known
up to the slot before. Later entries come from the configured method. Of the days to come ``perfect`` and
``noisy_perfect`` know all and ``persistence`` nothing; ``climatology`` knows the month's mean of the source year and the
weather forecast of today (``profiles/weather.py``); ``file`` what the latest issue says that was out when the slot opened, and
where none says anything what ``persistence`` does. Where a source has no day before today, the last metered slot is held
(0 before there is one).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.clock import SlotTime
from marketsim.core.errors import RunError
from marketsim.profiles.params import ClimatologyParams, PerfectParams, PersistenceParams
from marketsim.profiles.vehicles import NAMES as VEHICLE_NAMES

WEATHER = "sunny"
"""Series of the public weather flag w, a day-ahead forecast: 1 for a sunny day, 0 for a cloudy one, 1/2 where there is none."""

if TYPE_CHECKING:
    from marketsim.profiles.daily import Block, DayProfiles


class UnknownSeries(KeyError):
    """A forecast was asked for a series that there is none of."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name)
        self._name, self._known = name, tuple(known)

    def __str__(self) -> str:
        return f"there is no series {self._name!r} to forecast; there are {', '.join(self._known)}"


class SlotForecast:
    """Forecast of k agents at the opening of a slot; implements ``core.records.Forecast``."""

    def __init__(self, profiles: DayProfiles, time: SlotTime, agents: IntArray) -> None:
        self._profiles, self._time, self._agents = profiles, time, agents

    def series(self, name: str, horizon: int) -> FloatArray:
        """Forecast for this and the following slots [horizon, k]; KeyError if there is no such series."""
        if name == "load_kvar":
            return self.series("load_kw", horizon) * self._profiles.tan[self._agents]
        if name == WEATHER:
            return self._weather(horizon)
        if name in VEHICLE_NAMES and self._profiles.vehicles is not None:
            return self._vehicles(name, horizon)
        if name not in self._profiles.source.names:
            raise UnknownSeries(name, self._known())
        expected = self._expected(name, horizon)
        if self._profiles.sees_slot:
            expected[:1] = self._profiles.at(self._time)[name][self._agents]
        return expected

    def _known(self) -> list[str]:
        vehicles = VEHICLE_NAMES if self._profiles.vehicles is not None else ()
        return sorted({*self._profiles.source.names, "load_kvar", WEATHER, *vehicles})

    def tariffs(self, horizon: int) -> tuple[IntArray, IntArray]:
        """Published retail and feed-in prices [ticks] of this and the following slots, each [horizon, k]."""
        context = self._profiles.context
        if context.tariff is None:
            raise RunError("the profiles were built without a tariff, so they cannot forecast prices")
        market = context.community.market[self._agents]
        slots = range(self._time.slot, self._time.slot + horizon)
        prices = [context.tariff.at(context.clock.at(slot)) for slot in slots]
        nothing = np.zeros((0, len(market)), dtype=np.int64)
        retail = np.array([price.retail_ticks[market] for price in prices]) if prices else nothing
        feed_in = np.array([price.feed_in_ticks[market] for price in prices]) if prices else nothing
        return retail, feed_in

    def _expected(self, name: str, horizon: int) -> FloatArray:
        """The method's forecast, this slot included [horizon, k]."""
        profiles, slot = self._profiles, self._time.slot
        if profiles.given is not None:
            given = profiles.given.expected(name, slot, horizon, self._agents)
            return np.where(np.isnan(given), self._persisting(name, horizon), given)
        unknown = self._time.day <= profiles.source.first_day and isinstance(profiles.method, ClimatologyParams)
        if unknown or isinstance(profiles.method, PersistenceParams):
            return self._persisting(name, horizon)
        return self._rows(lambda day: profiles.foreseen(day, self._time.day), name, slot, horizon)

    def _persisting(self, name: str, horizon: int) -> FloatArray:
        """What was metered at the same time of the last day, as far as there was one [horizon, k]."""
        profiles, slot = self._profiles, self._time.slot
        known = slot if profiles.sees_slot else slot - 1
        first = known - profiles.steps + 1
        last_day = self._rows(profiles.actual, name, first, profiles.steps)
        last_day[: max(profiles.source.first_day * profiles.steps - first, 0)] = last_day[-1]
        ahead = np.arange(slot, slot + horizon) - known
        return np.asarray(last_day[(ahead - 1) % profiles.steps])

    def _rows(self, block_of: Callable[[int], Block], name: str, first: int, count: int) -> FloatArray:
        """Slots ``first`` ... ``first + count - 1`` out of blocks of days [count, k], a new array."""
        steps = self._profiles.steps
        rows = [np.zeros((0, len(self._agents)))]
        for day in range(first // steps, -(-(first + count) // steps)):
            part = block_of(day)[name][max(first - day * steps, 0) : first + count - day * steps]
            rows.append(part[:, self._agents])
        return np.concatenate(rows)

    def _weather(self, horizon: int) -> FloatArray:
        """The day's forecast is published as it begins; there is none of later days, nor where there is no flag."""
        profiles, slot = self._profiles, self._time.slot
        today = profiles.source.sunny(self._time.day)[self._agents]
        ahead = np.arange(slot, slot + horizon) // profiles.steps > self._time.day
        return np.where(ahead[:, None], 0.5, today)

    def _vehicles(self, name: str, horizon: int) -> FloatArray:
        """Owners know the stay in progress; perfect forecasts know all."""
        profiles = self._profiles
        if isinstance(profiles.method, PerfectParams):
            return self._rows(profiles.actual, name, self._time.slot, horizon)
        assert profiles.vehicles is not None
        expected = profiles.vehicles.expected(self._time.slot, horizon, profiles.at(self._time))
        return np.asarray(expected[name][:, self._agents])
