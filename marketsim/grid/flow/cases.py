"""Added units on the slots of a run: does a feeder take them, what binds, how much would have to be curtailed.

What the base state of a slot breaks already may stand, and no more: limits are widened to it, as the gate does. All cases
are solved in one call: on radial feeders by the compiled sweep, on others by power-grid-model's batch, which also serves
as the independent check of the former.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import PowerFlowDiverged
from marketsim.grid.flow import case_kernel
from marketsim.grid.flow.case_kernel import HEAD, Base, Limits, Outcome, Wires
from marketsim.grid.flow.power_flow_check import PowerFlow, Validator
from marketsim.grid.flow.rows_kernel import HIGH_VOLTAGE, LOW_VOLTAGE, OVERLOAD
from marketsim.grid.net.network import ComplexArray, Network
from marketsim.grid.net.radial import RadialFeeder, radial_feeder
from marketsim.grid.net.topology import head_names, head_of_node, is_radial

SHARE_STEPS: Final = 14
"""Halvings in the search for the share that need not be curtailed, by power-grid-model: to 6e-5."""
SLACK: Final = 1e-9
"""How far beyond its own base state a limit may move: the rounding of two solves of one state."""


class Slots(NamedTuple):
    """The slots that cases are tried on."""

    net_kw: FloatArray
    """Injection of each node before anything is added [n_slots, n_nodes]."""
    kvar: FloatArray
    unit: ComplexArray
    """What one kW of the added technology injects, active and reactive, in each slot [n_slots]."""
    head_import_kw: float = np.inf
    head_export_kw: float = np.inf


class Assessment(NamedTuple):
    """What cases do; a row a case."""

    excess: FloatArray
    """Largest distance beyond any limit (p.u., share of a rating); not positive: all kept; inf: no solution."""
    what: IntArray
    """LOW_VOLTAGE, HIGH_VOLTAGE, OVERLOAD or HEAD; -1: none, or no solution."""
    element: IntArray
    """Node, branch or head that is farthest beyond (or closest to) its limit; -1."""
    slot: IntArray
    outside: IntArray
    """Slots in which each node is outside the band [n_cases, n_nodes]."""
    depth: FloatArray
    """Sum of the distances outside the band over slots [p.u.] [n_cases, n_nodes]."""
    hard: FloatArray
    """Largest excess of a loading or head."""


class Cases(Protocol):
    """Solves added units of one technology on given slots."""

    def assess(self, installed_kw: FloatArray, *, stop: bool = False) -> Assessment:
        """Cases of ``installed_kw`` [n_cases, n_nodes]; ``stop``: end a case with its first broken slot."""
        ...

    def kept_share(self, installed_kw: FloatArray, patience: float = np.inf) -> FloatArray:
        """Largest common share of the added power that keeps every limit, to 1e-4 [n_cases, n_slots].

        Once a case has lost more than ``patience`` of the sum of |unit|, what is left of it may be 0.
        """
        ...


def cases_of(network: Network, slots: Slots) -> Cases:
    """The fastest solver of these cases; PowerFlowDiverged where a base state has no solution."""
    return RadialCases(network, slots) if is_radial(network) else AnyCases(network, slots)


def element_name(network: Network, what: int, element: int) -> str:
    """What binds, in words."""
    names = {
        LOW_VOLTAGE: ("undervoltage at bus", network.bus_names),
        HIGH_VOLTAGE: ("overvoltage at bus", network.bus_names),
        OVERLOAD: ("overload of", network.branch_names),
        HEAD: ("limit of head", head_names(network) if what == HEAD else ()),
    }
    if what not in names:
        return "no power flow solution"
    kind, known = names[what]
    return f"{kind} {known[element]}"


def _frozen(
    v: FloatArray, v_min: FloatArray, v_max: FloatArray, loading: FloatArray, through: FloatArray, limits: FloatArray
) -> Limits:
    """``limits``: lowest and highest injection of a head."""
    return Limits(
        low=np.where(v < v_min, v - SLACK, v_min),
        high=np.where(v > v_max, v + SLACK, v_max),
        loading=np.where(loading > 1.0, loading + SLACK, 1.0),
        head_low=np.minimum(limits[0], through - SLACK),
        head_high=np.maximum(limits[1], through + SLACK),
    )


def _heads(network: Network, slots: Slots) -> tuple[IntArray, FloatArray, FloatArray]:
    """Head of each node, net injection of each head [p.u.] [n_slots, n_heads], lowest and highest it may be."""
    head = head_of_node(network)
    through = np.stack(
        [slots.net_kw[:, head == number].sum(axis=1) for number in range(int(head.max(initial=-1)) + 1)], axis=1
    )
    limits = np.array([-slots.head_import_kw, slots.head_export_kw]) / network.base_kva
    return head, through / network.base_kva, limits


class RadialCases:
    """Port ``Cases`` on a radial feeder, by the compiled sweep."""

    def __init__(self, network: Network, slots: Slots) -> None:
        feeder = radial_feeder(network)
        self._network, self._order, self._branch = network, feeder.node, feeder.branch
        self._slot = np.argsort(-np.abs(slots.unit), kind="stable")  # what breaks first, first
        slots = slots._replace(
            net_kw=slots.net_kw[self._slot], kvar=slots.kvar[self._slot], unit=slots.unit[self._slot]
        )
        head, through, limits = _heads(network, slots)
        ratings = [rating.copy() for rating in (feeder.rating_parent_pu, feeder.rating_child_pu)]
        for rating in ratings:
            rating[0] = np.inf
        self._wires = wires_of(feeder, ratings, np.ascontiguousarray(head[feeder.node]))
        s = _complex((slots.net_kw + 1j * slots.kvar)[:, feeder.node] / network.base_kva)
        self._base = Base(s, v=np.zeros_like(s), unit=_complex(slots.unit))
        loading = np.zeros(s.shape)
        solved = case_kernel.solve_base(self._wires, feeder.source_pu, s, self._base.v, loading)
        _require_solutions(solved, network)
        v_min, v_max = network.v_min_pu[feeder.node], network.v_max_pu[feeder.node]
        frozen = _frozen(np.abs(self._base.v) * self._wires.unscale, v_min, v_max, loading, through, limits)
        self._limits = Limits(*(np.ascontiguousarray(each) for each in frozen))

    def assess(self, installed_kw: FloatArray, *, stop: bool = False) -> Assessment:
        """See ``Cases``."""
        excess, hard = np.zeros((2, len(installed_kw)))
        where, what, slot = np.zeros((3, len(installed_kw)), dtype=np.int64)
        outside, depth = np.zeros(installed_kw.shape, dtype=np.int64), np.zeros(installed_kw.shape)
        outcome = Outcome(excess, where, what, slot, outside, depth, hard)
        case_kernel.assess(self._wires, self._base, self._limits, self._installed(installed_kw), stop, outcome)
        by_node, by_node_depth = np.zeros_like(outside), np.zeros_like(depth)
        by_node[:, self._order], by_node_depth[:, self._order] = outside, depth
        element = np.where(what == OVERLOAD, self._branch[where], np.where(what == HEAD, where, self._order[where]))
        return Assessment(excess, what, np.where(what < 0, -1, element), self._slot[slot], by_node, by_node_depth, hard)

    def kept_share(self, installed_kw: FloatArray, patience: float = np.inf) -> FloatArray:
        """See ``Cases``."""
        share = np.zeros((len(installed_kw), len(self._slot)))
        installed = self._installed(installed_kw)
        case_kernel.largest_share(self._wires, self._base, self._limits, installed, patience, share)
        by_slot = np.zeros_like(share)
        by_slot[:, self._slot] = share
        return by_slot

    def _installed(self, installed_kw: FloatArray) -> FloatArray:
        return np.ascontiguousarray(installed_kw[:, self._order] / self._network.base_kva)


def wires_of(feeder: RadialFeeder, ratings: Sequence[FloatArray], head: IntArray) -> Wires:
    """A feeder as the compiled sweep reads it; ``ratings`` of the parent and child ends and ``head`` by position [n]."""
    return Wires(
        parent=np.maximum(feeder.parent, 0),
        z=_complex(feeder.z_pu),
        y=_complex(feeder.y_pu),
        y_parent=_complex(feeder.y_parent_pu),
        y_child=_complex(feeder.y_child_pu),
        rating_parent=ratings[0],
        rating_child=ratings[1],
        unscale=1.0 / np.abs(feeder.scale),
        head=head,
    )


def _complex(values: ComplexArray | FloatArray) -> ComplexArray:
    return np.ascontiguousarray(values, dtype=np.complex128)


def _require_solutions(solved: BoolArray, network: Network) -> None:
    if not solved.all():
        slot = int(np.flatnonzero(~solved)[0])
        raise PowerFlowDiverged(f"feeder {network.name}: slot {slot} has no solution before anything is added")


class AnyCases:
    """Port ``Cases`` on any net, by power-grid-model."""

    def __init__(self, network: Network, slots: Slots) -> None:
        self._network, self._slots = network, slots
        self._solver = Validator(network)
        base = self._solver.solve(slots.net_kw, slots.kvar)
        _require_solutions(base.converged, network)
        self._head, through, limits = _heads(network, slots)
        loading = np.nan_to_num(base.loading)
        self._limits = _frozen(base.v_pu, network.v_min_pu, network.v_max_pu, loading, through, limits)

    def assess(self, installed_kw: FloatArray, *, stop: bool = False) -> Assessment:  # noqa: ARG002 - a batch has no order
        """See ``Cases``; all slots are solved, as one batch has no first one."""
        parts = [self._one(row) for row in installed_kw]
        return Assessment(*(np.array(column) for column in zip(*parts, strict=True)))

    def kept_share(self, installed_kw: FloatArray, patience: float = np.inf) -> FloatArray:  # noqa: ARG002
        """See ``Cases``."""
        return np.array([self._shares(row) for row in installed_kw])

    def _solve(self, installed_kw: FloatArray, share: FloatArray) -> tuple[PowerFlow, FloatArray]:
        """All slots with a share of the added units each, and the injection of every head [p.u.]."""
        added = installed_kw[None, :] * (share * self._slots.unit)[:, None]
        net_kw = self._slots.net_kw + added.real
        n_heads = self._limits.head_low.shape[1]
        through = np.stack([net_kw[:, self._head == number].sum(axis=1) for number in range(n_heads)], axis=1)
        return self._solver.solve(net_kw, self._slots.kvar + added.imag), through / self._network.base_kva

    def _excesses(self, flow: PowerFlow, through: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Distance beyond the limits: low and high voltages, loadings, heads, each [n_slots, ...]."""
        frozen = self._limits
        low, high = frozen.low - flow.v_pu, flow.v_pu - frozen.high
        low[:, 0] = high[:, 0] = -np.inf
        over = np.nan_to_num(flow.loading - frozen.loading, nan=-np.inf)
        return low, high, over, np.maximum(through - frozen.head_high, frozen.head_low - through)

    def _one(self, installed_kw: FloatArray) -> tuple[object, ...]:
        flow, through = self._solve(installed_kw, np.ones(len(self._slots.unit)))
        low, high, over, heads = self._excesses(flow, through)
        beyond = np.maximum(np.maximum(low, high), 0.0)
        hard = max(over.max(initial=-np.inf), heads.max(initial=-np.inf))
        if not flow.converged.all():
            unsolved = int(np.flatnonzero(~flow.converged)[0])
            outside = np.nan_to_num(beyond) > 0.0
            return np.inf, -1, -1, unsolved, outside.sum(axis=0), np.nan_to_num(beyond).sum(axis=0), np.inf
        tops = [each.max(initial=-np.inf) for each in (low, high, over, heads)]
        what = int(np.argmax(tops))
        worst = (low, high, over, heads)[what]
        slot, element = np.unravel_index(int(worst.argmax()), worst.shape)
        return tops[what], what, int(element), int(slot), (beyond > 0.0).sum(axis=0), beyond.sum(axis=0), hard

    def _shares(self, installed_kw: FloatArray) -> FloatArray:
        n_slots = len(self._slots.unit)
        below, above, trial = np.zeros(n_slots), np.ones(n_slots), np.ones(n_slots)
        for _ in range(SHARE_STEPS + 1):
            flow, through = self._solve(installed_kw, trial)
            tops = [each.max(axis=1, initial=-np.inf) for each in self._excesses(flow, through)]
            kept = flow.converged & (np.max(tops, axis=0) <= 0.0)
            below, above = np.where(kept, trial, below), np.where(kept, above, trial)
            if (below == 1.0).all():
                break
            trial = np.where(below == 1.0, 1.0, 0.5 * (below + above))
        return below
