"""An on-load tap changer at the source: held within a slot, moved between slots by what the last one ended with.

It steps the voltage of the source, as a substation's changer does whose busbar is the feeder's source. The gate of each
position is a gate like any other; this one hands every slot to that of the position it stands at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import NetworkError, Problem
from marketsim.core.metric import Kpi, Value
from marketsim.core.ports import Gate, GateKernel
from marketsim.core.records import Exchange, GridState, SlotRecord
from marketsim.grid.validation import BatchValidator, Summary


class Law(NamedTuple):
    """How a changer moves."""

    target_pu: float
    dead_band_pu: float
    """Whole width of the band in which it rests [p.u.]."""
    step: float
    """Change of the source's voltage a position, as a share."""
    lowest: int
    highest: int
    delay_slots: int
    """Slots in a row outside the dead band, on one side, that it waits through before it moves."""
    node: int = -1
    """Node whose voltage is held; -1: the middle between the lowest and the highest voltage of the feeder."""


class Regulator:
    """Position of a changer; deterministic, one step between two slots at most."""

    def __init__(self, law: Law, start: int) -> None:
        self.law, self.position = law, start
        self._waited, self._side = 0, 0

    def advance(self, v_pu: FloatArray) -> None:
        """Look at the voltages with which a slot ended [n_nodes], and move or wait. Without a solution it rests."""
        off = self._seen(v_pu) - self.law.target_pu
        side = 0 if not abs(off) > self.law.dead_band_pu / 2.0 else int(np.sign(off))
        self._waited = self._waited + 1 if side and side == self._side else int(side != 0)
        self._side = side
        if side and self._waited > self.law.delay_slots:
            self.position = min(max(self.position - side, self.law.lowest), self.law.highest)
            self._waited = self._side = 0

    def _seen(self, v_pu: FloatArray) -> float:
        if self.law.node >= 0:
            return float(v_pu[self.law.node])
        inner = v_pu[1:][np.isfinite(v_pu[1:])]
        return float(inner.min() + inner.max()) / 2.0 if len(inner) else float("nan")


class RegulatedGate:
    """Port ``Gate``: the gate of the position that the changer stands at."""

    def __init__(self, made: Callable[[int], Gate], regulator: Regulator, log: list[int], n_markets: int = 1) -> None:
        """``made`` gives the gate of a position; ``log`` gets the position of every slot. NetworkError for replicas."""
        if n_markets > 1:
            hint = "leave grid.tap_changer out where several markets are simulated side by side"
            raise NetworkError([Problem("a tap changer serves one market", "grid.tap_changer", str(n_markets), hint)])
        self._made, self._regulator, self._log = made, regulator, log
        self._gates: dict[int, Gate] = {}
        self._gate = self._at(regulator.position)
        self.kernel: GateKernel | None = self._gate.kernel
        """Of the present position."""
        self._ended: GridState | None = None

    def _at(self, position: int) -> Gate:
        if position not in self._gates:
            self._gates[position] = self._made(position)
        return self._gates[position]

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> None:
        """Move by what the last slot ended with, then open the slot."""
        if self._ended is not None:
            self._regulator.advance(self._ended.v_pu[0])
        self._gate = self._at(self._regulator.position)
        self.kernel = self._gate.kernel
        self._log.append(self._regulator.position)
        self._gate.open(firm_wh, kvar)

    def admit(self, market: int, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        """See ``core.ports.Gate``."""
        return self._gate.admit(market, source, sink, wh)

    def release(self, market: int, source: int, sink: int, wh: int) -> None:
        """See ``core.ports.Gate``."""
        self._gate.release(market, source, sink, wh)

    def amend(self, delta_wh: IntArray, kvar: FloatArray) -> None:
        """See ``core.ports.Gate``."""
        self._gate.amend(delta_wh, kvar)

    def broken(self) -> BoolArray:
        """See ``core.ports.Gate``."""
        return self._gate.broken()

    def sensitivity(self) -> FloatArray:
        """See ``core.ports.Gate``."""
        return self._gate.sensitivity()

    def close(self) -> GridState:
        """See ``core.ports.Gate``; what the changer looks at is the last state that a slot was closed with."""
        self._ended = self._gate.close()
        return self._ended


class TapMetric:
    """Port ``Metric``: where the changer stood, and how often it moved."""

    definitions = (Kpi("tap_operations", "-", "Steps of the tap changer in the run.", int),)
    columns = (Kpi("tap_position", "-", "Position of the tap changer in the slot.", int),)

    def __init__(self, log: list[int]) -> None:
        self._log = log

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:  # noqa: ARG002
        """The position of the slot."""
        return {"tap_position": self._log[record.inputs.time.slot]}

    def summary(self) -> dict[str, Value]:
        """The steps of all slots so far."""
        return {"tap_operations": int(np.abs(np.diff(self._log)).sum())}


class TappedValidator:
    """The independent check of every slot on the feeder as it was regulated then."""

    def __init__(self, made: Callable[[int], BatchValidator], log: list[int]) -> None:
        """``made`` gives the check of a position; ``log`` holds the position of every slot."""
        self._made, self._log = made, log
        self._checks: dict[int, BatchValidator] = {}

    def add(self, slot: int, grid: GridState, exchange: Exchange) -> None:
        """See ``BatchValidator``."""
        position = self._log[slot]
        if position not in self._checks:
            self._checks[position] = self._made(position)
        self._checks[position].add(slot, grid, exchange)

    def finish(self) -> Summary:
        """What all positions found."""
        parts = [check.finish() for check in self._checks.values()]
        return Summary(
            cases=sum(part.cases for part in parts),
            unsolved=sum(part.unsolved for part in parts),
            worst_pu=max((part.worst_pu for part in parts), default=0.0),
            worst_wh=max((part.worst_wh for part in parts), default=0.0),
            mismatches=tuple(each for part in parts for each in part.mismatches),
        )


def at_position(network: Any, law: Law, position: int) -> Any:
    """The network with the source stepped to a position."""
    return network._replace(source_pu=network.source_pu * (1.0 + law.step * position))


LOG_FACT = "tap_log"
"""Name in ``BuildContext.facts`` of the positions of all slots so far."""


def log_of(facts: Mapping[str, object]) -> list[int]:
    """Positions of the slots of a simulation with a changer."""
    log = facts[LOG_FACT]
    if not isinstance(log, list):
        raise TypeError(f"the fact {LOG_FACT!r} has to be a list, not {type(log).__name__}")
    return log
