"""Policies that were trained, as a strategy of any scenario."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from marketsim.agents.game.actions import ActionLevels, Player, has_stores
from marketsim.agents.game.features import Look, Scaling, unknown_features
from marketsim.agents.params import LearnedParams
from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import CheckpointError, Problem
from marketsim.core.game import MARKET, Layout
from marketsim.core.learner import NumberPolicy, Policy, Trained
from marketsim.core.records import Decisions, Observations


class LearnedStrategy(Player):
    """Acts by trained policies. Sees what they saw in training, own forecasts included."""

    def __init__(
        self,
        policy: Policy,
        layout: Layout,
        whose: IntArray,
        space: ActionLevels,
        context: BuildContext,
        *,
        sampled: bool,
    ) -> None:
        super().__init__(space, context)
        self._policy, self._whose, self._sampled = policy, whose, sampled
        self._scaling = Scaling(layout.features, layout.offset, layout.factor).of(whose)
        more = ("time", "last_price_ticks", "last_fill", "last_refused", "voltage_pu", "forecast")
        self.sees = tuple(dict.fromkeys((*self.sees, *more, *(("keys",) if sampled else ()))))

    def decide(self, seen: Observations) -> Decisions:
        """Act on what is seen."""
        features = self._scaling(Look(seen))
        self.hand.put(self._policy.act(features, self._whose, seen.keys if self._sampled else None))
        return super().decide(seen)


def market_strategy(path: Path, trained: Trained, params: LearnedParams, context: BuildContext) -> LearnedStrategy:
    """Policies of choices for the agents of ``context``; CheckpointError where they mean nothing in this market."""
    policy, layout = trained.policy, trained.layout
    if isinstance(policy, NumberPolicy):
        raise AssertionError("policies of numbers are no strategy of the market")
    demand_of_market(path, layout)
    demand_features(path, unknown_features(layout.features))
    if params.reactive != "learned":
        hint = "leave reactive out"
        raise refused(path, "these policies ask nothing of inverters that could be left out", params.reactive, hint)
    whose = whose_policies(path, layout.agents, params, context)
    heads = policy.heads
    if not 2 <= len(heads) <= 3:
        message = f"these policies choose among {len(heads)} heads, and the market has price, quantity and, for stores, charge"
        raise refused(path, message, hint="train the market by learning: {game: market}")
    if has_stores(context) and len(heads) < 3:
        hint = "train with agents that have a store, or leave theirs out"
        raise refused(path, "these policies were trained without stores, and cannot run one", hint=hint)
    space = ActionLevels(heads[0], heads[1], heads[2] if len(heads) > 2 else 0)
    return LearnedStrategy(policy, layout, whose, space, context, sampled=params.actions == "sampled")


def demand_of_market(path: Path, layout: Layout) -> None:
    """CheckpointError for policies of another game than the market, whose actions mean nothing there."""
    if layout.game not in (MARKET, ""):
        message = f"these policies were trained in the game {layout.game}, and a strategy acts in the market"
        raise refused(path, message, hint="name a checkpoint that was trained with learning: {game: market}")


def whose_policies(path: Path, known: Sequence[str], params: LearnedParams, context: BuildContext) -> IntArray:
    """Position in the checkpoint of the policy that acts for each agent [k]."""
    rows = np.arange(context.community.n_agents) if context.rows is None else context.rows
    names = [context.agents[connection].name for connection in context.community.connection[rows].tolist()]
    return places_of(path, known, names if params.policy is None else [params.policy] * len(names))


def places_of(path: Path, known: Sequence[str], wanted: Sequence[str]) -> IntArray:
    """Positions of the policies called ``wanted`` [k] among those that are ``known``; CheckpointError where one is missing."""
    missing = list(dict.fromkeys(name for name in wanted if name not in known))
    if missing:
        hint = f"it has: {', '.join(known)}; name the one to use by policy"
        raise refused(path, "this checkpoint has no policy for these agents", ", ".join(missing), hint)
    return np.array([known.index(name) for name in wanted], dtype=np.int64)


def demand_features(path: Path, unknown: Sequence[str]) -> None:
    """CheckpointError where policies see features that nobody here knows."""
    if unknown:
        hint = "load it with the version of marketsim that wrote it, or train anew"
        raise refused(path, "these policies see what this version does not know", ", ".join(unknown), hint)


def refused(path: Path, message: str, seen: str = "", hint: str = "") -> CheckpointError:
    """Why a checkpoint cannot be played."""
    return CheckpointError([Problem(message, file=str(path), value=seen, hint=hint)])
