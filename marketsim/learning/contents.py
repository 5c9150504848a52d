"""What the contents of a checkpoint may be, whoever wrote it: kinds, shapes, finite numbers, and the layout of what is seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from marketsim.core.game import MARKET, Layout

TENSOR, MAPPING, TEXT, COUNT = "a tensor", "a mapping", "a text", "a whole number"
LAYOUT: Final[Mapping[str, str]] = {
    "agents": "a list of texts",
    "features": "a list of texts",
    "offset": TENSOR,
    "factor": TENSOR,
    "bound": "a number",
}
MOST: Final = 10**9
"""Of anything that is counted in a game."""
_LONGEST_TEXT: Final = 100_000
_LARGEST: Final = 2**63


def demand(found: Mapping[Any, Any], wanted: Mapping[str, str], before: str) -> None:
    """ValueError with what is wrong where something is missing, is more than there should be, or of another type."""
    missing, strange = [name for name in wanted if name not in found], [name for name in found if name not in wanted]
    if missing:
        raise ValueError(f"{before}{missing[0]} is missing")
    if strange:
        raise ValueError(f"{before}{str(strange[0])[:80]} is nothing that a checkpoint has")
    for name, kind in wanted.items():
        if not is_kind(found[name], kind):
            raise ValueError(f"{before}{name} is not {kind} but {type(found[name]).__name__}")


def is_kind(value: object, kind: str) -> bool:
    """Whether a value is of a kind that checkpoints have."""
    if kind == TENSOR:
        return (
            type(value) is torch.Tensor
            and value.layout == torch.strided
            and value.device.type == "cpu"
            and value.is_contiguous()
            and not value.requires_grad
        )
    if kind == TEXT:
        return isinstance(value, str) and len(value) <= _LONGEST_TEXT
    if kind == MAPPING:
        return type(value) is dict
    if kind == "a list of texts":
        return isinstance(value, list) and all(isinstance(each, str) and len(each) <= 1_000 for each in value)
    if kind == "a list of whole numbers":
        return isinstance(value, list) and all(is_kind(each, COUNT) for each in value)
    if kind == "a number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST


def demand_tensor(
    tensor: torch.Tensor, name: str, kind: torch.dtype, shape: tuple[int, ...], lowest: float | None = None
) -> None:
    """ValueError unless a tensor is of this type and shape, finite, and nowhere below ``lowest``."""
    if tensor.dtype != kind or tuple(tensor.shape) != shape:
        found = f"{tensor.dtype} of shape {tuple(tensor.shape)}"
        raise ValueError(f"{name} is {found}, where the networks need {kind} of shape {shape}")
    if not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"{name} has numbers that are not finite")
    if lowest is not None and bool((tensor < lowest).any()):
        raise ValueError(f"{name} has numbers below {lowest:g}")


def demand_game(shape: Mapping[str, Any], layout: Mapping[str, Any], memory: Mapping[str, Any]) -> None:
    """ValueError where sizes are none, a layout does not fit them, or a memory has what is no number."""
    for name in ("n_markets", "n_agents", "n_features", "slots", "n_state"):
        if not (0 if name == "n_state" else 1) <= shape[name] <= MOST:
            raise ValueError(f"shape.{name} is {shape[name]}")
    agents, features = shape["n_agents"], shape["n_features"]
    if len(layout["agents"]) != agents or len(set(layout["agents"])) < agents or len(layout["features"]) != features:
        raise ValueError("layout names other agents or features than the shape counts")
    if not (math.isfinite(layout["bound"]) and layout["bound"] > 0):
        raise ValueError("layout.bound is no positive number")
    for name in ("offset", "factor"):
        demand_tensor(layout[name], f"layout.{name}", torch.float64, (agents, features))
    for name, tensor in memory.items():
        if tensor.dtype not in (torch.float32, torch.float64) or not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"memory.{name} has what is no number")


def demand_named(layout: Mapping[str, Any], memory: Mapping[str, Any]) -> None:
    """ValueError where a layout or a memory has other parts, or parts of other kinds."""
    demand(layout, {**LAYOUT, "game": TEXT} if "game" in layout else LAYOUT, "layout.")
    if len(memory) > 100 or not all(isinstance(name, str) and len(name) <= 200 for name in memory):
        raise ValueError("memory has names that are none")
    demand(memory, dict.fromkeys(memory, TENSOR), "memory.")


def of_layout(layout: Layout) -> dict[str, Any]:
    """A layout as a checkpoint keeps it."""
    named = {} if layout.game == MARKET else {"game": layout.game}
    return {
        "agents": list(layout.agents),
        "features": list(layout.features),
        "offset": torch.tensor(layout.offset),
        "factor": torch.tensor(layout.factor),
        "bound": layout.bound,
        **named,  # what says nothing is of the market, as all were once
    }


def layout_of(content: Mapping[str, Any]) -> Layout:
    """The layout that a checkpoint keeps."""
    return Layout(
        agents=tuple(content["agents"]),
        features=tuple(content["features"]),
        offset=content["offset"].numpy(),
        factor=content["factor"].numpy(),
        bound=content["bound"],
        game=content.get("game", MARKET),
    )


def of_memory(memory: Mapping[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
    """What a game's rewards remember, as a checkpoint keeps it."""
    return {name: torch.tensor(np.asarray(values)) for name, values in memory.items()}
