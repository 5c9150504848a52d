"""Series from the shapes of a source year: the days of SimBench and of the synthetic source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.rng import mix, uniforms
from marketsim.profiles.calendar import MONTH_OF, WHOLE_YEAR, chain_of, shifted
from marketsim.profiles.days import DayMap
from marketsim.profiles.draws import DrawPurpose, agent_keys, pick, relative_noise
from marketsim.profiles.library import Library
from marketsim.profiles.params import ClimatologyParams, DaySelection, DiversificationParams, SourceParams
from marketsim.profiles.parts import IS_OF, WEEK
from marketsim.profiles.plan import Component, check_shapes, component, heat_wishes, load_wish, pv_wish
from marketsim.profiles.resample import resampled
from marketsim.profiles.training_days import TrainingDays
from marketsim.profiles.weather import WeatherForecast, yields_of_days

_LONG_AGO: Final = -100_000
"""Day of no run, from which on what was told of the weather of training days is drawn."""


class ShapeDays:
    """Whole days of all agents, from one library of shapes a market (often the same for all)."""

    first_day = -(10**6)

    def __init__(
        self,
        context: BuildContext,
        libraries: Sequence[Library],
        params: SourceParams,
        days: DaySelection | None,
        diversification: DiversificationParams,
    ) -> None:
        check_shapes(context.agents, libraries[0])
        self._market = context.community.market
        self._steps = context.clock.slots_per_day
        self._keys = agent_keys(context.streams, context.community)
        self._noise = diversification.noise
        self._weeks = (
            pick(self._keys, DrawPurpose.SHIFT, 2 * diversification.shift_weeks + 1) - diversification.shift_weeks
        )
        part = None if days is None else days.part
        self._chain, self._known = WHOLE_YEAR, None
        if days is not None and part is not None:
            self._known = days.days_of("training")
            self._chain = chain_of(np.flatnonzero(days.days_of(part))) if days.shifts else WHOLE_YEAR
        self._training = IS_OF["training"] if days is None else days.days_of("training")
        self._shifts = days is None or days.shifts
        if not self._shifts:
            self._weeks = np.zeros_like(self._weeks)
        self._components = self._component_table(context, libraries, params, diversification.scale_spread)
        weather = {id(library): yields_of_days(_all_pv(library), self._known) for library in libraries}
        self._yields, self._medians = (
            np.stack([weather[id(library)][which] for library in libraries]) for which in (0, 1)
        )
        self._sunny = self._yields >= self._medians
        self._service = WeatherForecast(context, params)
        self._in_steps = {name: each.coarse(self._steps) for name, each in self._components.items()}
        self._map = DayMap(context, list(self._sunny), days)

    @property
    def names(self) -> tuple[str, ...]:
        """Series that this source brings."""
        return tuple(self._components)

    def weather_days(self, run_day: int) -> IntArray:
        """Source day of PV and heat for a day of the run [n_markets]."""
        return self._map.source_days(run_day)

    def source_day(self, run_day: int, agents: IntArray) -> IntArray:
        """Source day (0..365) of the load of ``agents`` for a day of the run [k]."""
        return shifted(self.weather_days(run_day)[self._market[agents]], self._weeks[agents], self._chain)

    def actual(self, run_day: int) -> dict[str, FloatArray]:
        """Every series of a day of the run [slots_per_day, n_agents]."""
        weather_day = self.weather_days(run_day)[self._market]
        load_day = shifted(weather_day, self._weeks, self._chain)
        series = {
            name: part.day(load_day if name == "load_kw" else weather_day, self._steps)
            for name, part in self._in_steps.items()
        }
        if self._noise > 0:
            slots = run_day * self._steps + np.arange(self._steps)
            series["load_kw"] *= relative_noise(mix(self._keys, DrawPurpose.LOAD_NOISE), slots, self._noise)
        return series

    def sunny(self, run_day: int) -> FloatArray:
        """Weather flag w that is published of a day of the run: 1 sunny, 0 cloudy [n_agents]."""
        days = self.weather_days(run_day)
        here = np.arange(len(days)), days
        told = self._service.sunny(run_day, self._yields[here], self._medians[here])
        return told.astype(np.float64)[self._market]

    def expected(self, run_day: int, today: int, method: ClimatologyParams) -> dict[str, FloatArray]:
        """The mean day of the month, scaled by the day's weather forecast where there is one on ``today``."""
        days = self.weather_days(run_day)
        flag = self.sunny(run_day) if run_day <= today else np.full(len(self._market), 0.5)
        months = MONTH_OF[days][self._market]
        expected = {}
        for name, part in self._components.items():
            cloudy = method.cloudy_pv if name == "pv_kw" else method.cloudy_load
            expected[name] = part.months(months, self._mean_days[name], self._steps) * (cloudy + (1 - cloudy) * flag)
        return expected

    def training_days(self) -> TrainingDays:
        """Days for training, whatever part of the year is played, without the noise of the run.

        Where a part of the year is played, loads are shifted among as few days as there: within the first, or the second, week of
        each month's. Two households of one shape then have the same day as often.
        """
        days = np.flatnonzero(self._training)
        here = np.broadcast_to(days[:, None], (len(days), len(self._market)))
        load_days = here.copy()
        for chosen in self._training_weeks(days) if self._shifts else ():
            load_days[chosen] = shifted(here[chosen], self._weeks, chain_of(days[chosen]))
        series = {
            name: np.array([part.day(of_day, self._steps) for of_day in (load_days if name == "load_kw" else here)])
            for name, part in self._in_steps.items()
        }
        markets = np.arange(len(self._yields))
        sunny = [
            self._service.sunny(_LONG_AGO + day, self._yields[markets, day], self._medians[markets, day])
            for day in days.tolist()
        ]
        return TrainingDays(days, series, np.array(sunny, dtype=np.float64))

    def _training_weeks(self, days: IntArray) -> tuple[BoolArray, ...]:
        """Which days for training loads are shifted among [n_days] each."""
        if self._known is None:
            return (np.ones(len(days), dtype=np.bool_),)
        first = np.array([day - days[MONTH_OF[days] == MONTH_OF[day]][0] < WEEK for day in days])
        return first, ~first

    @cached_property
    def _mean_days(self) -> dict[str, FloatArray]:
        """Mean day of each month [n_shapes, 12, steps], by series; as given where steps are finer."""
        known = np.ones(len(MONTH_OF), dtype=bool) if self._known is None else self._known
        months = [(month == MONTH_OF) & known for month in range(1, 13)]
        means = {
            name: np.array([[year[days].mean(axis=0) for days in months] for year in part.years])
            for name, part in self._components.items()
        }
        return {name: resampled(mean, min(self._steps, mean.shape[-1])) for name, mean in means.items()}

    def _component_table(
        self, context: BuildContext, libraries: Sequence[Library], params: SourceParams, spread: float
    ) -> dict[str, Component]:
        load, pv, heat = (
            component(context, libraries, self._keys, wishes, kind, draw, self._known)
            for wishes, kind, draw in (
                ([load_wish(spec) for spec in context.agents], "household", DrawPurpose.LOAD_SHAPE),
                ([pv_wish(spec) for spec in context.agents], "pv", DrawPurpose.PV_SHAPE),
                (heat_wishes(context), "heat", DrawPurpose.HEAT_SHAPE),
            )
        )
        factor = 1.0 + spread * (2.0 * uniforms(self._keys, DrawPurpose.SCALE) - 1.0)
        table = {"load_kw": _scaled(load, params.demand_scale * factor), "pv_kw": _scaled(pv, params.pv_scale)}
        return {**table, "heat_kw": heat} if heat.scale_kw.any() else table


def _scaled(part: Component, factor: FloatArray | float) -> Component:
    return Component(part.years, part.row, part.scale_kw * factor)


def _all_pv(library: Library) -> FloatArray:
    return np.stack([library.shape(name) for name in library.names("pv")])
