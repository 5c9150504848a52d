"""How often a gate that approximates decides otherwise than AC does, by the direction of the limit that binds.

Each slot of a walk starts somewhere between rest and the largest load, or the largest generation, that the feeder takes. There
the exact gate says how much of a trade its limits leave, and names the limit; then both gates are asked for a quantity within
``spread`` of that, in whole. A coin would accept half of what is infeasible. Part of what AC leaves is committed in
both, and the walk goes on from there: both always decide from the same state.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol, runtime_checkable

import numpy as np

from marketsim.builtin import built_in_registry
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.errors import InputError, Problem
from marketsim.core.ports import Gate
from marketsim.core.records import BLAMES_SINK, NOWHERE, GridState, Reason
from marketsim.core.units import WH_PER_KWH
from marketsim.grid.gates.context import GateContext
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.net import feeders
from marketsim.grid.net.feeder import Feeder, FeederOptions
from marketsim.grid.net.network import Network

FEEDERS: Final = (
    "feeder141",
    "pandapower:create_cigre_network_lv",
    "pandapower:create_kerber_landnetz_freileitung_1",
    "simbench:1-LV-rural3--0-sw",
)
"""Medium voltage from the literature, the CIGRE benchmark, a German village on overhead lines, and a SimBench net."""
LIMITS: Final = ("undervoltage", "overvoltage", "loading")
HOURS: Final = 0.25
TRADES_A_SLOT: Final = 10
LEAST_WH: Final = 100
"""A trade of which AC leaves less is not asked for: a few per cent of it would be no whole Wh."""
_LIMIT_OF: Final = {
    Reason.UNDERVOLTAGE: "undervoltage",
    Reason.OVERVOLTAGE: "overvoltage",
    Reason.LINE_LOADING: "loading",
    Reason.TRAFO_LOADING: "loading",
}


class WalkOptions(NamedTuple):
    """How trades are drawn."""

    gate: str = "lindistflow"
    """One of ``screening_gates``."""
    trades: int = 1000
    """A feeder."""
    band_pu: tuple[float, float] = (0.95, 1.05)
    spread: float = 0.2
    """Quantities lie between 1 - spread and 1 + spread of what AC leaves."""
    seed: int = 1


class Decision(NamedTuple):
    """One trade, asked of both gates in the same state."""

    limit: str
    """One of LIMITS: what binds by AC at the largest feasible quantity."""
    asked_wh: int
    exact_wh: int
    """The most that AC leaves of such a trade."""
    most_wh: int
    """The most that the gate would admit of it."""
    feasible: bool
    accepted: bool
    beyond: float
    """How far what was accepted leads outside the limit [p.u. of voltage, share of a rating]; 0 where it does not."""


class FeederWalk(NamedTuple):
    """All decisions on one feeder."""

    feeder: str
    decisions: tuple[Decision, ...]
    off_pu: float | None
    """Largest difference of a voltage to AC in the states that slots start from [p.u.]; None: the gate predicts none."""


class LimitErrors(NamedTuple):
    """Decisions at one limit, counted."""

    feeder: str
    limit: str
    trades: int
    accepted: int
    accepted_infeasible: int
    refused: int
    refused_feasible: int
    median_ratio: float | None
    """Of what the gate would admit at most to what AC leaves; None without a trade."""
    beyond: float
    """The farthest that an accepted trade leads outside the limit [p.u. of voltage, share of a rating]."""


@runtime_checkable
class Predicting(Protocol):
    """A gate that tells the state which it decides by."""

    def predicted(self) -> tuple[FloatArray, FloatArray]:
        """Voltages [n_markets, n_nodes] and loadings [n_markets, n_branches]."""
        ...


def screening_gates() -> tuple[str, ...]:
    """Names of the gates that decide trades by an approximation."""
    return tuple(entry.name for entry in built_in_registry().entries("gate") if "screens" in entry.traits)


def walks(names: Sequence[str] = FEEDERS, options: WalkOptions | None = None) -> Iterator[FeederWalk]:
    """Walk feeder after feeder; each is the same whatever stands beside it. InputError before the first if asked wrongly."""
    options = options or WalkOptions()
    _check(options)
    for name in dict.fromkeys(names):
        yield walk(name, feeders.load(name, None, FeederOptions(voltage_band_pu=options.band_pu)), options)


def _check(options: WalkOptions) -> None:
    problems, (low, high) = [], options.band_pu
    if options.gate not in screening_gates():
        hint = f"there is {', '.join(screening_gates())}"
        problems.append(Problem("no gate that decides by an approximation", "--gate", options.gate, hint))
    if options.trades < 1:
        problems.append(Problem("must be at least 1", "--trades", str(options.trades)))
    if options.seed < 0:
        problems.append(Problem("must be at least 0", "--seed", str(options.seed)))
    if not 0.0 < options.spread < 1.0:
        problems.append(Problem("must lie between 0 and 100 %", "--spread", f"{100.0 * options.spread:g}"))
    if not 0.0 < low < high < 2.0:
        hint = "two voltages in p.u., the lower first, such as 0.95 1.05"
        problems.append(Problem("is no voltage band", "--band", f"{low:g} {high:g}", hint))
    if problems:
        raise InputError(problems)


class _Walk:
    """Both gates of a feeder, a connection at each bus with a load, and what is drawn."""

    def __init__(self, name: str, feeder: Feeder, options: WalkOptions) -> None:
        network = feeder.network
        self.network, self.nodes = network, np.flatnonzero(network.nominal_kw > 0.0)
        if len(self.nodes) < 2:
            hint = "choose a net whose loads draw constant power at two buses at least"
            raise InputError([Problem("too few buses with a load to trade between", value=name, hint=hint)])
        self.kw, self.kvar = network.nominal_kw[self.nodes], network.nominal_kvar[self.nodes]
        settings = GateSettings(sink_kvar_per_kw=self.kvar / self.kw)
        self.exact, self.gate = (_gate(kind, network, self.nodes, settings) for kind in ("ac", options.gate))
        self.rng, self.spread = np.random.default_rng(options.seed), options.spread
        self.much_wh = math.ceil(1000.0 * float(self.kw.sum()) * HOURS * WH_PER_KWH)

    def firm(self, share: float, weights: FloatArray) -> tuple[IntArray, FloatArray]:
        """Net energy [Wh] and reactive power [kvar] of a share of the nominal load, drawn or (share > 0) generated."""
        kw = share * weights * self.kw
        return np.rint(kw * HOURS * WH_PER_KWH).astype(np.int64), np.minimum(kw, 0.0) * (self.kvar / self.kw)

    def start(self) -> float | None:
        """Open a slot somewhere between rest and the most that the feeder takes; by how much voltages are predicted wrongly."""
        sign, weights = 1.0 - 2.0 * self.rng.integers(2), self.rng.uniform(0.5, 1.5, len(self.kw))
        low, high = 0.0, 2.0**-6
        while high < 2.0**12 and self._keeps(sign * high, weights):
            low, high = high, 2.0 * high
        for _ in range(12):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self._keeps(sign * middle, weights) else (low, middle)
        share = sign * low * self.rng.uniform()
        for gate in (self.exact, self.gate):
            gate.open(*self.firm(share, weights))
        if not isinstance(self.gate, Predicting):
            return None
        return float(np.nanmax(np.abs(self.gate.predicted()[0] - self.exact.close().firm_v_pu)))

    def _keeps(self, share: float, weights: FloatArray) -> bool:
        self.exact.open(*self.firm(share, weights))
        state = self.exact.close()
        return bool(state.converged[0]) and max(beyond(self.network, state, limit) for limit in LIMITS) <= 0.0

    def decide(self) -> Decision | None:
        """Draw a trade and ask both gates; None where no limit binds, or next to nothing is left."""
        source, sink = (int(end) for end in self.rng.choice(len(self.kw), 2, replace=False))
        kind = self.rng.integers(3)
        source, sink = (NOWHERE if kind == 1 else source), (NOWHERE if kind == 2 else sink)
        factor, goes_on = self.rng.uniform(1.0 - self.spread, 1.0 + self.spread), self.rng.uniform(0.0, 0.5)
        exact_wh, code = _asked(self.exact, source, sink, self.much_wh)
        limit = _LIMIT_OF.get(Reason(code & ~BLAMES_SINK))
        decision = None
        if limit is not None and exact_wh >= LEAST_WH:
            asked_wh = round(exact_wh * factor)
            feasible = _asked(self.exact, source, sink, asked_wh)[0] == asked_wh
            admitted = self.gate.admit(0, source, sink, asked_wh)[0]
            accepted = admitted == asked_wh
            far = beyond(self.network, self.gate.close(), limit) if accepted and not feasible else 0.0
            self.gate.release(0, source, sink, admitted)
            most_wh = _asked(self.gate, source, sink, self.much_wh)[0]
            decision = Decision(limit, asked_wh, exact_wh, most_wh, feasible, accepted, max(far, 0.0))
        self._commit(source, sink, int(goes_on * exact_wh))
        return decision

    def _commit(self, source: int, sink: int, wh: int) -> None:
        """Commit a part of what AC leaves in both gates, as much of it as both admit."""
        exact = self.exact.admit(0, source, sink, wh)[0]
        taken = self.gate.admit(0, source, sink, exact)[0]
        self.exact.release(0, source, sink, exact - taken)


def _gate(name: str, network: Network, nodes: IntArray, settings: GateSettings) -> Gate:
    def none() -> object:
        raise AssertionError("a gate that decides trade by trade plans nothing")

    registry = built_in_registry()
    context = GateContext(1, np.zeros(len(nodes), dtype=np.int64), HOURS, network, nodes, settings, none)  # type: ignore[arg-type]
    made: Gate = registry.builder("gate", name)(registry.params("gate", name)(), context)
    return made


def _asked(gate: Gate, source: int, sink: int, wh: int) -> tuple[int, int]:
    """(what a gate admits, code); nothing stays committed."""
    admitted, code, _ = gate.admit(0, source, sink, wh)
    gate.release(0, source, sink, admitted)
    return admitted, code


def beyond(network: Network, state: GridState, limit: str) -> float:
    """How far a state lies outside a limit [p.u. of voltage, share of a rating]; inf: it has no solution.

    Negative or 0: it keeps the limit.
    """
    if not state.converged[0]:
        return np.inf
    if limit == "loading":
        return float(np.nanmax(np.append(state.loading[0], 0.0))) - 1.0
    v = state.v_pu[0]
    return float((network.v_min_pu - v if limit == "undervoltage" else v - network.v_max_pu)[1:].max())


def walk(name: str, feeder: Feeder, options: WalkOptions) -> FeederWalk:
    """Draw slots and trades until so many were decided at a limit, or ten times as many were not."""
    on = _Walk(name, feeder, options)
    decided: list[Decision] = []
    off_pu = None
    for drawn in range(10 * options.trades):
        if drawn % TRADES_A_SLOT == 0:
            off = on.start()
            off_pu = off if off is None or off_pu is None else max(off, off_pu)
        found = on.decide()
        if found is not None:
            decided.append(found)
        if len(decided) == options.trades:
            break
    return FeederWalk(name, tuple(decided), off_pu)


def counted(walked: Iterable[FeederWalk]) -> list[LimitErrors]:
    """A row a feeder and limit, and over all feeders (``all``) in the end where there are several."""
    kept = list(walked)
    if len(kept) > 1:
        kept.append(FeederWalk("all", tuple(each for one in kept for each in one.decisions), None))
    return [
        _count(one.feeder, limit, [each for each in one.decisions if each.limit == limit])
        for one in kept
        for limit in LIMITS
    ]


def _count(feeder: str, limit: str, decisions: Sequence[Decision]) -> LimitErrors:
    accepted = [each for each in decisions if each.accepted]
    refused = [each for each in decisions if not each.accepted]
    ratios = [each.most_wh / each.exact_wh for each in decisions]
    return LimitErrors(
        feeder=feeder,
        limit=limit,
        trades=len(decisions),
        accepted=len(accepted),
        accepted_infeasible=sum(not each.feasible for each in accepted),
        refused=len(refused),
        refused_feasible=sum(each.feasible for each in refused),
        median_ratio=float(np.median(ratios)) if ratios else None,
        beyond=max((each.beyond for each in decisions), default=0.0),
    )
