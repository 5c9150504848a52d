"""Port of whoever says what an expert would do in a state that is visited; made of a scenario's expert by who joins all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from marketsim.core.arrays import FloatArray
from marketsim.core.clock import SlotTime
from marketsim.core.setpoints import Setpoints


class Visited(NamedTuple):
    """A state of the players in all markets, each [M, A]."""

    load_kw: FloatArray
    """Of the slot, the curtailable share included."""
    pv_kw: FloatArray
    """Available in the slot."""
    stored_kwh: FloatArray
    """In each battery, counted from empty; 0 without one."""
    generator_kw: FloatArray
    """Of the last slot; 0 without one."""


class Guide(Protocol):
    """What an expert would do, by a plan of the day that is made once."""

    def begin(self, times: Sequence[SlotTime]) -> None:
        """A day begins: its slots."""
        ...

    def setpoints(self, slot: int, visited: Visited) -> Setpoints:
        """What the expert would set in a slot of the day, counted from 0, in the state that is visited [M, A]."""
        ...
