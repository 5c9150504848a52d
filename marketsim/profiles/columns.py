"""Which column of a file belongs to whom: sources of agents' series, and what is left over on either side."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from marketsim.core.alike import listed
from marketsim.core.arrays import FloatArray
from marketsim.core.build import AgentSpec
from marketsim.core.errors import Problem
from marketsim.profiles.file_params import AGENT, FileColumns, FileParams, Values, keys_of
from marketsim.profiles.layouts import time_name
from marketsim.profiles.meters import check_meters
from marketsim.profiles.plan import ratio
from marketsim.profiles.series_column import MeterPart, SeriesColumn, told_values
from marketsim.profiles.table import CellTable, unknown_column

SERIES: Final = ("load", "pv", "heat")
"""Series that a file can bring, as the fields of ``FileColumns``."""
_YEAR_HOURS: Final = 8_760.0
_NO_PREFIXES: Final[Mapping[str, str]] = {}
_NO_LOAD: Final = "load: {annual_kwh: 0}"
_WORDS: Final = ("kw", "load", "demand", "consum", "power", "energy", "verbrauch")
_OTHER_WORDS: Final = ("pv", "solar", "heat", "temp", "generation")

_ENDING: Final = re.compile(r"(load)?(kwh?)?$")


class Assigned(NamedTuple):
    """Sources of every series, and what has none."""

    sources: dict[str, list[SeriesColumn | None]]
    """By series, one an agent."""
    wanted: dict[str, Values | None]
    """Columns that the file has and agents use, with what the scenario says they hold."""
    notes: tuple[str, ...]
    problems: list[Problem]

    @property
    def nets(self) -> frozenset[str]:
        """Columns of net meters."""
        every = (source for found in self.sources.values() for source in found if source is not None)
        return frozenset(source.column for source in every if source.part != "all")

    @property
    def plants(self) -> frozenset[str]:
        """Columns of PV alone."""
        return frozenset(source.column for source in self.sources["pv"] if source is not None) - self.nets


def assigned(
    agents: Sequence[AgentSpec],
    heated: Sequence[bool],
    params: FileParams,
    table: CellTable,
    prefixes: Mapping[str, str] = _NO_PREFIXES,
) -> Assigned:
    """Who uses which column; all columns that are missing, and all that nobody uses while an agent has no load.

    ``heated`` says who has a device that covers a heat demand, ``prefixes`` what stands before the names of an agent's
    columns, where each agent has a file of its own.
    """
    problems = [*_check_entries(params, agents), *check_meters(agents, params)]
    sources: dict[str, list[SeriesColumn | None]] = {}
    wanted: dict[str, Values | None] = {}
    for series in SERIES:
        found = [
            _source_of(spec, series, params, table, prefixes) if series != "heat" or heat else None
            for spec, heat in zip(agents, heated, strict=True)
        ]
        for source in found:
            if source is not None and source.column in table.columns:
                problems += [*_check_values(source, wanted), *_check_per_kw(source, series)]
                if source.fed_in and source.fed_in in table.columns:
                    problems += _check_values(source._replace(column=source.fed_in), wanted)
        sources[series] = found
    unused = [name for name in table.columns if name not in wanted and name != time_name(params)]
    for series, found in sources.items():
        problems += _check_sources(series, found, agents, _Columns(table, unused, prefixes))
    without = [
        spec for spec, source in zip(agents, sources["load"], strict=True) if source is None and not says_none(spec)
    ]
    left = _check_left(without, unused, params, nothing=not any(any(found) for found in sources.values()))
    notes = () if left else _notes(agents, without, unused, params, prefixes)
    return Assigned(sources, dict(sorted(wanted.items())), notes, list(dict.fromkeys([*problems, *left])))


def _named(spec: AgentSpec, series: str, prefixes: Mapping[str, str]) -> tuple[str, ...]:
    """Columns that hold a series of an agent by their names; in a file of its own these need not say whose they are."""
    prefix = prefixes.get(spec.name)
    own = (f"{spec.name}_{series}_kw", f"{spec.name}_{series}_kwh")
    if prefix is None:
        return own
    return tuple(prefix + name for name in (f"{series}_kw", f"{series}_kwh", *own))


def _source_of(
    spec: AgentSpec, series: str, params: FileParams, table: CellTable, prefixes: Mapping[str, str]
) -> SeriesColumn | None:
    """Where a series of an agent stands; None if it has none. The column need not exist."""
    if series == "pv" and spec.pv_kw <= 0:
        return None
    key, entry = params.entry_of(spec)
    if entry.net is not None and series != "heat":
        values = told_values("load", entry, params)
        netted = prefixes.get(spec.name, "") + _filled_in(entry.net, spec)
        part: MeterPart = "drawn" if series == "load" else "fed_in"
        return SeriesColumn(netted, f"profiles.columns.{key}.net", True, values, _as_metered, part)
    shape = {"load": spec.load.shape, "pv": spec.pv_shape, "heat": None}[series]
    entered: str | None = getattr(entry, series)
    values = told_values(series, entry, params)
    rest = values, _scale_of(spec, series, entry, values)
    prefix = prefixes.get(spec.name, "")
    if entry.fed_in is not None and shape is None:
        return _of_meter(spec, series, params, prefix)
    if shape is not None:
        path = "load.shape" if series == "load" else "pv_shape"
        return SeriesColumn(prefix + _filled_in(shape, spec), f"agents[{spec.group}].{path}", True, *rest)
    if entered is not None:
        return SeriesColumn(prefix + _filled_in(entered, spec), f"profiles.columns.{key}.{series}", True, *rest)
    by_name = _named(spec, series, prefixes)
    column = next((name for name in by_name if name in table.columns), None)
    if column is None and series == "load" and not (spec.load.peak_kw or spec.load.annual_kwh):
        return None
    return SeriesColumn(column or by_name[0], f"agents[{spec.group}]", False, *rest)


def _of_meter(spec: AgentSpec, series: str, params: FileParams, prefix: str) -> SeriesColumn:
    """A series of an agent whose meter tells what was drawn and what was fed in, in two columns."""
    key, entry = params.entry_of(spec)
    path, values = f"profiles.columns.{key}", told_values("load", entry, params)
    load, pv, heat, fed_in = (
        prefix + _filled_in(name, spec) if name else "" for name in (entry.load, entry.pv, entry.heat, entry.fed_in)
    )
    if series == "load":
        own_use = bool(pv) and spec.pv_kw > 0
        scale_of = _scale_of(spec, series, entry, values)
        return SeriesColumn(
            load, f"{path}.load", True, values, scale_of, pv=pv if own_use else "", fed_in=fed_in if own_use else ""
        )
    if series == "pv" and not pv:
        return SeriesColumn(fed_in, f"{path}.fed_in", True, values, _as_metered)
    own = told_values(series, entry, params)
    return SeriesColumn(
        heat if series == "heat" else pv, f"{path}.{series}", True, own, _scale_of(spec, series, entry, own)
    )


def _filled_in(name: str, spec: AgentSpec) -> str:
    """The name of a column with that of the agent in place."""
    return name.strip().replace(AGENT, spec.name)


def says_none(spec: AgentSpec) -> bool:
    """Whether an agent says that it has no load."""
    return spec.load.annual_kwh == 0.0 or spec.load.peak_kw == 0.0


def _scale_of(
    spec: AgentSpec, series: str, entry: FileColumns, values: Values | None
) -> Callable[[FloatArray, float], float]:
    peak_kw, annual_kwh, rating_kw = spec.load.peak_kw, spec.load.annual_kwh, entry.pv_rating_kw
    if values == "w_per_kw":
        rating_kw = 1.0
    if series == "load" and peak_kw is not None:
        return lambda power, _: ratio(peak_kw, float(power.max()))
    if series == "load" and annual_kwh is not None:
        return lambda power, _: ratio(annual_kwh / _YEAR_HOURS, float(power.mean()))
    if series == "pv" and rating_kw is not None:
        return lambda *_: spec.pv_kw / rating_kw
    return lambda *_: 1.0


def _check_entries(params: FileParams, agents: Sequence[AgentSpec]) -> list[Problem]:
    known = {key for spec in agents for key in keys_of(spec)}
    problems = []
    for key in params.columns:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else ""
            message = "there is no such agent, group or kind"
            problems.append(Problem(message, path=f"profiles.columns.{key}", value=repr(key), hint=hint))
    return problems


def _as_metered(power: FloatArray, hours: float) -> float:  # noqa: ARG001 - whatever they are
    return 1.0


def _check_values(source: SeriesColumn, wanted: dict[str, Values | None]) -> list[Problem]:
    """Note what a column holds; a problem where two entries differ about it."""
    told = wanted.setdefault(source.column, source.values)
    if told == source.values:
        return []
    message = f"the column {source.column!r} is said to hold {told or 'what its name says'} elsewhere"
    hint = "state the same values wherever it is used"
    path = source.asked_by.rpartition(".")[0] if source.named else "profiles"
    return [Problem(message, path=f"{path}.values", value=str(source.values), hint=hint)]


def _check_per_kw(source: SeriesColumn, series: str) -> list[Problem]:
    """A problem where something else than a plant is said to be told by its rating."""
    if source.values != "w_per_kw" or series == "pv":
        return []
    message = (
        f"the column {source.column!r} of the {series} cannot hold w_per_kw, which is power by the rating of a plant"
    )
    hint = f"say it of PV alone: values: {{pv: w_per_kw, {series}: kwh}}"
    return [Problem(message, path="profiles.values", hint=hint)]


class _Columns(NamedTuple):
    """The columns that there are."""

    table: CellTable
    unused: Sequence[str]
    prefixes: Mapping[str, str]

    def unknown(self, source: SeriesColumn, agent: str) -> Problem:
        """The problem that a column is not there; of an agent's own file, its columns are named alone."""
        likely = None if source.named else self.unused
        prefix = self.prefixes.get(agent, "")
        if not prefix:
            return unknown_column(self.table, source.column, source.asked_by, likely)
        own = {
            name.removeprefix(prefix): cells for name, cells in self.table.columns.items() if name.startswith(prefix)
        }
        table = CellTable(prefix.removesuffix(": "), own, ())
        return unknown_column(table, source.column.removeprefix(prefix), source.asked_by)


def _check_sources(
    series: str, found: Sequence[SeriesColumn | None], agents: Sequence[AgentSpec], columns: _Columns
) -> list[Problem]:
    """Columns that do not exist, each once, with those who ask for it."""
    asking: dict[tuple[str, str], list[tuple[SeriesColumn, str]]] = {}
    for each, spec in zip(found, agents, strict=True):
        asked = [] if each is None else [each]
        if each is not None and each.fed_in:
            asked.append(each._replace(column=each.fed_in, asked_by=each.asked_by.replace(".load", ".fed_in")))
        for source in asked:
            if source.column not in columns.table.columns:
                key = (source.column, "") if source.named else ("", source.asked_by)
                asking.setdefault(key, []).append((source, spec.name))
    problems = []
    for group in asking.values():
        source, names = group[0][0], [name for _, name in group]
        problem = columns.unknown(source, names[0])
        message = f"the file {problem.file} has no column for the {series} of {listed(names)}"
        hint = f"{problem.hint}; or map it under profiles.columns"
        problems.append(problem._replace(message=message, hint=hint, file=""))
    return problems


def _check_left(
    without: Sequence[AgentSpec], unused: Sequence[str], params: FileParams, *, nothing: bool
) -> list[Problem]:
    """A problem where agents have no load while the file has columns for loads that nobody uses.

    ``nothing``: no agent uses any column of the file, so that whatever these are called, the file is there for no reason.
    """
    own_names = [_plain(spec.name) for spec in without]
    loads = [name for name in unused if nothing or _may_be_load(_plain(name), own_names)]
    if not without or not loads:
        return []
    first = without[0]
    stems = {_ENDING.sub("", _plain(name)): name for name in reversed(loads)}
    close = difflib.get_close_matches(_plain(first.name), stems, n=1, cutoff=0.7)
    guess = f"did you mean {stems[close[0]]!r} for {first.name!r}? " if close else ""
    hint = (
        f"{guess}Call the columns {first.name}_load_kw (or _kwh) and so on, or map them under profiles.columns, or say "
        f"that an agent has no load: {_NO_LOAD}"
    )
    who = f"{len(without)} agents have no load ({listed([spec.name for spec in without])})"
    if len(without) == 1:
        who = f"{first.name!r} has no load"
    message = f"{who}, while no agent uses these columns of {params.shown}: {listed(loads)}"
    return [Problem(message, path=f"agents[{first.group}]", hint=hint)]


def _may_be_load(column: str, without: Sequence[str]) -> bool:
    """Whether a column that nobody uses may be meant as a load: by its words, or by the name of an agent without one."""
    if any(word in column for word in _OTHER_WORDS):
        return False
    return any(word in column for word in (*_WORDS, *without) if word)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _notes(
    agents: Sequence[AgentSpec],
    without: Sequence[AgentSpec],
    unused: Sequence[str],
    params: FileParams,
    prefixes: Mapping[str, str],
) -> tuple[str, ...]:
    notes = []
    idle_columns = set(unused)
    if unused:
        notes.append(
            f"Columns of {params.shown} that no agent uses: {listed([each or '(no name)' for each in unused], quote=False)}."
        )
    for series, missing in (("pv", "whose pv_kw is 0"), ("heat", "who has no heat_pump")):
        idle = [spec.name for spec in agents if not idle_columns.isdisjoint(_named(spec, series, prefixes))]
        if idle:
            notes.append(f"Among them is the {series} of {listed(idle)}, {missing}.")
    if without:
        names = listed([spec.name for spec in without])
        notes.append(f"Without a load: {names}; {params.shown} has no column for it. To say so, write {_NO_LOAD}.")
    return tuple(notes)
