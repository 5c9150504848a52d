"""On-load tap changers and regulators: held within a slot, moved between slots by what the last one ended with.

One at the source steps the voltage of the source, as a substation's changer does whose busbar is the feeder's source; one
inside the feeder steps the ratio of its branch. The gate of each setting is a gate like any other; this one hands every
slot to that of the positions at which the changers stand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import NetworkError, Problem
from marketsim.core.metric import Kpi, Value
from marketsim.core.ports import Gate, GateKernel
from marketsim.core.records import Exchange, GridState, SlotRecord
from marketsim.grid.flow.validation import BatchValidator, ValidationSummary
from marketsim.grid.net.network import BranchKind, Network
from marketsim.grid.net.topology import far_end_is_from

SOURCE: Final = -1
"""In place of a branch: the changer steps the source."""
TapPositions: TypeAlias = tuple[int, ...]
"""Of all changers of a feeder, in the order of their laws."""


class Law(NamedTuple):
    """Where a changer is and how it moves."""

    target_pu: float
    dead_band_pu: float
    """Whole width of the band in which it rests [p.u.]."""
    step: float
    """A position's change of the source's voltage, or of the turns of a branch's winding, as a share."""
    lowest: int
    highest: int
    delay_slots: int
    """Slots in a row outside the dead band, on one side, that it waits through before it moves."""
    node: int = -1
    """Node whose voltage is held; -1: the middle between the lowest and the highest voltage of the feeder."""
    branch: int = SOURCE
    """Branch whose ratio it steps."""
    column: str = "tap_position"
    """Of its position in the table of slots."""


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
    """Port ``Gate``: the gate of the positions that the changers stand at."""

    def __init__(
        self,
        made: Callable[[TapPositions], Gate],
        regulators: Sequence[Regulator],
        log: list[TapPositions],
        n_markets: int = 1,
    ) -> None:
        """``made`` gives the gate of positions; ``log`` gets those of every slot. NetworkError for replicas."""
        if n_markets > 1:
            hint = "leave grid.tap_changer and grid.regulators out where several markets are simulated side by side"
            raise NetworkError([Problem("a tap changer serves one market", "grid", str(n_markets), hint)])
        self._made, self._regulators, self._log = made, tuple(regulators), log
        self._gates: dict[TapPositions, Gate] = {}
        self._gate = self._at(self._positions())
        self.kernel: GateKernel | None = self._gate.kernel
        """Of the present positions."""
        self._ended: GridState | None = None

    def _positions(self) -> TapPositions:
        return tuple(regulator.position for regulator in self._regulators)

    def _at(self, positions: TapPositions) -> Gate:
        if positions not in self._gates:
            self._gates[positions] = self._made(positions)
        return self._gates[positions]

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> None:
        """Move by what the last slot ended with, then open the slot."""
        if self._ended is not None:
            for regulator in self._regulators:
                regulator.advance(self._ended.v_pu[0])
        self._gate = self._at(self._positions())
        self.kernel = self._gate.kernel
        self._log.append(self._positions())
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
        """See ``core.ports.Gate``; what the changers look at is the last state that a slot was closed with."""
        self._ended = self._gate.close()
        return self._ended


class TapMetric:
    """Port ``Metric``: where the changers stood, and how often they moved."""

    definitions = (Kpi("tap_operations", "-", "Steps of all tap changers in the run.", int),)

    def __init__(self, laws: Sequence[Law], names: Sequence[str], log: list[TapPositions]) -> None:
        """``names``: of the branches; ``log``: positions of every slot so far."""
        self._columns, self._log = [law.column for law in laws], log
        self.columns = tuple(
            Kpi(law.column, "-", f"Position of the tap changer at {_place(law, names)} in the slot.", int)
            for law in laws
        )

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:  # noqa: ARG002
        """The positions of the slot."""
        return dict(zip(self._columns, self._log[record.inputs.time.slot], strict=True))

    def summary(self) -> dict[str, Value]:
        """The steps of all slots so far."""
        return {"tap_operations": int(np.abs(np.diff(np.array(self._log), axis=0)).sum())}


def _place(law: Law, names: Sequence[str]) -> str:
    return "the source" if law.branch == SOURCE else names[law.branch]


class TappedValidator:
    """The independent check of every slot on the feeder as it was regulated then."""

    def __init__(self, made: Callable[[TapPositions], BatchValidator], log: list[TapPositions]) -> None:
        """``made`` gives the check of positions; ``log`` holds those of every slot."""
        self._made, self._log = made, log
        self._checks: dict[TapPositions, BatchValidator] = {}

    def add(self, slot: int, grid: GridState, exchange: Exchange) -> None:
        """See ``BatchValidator``."""
        positions = self._log[slot]
        if positions not in self._checks:
            self._checks[positions] = self._made(positions)
        self._checks[positions].add(slot, grid, exchange)

    def finish(self) -> ValidationSummary:
        """What all positions found."""
        parts = [check.finish() for check in self._checks.values()]
        return ValidationSummary(
            cases=sum(part.cases for part in parts),
            unsolved=sum(part.unsolved for part in parts),
            worst_pu=max((part.worst_pu for part in parts), default=0.0),
            worst_wh=max((part.worst_wh for part in parts), default=0.0),
            mismatches=tuple(each for part in parts for each in part.mismatches),
        )


def at_position(network: Network, laws: Sequence[Law], positions: TapPositions) -> Network:
    """The network with the source and every regulated branch stepped to a position.

    A branch's winding towards the source, its from end after ``facing_source``, gets ``1 - step x position`` times its
    turns: what pandapower calls a tap position of the opposite sign on that side.
    """
    source_pu, ratio = network.source_pu, network.ratio.copy()
    for law, position in zip(laws, positions, strict=True):
        if law.branch == SOURCE:
            source_pu *= 1.0 + law.step * position
        else:
            ratio[law.branch] *= 1.0 - law.step * position
    return network._replace(source_pu=source_pu, ratio=ratio)


def facing_source(network: Network, branch: int) -> Network:
    """The network with a branch's from end at the source; NetworkError for a transformer that steps up on the way."""
    if not far_end_is_from(network)[branch]:
        return network
    if network.kind[branch] == BranchKind.TRAFO or network.ratio[branch] != 1.0:
        hint = "its high-voltage side has to face the source; regulate a line behind it instead"
        raise NetworkError([Problem("cannot be regulated", "grid.regulators", network.branch_names[branch], hint)])
    turned: dict[str, Any] = {}
    for one, other in (("from_node", "to_node"), ("y_from_pu", "y_to_pu"), ("rating_from_pu", "rating_to_pu")):
        turned[one], turned[other] = getattr(network, one).copy(), getattr(network, other).copy()
        turned[one][branch], turned[other][branch] = turned[other][branch], turned[one][branch]
    return network._replace(**turned)
