"""A file as it is understood: how it is written, what its series are, and what there is to be said about them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, cast

from marketsim.core.alike import listed
from marketsim.core.errors import Problem, ProfileError
from marketsim.profiles.day_columns import clock_columns
from marketsim.profiles.file_params import AGENT, MOST_LETTERS, FileParams
from marketsim.profiles.layouts import SeriesCells, series_of, time_name, with_counted_times, with_times
from marketsim.profiles.plausible import in_words
from marketsim.profiles.time_formats import likely_format, parser
from marketsim.profiles.understand.left import columns_left
from marketsim.profiles.understand.moments import SheetTimes, columns_of_times, placed
from marketsim.profiles.understand.roles import role_above, role_remarks, settled
from marketsim.profiles.understand.series_facts import (
    MOST_AT_NIGHT,
    SeriesFacts,
    TableSteps,
    Units,
    facts_of,
    table_steps,
)
from marketsim.profiles.understand.shape import SheetShape, shape_of
from marketsim.profiles.understand.sheet import Sheet, are_ids, holds_numbers, sheet_of
from marketsim.profiles.understand.together import facts_of_all, remarks_of_steps
from marketsim.profiles.understand.unread import (
    has_times,
    line_of_units,
    no_column_of_times,
    no_header,
    no_numbers,
    no_rows,
    no_times,
)
from marketsim.profiles.understand.words import SERIES_ROLES, ColumnRole, role_of
from marketsim.profiles.understand.zones import zoned

MOST_SERIES: Final = 1_000
"""Series of a file that are looked at."""
_SHOWN: Final = 30
"""Letters of a name that is longer than one can be."""
_NOT_COUNTED: Final[Mapping[str, Any]] = {}
_UNIT_WORDS: Final = re.compile(r"units?|einheit(en)?|eenheid|unit(é|e|à|a)|unidad|uom|unit of measure", re.IGNORECASE)
_ABOVE: Final = re.compile(
    r"(?<![\w/])(?<!\d )(kWh|Wh|kW)(?![\w/])|(?:(?:^|[;,\t|:])\s*|\bin )(W)\s*(?=$|[;,\t|])", re.MULTILINE
)


class Understood(NamedTuple):
    """What a file was taken for."""

    sheet: Sheet
    moments: SheetTimes
    shape: SheetShape
    form: dict[str, Any]
    """Keys of ``profiles`` that say how it is written; ``path`` and what differs from the defaults."""
    facts: tuple[SeriesFacts, ...]
    remarks: tuple[str, ...]

    @property
    def used(self) -> tuple[SeriesFacts, ...]:
        """Series that agents can have."""
        return tuple(
            each
            for each in self.facts
            if each.role in (*SERIES_ROLES, "export") and each.values is not None and each.first is not None
            if not each.problems and each.can_be_filled
            if 0 < len(each.name.strip()) <= MOST_LETTERS and AGENT not in each.name
        )

    def told(self, roles: Mapping[str, str]) -> Understood:
        """The same where a scenario says what columns are whose names do not; ``roles``: of columns by their names."""
        facts = (
            each._replace(
                role="export" if roles[each.name] == "fed_in" else cast("ColumnRole", roles[each.name]), doubt=""
            )
            if each.role in ("unclear", "load") and each.name in roles and roles[each.name] in (*SERIES_ROLES, "fed_in")
            else each
            for each in self.facts
        )
        return self._replace(facts=tuple(facts))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What has to be mended before a series can be used."""
        wanted = [each for each in self.facts if each.role in (*SERIES_ROLES, "export")] or self.facts
        return tuple(dict.fromkeys(problem for each in wanted for problem in each.problems))


def understood(path: str, data: bytes, counted: Mapping[str, Any] = _NOT_COUNTED) -> Understood:
    """What a file holds; ProfileError with what to do where nothing can be made of it.

    ``counted``: ``begins`` and ``step_minutes`` as ``profiles`` has them, where no column tells times.
    """
    sheet = sheet_of(path, data)
    moments = _times_of(sheet, counted)
    shape = shape_of(sheet, moments)
    if shape.unclear is not None:
        raise ProfileError([shape.unclear])
    series, time = _series(sheet, moments, shape, path)
    first = next(iter(series.values()), None)
    if first is None:
        raise ProfileError([no_numbers(sheet.table)])
    if not counted:
        moments = placed(moments, first.table, time, sheet.decimal)
        moments = zoned(moments, sheet.above, first.table, time, sheet.decimal)
    clocks = moments.clocks(sheet.decimal)
    steps: dict[int, TableSteps] = {}
    for cells in series.values():
        if id(cells.table) not in steps:
            steps[id(cells.table)] = table_steps(cells.table, time, clocks)
    beside = shape.beside
    above = role_above(sheet.above, [name for name in series if role_of(name) == "load"]) if not beside else None
    of_values = shape.value_column or _step_column(sheet, moments)
    units = Units(of_values, "", _unit_above(sheet), moments.date_format or "", role=above)
    told = _told_units(sheet)

    def facts_of_one(name: str, own: Units) -> SeriesFacts:
        cells = series[name]
        of_rows = _unit_of_rows(cells, told)
        return facts_of(name, cells, steps[id(cells.table)], sheet.decimal, own._replace(beside=of_rows))

    found = facts_of_all(list(series)[:MOST_SERIES], facts_of_one, units)
    facts = tuple(settled(each, beside) for each in found)
    unread = (*moments.columns, *(_columns_of(shape)), *series)
    remarks = (
        *moments.doubts,
        *shape.doubts,
        *role_remarks(facts, above),
        *_remarks(facts),
        *remarks_of_steps(facts),
        *_unused(shape),
        *columns_left(sheet, unread, shape.layout),
    )
    if len(series) > MOST_SERIES:
        remarks += (f"The first {MOST_SERIES} of {len(series)} series were looked at.",)
    return Understood(sheet, moments, shape, _form(path, sheet, moments, shape), facts, remarks)


def _times_of(sheet: Sheet, counted: Mapping[str, Any]) -> SheetTimes:
    """How a sheet tells times; ProfileError where it does not, and they are not counted."""
    if not sheet.table.lines:
        raise ProfileError([no_rows(sheet.table)])
    moments = columns_of_times(sheet)
    if moments.columns and counted:
        raise ProfileError([has_times(sheet.table, moments)])
    if not moments.columns and not counted:
        raise ProfileError(no_times(sheet))
    units = line_of_units(sheet, moments)
    if units is not None:
        raise ProfileError([units])
    if any(_is_time(name) for name in moments.columns):
        raise ProfileError([no_header(sheet.table)])
    return moments._replace(counted=dict(counted))


def params_of(form: Mapping[str, Any]) -> FileParams:
    """Parameters of a file that is written so; ProfileError where no scenario could say it."""
    try:
        return FileParams.model_validate(dict(form))
    except ValueError as error:
        said = " ".join(str(error).splitlines()[1:3])[:300]
        hint = "call columns by short names, and the file too"
        raise ProfileError([Problem(f"a scenario cannot say how the file is written: {said}", hint=hint)]) from None


def _series(sheet: Sheet, moments: SheetTimes, shape: SheetShape, path: str) -> tuple[Mapping[str, SeriesCells], str]:
    """The series of a sheet by name, and the name of their times."""
    params = params_of(_form(path, sheet, moments, shape))
    table = with_counted_times(with_times(sheet.table, params), params)
    if time_name(params) not in table.columns:
        raise ProfileError([no_column_of_times(table)])
    found = series_of(table, params)
    if shape.layout == "wide":
        found = {name: own for name, own in found.items() if _holds_values(sheet, name)}
    return found, time_name(params)


def _holds_values(sheet: Sheet, name: str) -> bool:
    cells = sheet.table.columns.get(name, ())  # beside columns of the sheet there are times that are counted
    return holds_numbers(cells, sheet.decimal) and not are_ids(cells)


def _step_column(sheet: Sheet, moments: SheetTimes) -> str:
    """The first of the columns of a day's steps, whose names may have a unit; '' where each row is a step."""
    return next(iter(clock_columns(list(sheet.table.columns))), "") if moments.by_days else ""


def _told_units(sheet: Sheet) -> Mapping[int, str]:
    """The unit of each line by a column of units that is called so; empty without one."""
    for name, cells in sheet.table.columns.items():
        if _UNIT_WORDS.fullmatch(name.strip()):
            return {line: str(cell).strip().lower() for line, cell in zip(sheet.table.lines, cells, strict=True)}
    return {}


def _unit_of_rows(cells: SeriesCells, told: Mapping[int, str]) -> str:
    """The one unit that all rows of a series have, or ''."""
    units = {told[line] for line in cells.table.lines} if told else set()
    return units.pop() if len(units) == 1 else ""


def _unit_above(sheet: Sheet) -> str:
    """The one unit of energy or power that the lines above the header have, or ''."""
    units = {unit for found in _ABOVE.findall(sheet.above) for unit in found if unit}
    return units.pop() if len(units) == 1 else ""


def _columns_of(shape: SheetShape) -> tuple[str, ...]:
    told = (shape.id_column, shape.kind_column, shape.value_column, *shape.left_out)
    return tuple(name for name in told if name is not None)


def _unused(shape: SheetShape) -> Iterator[str]:
    """Columns of numbers beside those of series, and why they are none."""
    if shape.left_out:
        yield (
            f"Of the columns of numbers, {shape.value_column} is read, and these are left out: "
            f"{listed(list(shape.left_out), quote=False)}. To read another one, name it by value_column."
        )


def _form(path: str, sheet: Sheet, moments: SheetTimes, shape: SheetShape) -> dict[str, Any]:
    time: object = moments.columns[0] if len(moments.columns) == 1 else list(moments.columns) or "time"
    told = {
        "separator": None if sheet.separator == "," else sheet.separator,
        "decimal": None if sheet.decimal == "." else sheet.decimal,
        "skip_lines": sheet.skip_lines or None,
        "time": None if time == "time" else time,
        "date_format": moments.date_format,
        "stamps": "end" if moments.ends else None,
        "utc_offset_hours": moments.utc_offset_hours,
        "time_zone": moments.time_zone,
        "layout": None if shape.layout == "wide" else shape.layout,
        "id_column": shape.id_column,
        "kind_column": shape.kind_column,
        "value_column": shape.value_column,
        **moments.counted,
    }
    return {"path": path, **{key: value for key, value in told.items() if value is not None}}


def _is_time(name: str) -> bool:
    return parser(None, ".")(name) is not None or bool(likely_format([name]))


def _remarks(facts: tuple[SeriesFacts, ...]) -> Iterator[str]:
    """What whoever uses the series should look at, each kind in a sentence."""
    yield from _unit_remarks(facts)
    for each in facts:
        if (
            each.n_missing
            and each.longest_gap is not None
            and not (each.asleep or each.change)
            and each.role in SERIES_ROLES
        ):
            lasts = each.longest_gap.lasts
            more = ""
            if not each.can_be_filled:
                more = (
                    ", more than is ever filled, so that it is left out: read days without it by first_day and last_day"
                )
            count = "1 value is" if each.n_missing == 1 else f"{each.n_missing} values are"
            yield f"{each.name}: {count} missing, the longest gap lasts {lasts} from {each.longest_gap.begins} on{more}."
        if each.role == "net":
            yield (
                f"{each.name}: {each.n_negative} values are negative, so it was taken for a net meter (import less what is "
                "fed in): what is drawn is load, what is fed in is PV, and own use is in neither. Set pv_kw to the "
                "rating of the plant."
            )
        elif each.n_negative and each.role in (*SERIES_ROLES, "export"):
            count = "1 value is" if each.n_negative == 1 else f"{each.n_negative} values are"
            yield (
                f"{each.name}: {count} negative; load and PV are two columns of positive numbers, and what a meter feeds in "
                "is neither."
            )
        if each.night_share > MOST_AT_NIGHT and each.values is not None:
            yield _at_night(each)
        if AGENT in each.name:
            yield f"{each.name}: {AGENT} stands for the name of each agent, so that the column is left out: rename it."
        if each.spikes:
            begins, kw, line = each.spikes[0]
            yield f"{each.name}: a spike of {kw:.4g} kW at {begins} (line {line}); largest_kw refuses what is not believed."
    long = [
        each.name[:_SHOWN] or "a column without a name"
        for each in facts
        if not 0 < len(each.name.strip()) <= MOST_LETTERS
    ]
    if long:
        yield f"Columns without a name that a scenario can say are left out: {listed(long, quote=False)}."
    others = [each.name for each in facts if each.role in ("part", "other")]
    if others:
        yield f"Columns that are no load, PV or heat by their names are left out: {listed(others, quote=False)}."


def _at_night(facts: SeriesFacts) -> str:
    share = f"{facts.name}: {100 * facts.night_share:.0f} % of what it {{}} falls between 22:00 and 3:00"
    if facts.role == "net":
        return share.format("feeds in") + ": is it positive for what is fed in, or are times of another place?"
    return share.format("yields") + ", when no sun shines: look at its times, and at what it measures."


def _unit_remarks(facts: tuple[SeriesFacts, ...]) -> Iterator[str]:
    guessed: dict[tuple[str, str], list[SeriesFacts]] = {}
    for each in facts:
        if each.role not in (*SERIES_ROLES, "export") or each.first is None:
            continue
        if each.values is None and each.range is not None:
            why = each.guessed or f"no unit makes it plausible: {each.range.words}"
            yield f"{each.name}: what it holds is not known ({why}). Say so by values."
        elif each.guessed:
            guessed.setdefault((str(each.values), each.role), []).append(each)
        if each.values is not None and each.range is not None and not each.is_plausible:
            told = f"{each.name}: {in_words(each.kwh_a_day)} kWh a day; {each.range.words}"
            if not each.range.holds(each.kwh_a_day):
                yield f"{told}. Look at its unit and at what it measures."
    for (values, _), alike in guessed.items():
        others = listed([each.name for each in alike[1:]], quote=False)
        likewise = f"; likewise {others}" if others else ""
        yield f"{alike[0].name}: taken for {values}, since {alike[0].guessed}{likewise}."
