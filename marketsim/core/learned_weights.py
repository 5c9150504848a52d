"""Weights of members that a policy sets: each day it changes the logarithm of each member's weight by what it sees of it.

One policy acts for all members, and does not know for whom: so it acts in any community. What it sees are burden and access to
local energy against those of the others, income, and the weight that it has; the same in the game that it learns from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.equity import burdens
from marketsim.core.errors import CheckpointError, Problem
from marketsim.core.game import Features
from marketsim.core.learner import NumberPolicy, Policy, Trained
from marketsim.core.standing import MemberStanding, local_share
from marketsim.core.weight_params import LearnedWeightsParams

WIDEST: Final = 8.0
"""Largest logarithm of a weight over the mean of its market."""
GAME: Final = "equity"
"""What scenarios call the game that such policies are trained in."""
CHANGES: Final[tuple[float, ...]] = (-0.5, -0.1, 0.0, 0.1, 0.5)
"""What a policy may do to the logarithm of a weight in a day."""
NAMES: Final = ("burden", "access", "income", "weight")
"""What it sees of a member: (b - mean b) / mean |b|, the same of a, ln(mean income / income), and the logarithm of its weight."""
FACTORS: Final[FloatArray] = np.array((1.0, 1.0, 1.0, 0.25))
"""Of what is seen, so that it is about [-1, 1]."""
BOUND: Final = 3.0
"""Largest size of anything that is seen, scaled."""


def apart(values: FloatArray) -> FloatArray:
    """Of each last axis the distance from its mean over its mean size; 0 for what is unknown, and where all are 0."""
    known = np.isfinite(values)
    held = np.where(known, values, 0.0)
    count = np.maximum(known.sum(axis=-1, keepdims=True), 1)
    mean = held.sum(axis=-1, keepdims=True) / count
    size = np.abs(held).sum(axis=-1, keepdims=True) / count
    return np.asarray(np.divide(held - mean, size, out=np.zeros(held.shape), where=known & (size > 0.0)))


def looks(standing: MemberStanding, income: FloatArray, log_weights: FloatArray, rows: IntArray) -> Features:
    """What policies see of the members at ``rows`` [M, A] of the flat axis; ``income``, ``log_weights`` [M, A] -> [M, A, 4]."""
    burden = np.zeros(rows.shape)
    if standing.hours > 0.0:
        burden = burdens(standing.paid_money[rows].astype(np.float64), income, standing.hours)
    access = local_share(standing.used_wh, standing.imported_wh)[rows]
    poorer = np.log(income.mean(axis=-1, keepdims=True) / income)
    seen = np.stack((apart(burden), apart(access), poorer, log_weights), axis=-1)
    return np.clip(seen * FACTORS, -BOUND, BOUND).astype(np.float32)


def moved(log_weights: FloatArray, choices: IntArray) -> FloatArray:
    """Logarithms of weights [M, A] after what was chosen of ``CHANGES`` [M, A]: about a mean of 0, which changes nothing."""
    changed = log_weights + np.array(CHANGES)[choices]
    return np.asarray(np.clip(changed - changed.mean(axis=-1, keepdims=True), -WIDEST, WIDEST))


class LearnedWeights:
    """Port ``core.member_weights.WeightRule``: the weights of a day are those of the day before, moved by a policy."""

    def __init__(self, policy: Policy, income: FloatArray, rows: IntArray, log_weights: FloatArray) -> None:
        """``income`` of all agents [n_agents], NaN for assets; ``rows`` of members and ``log_weights`` before the day [M, A]."""
        self._policy, self._income, self._rows, self._log_weights = policy, income, rows, log_weights

    def of_day(self, standing: MemberStanding) -> tuple[FloatArray, LearnedWeights]:
        """The most probable choice for each member."""
        weights = np.ones(len(self._income))
        if not self._rows.size:
            return weights, self
        seen = looks(standing, self._income[self._rows], self._log_weights, self._rows)
        anybody = np.zeros(self._rows.size, dtype=np.int64)
        choices = self._policy.act(seen.reshape(-1, len(NAMES)), anybody, None)[:, 0]
        after = moved(self._log_weights, choices.reshape(self._rows.shape))
        weights[self._rows] = np.exp(after)
        return weights, LearnedWeights(self._policy, self._income, self._rows, after)


def learned_weights(
    params: LearnedWeightsParams, context: BuildContext, income: FloatArray, rows: IntArray
) -> LearnedWeights:
    """Weights by the policy of a checkpoint; CheckpointError where it cannot be read, or sets something else."""
    path = context.fence.file(params.checkpoint, CheckpointError, "the checkpoint")
    if context.policies is None:
        raise ValueError("weights by trained policies are built with BuildContext.policies, which loads them")
    return LearnedWeights(policy_of_weights(path, context.policies(path)), income, rows, np.zeros(rows.shape))


def policy_of_weights(path: Path, trained: Trained) -> Policy:
    """The policy of a checkpoint that sets weights; CheckpointError where it sets something else, or sees something else."""
    policy, layout = trained.policy, trained.layout
    hint = "train one by learning: {game: equity, learner: {ppo: {policies: alike}}}"
    if isinstance(policy, NumberPolicy) or layout.game != GAME:
        said = (
            f"these policies were trained in the game {layout.game or 'market'}, and weights are set by those of {GAME}"
        )
        raise CheckpointError([Problem(said, file=str(path), hint=hint)])
    if tuple(layout.features) != NAMES or policy.heads != (len(CHANGES),):
        said = "these policies do not see or choose what this version knows of weights"
        raise CheckpointError([Problem(said, file=str(path), hint="train them anew")])
    return policy
