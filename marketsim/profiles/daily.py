"""Profiles made a day at a time: the one implementation of the port, over any source of days."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from typing import Final, Protocol, TypeAlias

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray, frozen
from marketsim.core.build import BuildContext
from marketsim.core.clock import SlotTime
from marketsim.core.errors import Problem, ProfileError
from marketsim.core.params import Params
from marketsim.core.records import Forecast
from marketsim.core.rng import mix
from marketsim.profiles.contextual import Contextual, ContextualForecast
from marketsim.profiles.draws import DrawPurpose, agent_keys, relative_noise
from marketsim.profiles.forecast import SlotForecast
from marketsim.profiles.forecast_file import read_forecasts
from marketsim.profiles.params import (
    ClimatologyParams,
    ContextualParams,
    FileForecastParams,
    NoisyPerfectParams,
    PerfectParams,
)
from marketsim.profiles.plan import power_factor_tan
from marketsim.profiles.training_days import HasTrainingDays
from marketsim.profiles.vehicles import Vehicles

Block: TypeAlias = dict[str, FloatArray]
"""Series of a day by name, each [slots_per_day, n_agents]."""
_CACHE_BYTES: Final = 64e6


class DaySource(Protocol):
    """Where whole days come from."""

    @property
    def names(self) -> tuple[str, ...]:
        """Series that it brings; at least ``load_kw`` and ``pv_kw``."""
        ...

    @property
    def first_day(self) -> int:
        """First day of the run, negative before its start, of which something is known."""
        ...

    def actual(self, run_day: int) -> Block:
        """The series of a day of the run, negative before its start."""
        ...

    def expected(self, run_day: int, today: int, method: ClimatologyParams) -> Block:
        """What is expected of ``run_day`` by what is known on the day ``today``."""
        ...

    def sunny(self, run_day: int) -> FloatArray:
        """Weather flag that is published of a day, a forecast: 1 sunny, 0 cloudy, 1/2 where there is none [n_agents]."""
        ...

    def source_day(self, run_day: int, agents: IntArray) -> IntArray:
        """Day of the source from which the load of ``agents`` is taken [k]."""
        ...


class _Recent:
    """The last few blocks made, so that a slot costs a look-up."""

    def __init__(self, make: Callable[..., Block]) -> None:
        self._make = make
        self._kept: OrderedDict[tuple[object, ...], Block] = OrderedDict()

    def __call__(self, *key: object) -> Block:
        block = self._kept.get(key)
        if block is None:
            block = self._kept[key] = self._make(*key)
            for series in block.values():
                frozen(series)
            most = int(np.clip(_CACHE_BYTES // (sum(series.nbytes for series in block.values()) + 1), 2, 16))
            while len(self._kept) > most:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return block


class DayProfiles:
    """Load, PV, heat and vehicles of every agent; implements ``core.ports.Profiles``.

    Beside the series of its source it brings ``load_kvar`` (consumption positive, from the power factor) and, where
    somebody owns a vehicle, ``ev_connected``, ``ev_slots_left`` and ``ev_arrival_kwh``. Series are read-only.
    """

    def __init__(self, context: BuildContext, source: DaySource, forecast: Params) -> None:
        self.context = context
        self.source = source
        self.method = forecast
        self.given = read_forecasts(forecast.path, context) if isinstance(forecast, FileForecastParams) else None
        """Forecasts from a file, where the method says so."""
        self.notes: tuple[str, ...] = () if self.given is None else self.given.notes
        """What whoever runs it should know of its series."""
        self.steps = context.clock.slots_per_day
        self.sees_slot = context.closure_slots == 0
        self.vehicles = Vehicles(context) if any(fleet.departs for fleet in context.fleets) else None
        self.tan = power_factor_tan(context)
        if isinstance(forecast, ContextualParams):
            _with_training_days(source)
        self._keys = agent_keys(context.streams, context.community)
        self.actual = _Recent(self._actual)
        self.foreseen = _Recent(self._foreseen)

    def at(self, time: SlotTime) -> dict[str, FloatArray]:
        """Actual mean of every series in a slot [n_agents]."""
        series = {name: block[time.of_day] for name, block in self.actual(time.day).items()}
        series["load_kvar"] = series["load_kw"] * self.tan
        return series

    def forecast(self, time: SlotTime, agents: IntArray) -> Forecast:
        """What ``agents`` expect when the slot ``time`` opens; nothing is computed before it is asked for."""
        if isinstance(self.method, ContextualParams):
            return ContextualForecast(self, time, agents, self._contextual)
        return SlotForecast(self, time, agents)

    @cached_property
    def _contextual(self) -> Contextual:
        assert isinstance(self.method, ContextualParams)
        return Contextual(self, _with_training_days(self.source), self.method)

    def source_day(self, run_day: int, agents: IntArray) -> IntArray:
        """Day of the source from which the load of ``agents`` on a day of the run is taken [k]."""
        return self.source.source_day(run_day, agents)

    def _actual(self, run_day: int) -> Block:
        block = self.source.actual(run_day)
        return {**block, **self.vehicles.actual(run_day)} if self.vehicles is not None else block

    def _foreseen(self, run_day: int, today: int) -> Block:
        """Forecast of a day by the configured method, except persistence, which needs none."""
        if isinstance(self.method, ClimatologyParams):
            return self.source.expected(run_day, today, self.method)
        if isinstance(self.method, NoisyPerfectParams):
            slots = run_day * self.steps + np.arange(self.steps)
            keys = mix(self._keys, DrawPurpose.FORECAST_NOISE)
            return {
                name: self.actual(run_day)[name] * relative_noise(mix(keys, row), slots, self.method.sigma)
                for row, name in enumerate(self.source.names)
            }
        if isinstance(self.method, PerfectParams):
            return dict(self.actual(run_day))
        raise TypeError(f"no forecast of a day by {type(self.method).__name__}")


def _with_training_days(source: DaySource) -> HasTrainingDays:
    if isinstance(source, HasTrainingDays):
        return source
    hint = "take climatology, persistence or a file of forecasts"
    message = "the series hold no year with days for training to learn a forecast from"
    raise ProfileError([Problem(message, "profiles.forecast.contextual", hint=hint)])
