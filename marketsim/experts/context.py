"""What is known when an expert is built."""

from __future__ import annotations

from dataclasses import dataclass

from marketsim.core.expert import PlannedGrid
from marketsim.experts.model import ProsumerModel


@dataclass(frozen=True, slots=True)
class ExpertContext:
    """Everything that an expert gets to know beside its parameters."""

    names: tuple[str, ...]
    """Of the agents that are planned [n]."""
    models: tuple[ProsumerModel, ...]
    """What each of them has [n]."""
    slot_hours: float
    """Length of a slot [h]."""
    slots_per_day: int
    grid: PlannedGrid | None = None
    """None without a feeder."""
