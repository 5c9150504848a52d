"""Parameters of the profile sources, as scenarios write them. Every default is an assumption of this program."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from marketsim.core.arrays import BoolArray
from marketsim.core.params import OneOf, Params, Share
from marketsim.profiles.parts import IS_OF, DaySplit, days_by_date

_ALWAYS: Final = object()

Scale: TypeAlias = Annotated[float, Field(ge=0, le=1_000)]
Spread: TypeAlias = Annotated[float, Field(ge=0, le=2)]
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


class ContextualParams(Params):
    """What was usual on training days, moved by what is known; with an ensemble of what may come instead.

    Fitted to the training days of the source year (``profiles.days.part`` tells them), whatever days the run plays.
    """

    context: Literal["none", "own", "shared"] = "own"
    """What moves it: nothing, so that it is the usual day with its spread; how far the agent's own series have been from the
    usual in the last hour, three hours and day, and the day's weather forecast; or beside these how far those of all agents of
    the market together have been."""


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
    contextual: ContextualParams | None = None
    """What is usual, moved by what is known, with an ensemble."""
    file: FileForecastParams | None = None
    """A file."""

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without methods that versions before did not have, where they are not chosen."""
        written: dict[str, Any] = write(self)
        return {key: value for key, value in written.items() if value is not None or key not in ("contextual", "file")}


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


class DateSplit(Params):
    """Parts of the year by the days of each month: for games whose episodes are single days."""

    first_days: Annotated[int, Field(ge=1, le=10)] = 1
    """So many of each month are for validation [d]."""
    last_days: Annotated[int, Field(ge=1, le=15)] = 7
    """So many are for tests [d]; what lies between is for training."""


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
    split: Literal["weeks"] | DateSplit = "weeks"
    """What ``part`` means: whole weeks of each month as above; or ``{first_days, last_days}``, days of each month by date. Loads
    are then those of the day itself, without shifts, for parts of single days have no neighbours of the same weekday. Left out
    where it is the default."""
    order: Literal["drawn", "dates", "abreast"] = "drawn"
    """Days are drawn; or taken by date: those that fit, from the clock's date on, after the last the first. `abreast`: the same,
    but of markets side by side each has the day after its neighbour's, which is how a game plays all days of a part. A training
    draws them in any case. Left out where it is the default."""

    def days_of(self, part: DaySplit) -> BoolArray:
        """Source days that belong to a part [366]."""
        if isinstance(self.split, str):
            return IS_OF[part]
        return days_by_date(part, self.split.first_days, self.split.last_days)

    @property
    def shifts(self) -> bool:
        """Whether loads may be taken from other days of the part."""
        return isinstance(self.split, str)

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what versions before did not have, where it is the default."""
        written: dict[str, Any] = write(self)
        since = {"split": "weeks", "order": "drawn"}
        return {key: value for key, value in written.items() if value != since.get(key, _ALWAYS)}


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
