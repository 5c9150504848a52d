"""What the contents of a checkpoint have to be: types, shapes and finite numbers that fit one another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import torch

from marketsim.core.files import strict_json
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo.networks import layers_of
from marketsim.learning.ppo.scales import Moments, RunningMoments
from marketsim.learning.ppo.shape import PolicyShape

_TENSOR, _MAPPING, _TEXT, _COUNT = "a tensor", "a mapping", "a text", "a whole number"
_KINDS: Final[Mapping[str, str]] = {
    "format": _TEXT,
    "version": _COUNT,
    "params": _TEXT,
    "shape": _MAPPING,
    "layout": _MAPPING,
    "scenario_hash": _TEXT,
    **dict.fromkeys(("seed", "episode", "updates", "agent_steps"), _COUNT),
    **{f"adam.{name}": _TENSOR for name in ("weights", "mean", "square", "steps")},
    **{f"scales.{name}.{part}": _TENSOR for name in RunningMoments._fields for part in Moments._fields},
    "memory": _MAPPING,
    "sha256": _TEXT,
}
_SHAPE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("n_markets", "n_agents", "n_features", "n_state", "slots"), _COUNT),
    "heads": "a list of whole numbers",
    "used": _TENSOR,
}
_LAYOUT: Final[Mapping[str, str]] = {
    "agents": "a list of texts",
    "features": "a list of texts",
    "offset": _TENSOR,
    "factor": _TENSOR,
    "bound": "a number",
}
_LONGEST_TEXT: Final = 100_000
_MOST: Final = 10**9
"""Of anything that is counted in a game."""
_MOST_LOGITS: Final = 10**8
"""Of all agents together."""
_LARGEST: Final = 2**63


def demand_kinds(content: Mapping[str, Any]) -> None:
    """ValueError with what is wrong where something is missing, is more than there should be, or of another type."""
    _demand(content, _KINDS, "")
    _demand(content["shape"], _SHAPE, "shape.")
    layout = content["layout"]
    _demand(layout, {**_LAYOUT, "game": _TEXT} if "game" in layout else _LAYOUT, "layout.")
    memory = content["memory"]
    if len(memory) > 100 or not all(isinstance(name, str) and len(name) <= 200 for name in memory):
        raise ValueError("memory has names that are none")
    _demand(memory, dict.fromkeys(memory, _TENSOR), "memory.")


def _demand(found: Mapping[Any, Any], wanted: Mapping[str, str], before: str) -> None:
    missing, strange = [name for name in wanted if name not in found], [name for name in found if name not in wanted]
    if missing:
        raise ValueError(f"{before}{missing[0]} is missing")
    if strange:
        raise ValueError(f"{before}{str(strange[0])[:80]} is nothing that a checkpoint has")
    for name, kind in wanted.items():
        if not _is(found[name], kind):
            raise ValueError(f"{before}{name} is not {kind} but {type(found[name]).__name__}")


def _is(value: object, kind: str) -> bool:
    if kind == _TENSOR:
        return (
            type(value) is torch.Tensor
            and value.layout == torch.strided
            and value.device.type == "cpu"
            and value.is_contiguous()
            and not value.requires_grad
        )
    if kind == _TEXT:
        return isinstance(value, str) and len(value) <= _LONGEST_TEXT
    if kind == _MAPPING:
        return type(value) is dict
    if kind == "a list of texts":
        return isinstance(value, list) and all(isinstance(each, str) and len(each) <= 1_000 for each in value)
    if kind == "a list of whole numbers":
        return isinstance(value, list) and all(_is(each, _COUNT) for each in value)
    if kind == "a number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST


def params_of(content: Mapping[str, Any]) -> LearnerParams:
    """The learner's parameters; ValueError where they are none."""
    return LearnerParams.model_validate(strict_json(content["params"]), strict=False)


def demand_fitting(content: Mapping[str, Any], params: LearnerParams) -> None:
    """ValueError with what is wrong where shapes do not fit one another, or numbers are none."""
    _demand_sizes(content)
    shape, layout = content["shape"], content["layout"]
    agents, features, state = shape["n_agents"], shape["n_features"], shape["n_state"]
    if len(layout["agents"]) != agents or len(set(layout["agents"])) < agents or len(layout["features"]) != features:
        raise ValueError("layout names other agents or features than the shape counts")
    if not (math.isfinite(layout["bound"]) and layout["bound"] > 0):
        raise ValueError("layout.bound is no positive number")
    for name in ("offset", "factor"):
        _demand_tensor(layout[name], f"layout.{name}", torch.float64, (agents, features))
    rows, width = _weights(PolicyShape(**{**shape, "heads": tuple(shape["heads"])}), params)
    for name, lowest in (("weights", None), ("mean", None), ("square", 0.0)):
        _demand_tensor(content[f"adam.{name}"], f"adam.{name}", torch.float32, (rows, width), lowest)
    _demand_tensor(content["adam.steps"], "adam.steps", torch.float32, (rows, 1), 0.0)
    for name, size in (("seen", (agents, features)), ("state", (state,)), ("returns", (agents,))):
        _demand_tensor(content[f"scales.{name}.number"], f"scales.{name}.number", torch.float64, (), 0.0)
        _demand_tensor(content[f"scales.{name}.mean"], f"scales.{name}.mean", torch.float64, size)
        _demand_tensor(content[f"scales.{name}.variance"], f"scales.{name}.variance", torch.float64, size, 0.0)
    for name, tensor in content["memory"].items():
        if tensor.dtype not in (torch.float32, torch.float64) or not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"memory.{name} has what is no number")


def _demand_sizes(content: Mapping[str, Any]) -> None:
    shape = content["shape"]
    for name in ("n_markets", "n_agents", "n_features", "slots", "n_state"):
        if not (0 if name == "n_state" else 1) <= shape[name] <= _MOST:
            raise ValueError(f"shape.{name} is {shape[name]}")
    for name in ("episode", "updates", "agent_steps"):
        if content[name] < 0:
            raise ValueError(f"{name} is {content[name]}")
    heads, used = shape["heads"], shape["used"]
    if not 1 <= len(heads) <= 16 or not all(1 <= size <= _MOST for size in heads):
        raise ValueError("shape.heads are none that an action has")
    if used.dtype != torch.bool or tuple(used.shape) != (shape["n_agents"], len(heads)):
        raise ValueError("shape.used does not fit agents and heads")


def _weights(shape: PolicyShape, params: LearnerParams) -> tuple[int, int]:
    """Rows and columns of the weights of the networks that shape and parameters describe, without making them."""
    logits = math.prod(shape.heads) if params.joint_head else sum(shape.heads)
    if logits * shape.n_agents > _MOST_LOGITS:
        raise ValueError(f"shape.heads give {logits} choices to each of {shape.n_agents} agents")
    rows = 1 if params.policies == "shared" else shape.n_agents
    return rows, sum(net.n_parameters for net in layers_of(shape, params, logits))


def _demand_tensor(
    tensor: torch.Tensor, name: str, kind: torch.dtype, shape: tuple[int, ...], lowest: float | None = None
) -> None:
    if tensor.dtype != kind or tuple(tensor.shape) != shape:
        found = f"{tensor.dtype} of shape {tuple(tensor.shape)}"
        raise ValueError(f"{name} is {found}, where the networks need {kind} of shape {shape}")
    if not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"{name} has numbers that are not finite")
    if lowest is not None and bool((tensor < lowest).any()):
        raise ValueError(f"{name} has numbers below {lowest:g}")
