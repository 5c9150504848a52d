"""Parameters of the profile sources, as scenarios write them. Every default is an assumption of this program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol, TypeAlias, runtime_checkable

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from marketsim.core.params import OneOf, Params, Share
from marketsim.profiles.parts import DaySplit

Scale: TypeAlias = Annotated[float, Field(ge=0, le=1_000)]
Spread: TypeAlias = Annotated[float, Field(ge=0, le=2)]
ColumnName: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
Season: TypeAlias = Literal["winter", "spring", "summer", "autumn"]
Weather: TypeAlias = Literal["sunny", "cloudy"]


class ClimatologyParams(Params):
    """Mean profile of the month, scaled by the day's weather forecast: k = a + (1 - a) w.

    w is 1 for a sunny and 0 for a cloudy day, by the forecast (``weather_error``) that is published when the day begins; for
    the days after today it is 1/2. The month is that of the source year, today and the days to come included.
    """

    cloudy_pv: Share = 0.5
    """Factor a for PV [-]."""
    cloudy_load: Share = 1.0
    """Factor a for load and heat [-]; 1: the weather does not matter."""


class PersistenceParams(Params):
    """What was metered at the same time of the last day."""


class NoisyPerfectParams(Params):
    """The actual series with a random relative error."""

    sigma: Spread = 0.1
    """Size of the error [-]: standard deviation of the logarithm, independent in each slot; the mean is right."""


class PerfectParams(Params):
    """The actual series."""


class FileForecastParams(Params):
    """Forecasts of the user's own, with the time at which each was issued; where they say nothing, persistence."""

    path: Annotated[str, Field(min_length=1, max_length=1_000)]
    """CSV file, relative to the scenario, a row an issue and step: ``issued`` and ``time`` (the beginning of the step), both
    ISO 8601 in local standard time, and ``<agent>_load_kw``, ``<agent>_pv_kw`` or ``<agent>_heat_kw`` [kW]. Of each slot
    counts the latest issue that has it and that was out by then. Taken as they are, whatever the scales of the profiles."""

    def files_read(self) -> tuple[str, ...]:
        """The forecasts."""
        return (self.path,)


class ForecastChoice(OneOf):
    """How agents forecast: exactly one method, as a name or as ``{name: parameters}``."""

    climatology: ClimatologyParams | None = None
    """Mean profile of the month and the day's weather forecast."""
    persistence: PersistenceParams | None = None
    """As on the day before."""
    noisy_perfect: NoisyPerfectParams | None = None
    """The actuals with an error."""
    perfect: PerfectParams | None = None
    """The actuals."""
    file: FileForecastParams | None = None
    """A file."""

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the file where there is none, as versions before had none."""
        written: dict[str, Any] = write(self)
        return {key: value for key, value in written.items() if value is not None or key != "file"}


class SourceParams(Params):
    """What every source lets its user choose."""

    pv_scale: Scale = 1.0
    """Multiplies all PV [-]."""
    demand_scale: Scale = 1.0
    """Multiplies the load of all agents [-]; vehicles and heat pumps keep theirs."""
    forecast: ForecastChoice = ForecastChoice(climatology=ClimatologyParams())
    """What agents expect of later slots."""
    weather_error: Spread = 0.2
    """Error of the day-ahead weather forecast [-]: standard deviation of the logarithm of a factor on the day's PV yield,
    one a market and day. Whether that yield reaches the median of its month is all that is published of the weather;
    0, and ``forecast: perfect``: the day's own weather.
    """

    def files_read(self) -> tuple[str, ...]:
        """The forecasts, where they come from a file."""
        return self.forecast.chosen.files_read()

    def largest_scale(self) -> float:
        """That of PV or of loads."""
        return max(self.pv_scale, self.demand_scale)

    def plant_scale(self) -> float:
        """See ``Params``."""
        return self.pv_scale


class DaySelection(Params):
    """Source days drawn with the seed, instead of the clock's own dates; workdays stay workdays."""

    part: DaySplit | None = None
    """Only days of one part of the year, for learning: of each month the first week is for validation, the last whole
    week before its last day for tests, what lies between for training, a day apart; none: any.

    Shifts of loads stay within the part. What is known of the year beforehand (means that forecasts use, medians of the
    weather, the year that a load is scaled by) is then known of the training days alone, in all three parts.
    """
    season: Season | None = None
    """Meteorological season; none: any."""
    weather: Weather | None = None
    """Sunny: the day's PV yield reaches the median of its month; none: any."""


@runtime_checkable
class DrawsDays(Protocol):
    """Parameters of a source that draws source days, so that any number of different days can be played."""

    @property
    def days(self) -> DaySelection | None:
        """Which; None: those of the clock."""
        ...


class DiversificationParams(Params):
    """How agents with the same shape differ."""

    shift_weeks: Annotated[int, Field(ge=0, le=6)] = 4
    """Each agent's load is taken up to so many weeks earlier or later, of the same weekday and season [weeks].

    PV and heat keep their day: neighbours share the weather.
    """
    scale_spread: Share = 0.0
    """Each agent's load is multiplied by a constant, uniform in 1 +- this [-]."""
    noise: Spread = 0.05
    """Relative noise of each slot's load [-]: standard deviation of the logarithm; the mean is kept."""


class SimbenchParams(SourceParams):
    """The SimBench year 2016 in quarter hours, which ships with the package."""

    days: DaySelection | None = None
    """Draw source days; none: the clock's date (outside 2016: the nearest day of the same weekday and season)."""
    diversification: DiversificationParams = DiversificationParams()
    """How agents with the same shape differ."""


class SyntheticParams(SourceParams):
    """A computed year: clear-sky geometry, a cloud process, household shapes. For tests and for places without data."""

    latitude: Annotated[float, Field(ge=-66, le=66)] = 50.0
    """Latitude [degrees north]."""
    cloudiness: Annotated[float, Field(ge=0, le=0.9)] = 0.4
    """Mean share of the clear sky's energy that clouds take [-]; 0: always clear."""
    days: DaySelection | None = None
    """Draw days by season and weather; none: the clock's date."""
    diversification: DiversificationParams = DiversificationParams()
    """How agents with the same shape differ."""


Values: TypeAlias = Literal["kw", "w", "kwh", "wh", "counter_kwh", "counter_wh"]
"""Mean power, energy in a step, or readings of a meter that counts up: energy is the difference to the next row."""


class FileColumns(Params):
    """Columns of a file that belong to an agent.

    What they hold is said by their names, which end in ``_kw`` (mean power) or ``_kwh`` (energy in a step), or by
    ``values``.
    """

    load: ColumnName | None = None
    """Firm load; scaled where the agent's load states ``peak_kw`` or ``annual_kwh``, else as metered."""
    pv: ColumnName | None = None
    """PV generation; agents whose ``pv_kw`` is 0 have none."""
    heat: ColumnName | None = None
    """Heat demand of owners of a heat pump, as metered."""
    pv_rating_kw: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """Rated power of the plant in the column ``pv`` [kW]: agents scale it to their own; null: as metered."""
    values: Values | None = None
    """What these columns hold; null: as ``profiles.values`` says."""


class FileParams(SourceParams):
    """Series of the user's own: a CSV or Parquet file with a column of times and one for each series.

    The column of an agent's series is, in this order: the agent's own ``load.shape`` or ``pv_shape``; the entry in
    ``columns`` under its name, ``agents[2]`` (its group in the scenario), its kind, or ``all``; else
    ``<name>_load_kw``, ``<name>_pv_kw`` and ``<name>_heat_kw`` (or ``_kwh``).

    An agent without a load says so by ``load: {annual_kwh: 0}``. One that says nothing and has no column is refused while
    the file has columns of powers or energies that nobody uses. Columns that no agent uses are named in the notes of the
    run. Numbers are written with digits alone, such as ``1250.5`` or ``1.2505e3``.
    """

    path: Annotated[str, Field(min_length=1, max_length=1_000)]
    """File, relative to the scenario and inside its folder; ``.csv`` (UTF-8) or ``.parquet``."""
    time: ColumnName = "time"
    """Column of the beginning of each step, ISO 8601, in standard time without daylight saving."""
    utc_offset_hours: Annotated[float, Field(ge=-14, le=14)] | None = None
    """Hours by which local standard time is ahead of UTC [h]; needed only where the times carry an offset (``Z`` too),
    which is then removed: 0 in the United Kingdom, 1 in Central Europe."""
    columns: Mapping[str, FileColumns] = Field(default_factory=dict)
    """Columns by agent name, ``agents[<group>]``, agent kind, or ``all``."""
    separator: Literal[",", ";", "tab", "|"] | None = None
    """What separates the cells of a CSV file; null: what the header has most of."""
    decimal: Literal[".", ","] = "."
    """What stands before the decimals in a CSV file."""
    date_format: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """How times are written: codes of Python's ``strptime`` such as ``"%d.%m.%Y %H:%M"``; ``excel`` for days since the end
    of 1899; ``unix``, ``unix_ms``, ``unix_us`` or ``unix_ns`` for time since 1970 in UTC; null: ISO 8601."""
    values: Values | None = None
    """What all columns of series hold: ``kw``, ``w`` (mean power), ``kwh``, ``wh`` (energy in a step), ``counter_kwh``,
    ``counter_wh`` (readings of a meter at the times of the rows); null: their names say so by ``_kw`` or ``_kwh``."""
    gaps: Literal["refuse", "interpolate", "previous"] = "refuse"
    """What becomes of missing rows and cells: an error, a straight line between the neighbours, or the value before; what
    was filled is told in the notes of the run."""
    longest_gap_minutes: Annotated[int, Field(ge=1, le=10_080)] = 120
    """Longest gap that is filled [min]."""
    largest_kw: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """Largest mean power of a step that is believed [kW]: above it a value is refused with its line; null: any."""

    def files_read(self) -> tuple[str, ...]:
        """The series, and the forecasts where they come from a file."""
        return (self.path, *super().files_read())

    @field_validator("date_format")
    @classmethod
    def _is_a_format(cls, text: str | None) -> str | None:
        if text is not None:
            from marketsim.profiles.time_formats import demand_format

            demand_format(text)
        return text
