"""What a worker does for an evaluation: train one arm on one seed, then run it on days that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.analysis.evaluation.arms import AUCTION, LEARNED, TRANCHES, EvaluationArm
from marketsim.analysis.evaluation.totals import WeeklyTotals, weekly_totals
from marketsim.app.episodes import on_part
from marketsim.app.game import market_game_of
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.running import simulate
from marketsim.app.training import train_scenario
from marketsim.core.build import Choice
from marketsim.core.clock import DAYS_A_WEEK
from marketsim.core.errors import InputError, Problem
from marketsim.profiles.parts import DaySplit
from marketsim.results.training_folder import is_training
from marketsim.scenario.source import ScenarioSource

TRAINING: Final = "training"
"""Folder of a training, in that of its arm and seed."""


class Cell(NamedTuple):
    """The payload of a job: an arm and a seed."""

    arm: EvaluationArm
    seed: int
    folder: Path
    """Of this arm and seed; a training that was stopped there goes on."""
    checkpoint: Path | None = None
    """Policies that exist already; None: they are trained."""

    @property
    def key(self) -> str:
        """Name of its folder."""
        return f"{self.arm.name}-{self.seed}"

    @property
    def trained(self) -> Path:
        """Checkpoint of its policies, once there is one."""
        return self.folder / TRAINING / "checkpoint.pt" if self.checkpoint is None else self.checkpoint


@dataclass(frozen=True)
class EvaluateCell:
    """Trains and evaluates cells of one scenario; picklable."""

    source: ScenarioSource
    overrides: Mapping[str, Any]
    weeks: int
    part: DaySplit = "test"
    longer: int = 1
    """Factor on the episodes of every training."""

    def __call__(self, cell: Cell) -> dict[str, Any]:
        """Weekly totals as lists, by their names."""
        ready = self.variant(cell)
        checkpoint = cell.checkpoint
        if cell.arm.trained and checkpoint is None:
            folder = cell.folder / TRAINING
            checkpoint = train_scenario(ready, folder, resume=is_training(folder)).checkpoint
        strategy = {LEARNED: {"checkpoint": str(checkpoint)}} if cell.arm.trained else cell.arm.strategy
        evaluated = on_days(with_strategy(ready, strategy), self.part, self.weeks)
        return totals_to_json(weekly_totals(simulate(evaluated), slots_per_day(evaluated)))

    def variant(self, cell: Cell) -> ReadyScenario:
        """The scenario as the cell's arm trains on it."""
        changes = {**self.overrides, **cell.arm.changes, "seed": cell.seed}
        if cell.arm.in_tranches:
            changes[f"market.engine.{AUCTION}.tranches"] = TRANCHES
        ready = load_scenario(self.source, changes)
        learning, more = ready.model.learning, {}
        if cell.arm.eta_factor != 1.0:
            more["learning.reward.eta"] = learning.reward.eta * cell.arm.eta_factor
        if self.longer > 1:
            more[f"learning.learner.{learning.learner.name}.episodes"] = self.longer * episodes_of(ready)
        return load_scenario(self.source, {**changes, **more}) if more else ready


def episodes_of(ready: ReadyScenario) -> int:
    """Episodes of a training of the scenario; InputError where its learner does not count in episodes."""
    learner = ready.model.learning.learner
    episodes = learner.params.model_dump().get("episodes")
    if not isinstance(episodes, int):
        raise InputError([Problem(f"the learner {learner.name} has no number of episodes", file="--longer")])
    return episodes


def on_days(ready: ReadyScenario, part: DaySplit, weeks: int) -> ReadyScenario:
    """The scenario on so many whole weeks of days from one part of the source year, reviewed by the rule."""
    clock = ready.model.clock.model_copy(update={"slots": weeks * DAYS_A_WEEK * slots_per_day(ready)})
    critic = Choice("rule", ready.registry.params("critic", "rule")())
    model = ready.model.model_copy(update={"clock": clock, "critic": critic})
    return on_part(replace(ready, model=model), part)


def slots_per_day(ready: ReadyScenario) -> int:
    """Slots of a day of the scenario's clock."""
    return ready.model.clock.to_clock().slots_per_day


def with_strategy(ready: ReadyScenario, strategy: Mapping[str, Mapping[str, Any]]) -> ReadyScenario:
    """The scenario with one strategy for all agents that learn (``learners_of``), wherever its file lies."""
    [(name, raw)] = strategy.items()
    choice = Choice(name, ready.registry.params("strategy", name).model_validate(dict(raw)))
    learners = learners_of(ready)
    agents = [replace(agent, strategy=choice) if agent.name in learners else agent for agent in ready.agents]
    return replace(ready, agents=tuple(agents), source=ready.source.saying(strategy))


def learners_of(ready: ReadyScenario) -> tuple[str, ...]:
    """Agents that learn the market, by name; ScenarioError where the scenario's game is another one."""
    chosen = market_game_of(ready, "an evaluation compares strategies in the market").agents
    return tuple(agent.name for agent in ready.agents if chosen == "all" or agent.name in chosen)


def totals_to_json(totals: WeeklyTotals) -> dict[str, Any]:
    """Totals as nested lists; what is undefined is null."""
    whole = {name: field.astype(object) for name, field in totals._asdict().items()}
    for name, field in whole.items():
        field[~np.isfinite(getattr(totals, name))] = None
    return {name: field.tolist() for name, field in whole.items()}


def totals_from_json(content: Mapping[str, Any]) -> WeeklyTotals:
    """The inverse of ``totals_to_json``."""
    return WeeklyTotals(*(np.array(content[name], dtype=np.float64) for name in WeeklyTotals._fields))
