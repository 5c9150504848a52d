"""What better forecasts are worth to a pool: the same weeks of unseen days, planned by what is usual, by context, by knowing all.

Forecasts are fitted to training days; the weeks are those of another part of the source year, each from the noon of its first day
to that of its last. Costs and peaks are compared day by day.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from marketsim.agents.params import CoordinatedParams
from marketsim.analysis.coordination.days import slots_of
from marketsim.analysis.coordination.measured import measured
from marketsim.analysis.coordination.scores import covered, pinball
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.wiring import build
from marketsim.core.arrays import FloatArray
from marketsim.core.build import Choice
from marketsim.core.errors import InputError, Problem
from marketsim.profiles.calendar import SOURCE_YEAR
from marketsim.profiles.contextual import ContextualForecast
from marketsim.profiles.params import DrawsDays
from marketsim.profiles.parts import IS_OF, WEEK

WEEKS: Final = 12
"""Weeks of a part of the year, one a month."""
LEVELS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_SCORED_H: Final = 3.0
"""Forecasts are scored every so many hours."""
CONTEXTS: Final = {"usual days": "none", "own context": "own", "shared context": "shared"}
CLIMATOLOGY: Final = "climatology"
PERFECT: Final = "perfect"


class Foresight(NamedTuple):
    """What is compared."""

    part: Literal["validation", "test"] = "test"
    weeks: int = WEEKS
    scenarios: int = 8
    """Of the ways that plan for several days that may come."""
    risk: float = 0.0
    peak_price: float = 0.3
    """Price of each day's largest import [currency/kW], from noon to noon."""


class DaysOfWay(NamedTuple):
    """Days as they went, each from noon to noon [n_days] each."""

    cost: FloatArray
    """All payments and wear, less what stores hold more at the end of the day than at its beginning, at the middle of the
    tariffs: one price both ways, so that it is no matter which way a day happens to end [currency]."""
    peak_kw: FloatArray
    """Largest import of all together."""
    total: FloatArray
    """Cost, and the peak at its price [currency]."""
    refused_kwh: FloatArray
    """Mean of the days of the same week, as what is missed."""
    missed_kwh: FloatArray


class Skill(NamedTuple):
    """How good the quantiles of a context are, of each home 1 to 24 hours ahead."""

    load_pinball_kw: float
    pv_pinball_kw: float
    """Of homes with PV."""
    load_covered: float
    """Share within the interval that is to hold 80 %."""
    pv_covered: float
    """The same of PV, by day."""


class DayDifference(NamedTuple):
    """One way less another, paired by days, with the 95 % interval of the mean (Student)."""

    way: str
    other: str
    measure: str
    mean: float
    low: float
    high: float


class Foreseen(NamedTuple):
    """All ways on the same weeks."""

    ready: ReadyScenario
    asked: Foresight
    starts: tuple[datetime.date, ...]
    ways: dict[str, DaysOfWay]
    """The days of all weeks, in order."""
    skill: dict[str, Skill]
    """By context."""


def weeks_of(part: Literal["validation", "test"], count: int) -> tuple[datetime.date, ...]:
    """First days of ``count`` weeks of a part, spread over the year; InputError for a number that there are not."""
    if not 2 <= count <= WEEKS:
        raise InputError([Problem(f"must be a whole number from 2 to {WEEKS}", "--weeks", str(count))])
    inside = IS_OF[part]
    first = np.flatnonzero(inside & ~np.concatenate(([False], inside[:-1])))
    chosen = first[np.arange(count) * len(first) // count]
    return tuple(datetime.date(SOURCE_YEAR, 1, 1) + datetime.timedelta(days=int(day)) for day in chosen)


def ways_of(asked: Foresight) -> dict[str, tuple[object, int]]:
    """Forecast and number of scenarios of each way, by name."""
    contexts = {name: {"contextual": {"context": context}} for name, context in CONTEXTS.items()}
    several = {f"{name}, {asked.scenarios} scenarios": (each, asked.scenarios) for name, each in contexts.items()}
    mean: dict[str, tuple[object, int]] = {name: (each, 1) for name, each in contexts.items()}
    return {CLIMATOLOGY: ("climatology", 1), **mean, **several, PERFECT: ("perfect", 1)}


def compare_foresight(ready: ReadyScenario, asked: Foresight, tell: Callable[[str], None] | None = None) -> Foreseen:
    """Run every way on every week; InputError where the scenario's source has no parts of a year."""
    minutes = ready.model.clock.slot_minutes
    if 12 * 60 % minutes:
        hint = "choose slots of which twelve hours hold a whole number"
        raise InputError([Problem("weeks are compared from noon to noon", "clock.slot_minutes", str(minutes), hint)])
    if not isinstance(ready.model.profiles.params, DrawsDays):
        hint = "take a source with a year of its own: simbench_2016 or synthetic"
        raise InputError([Problem("the series have no days for training and for tests", "profiles.source", hint=hint)])
    starts = weeks_of(asked.part, asked.weeks)
    ways: dict[str, list[DaysOfWay]] = {name: [] for name in ways_of(asked)}
    scored: dict[str, list[Skill]] = {name: [] for name in CONTEXTS}
    for place, start in enumerate(starts):
        if tell is not None:
            tell(f"week {place + 1} of {len(starts)}: {start}")
        for name, (forecast, scenarios) in ways_of(asked).items():
            week = _on_week(ready, asked, start, forecast)
            ways[name].append(_went(week, asked, scenarios))
            if name in scored:
                scored[name].append(skill_of(week))
    skill = {name: Skill(*np.mean(of_weeks, axis=0).tolist()) for name, of_weeks in scored.items()}
    joined = {name: DaysOfWay(*map(np.concatenate, zip(*weeks, strict=True))) for name, weeks in ways.items()}
    return Foreseen(ready, asked, starts, joined, skill)


def _on_week(ready: ReadyScenario, asked: Foresight, start: datetime.date, forecast: object) -> ReadyScenario:
    noon, per_day = slots_of(ready)
    days = {"part": asked.part, "order": "dates"}
    clock = {"clock.start": start, "clock.slots": noon + (WEEK - 1) * per_day}
    return ready.variant({**clock, "profiles.days": days, "profiles.forecast": forecast})


def _went(week: ReadyScenario, asked: Foresight, scenarios: int) -> DaysOfWay:
    noon, per_day = slots_of(week)
    params = CoordinatedParams(
        objective="cost",
        peak_price=asked.peak_price,
        peak_period="day",
        scenarios=scenarios,
        risk=asked.risk if scenarios > 1 else 0.0,
        replan_slots=max(round(60 / week.model.clock.slot_minutes), 1),
    )
    strategy = Choice("coordinated", params)
    pool = build(replace(week, agents=tuple(replace(agent, strategy=strategy) for agent in week.agents)))
    found = measured(pool, pool.world, noon)
    spent, put_by, net = (each.reshape(-1, per_day) for each in (found.spent, found.put_by_kwh, found.net_kw))
    cost = spent.sum(axis=1) - put_by.sum(axis=1) * found.middle_price
    peak = np.maximum(net.max(axis=1), 0.0)
    refused, missed = (np.full(len(cost), each / len(cost)) for each in (found.refused_kwh, found.missed_kwh))
    return DaysOfWay(cost, peak, cost + asked.peak_price * peak, refused, missed)


def skill_of(week: ReadyScenario) -> Skill:
    """The scores of a week with a contextual forecast."""
    built = build(week)
    profiles, clock = built.world.profiles, built.context.clock
    noon, per_day = slots_of(week)
    agents = np.arange(built.context.community.n_agents)
    series = [profiles.at(clock.at(slot)) for slot in range(clock.slots)]
    actual = {name: np.array([each[name] for each in series]) for name in ("load_kw", "pv_kw")}
    kept: dict[str, list[tuple[FloatArray, FloatArray]]] = {name: [] for name in actual}
    every = max(round(_SCORED_H * per_day / 24), 1)
    for slot in range(noon, clock.slots - per_day, every):
        forecast = profiles.forecast(clock.at(slot), agents)
        assert isinstance(forecast, ContextualForecast)
        for name, power in actual.items():
            quantiles = forecast.quantiles(name, per_day + 1, LEVELS)[:, 1:]
            kept[name].append((power[slot + 1 : slot + per_day + 1], quantiles))
    scores = []
    for name, pairs in kept.items():
        power = np.array([came for came, _ in pairs])
        quantiles = np.array([foreseen for _, foreseen in pairs]).transpose(1, 0, 2, 3)
        there = np.broadcast_to(actual[name].any(axis=0), power.shape) & ((power > 0.0) | (quantiles[-1] > 0.0))
        came, foreseen = power[there], quantiles[:, there]
        scores.append((pinball(came, foreseen, LEVELS), covered(came, foreseen[0], foreseen[-1])))
    (load, load_covered), (pv, pv_covered) = scores
    return Skill(load, pv, load_covered, pv_covered)


def pairs_of(asked: Foresight) -> tuple[tuple[str, str], ...]:
    """Ways that are compared with each other: the better informed first."""
    usual, own, shared = CONTEXTS
    several = [f"{name}, {asked.scenarios} scenarios" for name in CONTEXTS]
    return (
        (usual, CLIMATOLOGY),
        (own, usual),
        (shared, own),
        (several[0], usual),
        (several[1], several[0]),
        (several[2], several[1]),
        (several[1], own),
        (several[1], CLIMATOLOGY),
        (PERFECT, several[1]),
    )


def differences(found: Foreseen) -> tuple[DayDifference, ...]:
    """Of cost, peak and their total, of each pair of ways."""
    return tuple(
        _difference(found.ways, way, other, measure)
        for way, other in pairs_of(found.asked)
        for measure in ("cost", "peak_kw", "total")
    )


def _difference(ways: dict[str, DaysOfWay], way: str, other: str, measure: str) -> DayDifference:
    from scipy.stats import t

    gap: FloatArray = getattr(ways[way], measure) - getattr(ways[other], measure)
    half = float(t.ppf(0.975, len(gap) - 1)) * float(gap.std(ddof=1)) / len(gap) ** 0.5
    mean = float(gap.mean())
    return DayDifference(way, other, measure, mean, mean - half, mean + half)


def mean_day(days: DaysOfWay) -> dict[str, float]:
    """The mean of each number over days."""
    return {name: float(each.mean()) for name, each in days._asdict().items()}


def day_rows(found: Foreseen) -> list[dict[str, Any]]:
    """A flat row for each way and day."""
    dates = [start + datetime.timedelta(days=day) for start in found.starts for day in range(WEEK - 1)]
    return [
        {"way": name, "date": str(date), **{key: float(each[place]) for key, each in days._asdict().items()}}
        for name, days in found.ways.items()
        for place, date in enumerate(dates)
    ]


def foresight_json(found: Foreseen) -> dict[str, Any]:
    """The comparison as plain data."""
    return {
        "scenario": found.ready.name,
        "seed": found.ready.seed,
        "agents": len(found.ready.agents),
        "currency": found.ready.model.currency,
        **found.asked._asdict(),
        "ways": [{"name": name, **mean_day(days)} for name, days in found.ways.items()],
        "differences": [each._asdict() for each in differences(found)],
        "skill": [{"context": name, **skill._asdict()} for name, skill in found.skill.items()],
        "by_day": day_rows(found),
    }
