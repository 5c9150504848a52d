"""What was learned, from a checkpoint of any of the package's learners: policies that act without torch, which only reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from marketsim.core.game import Layout
from marketsim.learning.extra import need_torch

if TYPE_CHECKING:
    from marketsim.learning.numbers.policy import GaussianPolicy
    from marketsim.learning.ppo.policy import FrozenPolicy


class CheckpointPolicy(NamedTuple):
    """What a checkpoint says about acting."""

    policy: FrozenPolicy | GaussianPolicy
    """Of choices from ``ppo``, of numbers from the others."""
    layout: Layout
    """Whose policies they are, and what they see in natural units."""
    scenario_hash: str
    """Of the scenario that they were trained on."""


def load_policy(path: Path) -> CheckpointPolicy:
    """Frozen policies from a checkpoint; CheckpointError where it cannot be read, MissingDependency without torch."""
    need_torch("A learned policy")
    from marketsim.learning.envelope import read
    from marketsim.learning.ppo.checkpoint import understood as choices

    content = read(path)
    if "learner" not in content:
        found = choices(path, content)
        return CheckpointPolicy(found.policy(), found.layout, found.scenario_hash)
    from marketsim.learning.number_kinds import KINDS, policy_of
    from marketsim.learning.numbers.checkpoint import understood as numbers

    trained = numbers(path, content, KINDS)
    return CheckpointPolicy(policy_of(trained), trained.layout, trained.scenario_hash)
