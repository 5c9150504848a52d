"""The source ``file``: series of the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from marketsim.core.alike import listed
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import Problem, ProfileError
from marketsim.profiles.columns import assigned, says_none
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.file_params import FileParams
from marketsim.profiles.meters import check_balance, check_fed_in, with_parts
from marketsim.profiles.params import ClimatologyParams
from marketsim.profiles.plan import Component, annual_heat_kwh
from marketsim.profiles.plausible import doubts
from marketsim.profiles.series import FilePowers, SeriesFile
from marketsim.profiles.series_column import SeriesColumn
from marketsim.profiles.times import Steps
from marketsim.profiles.weather import WeatherForecast


def build(params: FileParams, context: BuildContext) -> DayProfiles:
    """Profiles of all agents from a file; ProfileError lists everything that is wrong with it."""
    heated = [annual_kwh is not None for annual_kwh in annual_heat_kwh(context)]
    needs = {
        spec.name: heat or spec.pv_kw > 0 or not says_none(spec)
        for spec, heat in zip(context.agents, heated, strict=True)
    }
    file = SeriesFile(params, context.fence, needs)
    found = assigned(context.agents, heated, params, file.table, file.prefixes)
    series, wrong = file.series(found.wanted, found.nets, found.plants)
    problems = [*wrong, *found.problems]
    if series is not None:
        problems += check_balance(context.agents, found.sources["load"], series.powers)
        series = series._replace(powers=with_parts(series.powers, found.sources))
        problems += check_fed_in(context.agents, found.sources["load"], series.powers)
        problems += _check_coverage(params, series, context)
        problems += _check_scales(context, found.sources["load"], series.powers)
    if problems or series is None:
        raise ProfileError(problems)
    days = FileDays(context, params, series.steps, series.powers, found.sources)
    profiles = DayProfiles(context, days, params.forecast.chosen)
    profiles.notes = (
        *profiles.notes,
        *_counted(params),
        *_netted(context, params),
        *series.notes,
        *found.notes,
        *doubts(context.agents, found.sources, series),
    )
    return profiles


def _counted(params: FileParams) -> tuple[str, ...]:
    """What cannot be known of rows without times."""
    if params.begins is None:
        return ()
    return (
        f"Rows of {params.shown} have no times: they are counted from {params.begins} in steps of {params.step_minutes} minutes; "
        "if one is missing, all behind it are too early.",
    )


def _netted(context: BuildContext, params: FileParams) -> tuple[str, ...]:
    """What the load and PV of net meters are."""
    names = [spec.name for spec in context.agents if params.entry_of(spec)[1].lacks_own_use]
    if not names:
        return ()
    return (
        f"Meters net load and PV of {listed(names)}: load is what was drawn in each step and PV what was fed in, "
        "so that own use of PV is in neither.",
    )


class FileDays:
    """Whole days out of a file. Days after its last are as the last whole one; before its first nothing is known."""

    def __init__(
        self,
        context: BuildContext,
        params: FileParams,
        steps: Steps,
        powers: Mapping[str, FloatArray],
        sources: dict[str, list[SeriesColumn | None]],
    ) -> None:
        start = datetime.combine(context.clock.start, datetime.min.time())
        lead = -(-(steps.begins - _midnight(steps.begins)) // timedelta(days=1))
        first_midnight = _midnight(steps.begins) + timedelta(days=lead)
        self.first_day = (first_midnight - start).days
        self._steps = context.clock.slots_per_day
        skip = (first_midnight - steps.begins) // steps.length
        per_day = timedelta(days=1) // steps.length
        days = {name: _whole_days(power[skip:], per_day) for name, power in powers.items()}
        self._n_days = max((len(table) for table in days.values()), default=1)
        self._n_agents = context.community.n_agents
        self._n_markets, self._market = context.community.n_markets, context.community.market
        self._service = WeatherForecast(context, params)
        scales = {"load": params.demand_scale, "pv": params.pv_scale, "heat": 1.0}
        self._components = {
            f"{series}_kw": _component(found, days, powers, steps.hours, scales[series], context.community.n_markets)
            for series, found in sources.items()
            if series != "heat" or any(found)
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Series that the file brings."""
        return tuple(self._components)

    def source_day(self, run_day: int, agents: IntArray) -> IntArray:
        """Day of the file, from its first whole one, that ``agents`` have on a day of the run [k]."""
        return np.full(len(agents), self._file_day(run_day), dtype=np.int64)

    def actual(self, run_day: int) -> dict[str, FloatArray]:
        """Every series of a day of the run [slots_per_day, n_agents]."""
        if run_day < self.first_day:
            return {name: np.zeros((self._steps, self._n_agents)) for name in self._components}
        days = self.source_day(run_day, np.arange(self._n_agents))
        return {name: part.day(days, self._steps) for name, part in self._components.items()}

    def expected(self, run_day: int, today: int, method: ClimatologyParams) -> dict[str, FloatArray]:
        """The mean of the file's days before ``today``, scaled by the weather forecast of today."""
        past = self._before(today)
        flag = self.sunny(today) if run_day <= today else np.full(self._n_agents, 0.5)
        expected = {}
        for name, part in self._components.items():
            mean = Component(part.years[:, past].mean(axis=1, keepdims=True), part.row, part.scale_kw)
            cloudy = method.cloudy_pv if name == "pv_kw" else method.cloudy_load
            zeros = np.zeros(self._n_agents, dtype=np.int64)
            expected[name] = mean.day(zeros, self._steps) * (cloudy + (1 - cloudy) * flag)
        return expected

    def sunny(self, run_day: int) -> FloatArray:
        """Published weather flag: whether PV is forecast to reach the median of the file's days before it [n_agents].

        1/2 on the file's first day, which there is nothing to compare with.
        """
        day = self._file_day(run_day)
        if day == 0:
            return np.full(self._n_agents, 0.5)
        of_day = self._components["pv_kw"].years.sum(axis=(0, 2))  # yield of each day, all columns together
        yields, median = (np.full(self._n_markets, value) for value in (of_day[day], np.median(of_day[:day])))
        return self._service.sunny(run_day, yields, median).astype(np.float64)[self._market]

    def _before(self, run_day: int) -> slice:
        return slice(0, max(self._file_day(run_day), 1))

    def _file_day(self, run_day: int) -> int:
        return min(max(run_day - self.first_day, 0), self._n_days - 1)


def _midnight(time: datetime) -> datetime:
    return datetime.combine(time.date(), datetime.min.time())


def _whole_days(power: FloatArray, per_day: int) -> FloatArray:
    """Powers as days [n_days, per_day]; the rest of a last day that is cut is as the day before, or 0."""
    n_days = -(-len(power) // per_day)
    padded = np.zeros(n_days * per_day)
    padded[: len(power)] = power
    missing = len(padded) - len(power)
    if missing and n_days > 1:
        padded[-missing:] = padded[-missing - per_day : -per_day]
    return padded.reshape(n_days, per_day)


def _component(
    sources: list[SeriesColumn | None],
    days: dict[str, FloatArray],
    powers: Mapping[str, FloatArray],
    step_hours: float,
    scale: float,
    n_markets: int,
) -> Component:
    names = sorted({source.key for source in sources if source is not None})
    some = next(iter(days.values()), np.zeros((1, 24)))
    years = np.stack([days[name] for name in names]) if names else np.zeros((1, *some.shape))
    row = [names.index(source.key) if source is not None else 0 for source in sources]
    factor = [source.scale_of(powers[source.key], step_hours) if source is not None else 0.0 for source in sources]
    return Component(
        years, np.tile(np.array(row, dtype=np.int64), n_markets), scale * np.tile(np.array(factor), n_markets)
    )


def _check_coverage(params: FileParams, series: FilePowers, context: BuildContext) -> list[Problem]:
    steps = series.steps
    begins = datetime.combine(context.clock.start, datetime.min.time())
    ends = begins + timedelta(minutes=context.clock.slots * context.clock.slot_minutes)
    if steps.begins <= begins and ends <= steps.ends:
        return []
    hint = "choose clock.start and clock.slots inside the file"
    if steps.begins == begins + steps.length and ends <= steps.ends:
        hint = "if its times are those at which steps end, set profiles.stamps: end; else begin a day later"
    message = f"the run lasts from {begins} to {ends}, the file from {steps.begins} to {steps.ends}"
    if series.bounds:
        message = message.replace("the file", "all series together") + f" ({series.bounds})"
    if len(params.paths) > 1 or params.of_agents:
        return [Problem(message, path="profiles.path", hint=hint)]
    return [Problem(message, hint=hint, file=params.paths[0])]


def _check_scales(
    context: BuildContext, loads: Sequence[SeriesColumn | None], powers: Mapping[str, FloatArray]
) -> list[Problem]:
    """Columns that are 0 throughout, and yet are to be scaled to a load."""
    nothing: dict[tuple[str, str], list[str]] = {}
    for spec, source in zip(context.agents, loads, strict=True):
        wanted = spec.load.peak_kw or spec.load.annual_kwh
        if source is not None and wanted and source.column in powers and not powers[source.column].any():
            nothing.setdefault((source.column, source.asked_by), []).append(spec.name)
    return [
        Problem(
            f"the column {column!r} is 0 throughout and cannot be scaled to the load of {listed(names)}",
            path=asked_by,
            hint="name another column, or leave annual_kwh and peak_kw out",
        )
        for (column, asked_by), names in nothing.items()
    ]
