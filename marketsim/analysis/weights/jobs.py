"""What a worker does for an evaluation of weights: train a policy, or play the year of a community under every arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.app.game import build_game
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.training import train_scenario
from marketsim.core.arrays import FloatArray
from marketsim.core.equity import burdens, gini_with_negatives
from marketsim.core.errors import RunError
from marketsim.core.learned_weights import LearnedWeights, policy_of_weights
from marketsim.core.learner import GameNeeds
from marketsim.core.member_weights import MemberWeights, WeightRule
from marketsim.core.standing import MemberStanding
from marketsim.core.weight_params import MemberWeightsParams
from marketsim.games.equity.game import EquityGame
from marketsim.games.equity.measures import CommunityEquity, equity_of
from marketsim.learning.learned import load_policy
from marketsim.results.training_folder import is_training
from marketsim.scenario.source import ScenarioSource
from marketsim.sharing.rawls import least_gini, least_worst

RULES: Final = ("equal", "income", "rank", "feedback")
"""Arms without a policy, by the name of their weights."""
LEARNED: Final = "learned"
CHECKPOINT: Final = "checkpoint.pt"
_MONEY: Final = CommunityEquity._fields.index("paid")


class TrainCell(NamedTuple):
    """The payload of a job: a policy that is trained."""

    seed: int
    folder: Path

    @property
    def key(self) -> str:
        """Name of its folder."""
        return f"{LEARNED}-{self.seed}"

    @property
    def checkpoint(self) -> Path:
        """The policy, once it is trained."""
        return self.folder / self.key / "training" / CHECKPOINT


class CommunityCell(NamedTuple):
    """The payload of a job: a community, and the policies that it is played with beside the rules."""

    seed: int
    rules: tuple[str, ...]
    policies: tuple[Path, ...]

    @property
    def key(self) -> str:
        """Name of its folder."""
        return f"community-{self.seed}"


@dataclass(frozen=True)
class PlayWeights:
    """Trains and plays cells of one scenario; picklable."""

    source: ScenarioSource
    overrides: Mapping[str, Any]
    episodes: int | None = None
    """Of every training; None: as the learner has them."""

    def __call__(self, cell: TrainCell | CommunityCell) -> dict[str, Any]:
        """Of a policy how much was played for it; of a community equity at its end by arm, and the bound."""
        return self._trained(cell) if isinstance(cell, TrainCell) else self._played(cell)

    def _trained(self, cell: TrainCell) -> dict[str, Any]:
        own = {} if self.episodes is None else {"learning.learner.ppo.episodes": self.episodes}
        ready = load_scenario(self.source, {**self.overrides, **own, "seed": cell.seed})
        folder = cell.checkpoint.parent
        done = train_scenario(ready, folder, resume=is_training(folder))
        return {"agent_steps": done.summary["agent_steps"]}

    def _played(self, cell: CommunityCell) -> dict[str, Any]:
        game = community(load_scenario(self.source, self.overrides), cell.seed)
        arms = {name: [_listed(played(game, rule_of(game, name)))] for name in cell.rules}
        if cell.policies:
            arms[LEARNED] = [_listed(played(game, policy_of(game, path))) for path in cell.policies]
        return {"arms": arms, "bound": list(bound(game)), "days": len(game.days)}


def community(ready: ReadyScenario, seed: int) -> EquityGame:
    """The game of one community: the scenario, its agents and series, drawn with a seed."""
    game = build_game(ready.variant({"seed": seed}), needs=GameNeeds(1, True, lambda *_: 1, alike=True), markets=1)
    if not isinstance(game, EquityGame):
        raise RunError("weights are evaluated in the game equity")
    return game


def rule_of(game: EquityGame, name: str) -> WeightRule:
    """A rule for the members of a game, with its default parameters."""
    return MemberWeights(MemberWeightsParams.model_validate({"weights": name}), game.incomes, game.market)


def policy_of(game: EquityGame, path: Path) -> WeightRule:
    """The policy of a checkpoint for them."""
    return LearnedWeights(
        policy_of_weights(path, load_policy(path)), game.incomes, game.rows, np.zeros(game.rows.shape)
    )


def played(game: EquityGame, rule: WeightRule) -> CommunityEquity:
    """Equity after all days of a game's clock, in turn, under one rule."""
    standing = MemberStanding.nothing(game.days.n_agents)
    for day in range(len(game.days)):
        weights, rule = rule.of_day(standing)
        standing = game.days.after(day, weights, standing)
    return equity_of(standing, game.incomes[game.rows], game.rows)


def bound(game: EquityGame) -> tuple[float, float]:
    """Gini coefficient of burdens and worst burden that no weights can go below, whatever they know of the days to come.

    Nobody pays more than without scarce local energy and dividends; what they are worth may go to anybody. It leaves out that
    nobody can use more local energy than it needs in a slot, so it may lie below what is reachable.
    """
    equal = MemberStanding.nothing(game.days.n_agents)
    most = np.zeros(game.days.n_agents, dtype=np.int64)
    for day in range(len(game.days)):
        equal = game.days.after(day, np.ones(len(most)), equal)
        most += game.days[day].paid_money
    rows = game.rows[0]
    income, total = game.incomes[rows], float(equal.paid_money[rows].sum())
    most_paid = most[rows].astype(np.float64)
    even, rawls = (least(most_paid, income, total) for least in (least_gini, least_worst))
    return gini_with_negatives(burdens(even, income, equal.hours)), float(burdens(rawls, income, equal.hours).max())


def _listed(found: CommunityEquity) -> list[float]:
    return [float(value[0]) for value in found]


def stacked(values: list[list[list[float]]]) -> FloatArray:
    """Equity of an arm: communities, policies, fields of ``CommunityEquity`` [S, W, 4]; what is paid in currency."""
    table = np.array(values, dtype=np.float64)
    table[..., _MONEY] /= 1e9
    return table
