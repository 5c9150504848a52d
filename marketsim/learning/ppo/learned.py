"""What was learned, from a checkpoint: policies that act without torch, which only reads their file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from marketsim.core.game import Layout
from marketsim.learning.extra import need_torch
from marketsim.learning.ppo.policy import FrozenPolicy


class CheckpointPolicy(NamedTuple):
    """What a checkpoint says about acting."""

    policy: FrozenPolicy
    layout: Layout
    """Whose policies they are, and what they see in natural units."""
    scenario_hash: str
    """Of the scenario that they were trained on."""


def load_policy(path: Path) -> CheckpointPolicy:
    """Frozen policies from a checkpoint; CheckpointError where it cannot be read, MissingDependency without torch."""
    need_torch("A learned policy")
    from marketsim.learning.ppo.checkpoint import load

    found = load(path)
    return CheckpointPolicy(found.policy(), found.layout, found.scenario_hash)
