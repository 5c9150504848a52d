"""What it costs to reinforce a feeder against what is curtailed if nobody does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from marketsim.analysis.execution.mapping import Job, executor_for, map_runs
from marketsim.analysis.reinforce.upgrades import Refusals, Upgrade, annuity, cost, upgrades, with_upgrade
from marketsim.analysis.trajectory import follow, needs_feeder
from marketsim.app.grid import has_trait
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.arrays import BoolArray
from marketsim.core.errors import InputError, RunError
from marketsim.grid.net.feeder import CAVEAT
from marketsim.scenario.source import ScenarioSource

MOST: Final = 8
DAYS_A_YEAR: Final = 365.0
WORTH_WORKERS_S: Final = 30.0
"""Work from which on processes are started for it, where nobody says how many; each takes seconds to begin."""


class Weighed(NamedTuple):
    """One upgrade, run and paid for."""

    name: str
    why: str
    branches: int
    cost: float
    """[currency]."""
    cost_a_year: float
    """Its annuity [currency/a]."""
    curtailed_kwh: float
    """In the run with it."""
    avoided_kwh: float
    """In the run, against the feeder as it is."""
    worth_a_year: float
    """Of the avoided curtailment [currency/a]."""

    @property
    def pays(self) -> bool:
        """Whether it is worth more than it costs."""
        return self.worth_a_year > self.cost_a_year


class Reinforcement(NamedTuple):
    """The feeder as it is, and upgrades, the best balance first."""

    scenario: str
    curtailed_kwh: float
    curtailed_worth_a_year: float
    upgrades: tuple[Weighed, ...]
    notes: tuple[str, ...]


def reinforcement(
    ready: ReadyScenario,
    most: int = MOST,
    tell: Callable[[str], None] | None = None,
    workers: int | None = None,
) -> Reinforcement:
    """Weigh upgrades along what binds in a scenario, each by a run under its gate with the feeder reinforced.

    ``workers``: processes; None: one a processor where the runs are long, else this one. The answer is the same.

    InputError without a feeder, or where the gate refuses nothing by itself.
    """
    needs_feeder(ready, "reinforce")
    if most < 1:
        raise InputError(f"at least one upgrade has to be looked at, not {most}")
    if has_trait(ready, "records"):
        gate = ready.model.grid.gate.name
        raise InputError(
            f"reinforce weighs what the gate curtails, and grid.gate {gate} curtails nothing: set grid.gate to ac"
        )
    say = tell or (lambda _: None)
    say("running the feeder as it is")
    refusals = Refusals()
    base = follow(ready, [refusals])
    days = base.n_slots * base.hours / 24.0
    prices = ready.model.grid.reinforcement
    curtailed = float(base.curtailed_kwh.sum())
    a_year = DAYS_A_YEAR / days * prices.energy_value
    weighed = []
    candidates = upgrades(base.network, refusals.wh, most)
    say(f"running {len(candidates)} upgrades")
    short = float(base.slot_s.sum()) * len(candidates) < WORTH_WORKERS_S
    left_kwh = _curtailed_with(ready, candidates, 1 if workers is None and short else workers)
    for upgrade, left in zip(candidates, left_kwh, strict=True):
        spent = cost(base.network, upgrade.doubled, prices)
        weighed.append(
            Weighed(
                name=upgrade.name,
                why=upgrade.why,
                branches=int(upgrade.doubled.sum()),
                cost=spent,
                cost_a_year=spent * annuity(prices.years, prices.interest_percent),
                curtailed_kwh=left,
                avoided_kwh=curtailed - left,
                worth_a_year=(curtailed - left) * a_year,
            )
        )
    weighed.sort(key=lambda each: (each.cost_a_year - each.worth_a_year, each.name))
    return Reinforcement(ready.name, curtailed, curtailed * a_year, tuple(weighed), _notes(ready, days))


@dataclass(frozen=True)
class RunUpgraded:
    """Runs a scenario with some branches doubled; picklable."""

    source: ScenarioSource

    def __call__(self, doubled: BoolArray) -> float:
        """What is curtailed then [kWh]."""
        ready = load_scenario(self.source)
        if ready.feeder is None:
            raise AssertionError("asked of a scenario with a feeder only")
        feeder = ready.feeder._replace(network=with_upgrade(ready.feeder.network, doubled))
        return float(follow(replace(ready, feeder=feeder)).curtailed_kwh.sum())


def _curtailed_with(ready: ReadyScenario, candidates: Sequence[Upgrade], workers: int | None) -> list[float]:
    """What is curtailed with each upgrade [kWh]; RunError where a run of one fails."""
    jobs = [Job(str(place), each.doubled) for place, each in enumerate(candidates)]
    found = map_runs(RunUpgraded(ready.source), jobs, executor_for(workers)) if jobs else []
    for upgrade, outcome in zip(candidates, found, strict=True):
        if outcome.failure is not None:
            raise RunError(f"the run with a second element beside {upgrade.name} failed: {outcome.failure}")
    return [float(outcome.value) for outcome in found]


def _notes(ready: ReadyScenario, days: float) -> tuple[str, ...]:
    prices = ready.model.grid.reinforcement
    return (
        f"prices (grid.reinforcement): lines {prices.line_per_km:,.0f} a km, transformers {prices.trafo_per_kva:,.0f} a "
        f"kVA, {prices.years:g} years at {prices.interest_percent:g} %, a curtailed kWh is worth {prices.energy_value:g}; "
        f"lengths from impedances at {prices.ohm_per_km:g} ohm/km.",
        f"a year is the run's {days:g} day(s) over and over: choose days that stand for one.",
        CAVEAT,
    )
