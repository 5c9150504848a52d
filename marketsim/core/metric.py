"""What measures a run: named KPIs, observed slot by slot in constant memory.

A metric reads the record of each slot and the record of the same slot in the reference run (same inputs, everybody
trades with the utility only), if there is one. What is undefined is None, never 0, 1 or NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias

import numpy as np

from marketsim.core.arrays import BoolArray
from marketsim.core.records import SlotRecord

Value: TypeAlias = float | int | str | None
LARGEST: Final = 1e300
"""Of a number that a run folder holds: sums and percentages of such are numbers, too."""
LONGEST: Final = 10_000
"""Letters of a text that a run folder holds."""


class Kpi(NamedTuple):
    """A named quantity: a key of the summary, or a column of the table of slots."""

    name: str
    unit: str
    """``kWh``, ``currency``, ``-`` for shares and scores, ..."""
    text: str
    """Definition in one or two sentences."""
    kind: type[float] | type[int] | type[str] = float
    """Type of the value where it is defined."""


def grid_only(kpi: Kpi) -> Kpi:
    """The same of the reference run."""
    return Kpi(f"{kpi.name}_grid_only", kpi.unit, f"{kpi.name} in the reference run.", kpi.kind)


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


def fleet_flags(stores: Sequence[bool], record: SlotRecord) -> BoolArray:
    """Which fleets give back what they draw, as an array; ValueError unless there is one flag a fleet of the record."""
    if len(stores) != len(record.energy.device_wh):
        raise ValueError(
            f"{len(stores)} flags for {len(record.energy.device_wh)} fleets: build it with BuildContext.fleets"
        )
    return np.array(stores, dtype=bool)
