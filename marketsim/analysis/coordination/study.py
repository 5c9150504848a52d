"""A community under the utility alone, in its market and planned together, on the same days under the same gate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from marketsim.agents.params import CoordinatedParams
from marketsim.analysis.coordination.days import ComparedDay, slots_of
from marketsim.analysis.coordination.measured import MeasuredDay, measured
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.wiring import build
from marketsim.core.build import Choice
from marketsim.core.errors import InputError, Problem
from marketsim.optimise.pool import Objective
from marketsim.scenario.problems import did_you_mean

Forecasts: TypeAlias = Literal["perfect", "own"]
By: TypeAlias = Literal["programme", "consensus"]
UTILITY: Final = "utility alone"
MARKET: Final = "market as it is"
OBJECTIVES: Final[tuple[Objective, ...]] = get_args(Objective)
_EVERY_SLOT: Final = 1344
"""A plan by perfect forecasts is followed to its end."""


class Plans(NamedTuple):
    """How the community plans."""

    objectives: tuple[Objective, ...] = ("cost_then_peak", "peak_then_cost")
    forecasts: Forecasts = "perfect"
    """``own``: those of the scenario, planned anew every hour."""
    slack: float = 0.001
    peak_price: float = 0.0
    """[currency/kW] a day."""
    by: By = "programme"
    """Who plans: one programme, or the members by agreement."""


class Way(NamedTuple):
    """One way to run the community, with all its days in the order of ``Coordination.days``."""

    name: str
    days: tuple[MeasuredDay, ...]


class Coordination(NamedTuple):
    """All ways on the same days; the first is the utility alone."""

    ready: ReadyScenario
    days: tuple[ComparedDay, ...]
    ways: tuple[Way, ...]
    held_firm: tuple[str, ...]
    """Notes on devices that no plan moves."""

    @property
    def alone(self) -> Way:
        """What everything is compared with."""
        return self.ways[0]

    def not_optimal(self) -> dict[str, list[str]]:
        """Ways with a plan that was not optimal on some day, by why it was not."""
        planned = [(way.name, day) for way in self.ways for day in way.days if day.plan is not None and not day.optimal]
        unsure, cut = (
            [name for name, day in planned if (day.plan is not None and day.plan.gap > 0.0) is unsure]
            for unsure in (True, False)
        )
        why = {
            "the plan was near its bound, and not proven to be best": unsure,
            "the grid refused a part of the plan, or a device missed what it needed. A plan knows no feeder": cut,
        }
        return {reason: list(dict.fromkeys(names)) for reason, names in why.items() if names}


def objectives_of(names: Sequence[str]) -> tuple[Objective, ...]:
    """Objectives by name, in the order asked for; InputError lists every name that there is not."""
    problems = [
        Problem(
            "no such objective",
            "--objective",
            name,
            did_you_mean(name, OBJECTIVES) or f"there is {', '.join(OBJECTIVES)}",
        )
        for name in names
        if name not in OBJECTIVES
    ]
    if problems or not names:
        raise InputError(problems or [Problem("there is no objective", "--objective", hint=", ".join(OBJECTIVES))])
    return tuple(each for name in dict.fromkeys(names) for each in OBJECTIVES if each == name)


def demand_agreeable(plans: Plans) -> None:
    """InputError for plans that members by agreement do not make."""
    if plans.by == "consensus" and (plans.objectives != ("cost",) or plans.peak_price):
        hint = "choose --objective cost and no --peak-price, or --by programme"
        raise InputError([Problem("members agree on the least cost alone", "--by", plans.by, hint)])


def coordinated(ready: ReadyScenario, objective: Objective, plans: Plans) -> ReadyScenario:
    """The scenario with all its agents planned as one pool."""
    perfect = plans.forecasts == "perfect"
    every = _EVERY_SLOT if perfect else max(round(60 / ready.model.clock.slot_minutes), 1)
    params = CoordinatedParams(
        objective=objective, by=plans.by, slack=plans.slack, peak_price=plans.peak_price, replan_slots=every
    )
    variant = ready.variant({"profiles.forecast": "perfect"}) if perfect else ready
    strategy = Choice("coordinated", params)
    return replace(variant, agents=tuple(replace(agent, strategy=strategy) for agent in variant.agents))


def compare_ways(
    ready: ReadyScenario, days: Sequence[ComparedDay], plans: Plans, tell: Callable[[str], None] | None = None
) -> Coordination:
    """Run every way on every day; ``tell`` hears of each day when it begins."""
    noon, _ = slots_of(ready)
    found: dict[str, list[MeasuredDay]] = {UTILITY: [], MARKET: []}
    notes: tuple[str, ...] = ()
    for place, day in enumerate(days):
        if tell is not None:
            tell(f"day {place + 1} of {len(days)}: {day.date}")
        variant = ready.variant(day.overrides(ready))
        built = build(variant)
        found[UTILITY].append(measured(built, built.reference, noon))
        found[MARKET].append(measured(built, built.world, noon))
        for objective in plans.objectives:
            pool = build(coordinated(variant, objective, plans))
            found.setdefault(f"pool: {objective}", []).append(measured(pool, pool.world, noon))
            notes = tuple(note for note in pool.notes if note not in built.notes)
    ways = tuple(Way(name, tuple(measured_days)) for name, measured_days in found.items())
    return Coordination(ready, tuple(days), ways, notes)


class WayTotals(NamedTuple):
    """What a way comes to over all days, against the utility alone; None where a comparison has no meaning."""

    mean_peak_kw: float
    """Mean of the days' peaks."""
    highest_peak_kw: float
    """Peak of all days."""
    mean_reduction: float | None
    """Mean of the days' reductions of the peak."""
    least_reduction: float | None
    most_reduction: float | None
    highest_reduction: float | None
    """Reduction of the peak of all days."""
    days_at_target: int | None
    """Days whose reduction reaches the target."""
    cost: float
    saving: float | None
    """Share of the cost alone; None where that is not positive."""
    load_factor: float | None
    """Mean of the days."""
    solar_utilisation: float | None
    """Of all days together."""
    refused_kwh: float
    missed_kwh: float
    slots_outside: int
    optimal_days: int | None
    """Days that went by an optimal plan; None for ways without a plan."""


def totals_of(way: Way, alone: Way, target: float) -> WayTotals:
    """The totals of a way."""
    peaks, theirs = (np.array([day.peak_kw for day in each.days]) for each in (way, alone))
    lowered = 1.0 - peaks[theirs > 0.0] / theirs[theirs > 0.0]
    same = way.name == alone.name
    some = bool(len(lowered)) and not same
    cost, cost_alone = (float(sum(day.cost for day in each.days)) for each in (way, alone))
    factors = [day.load_factor for day in way.days if day.load_factor is not None]
    pv, unused = (sum(getattr(day, name) for day in way.days) for name in ("pv_kwh", "unused_kwh"))
    return WayTotals(
        mean_peak_kw=float(peaks.mean()),
        highest_peak_kw=float(peaks.max()),
        mean_reduction=float(lowered.mean()) if some else None,
        least_reduction=float(lowered.min()) if some else None,
        most_reduction=float(lowered.max()) if some else None,
        highest_reduction=float(1.0 - peaks.max() / theirs.max()) if some and theirs.max() > 0.0 else None,
        days_at_target=int((lowered >= target).sum()) if some else None,
        cost=cost,
        saving=None if same or cost_alone <= 0.0 else 1.0 - cost / cost_alone,
        load_factor=float(np.mean(factors)) if factors else None,
        solar_utilisation=1.0 - min(unused / pv, 1.0) if pv > 0.0 else None,
        refused_kwh=sum(day.refused_kwh for day in way.days),
        missed_kwh=sum(day.missed_kwh for day in way.days),
        slots_outside=sum(day.slots_outside for day in way.days),
        optimal_days=sum(day.optimal for day in way.days) if any(day.plan for day in way.days) else None,
    )


def rows_of(found: Coordination, target: float) -> list[dict[str, Any]]:
    """A flat row for each way and day."""
    rows = []
    for way in found.ways:
        for compared, day, alone in zip(found.days, way.days, found.alone.days, strict=True):
            reduction = None if way.name == UTILITY or alone.peak_kw <= 0.0 else 1.0 - day.peak_kw / alone.peak_kw
            rows.append(
                {
                    "way": way.name,
                    "date": str(compared.date),
                    "peak_kw": day.peak_kw,
                    "peak_reduction": reduction,
                    "reaches_target": None if reduction is None else reduction >= target,
                    "cost": day.cost,
                    "stored_kwh": day.stored_kwh,
                    "load_factor": day.load_factor,
                    "solar_utilisation": day.solar_utilisation,
                    "refused_kwh": day.refused_kwh,
                    "missed_kwh": day.missed_kwh,
                    "slots_outside": day.slots_outside,
                    "planned_peak_kw": None if day.plan is None else day.plan.peak_kw,
                    "planned_cost": None if day.plan is None else day.plan.cost,
                    "optimal": None if day.plan is None else day.optimal,
                }
            )
    return rows


def as_json(found: Coordination, target: float) -> dict[str, Any]:
    """The comparison as plain data."""
    ready = found.ready
    return {
        "scenario": ready.name,
        "seed": ready.seed,
        "agents": len(ready.agents),
        "currency": ready.model.currency,
        "target": target,
        "notes": list(found.held_firm),
        "ways": [{"name": way.name, **totals_of(way, found.alone, target)._asdict()} for way in found.ways],
        "days": rows_of(found, target),
    }
