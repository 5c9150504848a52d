"""Parameters of the profile source ``file``: which files, how they are written, and what their columns hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from marketsim.core.params import Params
from marketsim.profiles.params import SourceParams

if TYPE_CHECKING:
    from marketsim.core.build import AgentSpec

MOST_LETTERS: Final = 200
"""Of the name of a column."""
ColumnName: TypeAlias = Annotated[str, Field(min_length=1, max_length=MOST_LETTERS)]
TimeColumn: TypeAlias = Annotated[str, Field(max_length=MOST_LETTERS)]
Values: TypeAlias = Literal["kw", "w", "kwh", "wh", "counter_kwh", "counter_wh", "w_per_kw"]
"""Mean power, energy in a step, readings of a meter that counts up (energy is the difference to the next row), or mean power
of a plant by its rating [W/kW]."""
Gaps: TypeAlias = Literal["refuse", "interpolate", "previous", "zero", "previous_day"]
Separator: TypeAlias = Literal[",", ";", "tab", "|"]
FilePath: TypeAlias = Annotated[str, Field(min_length=1, max_length=1_000)]
MOST_MINUTES: Final = 10_080
"""Longest gap that is ever filled [min]."""
AGENT: Final = "{agent}"
"""Stands for the name of each agent, in the name of a file or of a column."""


class SeriesValues(Params):
    """What columns hold, by series."""

    load: Values | None = None
    """Columns of loads."""
    pv: Values | None = None
    """Columns of PV; ``w_per_kw`` is scaled to each agent's ``pv_kw``."""
    heat: Values | None = None
    """Columns of heat."""


class FileColumns(Params):
    """Columns of a file that belong to an agent; ``{agent}`` in a name stands for the agent's own.

    What they hold is said by their names, which end in ``_kw`` (mean power) or ``_kwh`` (energy in a step), or by
    ``values``.
    """

    load: ColumnName | None = None
    """Firm load; scaled where the agent's load states ``peak_kw`` or ``annual_kwh``, else as metered."""
    pv: ColumnName | None = None
    """PV generation; agents whose ``pv_kw`` is 0 have none."""
    heat: ColumnName | None = None
    """Heat demand of owners of a heat pump, as metered."""
    net: ColumnName | None = None
    """Import less what is fed in, of a meter that nets the load and the PV of a household; in place of ``load`` and ``pv``.
    What is drawn is firm load, what is fed in is PV that may be curtailed; own use is in neither. It cannot be scaled."""
    fed_in: ColumnName | None = None
    """What the meter fed in whose ``load`` is what it drew. With ``pv`` the load of the household is what was drawn and PV less
    what was fed in; without ``pv``, PV is what was fed in, as behind a meter that nets both. It holds what ``load`` holds."""
    pv_rating_kw: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """Rated power of the plant in the column ``pv`` [kW]: agents scale it to their own; null: as metered."""
    values: Values | SeriesValues | None = None
    """What these columns hold, or what each of them does; null: as ``profiles.values`` says."""

    @model_validator(mode="after")
    def _net_alone(self) -> Self:
        beside = [key for key in ("load", "pv", "pv_rating_kw", "fed_in") if getattr(self, key) is not None]
        if self.net is not None and beside:
            raise ValueError(f"net is load less PV of one meter: leave {' and '.join(beside)} out")
        if self.fed_in is not None and self.load is None:
            raise ValueError("fed_in is of the meter whose load is what it drew: name that column by load")
        return self

    @property
    def lacks_own_use(self) -> bool:
        """Whether load and PV are what passed a meter, own use in neither."""
        return self.net is not None or (self.fed_in is not None and self.pv is None)

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Without ``net`` and ``fed_in`` where there is none, as versions before had none."""
        values: dict[str, object] = handler(self)
        return {key: value for key, value in values.items() if key not in ("net", "fed_in") or value is not None}


_NOTHING: Final = FileColumns()


def keys_of(agent: AgentSpec) -> tuple[str, ...]:
    """Keys of ``columns`` that speak of an agent, that which counts most first."""
    return agent.name, f"agents[{agent.group}]", agent.kind, "all"


class FileParams(SourceParams):
    """Series of the user's own: CSV or Parquet files with a column of times and one for each series.

    The column of an agent's series is, in this order: the agent's own ``load.shape`` or ``pv_shape``; the entry in
    ``columns`` under its name, ``agents[2]`` (its group in the scenario), its kind, or ``all``; else
    ``<name>_load_kw``, ``<name>_pv_kw`` and ``<name>_heat_kw`` (or ``_kwh``), in a file of its own ``load_kw`` and so on.

    An agent without a load says so by ``load: {annual_kwh: 0}``. One that says nothing and has no column is refused while
    the file has columns of powers or energies that nobody uses. Columns that no agent uses are named in the notes of the
    run. Numbers are written with digits alone, such as ``1250.5`` or ``1.2505e3``. ``marketsim data check FILE`` says what it
    understands of a file and writes this section for it: [own data](own-data.md).
    """

    path: FilePath | Annotated[tuple[FilePath, ...], Field(min_length=1, max_length=1_000)]
    """File, relative to the scenario and inside its folder; ``.csv``, ``.txt`` or ``.tsv`` (UTF-8), or ``.parquet``. With
    ``{agent}`` in it each agent has a file of its own. A list is read together: files with the same columns one after
    another, others side by side."""
    time: TimeColumn | Annotated[tuple[ColumnName, ...], Field(min_length=2, max_length=4)] = "time"
    """Column of the beginning of each step, ISO 8601, in standard time without daylight saving; ``""`` is the column without a
    name, as data frames write their index. Several columns, such as those of date and hour, are joined by a blank."""
    utc_offset_hours: Annotated[float, Field(ge=-14, le=14)] | None = None
    """Hours by which local standard time is ahead of UTC [h]; needed only where the times carry an offset (``Z`` too),
    which is then removed: 0 in the United Kingdom, 1 in Central Europe."""
    columns: Mapping[str, FileColumns] = Field(default_factory=dict)
    """Columns by agent name, ``agents[<group>]``, agent kind, or ``all``."""
    separator: Separator | None = None
    """What separates the cells of a CSV file; null: what the header has most of."""
    decimal: Literal[".", ","] = "."
    """What stands before the decimals in a CSV file."""
    date_format: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """How times are written: codes of Python's ``strptime`` such as ``"%d.%m.%Y %H:%M"``; ``excel`` for days since the end
    of 1899; ``unix``, ``unix_ms``, ``unix_us`` or ``unix_ns`` for time since 1970 in UTC; null: ISO 8601."""
    values: Values | SeriesValues | None = None
    """What all columns of series hold, or what those of each series do: ``kw``, ``w`` (mean power), ``kwh``, ``wh`` (energy in
    a step), ``counter_kwh``, ``counter_wh`` (readings of a meter at the times of the rows), ``w_per_kw`` (mean power of a plant
    by its rating); null: their names say so by ``_kw`` or ``_kwh``."""
    gaps: Gaps = "refuse"
    """What becomes of missing rows and cells: an error, a straight line between the neighbours, the value before, 0, or the
    value a day before; what was filled is told in the notes of the run."""
    longest_gap_minutes: Annotated[int, Field(ge=1, le=MOST_MINUTES)] = 120
    """Longest gap that is filled [min]."""
    largest_kw: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """Largest mean power of a step that is believed [kW]: above it a value is refused with its line; null: any."""
    time_zone: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Where the clock on the wall is read, such as ``Europe/Berlin``: times that follow its daylight saving, or carry an offset
    from UTC, are turned into its standard time; null: they are in standard time."""
    stamps: Literal["begin", "end"] = "begin"
    """Whether a row stands at the beginning of its step or at its end."""
    skip_lines: Annotated[int, Field(ge=0, le=1_000)] = 0
    """Lines of a CSV file above its header."""
    layout: Literal["wide", "long", "days"] = "wide"
    """``wide``: a row for each time, a column for each series. ``long``: a row for each time and meter. ``days``: a row for each
    day and meter, and a column for each time of the day, called by it (``0:30``), by begin and end (``00:00-00:30``), or by its
    number (``H01`` to ``H24``)."""
    id_column: ColumnName | None = None
    """Column that tells meters apart, where the layout is long or by days; a meter is then a column of this name. By days there
    may be one meter alone, and no such column; it is then a column called ``load``."""
    kind_column: ColumnName | None = None
    """Column that tells what a row holds, such as consumption and generation; columns are then called ``<id> <kind>``."""
    value_column: ColumnName | None = None
    """Column of the values, where the layout is long."""
    first_day: date | None = None
    """First day that is read; null: that of the file."""
    last_day: date | None = None
    """Last day that is read; null: that of the file."""
    begins: datetime | None = None
    """When the first row begins, in local standard time, where no column tells times; the others follow without a gap, each
    ``step_minutes`` later. A row that is missing moves all behind it, and nothing can tell."""
    step_minutes: Annotated[int, Field(ge=1, le=1_440)] | None = None
    """Length of each row's step, where no column tells times [min]."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Files as the scenario names them."""
        return (self.path,) if isinstance(self.path, str) else self.path

    @property
    def shown(self) -> str:
        """The files in words."""
        return self.paths[0] if len(self.paths) == 1 else f"{self.paths[0]} and {len(self.paths) - 1} more"

    @property
    def of_agents(self) -> bool:
        """Whether each agent has a file of its own."""
        return any(AGENT in path for path in self.paths)

    @property
    def time_columns(self) -> tuple[str, ...]:
        """Columns of which times are made."""
        names = (self.time,) if isinstance(self.time, str) else self.time
        return tuple(name.strip() for name in names)

    def entry_of(self, agent: AgentSpec) -> tuple[str, FileColumns]:
        """The entry of ``columns`` that counts for an agent, and its key; ('', an empty one) without any."""
        keys = keys_of(agent)
        return next(((key, self.columns[key]) for key in keys if key in self.columns), ("", _NOTHING))

    def tells_pv_of(self, agent: AgentSpec) -> bool:
        """Not behind a net meter."""
        return not self.entry_of(agent)[1].lacks_own_use

    def files_read(self) -> tuple[str, ...]:
        """The series, and the forecasts where they come from a file."""
        return (*self.paths, *super().files_read())

    def serves_anybody(self) -> bool:
        """No: columns are those of the scenario's agents."""
        return False

    @field_validator("date_format")
    @classmethod
    def _is_a_format(cls, text: str | None) -> str | None:
        if text is not None:
            from marketsim.profiles.time_formats import demand_format

            demand_format(text)
        return text

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str | None) -> str | None:
        if name is not None:
            from marketsim.profiles.time_zones import zone_of

            zone_of(name)
        return name

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faults = [*self._path_faults(), *self._time_faults(), *self._count_faults(), *self._layout_faults()]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _path_faults(self) -> Iterator[str]:
        if self.of_agents and len(self.paths) > 1:
            yield f"path: a list has no {AGENT}: name one file for each agent, or list all files"

    def _time_faults(self) -> Iterator[str]:
        if self.utc_offset_hours is not None and self.time_zone is not None:
            yield "utc_offset_hours and time_zone say the same: leave one of them out"
        if self.stamps == "end" and any(kind.startswith("counter") for kind in self._all_values()):
            yield "stamps: end is for powers and energies of steps; readings of a counter stand at their own time: leave it out"
        if self.first_day is not None and self.last_day is not None and self.first_day > self.last_day:
            yield f"first_day ({self.first_day}) lies after last_day ({self.last_day})"
        if self.date_format is not None and self.layout == "days":
            from marketsim.profiles.time_formats import tells_hours

            if tells_hours(self.date_format):
                yield f"date_format {self.date_format!r}: in the layout 'days' rows have dates alone, such as %d.%m.%Y"

    def _count_faults(self) -> Iterator[str]:
        if (self.begins is None) != (self.step_minutes is None):
            yield "begins and step_minutes belong together: say both, or neither where a column tells times"
        if self.begins is None:
            return
        if self.begins.tzinfo is not None:
            yield "begins is in local standard time: leave the offset out"
        if (self.begins.minute, self.begins.second, self.begins.microsecond) != (self.begins.minute, 0, 0):
            yield "begins is a whole minute"
        told = [key for key in _OF_TIMES if getattr(self, key) != type(self).model_fields[key].default]
        if told:
            yield f"with begins rows have no times of their own: leave {' and '.join(told)} out"

    def _layout_faults(self) -> Iterator[str]:
        named = {key for key in ("id_column", "kind_column", "value_column") if getattr(self, key) is not None}
        needed = {"wide": set(), "long": {"id_column", "value_column"}, "days": set()}[self.layout]
        allowed = needed if self.layout == "wide" else needed | {"id_column", "kind_column"}
        for key in sorted(needed - named):
            yield f"layout {self.layout!r} needs {key}"
        for key in sorted(named - allowed):
            others = "layout: long or days" if key != "value_column" else "layout: long"
            yield f"{key} belongs to {others}, and layout is {self.layout!r}"

    def _all_values(self) -> set[str]:
        """Everything that is said of what columns hold."""
        said = (self.values, *(entry.values for entry in self.columns.values()))
        each = (
            one for own in said for one in ((own.load, own.pv, own.heat) if isinstance(own, SeriesValues) else (own,))
        )
        return {one for one in each if one is not None}

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Keys that versions before had not are left out at their defaults, so that what was hashed stays the same."""
        values: dict[str, object] = handler(self)
        fields = type(self).model_fields
        return {key: value for key, value in values.items() if key not in _LATER or value != fields[key].default}


_OF_TIMES: Final = ("time", "utc_offset_hours", "date_format", "time_zone", "stamps", "layout")
"""Keys that say how a column tells times."""
_LATER: Final = frozenset(
    (
        *("time_zone", "stamps", "skip_lines", "layout", "id_column", "kind_column", "value_column"),
        *("first_day", "last_day", "begins", "step_minutes"),
    )
)
