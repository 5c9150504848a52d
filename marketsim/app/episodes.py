"""Days that are played: which part of the year they come from, and which day of the calendar an episode begins on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from marketsim.app.ready import ReadyScenario
from marketsim.core.build import Choice
from marketsim.core.clock import Clock, SlotTime
from marketsim.core.ports import Tariff
from marketsim.core.records import Tariffs
from marketsim.core.rng import Streams, uniforms
from marketsim.profiles.calendar import season_of
from marketsim.profiles.params import DaySelection, Season
from marketsim.profiles.parts import Part

_CALENDAR: Final = 700_000
"""Days that the calendar holds in any case; episodes beyond them begin anew."""


def on_part(ready: ReadyScenario, part: Part) -> ReadyScenario:
    """The scenario on days drawn from one part of the source year.

    Season and weather are those of ``profiles.days``; without it the season of the clock's days, if they have one. A
    source that draws no days (a file of the user's own) stays as it is.
    """
    choice = ready.model.profiles
    if not draws_days(ready):
        return ready
    given = getattr(choice.params, "days", None) or DaySelection(season=_season(ready.model.clock.to_clock()))
    params = choice.params.model_copy(update={"days": given.model_copy(update={"part": part})})
    model = ready.model.model_copy(update={"profiles": Choice(choice.name, params)})
    return replace(ready, model=model)


def draws_days(ready: ReadyScenario) -> bool:
    """Whether the scenario's source of profiles draws source days, so that any number of different days can be played."""
    return "days" in type(ready.model.profiles.params).model_fields


def _season(clock: Clock) -> Season | None:
    seasons = {season_of(clock.start + timedelta(days=day)) for day in range(min(clock.days, 366))}
    return seasons.pop() if len(seasons) == 1 else None  # type: ignore[return-value]


class EpisodeDays:
    """First day of each episode: one after the other where days are drawn, else drawn from the scenario's own days."""

    def __init__(self, ready: ReadyScenario, days: int) -> None:
        self._days = days
        self._span = None if draws_days(ready) else max(ready.model.clock.to_clock().days - days + 1, 1)
        self._streams = Streams((ready.seed,))

    def first(self, episode: int) -> int:
        """Day of the calendar on which an episode begins."""
        if self._span is None:
            return episode * self._days % _CALENDAR
        return int(uniforms(self._streams.keys("episodes", episode))[0] * self._span)


class RecurringTariff:
    """A tariff beyond the scenario's own days: whole weeks of it come again, single days where it has no week."""

    def __init__(self, tariff: Tariff, clock: Clock) -> None:
        days = clock.days - clock.days % 7 if clock.days >= 7 else clock.days
        self._tariff, self._slots = tariff, days * clock.slots_per_day

    def at(self, time: SlotTime) -> Tariffs:
        """Prices of a slot."""
        return self._tariff.at(time._replace(slot=time.slot % self._slots))
