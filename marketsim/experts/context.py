"""What is known when an expert is built."""

from __future__ import annotations

from dataclasses import dataclass

from marketsim.core.build import OPEN
from marketsim.core.expert import PlannedGrid
from marketsim.core.fence import Fence
from marketsim.experts.inverters import UnaskedInverters
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
    inverters: UnaskedInverters | None = None
    """What inverters do by themselves, where nobody asks them for reactive power; None: it is planned, and asked for."""
    fence: Fence = OPEN
    """Where the files may lie that a scenario names."""
