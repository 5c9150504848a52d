"""Whether a gate that claims to be exact is: every trade that it admits solved again by a power flow that is not the gate's.

Slots start between rest and a little beyond the largest load, or the largest generation, that the feeder takes: some break a
limit before trade, which then is what it was plus the tolerance. Quantities lie around what the gate leaves. What was admitted
must keep every limit of the slot by power-grid-model (on meshed nets, whose gate that is, by a fixed point on the
impedance matrix). Where a part was refused, the same solver finds the first Wh beyond what was admitted that breaks a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.comparators.walk import (
    FEEDERS,
    HOURS,
    LEAST_WH,
    TRADES_A_SLOT,
    Traders,
    WalkOptions,
    asked,
    check_options,
    gates_with,
    largest_share,
    loaded_feeders,
)
from marketsim.builtin import built_in_registry
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.units import WH_PER_KWH
from marketsim.extension.registry import Registry
from marketsim.grid.flow.fixed_point import FixedPointValidator
from marketsim.grid.flow.power_flow_check import BranchCurrents, PowerFlow, Validator
from marketsim.grid.net.feeder import Feeder
from marketsim.grid.net.topology import is_radial

FARTHEST_START: Final = 1.1
"""Slots start at up to this share of what the feeder takes."""
NEAR_WH: Final = 2


class Admission(NamedTuple):
    """One trade, asked of the gate and solved again."""

    asked_wh: int
    admitted_wh: int
    excess: float
    """How far the admitted state lies beyond the limit that is nearest to it [p.u. of voltage, share of a rating]; not above 0:
    every limit is kept; inf: it has no solution."""
    to_guard_wh: int | None = None
    """Of a refused part: Wh from what was admitted to the first that breaks a limit less the guard; 0: what was admitted does."""
    to_limit_wh: int | None = None
    """The same to the first that breaks a limit itself. None: nothing was refused, or nothing breaks."""


class FeederAudit(NamedTuple):
    """All trades on one feeder."""

    feeder: str
    admissions: tuple[Admission, ...]


class Exactness(NamedTuple):
    """Trades on a feeder, counted."""

    feeder: str
    trades: int
    in_part: int
    """Refused from some Wh on."""
    broken: int
    """Admitted, although a limit is broken."""
    farthest: float
    """The farthest that an admitted state lies beyond a limit [p.u. of voltage, share of a rating]."""
    guard_next: int
    """Of those in part: the next Wh breaks a limit less the guard."""
    guard_most_wh: int | None
    """The most Wh to a limit less the guard; None: none was refused in part, or of one nothing breaks a limit."""
    limit_near: int
    """Of those in part: one of the next two Wh breaks a limit itself."""
    limit_most_wh: int | None
    room: float | None
    """The most that is left to the nearest limit where a part was refused [p.u. of voltage, share of a rating]."""


class SlotCheck:
    """What is committed in a slot, and its limits, by a power flow that shares nothing with the gate."""

    def __init__(self, on: Traders) -> None:
        self._on, network = on, on.network
        solver = Validator(network) if is_radial(network) else FixedPointValidator(network)
        self._solve: Callable[[FloatArray, FloatArray], PowerFlow] = solver.solve
        self._currents = BranchCurrents(network)
        self._net_wh, self._kvar = np.zeros(network.n_nodes, dtype=np.int64), np.zeros(network.n_nodes)
        self._v_min, self._v_max = network.v_min_pu, network.v_max_pu
        self._most = np.ones((2, network.n_branches))
        self._direction = np.zeros(network.n_branches)

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> float:
        """Start a slot and freeze its limits; how far the untraded state lies beyond those of the feeder, inf: no solution."""
        network, settings = self._on.network, self._on.settings
        self._net_wh[:], self._kvar[:] = 0, 0.0
        np.add.at(self._net_wh, self._on.nodes, firm_wh)
        np.add.at(self._kvar, self._on.nodes, kvar)
        self._v_min, self._v_max = network.v_min_pu, network.v_max_pu
        self._most, self._direction = np.ones((2, network.n_branches)), np.zeros(network.n_branches)
        flow = self._solved(self._net_wh, self._kvar)
        excess = self._excess(flow)
        if 0.0 < excess < np.inf:
            v, shares = flow.v_pu[0], self._shares(flow)
            self._v_min = np.where(v < self._v_min, v - settings.worsen_voltage_pu, self._v_min)
            self._v_max = np.where(v > self._v_max, v + settings.worsen_voltage_pu, self._v_max)
            self._direction = np.where((shares > 1.0).any(axis=0), np.sign(self._power(flow)), 0.0)
            self._most = np.where(shares > 1.0, shares + settings.worsen_loading, 1.0)
        return excess

    def commit(self, source: int, sink: int, wh: int) -> None:
        """Add a trade to the slot."""
        self._net_wh, self._kvar = self._with(source, sink, wh)

    def excess(self, source: int, sink: int, wh: int) -> float:
        """How far the slot with ``wh`` more is beyond its nearest limit [p.u. of voltage, share of a rating]; inf: unsolved."""
        return self._excess(self._solved(*self._with(source, sink, wh)))

    def _with(self, source: int, sink: int, wh: int) -> tuple[IntArray, FloatArray]:
        net_wh, kvar, nodes = self._net_wh.copy(), self._kvar.copy(), self._on.nodes
        if source >= 0:
            net_wh[nodes[source]] += wh
        if sink >= 0:
            net_wh[nodes[sink]] -= wh
            kvar[nodes[sink]] -= wh / (HOURS * WH_PER_KWH) * (self._on.kvar / self._on.kw)[sink]
        return net_wh, kvar

    def _solved(self, net_wh: IntArray, kvar: FloatArray) -> PowerFlow:
        return self._solve(net_wh[None] / (HOURS * WH_PER_KWH), kvar[None])

    def _shares(self, flow: PowerFlow) -> FloatArray:
        return np.concatenate(self._currents.at_ends(flow.v_complex))

    def _power(self, flow: PowerFlow) -> FloatArray:
        power: FloatArray = self._currents.active_flow(flow.v_complex)[0]
        return power

    def _excess(self, flow: PowerFlow) -> float:
        if not flow.converged[0]:
            return np.inf
        v = flow.v_pu[0, 1:]
        most = np.where(
            self._power(flow) * self._direction < 0.0, 1.0, self._most
        )  # a flow that turned has the plain rating
        over = max(float((self._v_min[1:] - v).max()), float((v - self._v_max[1:]).max()))
        return max(over, float((self._shares(flow) - most).max()))


def audits(
    names: Sequence[str] = FEEDERS, options: WalkOptions | None = None, registry: Registry | None = None
) -> Iterator[FeederAudit]:
    """Audit a gate on feeder after feeder; each is the same whatever stands beside it. InputError if asked wrongly.

    The gate is one of ``registry`` (None: the built-in parts) with the trait ``exact``.
    """
    options, registry = options or WalkOptions(gate="ac"), registry or built_in_registry()
    check_options(options, gates_with(registry, "exact"))
    for name, feeder in loaded_feeders(names, options):
        yield audit(name, feeder, options, registry)


def audit(name: str, feeder: Feeder, options: WalkOptions, registry: Registry | None = None) -> FeederAudit:
    """Draw slots and trades, and check each."""
    on = _Audit(name, feeder, options, registry or built_in_registry())
    found = []
    for drawn in range(options.trades):
        if drawn % TRADES_A_SLOT == 0:
            on.start()
        found.append(on.admission())
    return FeederAudit(name, tuple(found))


class _Audit:
    """The gate of a feeder, the check beside it, and what is drawn."""

    def __init__(self, name: str, feeder: Feeder, options: WalkOptions, registry: Registry) -> None:
        self.on = Traders(name, feeder)
        self.gate, self.check = self.on.gate(registry, options.gate), SlotCheck(self.on)
        self.guard = self.on.settings.guard_voltage_pu
        self.rng, self.spread = np.random.default_rng(options.seed), options.spread

    def start(self) -> None:
        """Open a slot."""
        sign, weights = 1.0 - 2.0 * self.rng.integers(2), self.rng.uniform(0.5, 1.5, len(self.on.kw))
        largest = largest_share(lambda share: self.check.open(*self.on.firm(sign * share, weights)) <= 0.0)
        firm = self.on.firm(sign * largest * self.rng.uniform(0.0, FARTHEST_START), weights)
        self.gate.open(*firm)
        self.check.open(*firm)

    def admission(self) -> Admission:
        """Draw a trade, ask for it, solve it again, and let a part of it stand if it may."""
        source, sink = self.on.ends(self.rng)
        factor, stays = self.rng.uniform(1.0 - self.spread, 1.0 + self.spread), self.rng.uniform(0.0, 1.5)
        most_wh = asked(self.gate, source, sink, self.on.much_wh)[0]
        asked_wh = self.on.much_wh if most_wh < LEAST_WH else round(most_wh * factor)
        admitted_wh = self.gate.admit(0, source, sink, asked_wh)[0]
        excess = self.check.excess(source, sink, admitted_wh)
        found = Admission(asked_wh, admitted_wh, excess)
        if excess <= 0.0 and admitted_wh < asked_wh:
            further = cache(lambda wh: self.check.excess(source, sink, admitted_wh + wh))
            to = (first_beyond(further, beyond, self.on.much_wh) for beyond in (-self.guard, 0.0))
            found = Admission(asked_wh, admitted_wh, excess, *to)
        stays_wh = 0 if excess > 0.0 else int(min(stays, 1.0) * admitted_wh)
        self.gate.release(0, source, sink, admitted_wh - stays_wh)
        self.check.commit(source, sink, stays_wh)
        return found


def first_beyond(excess: Callable[[int], float], beyond: float, most_wh: int) -> int | None:
    """The first Wh whose excess is larger than ``beyond``, by doubling and bisection; None: none up to ``most_wh``."""
    low, high = 0, 1
    if excess(0) > beyond:
        return 0
    while excess(high) <= beyond:
        if high >= most_wh:
            return None
        low, high = high, min(2 * high, most_wh)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if excess(middle) > beyond else (middle, high)
    return high


def counted(audited: Iterable[FeederAudit]) -> list[Exactness]:
    """A row a feeder, and over all feeders (``all``) in the end where there are several."""
    kept = list(audited)
    if len(kept) > 1:
        kept.append(FeederAudit("all", tuple(each for one in kept for each in one.admissions)))
    return [_count(one.feeder, one.admissions) for one in kept]


def _count(feeder: str, admissions: Sequence[Admission]) -> Exactness:
    kept = [each for each in admissions if each.excess <= 0.0]
    parts = [each for each in kept if each.admitted_wh < each.asked_wh]
    return Exactness(
        feeder=feeder,
        trades=len(admissions),
        in_part=len(parts),
        broken=len(admissions) - len(kept),
        farthest=max((max(each.excess, 0.0) for each in admissions), default=0.0),
        guard_next=sum(each.to_guard_wh is not None and each.to_guard_wh <= 1 for each in parts),
        guard_most_wh=_most(each.to_guard_wh for each in parts),
        limit_near=sum(each.to_limit_wh is not None and each.to_limit_wh <= NEAR_WH for each in parts),
        limit_most_wh=_most(each.to_limit_wh for each in parts),
        room=max((-each.excess for each in parts), default=None),
    )


def _most(distances: Iterable[int | None]) -> int | None:
    found = list(distances)
    known = [each for each in found if each is not None]
    return max(known, default=None) if len(known) == len(found) else None
