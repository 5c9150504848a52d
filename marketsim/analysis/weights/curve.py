"""How policies answer to what they see of a member, beside the rule ``feedback``: what is learned is explained by its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.learned_weights import BOUND, CHANGES, FACTORS, WIDEST
from marketsim.core.learner import Policy
from marketsim.core.weight_params import MemberWeightsParams

BURDENS: Final = (-1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0)
"""(b - mean b) / mean |b| of a member."""
ACCESSES: Final = (-0.3, 0.0, 0.3)
"""(a - mean a) / mean a of a member."""
_DAYS: Final = 60
"""In which a weight settles."""


class WeightAnswer(NamedTuple):
    """What becomes of the weight of a member of mean income."""

    burden: float
    access: float
    rule: float
    """Logarithm of the weight by ``feedback``."""
    change: float
    """Of the logarithm in a day, by the policy, from the mean weight on; mean over policies."""
    settled: float
    """Logarithm of the weight that it comes to in 60 days of the same burden and access; mean over policies."""


def response_curve(policies: Sequence[Policy]) -> tuple[WeightAnswer, ...]:
    """A row for each burden and access; mean over policies."""
    grid = np.array([(burden, access) for burden in BURDENS for access in ACCESSES])
    rule = MemberWeightsParams()
    by_rule = np.clip(rule.burden_gain * grid[:, 0] - rule.access_gain * grid[:, 1], -WIDEST, WIDEST)
    changes = np.mean([_change(policy, grid, np.zeros(len(grid))) for policy in policies], axis=0)
    settled = np.mean([_settled(policy, grid) for policy in policies], axis=0)
    return tuple(WeightAnswer(*row) for row in np.column_stack((grid, by_rule, changes, settled)).tolist())


def _change(policy: Policy, grid: FloatArray, log_weights: FloatArray) -> FloatArray:
    seen = np.column_stack((grid, np.zeros(len(grid)), log_weights)) * FACTORS
    choices = policy.act(np.clip(seen, -BOUND, BOUND).astype(np.float32), np.zeros(len(grid), dtype=np.int64), None)
    return np.asarray(np.array(CHANGES)[choices[:, 0]])


def _settled(policy: Policy, grid: FloatArray) -> FloatArray:
    log_weights = np.zeros(len(grid))
    for _ in range(_DAYS):
        log_weights = np.clip(log_weights + _change(policy, grid, log_weights), -WIDEST, WIDEST)
    return log_weights
