"""The game of weights: a step is a day of M communities, an action what becomes of each member's weight.

Days come from slots that were played once (``games.equity.days``). An episode depends on scenario, seed and number alone.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.game import Actions, Categorical, Features, Layout, Memoryless, Shape, Step
from marketsim.core.learned_weights import BOUND, CHANGES, FACTORS, GAME, NAMES, looks, moved
from marketsim.core.member_weights import incomes_by_row, member_rows
from marketsim.core.standing import MemberStanding
from marketsim.games.context import GameContext
from marketsim.games.episodes import EpisodeDays
from marketsim.games.equity.days import CommunityDays, played_days
from marketsim.games.equity.measures import CommunityEquity, equity_of
from marketsim.games.equity.params import EquityGameParams

REWARDS = ("burden", "access", "cost")
"""Parts of the reward: how much lower the Gini coefficients of burdens and access are than under equal weights, and the cost."""
SCORES = ("burden_gini", "burden_gini_equal", "burden_worst", "access_gini")
"""What is told of a day, of all days of the episode so far."""


class EquityGame(Memoryless):
    """Implements ``core.game.Game`` on days that are played again; made by ``build``."""

    def __init__(self, game: EquityGameParams, context: GameContext, days: CommunityDays) -> None:
        self._game, self.days = game, days
        self.incomes, self.market = incomes_by_row(context), context.community.market
        """Of all agents [currency a month], NaN for shared assets; and their markets [n_agents]."""
        self.rows = member_rows(self.incomes, self.market)
        """Of the members [M, A]."""
        self._income = self.incomes[self.rows]
        self._names = tuple(agent.name for agent in context.agents if agent.owners is None)
        self._length = len(days) if game.days is None else game.days
        self._first = EpisodeDays(1, context.clock, context.seed, draws_days=False).first
        self._equal = np.ones(days.n_agents)

    @property
    def shape(self) -> Shape:
        """Sizes and names of the game."""
        markets, members = self.rows.shape
        return Shape(
            n_markets=markets,
            n_agents=members,
            n_features=len(NAMES),
            n_state=len(NAMES) * members,
            actions=Categorical((len(CHANGES),), np.ones((members, 1), dtype=np.bool_)),
            slots=self._length,
            rewards=REWARDS,
            scores=SCORES,
        )

    @property
    def layout(self) -> Layout:
        """Whose game it is, and what its features mean."""
        members = len(self._names)
        factors = np.tile(FACTORS, (members, 1))
        return Layout(self._names, NAMES, np.zeros(factors.shape), factors, BOUND, GAME)

    def reset(self, episode: int) -> tuple[Features, Features]:
        """Begin an episode: nobody has paid anything, and all weights are the same."""
        self._day, self._step = self._first(episode), 0
        self._standing = self._control = MemberStanding.nothing(self.days.n_agents)
        self._log_weights: FloatArray = np.zeros(self.rows.shape)
        return self._look()

    def step(self, actions: Actions) -> Step:
        """Play a day."""
        if self._step >= self._length:
            raise AssertionError("an episode is begun by reset, and ends after its days")
        self._log_weights = moved(self._log_weights, np.asarray(actions)[..., 0])
        weights = self._equal.copy()
        weights[self.rows] = np.exp(self._log_weights)
        day = (self._day + self._step) % len(self.days)
        self._standing = self.days.after(day, weights, self._standing)
        self._control = self.days.after(day, self._equal, self._control)
        self._step += 1
        parts = self._parts()
        reward = parts["burden"] + parts["access"] + parts["cost"]
        return Step(*self._look(), reward, parts, self._step == self._length)

    def _parts(self) -> dict[str, FloatArray]:
        game, ours, theirs = self._game, self._of(self._standing), self._of(self._control)
        size = np.maximum(np.abs(theirs.paid), 1.0)
        of_market = {
            "burden": game.burden_price * (theirs.burden_gini - ours.burden_gini),
            "access": game.access_price * (theirs.access_gini - ours.access_gini),
            "cost": game.cost_price * (theirs.paid - ours.paid) / size,
        }
        return {
            **{name: np.repeat(part[:, None], self.rows.shape[1], axis=1) for name, part in of_market.items()},
            "burden_gini": ours.burden_gini,
            "burden_gini_equal": theirs.burden_gini,
            "burden_worst": ours.burden_worst,
            "access_gini": ours.access_gini,
        }

    def _of(self, standing: MemberStanding) -> CommunityEquity:
        return equity_of(standing, self._income, self.rows)

    def _look(self) -> tuple[Features, Features]:
        seen = looks(self._standing, self._income, self._log_weights, self.rows)
        return seen, seen.reshape(len(seen), -1)


def build(params: EquityGameParams, context: GameContext) -> EquityGame:
    """Game ``equity``; ScenarioError where the scenario or the learner asks for what cannot be."""
    if not context.needs.alike:
        said = "one policy acts for all members, and does not know for whom"
        hint = "choose learning: {learner: {ppo: {policies: alike}}}"
        raise ScenarioError([Problem(said, "learning.learner", "", hint)])
    members = [agent for agent in context.agents if agent.owners is None]
    without = [agent.name for agent in members if agent.income is None]
    if without or len(members) < 2:
        hint = "give each agent an income a month, such as income: {choice: [1000, 2200, 4500]}"
        raise ScenarioError([Problem("weights are of two members or more, all with an income", "agents", "", hint)])
    return EquityGame(params, context, played_days(context.world))
