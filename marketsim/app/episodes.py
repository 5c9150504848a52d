"""Days that are played: which part of the source year they come from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.build import Choice
from marketsim.core.clock import Clock
from marketsim.profiles.calendar import season_of
from marketsim.profiles.params import DaySelection, DrawsDays, Season
from marketsim.profiles.parts import DaySplit


def on_part(ready: ReadyScenario, part: DaySplit, *, by_date: bool = False) -> ReadyScenario:
    """The scenario on days drawn from one part of the source year.

    Season and weather are those of ``profiles.days``; without it the season of the clock's days, if they have one. A
    source that draws no days (a file of the user's own) stays as it is. A training draws its days, whatever their order,
    unless all days of a part are to be had ``by_date``, a market each.
    """
    choice = ready.model.profiles
    if not isinstance(choice.params, DrawsDays):
        return ready
    given = choice.params.days or DaySelection(season=_season(ready.model.clock.to_clock()))
    order = "abreast" if by_date else "drawn" if part == "training" else given.order
    params = choice.params.model_copy(update={"days": given.model_copy(update={"part": part, "order": order})})
    model = ready.model.model_copy(update={"profiles": Choice(choice.name, params)})
    return replace(ready, model=model)


def draws_days(ready: ReadyScenario) -> bool:
    """Whether the scenario's source of profiles draws source days, so that any number of different days can be played."""
    return isinstance(ready.model.profiles.params, DrawsDays)


def _season(clock: Clock) -> Season | None:
    seasons = {season_of(clock.start + timedelta(days=day)) for day in range(min(clock.days, 366))}
    return seasons.pop() if len(seasons) == 1 else None  # type: ignore[return-value]
