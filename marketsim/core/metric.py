"""What measures a run: named KPIs, observed slot by slot in constant memory.

A metric reads the record of each slot and the record of the same slot in the reference run (same inputs, everybody
trades with the utility only), if there is one. What is undefined is None, never 0, 1 or NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.records import SlotRecord

Value: TypeAlias = float | int | str | None


class Kpi(NamedTuple):
    """A named quantity: a key of the summary, or a column of the table of slots."""

    name: str
    unit: str
    """``kWh``, ``currency``, ``-`` for shares and scores, ..."""
    text: str
    """Definition in one or two sentences."""
    kind: type[float] | type[int] | type[str] = float
    """Type of the value where it is defined."""


class Metric(Protocol):
    """Measures a run; O(1) memory in slots."""

    @property
    def definitions(self) -> tuple[Kpi, ...]:
        """The keys of ``summary``, in order."""
        ...

    @property
    def columns(self) -> tuple[Kpi, ...]:
        """The keys of what ``observe`` returns, in order."""
        ...

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:
        """Take in the next slot; returns the slot's row, summed or averaged over its markets."""
        ...

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        ...


def defined(value: float) -> float | None:
    """The value, or None where it is NaN or infinite."""
    return float(value) if math.isfinite(value) else None


def ratio(part: float, whole: float) -> float | None:
    """``part / whole``; None where ``whole`` is zero."""
    return part / whole if whole else None


class Totals:
    """Running sums of named integers; Python integers, since a run may exceed int64."""

    def __init__(self) -> None:
        self._total: dict[str, int] = {}

    def add(self, amounts: Mapping[str, int]) -> None:
        """Add the amounts of a slot."""
        for name, amount in amounts.items():
            self._total[name] = self._total.get(name, 0) + amount

    def __getitem__(self, name: str) -> int:
        return self._total.get(name, 0)


def final_consumption_wh(record: SlotRecord, stores: Sequence[bool]) -> IntArray:
    """Load and what devices drew for good (EV, heat; not what a store gives back) of each agent [Wh] [n_agents]."""
    users = [fleet for fleet, is_store in enumerate(stores) if not is_store]
    if not users:
        return record.inputs.load_wh
    drawn = np.minimum(record.energy.device_wh[users], 0).sum(axis=0)
    return np.asarray(record.inputs.load_wh - drawn)
