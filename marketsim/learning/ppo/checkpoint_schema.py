"""What the contents of a checkpoint have to be: types, shapes and finite numbers that fit one another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import torch

from marketsim.core.files import strict_json
from marketsim.learning.contents import (
    COUNT,
    MAPPING,
    MOST,
    TENSOR,
    TEXT,
    demand,
    demand_game,
    demand_named,
    demand_tensor,
)
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo.networks import layers_of
from marketsim.learning.ppo.scales import Moments, RunningMoments
from marketsim.learning.ppo.shape import PolicyShape

_KINDS: Final[Mapping[str, str]] = {
    "format": TEXT,
    "version": COUNT,
    "params": TEXT,
    "shape": MAPPING,
    "layout": MAPPING,
    "scenario_hash": TEXT,
    **dict.fromkeys(("seed", "episode", "updates", "agent_steps"), COUNT),
    **{f"adam.{name}": TENSOR for name in ("weights", "mean", "square", "steps")},
    **{f"scales.{name}.{part}": TENSOR for name in RunningMoments._fields for part in Moments._fields},
    "memory": MAPPING,
    "sha256": TEXT,
}
_SHAPE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("n_markets", "n_agents", "n_features", "n_state", "slots"), COUNT),
    "heads": "a list of whole numbers",
    "used": TENSOR,
}
_MOST_LOGITS: Final = 10**8
"""Of all agents together."""


def demand_kinds(content: Mapping[str, Any]) -> None:
    """ValueError with what is wrong where something is missing, is more than there should be, or of another type."""
    demand(content, _KINDS, "")
    demand(content["shape"], _SHAPE, "shape.")
    demand_named(content["layout"], content["memory"])


def params_of(content: Mapping[str, Any]) -> LearnerParams:
    """The learner's parameters; ValueError where they are none."""
    return LearnerParams.model_validate(strict_json(content["params"]), strict=False)


def demand_fitting(content: Mapping[str, Any], params: LearnerParams) -> None:
    """ValueError with what is wrong where shapes do not fit one another, or numbers are none."""
    shape = content["shape"]
    demand_game(shape, content["layout"], content["memory"])
    _demand_counts(content)
    agents, features, state = shape["n_agents"], shape["n_features"], shape["n_state"]
    rows, width = _weights(PolicyShape(**{**shape, "heads": tuple(shape["heads"])}), params)
    for name, lowest in (("weights", None), ("mean", None), ("square", 0.0)):
        demand_tensor(content[f"adam.{name}"], f"adam.{name}", torch.float32, (rows, width), lowest)
    demand_tensor(content["adam.steps"], "adam.steps", torch.float32, (rows, 1), 0.0)
    for name, size in (("seen", (agents, features)), ("state", (state,)), ("returns", (agents,))):
        demand_tensor(content[f"scales.{name}.number"], f"scales.{name}.number", torch.float64, (), 0.0)
        demand_tensor(content[f"scales.{name}.mean"], f"scales.{name}.mean", torch.float64, size)
        demand_tensor(content[f"scales.{name}.variance"], f"scales.{name}.variance", torch.float64, size, 0.0)


def _demand_counts(content: Mapping[str, Any]) -> None:
    shape = content["shape"]
    for name in ("episode", "updates", "agent_steps"):
        if content[name] < 0:
            raise ValueError(f"{name} is {content[name]}")
    heads, used = shape["heads"], shape["used"]
    if not 1 <= len(heads) <= 16 or not all(1 <= size <= MOST for size in heads):
        raise ValueError("shape.heads are none that an action has")
    if used.dtype != torch.bool or tuple(used.shape) != (shape["n_agents"], len(heads)):
        raise ValueError("shape.used does not fit agents and heads")


def _weights(shape: PolicyShape, params: LearnerParams) -> tuple[int, int]:
    """Rows and columns of the weights of the networks that shape and parameters describe, without making them."""
    logits = math.prod(shape.heads) if params.joint_head else sum(shape.heads)
    if logits * shape.n_agents > _MOST_LOGITS:
        raise ValueError(f"shape.heads give {logits} choices to each of {shape.n_agents} agents")
    rows = shape.n_agents if params.policies == "independent" else 1
    return rows, sum(net.n_parameters for net in layers_of(shape, params, logits))
