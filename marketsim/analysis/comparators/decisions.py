"""How often a gate that approximates decides otherwise than AC does, by the direction of the limit that binds.

Each slot of a walk starts somewhere between rest and the largest load, or the largest generation, that the feeder takes. There
the exact gate says how much of a trade its limits leave, and names the limit; then both gates are asked for a quantity within
``spread`` of that, in whole. A coin would accept half of what is infeasible. Part of what AC leaves is committed in
both, and the walk goes on from there: both always decide from the same state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol, runtime_checkable

import numpy as np

from marketsim.analysis.comparators.walk import (
    FEEDERS,
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
from marketsim.core.arrays import FloatArray
from marketsim.core.records import BLAMES_SINK, GridState, Reason
from marketsim.extension.registry import Registry
from marketsim.grid.net.feeder import Feeder
from marketsim.grid.net.network import Network

LIMITS: Final = ("undervoltage", "overvoltage", "loading")
_LIMIT_OF: Final = {
    Reason.UNDERVOLTAGE: "undervoltage",
    Reason.OVERVOLTAGE: "overvoltage",
    Reason.LINE_LOADING: "loading",
    Reason.TRAFO_LOADING: "loading",
}


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


def walks(
    names: Sequence[str] = FEEDERS, options: WalkOptions | None = None, registry: Registry | None = None
) -> Iterator[FeederWalk]:
    """Walk feeder after feeder; each is the same whatever stands beside it. InputError before the first if asked wrongly.

    The gate is one of ``registry`` (None: the built-in parts) with the trait ``screens``.
    """
    options, registry = options or WalkOptions(), registry or built_in_registry()
    check_options(options, gates_with(registry, "screens"))
    for name, feeder in loaded_feeders(names, options):
        yield walk(name, feeder, options, registry)


class _Walk:
    """Both gates of a feeder, and what is drawn."""

    def __init__(self, name: str, feeder: Feeder, options: WalkOptions, registry: Registry) -> None:
        self.on = Traders(name, feeder)
        self.exact, self.gate = (self.on.gate(registry, kind) for kind in ("ac", options.gate))
        self.rng, self.spread = np.random.default_rng(options.seed), options.spread

    def start(self) -> float | None:
        """Open a slot somewhere between rest and the most that the feeder takes; by how much voltages are predicted wrongly."""
        sign, weights = 1.0 - 2.0 * self.rng.integers(2), self.rng.uniform(0.5, 1.5, len(self.on.kw))
        share = sign * largest_share(lambda share: self._keeps(sign * share, weights)) * self.rng.uniform()
        for gate in (self.exact, self.gate):
            gate.open(*self.on.firm(share, weights))
        if not isinstance(self.gate, Predicting):
            return None
        return float(np.nanmax(np.abs(self.gate.predicted()[0] - self.exact.close().firm_v_pu)))

    def _keeps(self, share: float, weights: FloatArray) -> bool:
        self.exact.open(*self.on.firm(share, weights))
        state = self.exact.close()
        return bool(state.converged[0]) and max(beyond(self.on.network, state, limit) for limit in LIMITS) <= 0.0

    def decide(self) -> Decision | None:
        """Draw a trade and ask both gates; None where no limit binds, or next to nothing is left."""
        source, sink = self.on.ends(self.rng)
        factor, goes_on = self.rng.uniform(1.0 - self.spread, 1.0 + self.spread), self.rng.uniform(0.0, 0.5)
        exact_wh, code = asked(self.exact, source, sink, self.on.much_wh)
        limit = _LIMIT_OF.get(Reason(code & ~BLAMES_SINK))
        decision = None
        if limit is not None and exact_wh >= LEAST_WH:
            asked_wh = round(exact_wh * factor)
            feasible = asked(self.exact, source, sink, asked_wh)[0] == asked_wh
            admitted = self.gate.admit(0, source, sink, asked_wh)[0]
            accepted = admitted == asked_wh
            far = beyond(self.on.network, self.gate.close(), limit) if accepted and not feasible else 0.0
            self.gate.release(0, source, sink, admitted)
            most_wh = asked(self.gate, source, sink, self.on.much_wh)[0]
            decision = Decision(limit, asked_wh, exact_wh, most_wh, feasible, accepted, max(far, 0.0))
        self._commit(source, sink, int(goes_on * exact_wh))
        return decision

    def _commit(self, source: int, sink: int, wh: int) -> None:
        """Commit a part of what AC leaves in both gates, as much of it as both admit."""
        exact = self.exact.admit(0, source, sink, wh)[0]
        taken = self.gate.admit(0, source, sink, exact)[0]
        self.exact.release(0, source, sink, exact - taken)


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


def walk(name: str, feeder: Feeder, options: WalkOptions, registry: Registry | None = None) -> FeederWalk:
    """Draw slots and trades until so many were decided at a limit, or ten times as many were not."""
    on = _Walk(name, feeder, options, registry or built_in_registry())
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
