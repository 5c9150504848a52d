"""What a worker does for an evaluation of controls: train an arm on a seed, then let it control the days of a part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.agents.params import SetpointsParams
from marketsim.analysis.control.arms import ControlArm
from marketsim.analysis.control.controls import ByExpert, ByPolicies, ByRules
from marketsim.analysis.control.days import DayControl, DayTotals, day_game, months, play
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.training import train_scenario
from marketsim.games.setpoints.game import SetpointsGame
from marketsim.learning.curves import read_curves
from marketsim.profiles.parts import DaySplit
from marketsim.results.training_folder import is_training
from marketsim.scenario.source import ScenarioSource

TRAINING: Final = "training"
"""Folder of a training, in that of its arm and seed."""
CHECKPOINT: Final = "checkpoint.pt"
PLANS: Final = "plans"
"""Folder of the expert's plans of training days, beside those of the cells: all trainings of an evaluation meet the same days."""
N_MONTHS: Final = 12


class ControlCell(NamedTuple):
    """The payload of a job: an arm and a seed."""

    arm: ControlArm
    seed: int
    folder: Path
    """Of all arms and seeds."""

    @property
    def key(self) -> str:
        """Name of its folder."""
        return f"{self.arm.name}-{self.seed}"

    @property
    def own(self) -> Path:
        """Where it is trained; what was stopped there goes on."""
        return self.folder / self.key / TRAINING

    @property
    def before(self) -> Path:
        """Policies that its own begin with, or that control it as they are."""
        return self.folder / f"{self.arm.begins_with}-{self.seed}" / TRAINING / CHECKPOINT

    @property
    def checkpoint(self) -> Path:
        """The policies that control it, once there are any."""
        if self.arm.checkpoint is not None:
            return self.arm.checkpoint
        return self.own / CHECKPOINT if self.arm.learner else self.before


class ControlResult(NamedTuple):
    """What a cell came to."""

    totals: DayTotals
    """Sums over the days of each month [12]."""
    train_cpu_s: float
    """Processor time of its training, as far as it was done in one go; NaN without one."""
    gradient_steps: float
    """Of policies or critics; NaN where the learner does not count them."""
    agent_steps: float
    """Decisions that were played for it; NaN without a training."""


@dataclass(frozen=True)
class PlayCell:
    """Trains and plays cells of one scenario; picklable."""

    source: ScenarioSource
    overrides: Mapping[str, Any]
    part: DaySplit = "test"
    episodes: int | None = None
    """Of every training; None: as the learners have them."""
    learners: Mapping[str, Any] | None = None
    """Parameters of every learner, beside those of the arm."""

    def __call__(self, cell: ControlCell) -> dict[str, Any]:
        """Totals by month as lists, and what the training took."""
        trained = self._trained(cell) if cell.arm.learner else (np.nan,) * 3
        ready = self._evaluated(cell)
        game = day_game(ready, self.part)
        of_months = months(ready, self.part)
        found = play(game, _control(cell, game), len(of_months))
        return as_lists(ControlResult(by_month(found, of_months.tolist()), *trained))

    def _trained(self, cell: ControlCell) -> tuple[float, float, float]:
        """Train it; processor time, gradient steps and decisions."""
        folder, began = cell.own, process_time()
        train_scenario(self.trainable(cell), folder, resume=is_training(folder))
        took, curves = process_time() - began, read_curves(folder)
        steps = curves.get("gradient_steps", [np.nan])
        return took, steps[-1], curves["agent_steps"][-1]

    def trainable(self, cell: ControlCell) -> ReadyScenario:
        """The scenario as the cell's arm trains on it."""
        arm = cell.arm
        params = {**(self.learners or {}), **arm.params}
        if arm.begins_with:
            params["start"] = {"checkpoint": {"path": str(cell.before)}}
        if self.episodes is not None:
            params["episodes"] = self.episodes
        learner = {arm.learner: params}
        source = self.source.saying(learner).saying(arm.changes)
        ready = load_scenario(source, {**self.overrides, **arm.changes, "learning.learner": learner})
        return replace(_seeded(ready, cell.seed), plans=cell.folder / PLANS)

    def _evaluated(self, cell: ControlCell) -> ReadyScenario:
        """The scenario as it is played; noise of loads follows the seed, the community does not."""
        changes = cell.arm.changes
        return _seeded(load_scenario(self.source.saying(changes), {**self.overrides, **changes}), cell.seed)


def _seeded(ready: ReadyScenario, seed: int) -> ReadyScenario:
    """The same community and feeder with another seed of loads' noise and of learning."""
    return replace(ready, model=ready.model.model_copy(update={"seed": seed}))


def _control(cell: ControlCell, game: SetpointsGame) -> DayControl:
    arm = cell.arm
    if arm.rule is not None:
        return ByRules(SetpointsParams.model_validate(dict(arm.rule)), game)
    if not arm.policies:
        return ByExpert()
    from marketsim.learning.learned import load_policy

    path = cell.checkpoint
    return ByPolicies(path, load_policy(path), game, left=arm.left)


def by_month(found: DayTotals, month: list[int]) -> DayTotals:
    """Sums over the days of each month [12]."""
    total = np.zeros((N_MONTHS, len(found)))
    np.add.at(total, np.array(month) - 1, np.array(found).T)
    return DayTotals(*total.T)


def as_lists(result: ControlResult) -> dict[str, Any]:
    """For a file; what is undefined is null."""
    plain = {name: _known(getattr(result, name)) for name in ControlResult._fields[1:]}
    return {"totals": {name: field.tolist() for name, field in result.totals._asdict().items()}, **plain}


def from_lists(content: Mapping[str, Any]) -> ControlResult:
    """The inverse of ``as_lists``."""
    totals = DayTotals(*(np.array(content["totals"][name], dtype=np.float64) for name in DayTotals._fields))
    numbers = (content[name] for name in ControlResult._fields[1:])
    return ControlResult(totals, *(np.nan if number is None else float(number) for number in numbers))


def _known(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
