"""The source ``file``: series of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple, cast

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import AgentSpec, BuildContext
from marketsim.core.errors import Problem, ProfileError
from marketsim.core.params import Params
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.params import ClimatologyParams, FileColumns, FileParams
from marketsim.profiles.plan import Component, annual_heat_kwh, ratio
from marketsim.profiles.table import Table, read_powers, read_table, unknown_column
from marketsim.profiles.times import Steps, read_times

_YEAR_HOURS: Final = 8_760.0
_NOTHING: Final = FileColumns()
SERIES: Final = ("load", "pv", "heat")
"""Series that a file can bring, as the fields of ``FileColumns``."""


class Source(NamedTuple):
    """Where one series of one agent stands."""

    column: str
    asked_by: str
    """Path in the scenario that names the column."""
    scale_of: Callable[[FloatArray, float], float]
    """Factor from the column's powers [kW] and the length of its steps [h]."""


def build(params: Params, context: BuildContext) -> DayProfiles:
    """Profiles of all agents from a file; ProfileError lists everything that is wrong with it."""
    own = cast(FileParams, params)
    table = read_table(own.path, context.fence)
    if own.time not in table.columns:
        raise ProfileError([unknown_column(table, own.time, "profiles.time")])
    steps, problems = read_times(table, own.time, own.utc_offset_hours)
    problems += _check_entries(own, context)
    sources: dict[str, list[Source | None]] = {}
    heats = [annual_kwh is not None for annual_kwh in annual_heat_kwh(context)]
    for series in SERIES:
        found = [
            _source_of(spec, series, own, table) if series != "heat" or heated else None
            for spec, heated in zip(context.agents, heats, strict=True)
        ]
        problems += _check_sources(series, found, context, table)
        sources[series] = found
    wanted = {source.column for found in sources.values() for source in found if source is not None}
    powers: dict[str, FloatArray] = {}
    for name in sorted(wanted & table.columns.keys()):
        powers[name], wrong = read_powers(table, name, steps.hours if steps is not None else 1.0)
        problems += wrong
    if steps is not None:
        problems += _check_coverage(table, own.time, steps, context)
    if problems or steps is None:
        raise ProfileError(problems)
    return DayProfiles(context, FileDays(context, own, steps, powers, sources), own.forecast.chosen)


class FileDays:
    """Whole days out of a file. Days after its last are as the last whole one; before its first nothing is known."""

    def __init__(
        self,
        context: BuildContext,
        params: FileParams,
        steps: Steps,
        powers: dict[str, FloatArray],
        sources: dict[str, list[Source | None]],
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
        """The mean of the file's days before ``today``, scaled by the public weather of today."""
        past = self._before(today)
        flag = self._flag(today) if run_day <= today else 0.5
        expected = {}
        for name, part in self._components.items():
            mean = Component(part.years[:, past].mean(axis=1, keepdims=True), part.row, part.scale_kw)
            cloudy = method.cloudy_pv if name == "pv_kw" else method.cloudy_load
            zeros = np.zeros(self._n_agents, dtype=np.int64)
            expected[name] = mean.day(zeros, self._steps) * (cloudy + (1 - cloudy) * flag)
        return expected

    def sunny(self, run_day: int) -> FloatArray:
        """Public weather flag of a day: whether its PV reaches the median of the file's days before it [n_agents]."""
        return np.full(self._n_agents, self._flag(run_day))

    def _before(self, run_day: int) -> slice:
        return slice(0, max(self._file_day(run_day), 1))

    def _flag(self, run_day: int) -> float:
        yields = self._yields
        return float(yields[self._file_day(run_day)] >= np.median(yields[self._before(run_day)]))

    @property
    def _yields(self) -> FloatArray:
        """PV of each day of the file, all columns summed [n_days]."""
        return np.asarray(self._components["pv_kw"].years.sum(axis=(0, 2)))

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
    sources: list[Source | None],
    days: dict[str, FloatArray],
    powers: dict[str, FloatArray],
    step_hours: float,
    scale: float,
    n_markets: int,
) -> Component:
    names = sorted({source.column for source in sources if source is not None})
    some = next(iter(days.values()), np.zeros((1, 24)))
    years = np.stack([days[name] for name in names]) if names else np.zeros((1, *some.shape))
    row = [names.index(source.column) if source is not None else 0 for source in sources]
    factor = [source.scale_of(powers[source.column], step_hours) if source is not None else 0.0 for source in sources]
    return Component(
        years, np.tile(np.array(row, dtype=np.int64), n_markets), scale * np.tile(np.array(factor), n_markets)
    )


def _entry(spec: AgentSpec, columns: Mapping[str, FileColumns]) -> tuple[str, FileColumns]:
    """The entry of ``columns`` that counts for an agent, and its key."""
    keys = (spec.name, f"agents[{spec.group}]", spec.kind, "all")
    return next(((key, columns[key]) for key in keys if key in columns), ("", _NOTHING))


def _source_of(spec: AgentSpec, series: str, params: FileParams, table: Table) -> Source | None:
    """Where a series of an agent stands; None if it has none. The column need not exist."""
    if series == "pv" and spec.pv_kw <= 0:
        return None
    key, entry = _entry(spec, params.columns)
    shape = {"load": spec.load.shape, "pv": spec.pv_shape, "heat": None}[series]
    named = getattr(entry, series)
    if shape is not None:
        path = "load.shape" if series == "load" else "pv_shape"
        return Source(shape, f"agents[{spec.group}].{path}", _scale_of(spec, series, entry))
    if named is not None:
        return Source(named, f"profiles.columns.{key}.{series}", _scale_of(spec, series, entry))
    by_name = [f"{spec.name}_{series}_{unit}" for unit in ("kw", "kwh")]
    column = next((name for name in by_name if name in table.columns), None)
    if column is None and series == "load" and spec.load.peak_kw is None and spec.load.annual_kwh is None:
        return None
    return Source(column or by_name[0], f"agents[{spec.group}]", _scale_of(spec, series, entry))


def _scale_of(spec: AgentSpec, series: str, entry: FileColumns) -> Callable[[FloatArray, float], float]:
    peak_kw, annual_kwh, rating_kw = spec.load.peak_kw, spec.load.annual_kwh, entry.pv_rating_kw
    if series == "load" and peak_kw is not None:
        return lambda power, _: ratio(peak_kw, float(power.max()))
    if series == "load" and annual_kwh is not None:
        return lambda power, _: ratio(annual_kwh / _YEAR_HOURS, float(power.mean()))
    if series == "pv" and rating_kw is not None:
        return lambda *_: spec.pv_kw / rating_kw
    return lambda *_: 1.0


def _check_entries(params: FileParams, context: BuildContext) -> list[Problem]:
    known = {"all"}
    for spec in context.agents:
        known |= {spec.name, f"agents[{spec.group}]", spec.kind}
    return [
        Problem("there is no such agent, group or kind", path=f"profiles.columns.{key}", value=repr(key))
        for key in params.columns
        if key not in known
    ]


def _check_sources(series: str, found: list[Source | None], context: BuildContext, table: Table) -> list[Problem]:
    """Columns that do not exist, each once."""
    problems: dict[str, Problem] = {}
    for source, spec in zip(found, context.agents, strict=True):
        if source is not None and source.column not in table.columns:
            problem = unknown_column(table, source.column, source.asked_by)
            needs = f"the file has no column for the {series} of {spec.name!r}"
            hint = f"{problem.hint}; or map it under profiles.columns"
            problems.setdefault(source.column, problem._replace(message=needs, hint=hint))
    return list(problems.values())


def _check_coverage(table: Table, time: str, steps: Steps, context: BuildContext) -> list[Problem]:
    begins = datetime.combine(context.clock.start, datetime.min.time())
    ends = begins + timedelta(minutes=context.clock.slots * context.clock.slot_minutes)
    if steps.begins <= begins and ends <= steps.ends:
        return []
    return [
        Problem(
            f"the run lasts from {begins} to {ends}, the file from {steps.begins} to {steps.ends}",
            path=time,
            hint="choose clock.start and clock.slots inside the file",
            file=table.file,
        )
    ]
