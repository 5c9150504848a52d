"""Who gets scarce grid capacity, decided before matching (design 6).

Each grant asks the gate how much of the sellers' energy can be injected against firm buyers, who move nothing. So
only the sellers' side counts; what a deferrable purchase takes or frees is the walk's business.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketsim.core import records
from marketsim.core.arrays import BoolArray, FloatArray, IntArray, joined
from marketsim.core.build import BuildContext
from marketsim.core.ports import Allocation, Gate
from marketsim.core.records import Orders, Rejects, Side, Tariffs
from marketsim.market.common_factor import Stop, Transfers, commit_largest, release, share
from marketsim.market.params import ArrivalParams, MeritParams, ProportionalParams


def _cut(rows: IntArray, energy_wh: IntArray, reason: IntArray | int, element: IntArray | int) -> Rejects:
    """Energy taken from sell orders."""
    kept = energy_wh > 0
    full = np.full(len(rows), 0, dtype=np.int64)
    columns = (full - 1, rows, energy_wh, full + reason, full + element, full + int(Side.SELL))
    return Rejects(*(column[kept] for column in columns))


def _movable(orders: Orders) -> IntArray:
    """Energy of each sell order that moves something when it trades [n_orders]."""
    sells = (orders.side == Side.SELL) & (orders.component != records.FIRM)
    return np.where(sells, np.maximum(orders.energy_wh - orders.firm_wh, 0), 0)


def _injections(orders: Orders, rows: IntArray, energy_wh: IntArray) -> Transfers:
    return Transfers(orders.connection[rows], np.full(len(rows), records.NOWHERE, dtype=np.int64), energy_wh)


def _by_market(orders: Orders, chosen: BoolArray) -> list[tuple[int, IntArray]]:
    return [
        (market, np.flatnonzero(chosen & (orders.market == market)))
        for market in np.unique(orders.market[chosen]).tolist()
    ]


def _common(gate: Gate, orders: Orders, market: int, rows: IntArray, energy: IntArray) -> tuple[IntArray, Stop | None]:
    """Commit the largest common factor of the orders' energy; what each of them gets."""
    total, stop = commit_largest(
        gate, market, int(energy.sum()), lambda part: _injections(orders, rows, share(part, energy))
    )
    return share(total, energy), stop


class ByArrival:
    """Port ``Allocation``: first come, first served; the walk itself decides."""

    def grant(self, orders: Orders, gate: Gate, tariffs: Tariffs) -> tuple[Orders, Rejects]:  # noqa: ARG002
        """The orders as they are."""
        return orders, records.empty_rejects()


class ProportionalAllocation:
    """Port ``Allocation``: one factor for all sellers of a market, as large as the gate admits of all together."""

    def grant(self, orders: Orders, gate: Gate, tariffs: Tariffs) -> tuple[Orders, Rejects]:  # noqa: ARG002
        """Orders held to their share; the rest is rejected with ALLOCATION and the binding element."""
        movable, energy, cuts = _movable(orders), orders.energy_wh.copy(), []
        for market, rows in _by_market(orders, movable > 0):
            granted, stop = _common(gate, orders, market, rows, movable[rows])
            release(gate, market, _injections(orders, rows, granted))
            if stop is not None:
                energy[rows] -= movable[rows] - granted
                cuts.append(_cut(rows, movable[rows] - granted, records.Reason.ALLOCATION, stop.element))
        return orders._replace(energy_wh=energy), joined((records.empty_rejects(), *cuts))


class ByMerit:
    """Port ``Allocation``: capacity to who gains most for each unit of the binding limit.

    Gain is what firm demand saves by the purchase, retail price less the seller's limit; use of the limit is the
    sensitivity of the tightest voltage to the seller's injection, where all sellers feed in the largest common share
    that the gate admits: before that another limit may be the tightest. Sellers are granted as much as the gate
    admits, in the order of gain / use, ties by arrival. Who does not use the limit comes first.
    """

    def grant(self, orders: Orders, gate: Gate, tariffs: Tariffs) -> tuple[Orders, Rejects]:
        """Orders held to what they were granted; the rest is rejected with ALLOCATION and the binding element."""
        movable, energy, cuts = _movable(orders), orders.energy_wh.copy(), []
        asked = np.where(orders.limit_ticks > records.UTILITY_ONLY_TICKS, orders.limit_ticks, 0)
        gain = (tariffs.retail_ticks[orders.market] - asked).astype(np.float64)
        use = np.maximum(np.nan_to_num(_sensitivity_at_limit(orders, gate, movable))[orders.agent], 0.0)
        merit = np.divide(gain, use, out=np.full(orders.size, np.inf), where=use > 0)
        for market, rows in _by_market(orders, movable > 0):
            ranked = rows[np.argsort(-merit[rows], kind="stable")]
            granted, _, element = _admit_each(gate, orders, market, ranked, movable[ranked])
            release(gate, market, _injections(orders, ranked, granted))
            energy[ranked] -= movable[ranked] - granted
            cuts.append(_cut(ranked, movable[ranked] - granted, records.Reason.ALLOCATION, element))
        return orders._replace(energy_wh=energy), joined((records.empty_rejects(), *cuts))


def _sensitivity_at_limit(orders: Orders, gate: Gate, movable: IntArray) -> FloatArray:
    """Sensitivity of the tightest voltage [n_agents] while sellers feed in what the gate admits of all together."""
    held = [
        (market, rows, _common(gate, orders, market, rows, movable[rows])[0])
        for market, rows in _by_market(orders, movable > 0)
    ]
    answer = gate.sensitivity()
    for market, rows, granted in held:
        release(gate, market, _injections(orders, rows, granted))
    return answer


def _exportable(orders: Orders, tariffs: Tariffs) -> IntArray:
    """PV surplus of each order that its owner lets flow by right: none where feeding in costs [Wh] [n_orders]."""
    flows = (orders.component == records.PV) & (tariffs.feed_in_ticks[orders.market] >= 0)
    return np.where(flows, _movable(orders), 0)


class ByRight:
    """Port ``Allocation`` for ``grid.untraded: exported``: PV surplus flows by right, in its feasible part.

    The feasible part is the largest common factor of a market's surplus. It is committed and becomes firm: selling it
    moves nothing more. The rest stays deferrable: withheld unless the gate admits its sale. So does all of it where the feed-in
    tariff is negative: nobody uses a right that costs.
    """

    def grant(self, orders: Orders, gate: Gate, tariffs: Tariffs) -> tuple[Orders, Rejects]:
        """Orders with their feasible part as ``firm_wh``; nothing is taken."""
        surplus = _exportable(orders, tariffs)
        firm = orders.firm_wh.copy()
        for market, rows in _by_market(orders, surplus > 0):
            granted, _ = _common(gate, orders, market, rows, surplus[rows])
            firm[rows] += granted
        return orders._replace(firm_wh=firm), records.empty_rejects()


class EqualPriority:
    """Port ``Allocation`` for ``grid.priority: equal``: exports have the same right to the grid as trade between peers.

    PV surplus is admitted in order of arrival before matching and becomes firm, whoever buys it; what the gate refuses
    is rejected with the gate's reason, and curtailed. Where the feed-in tariff is negative there are no exports to go before.
    """

    def grant(self, orders: Orders, gate: Gate, tariffs: Tariffs) -> tuple[Orders, Rejects]:
        """Orders held to what was admitted, all of it firm; and what was refused."""
        surplus = _exportable(orders, tariffs)
        energy, firm, cuts = orders.energy_wh.copy(), orders.firm_wh.copy(), []
        for market, rows in _by_market(orders, surplus > 0):
            granted, reason, element = _admit_each(gate, orders, market, rows, surplus[rows])
            firm[rows] += granted
            energy[rows] = firm[rows]
            cuts.append(_cut(rows, surplus[rows] - granted, reason, element))
        return orders._replace(energy_wh=energy, firm_wh=firm), joined((records.empty_rejects(), *cuts))


class InTurn:
    """Port ``Allocation``: several grants, one after the other."""

    def __init__(self, grants: Sequence[Allocation]) -> None:
        self._grants = tuple(grants)

    def grant(self, orders: Orders, gate: Gate, tariffs: Tariffs) -> tuple[Orders, Rejects]:
        """Orders after all grants, and what all of them took."""
        taken = []
        for each in self._grants:
            orders, rejects = each.grant(orders, gate, tariffs)
            taken.append(rejects)
        return orders, joined((records.empty_rejects(), *taken))


def with_rights(allocation: Allocation, untraded: str, priority: str) -> Allocation:
    """An allocation, then what ``grid.untraded`` and ``grid.priority`` grant; itself where both are the default."""
    rights: list[Allocation] = []
    if untraded == "exported":
        rights.append(ByRight())
    if priority == "equal":
        rights.append(EqualPriority())
    return InTurn([allocation, *rights]) if rights else allocation


def _admit_each(
    gate: Gate, orders: Orders, market: int, rows: IntArray, energy: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Admit injections one after the other, each as far as it goes: (admitted Wh, reason, element) [n_rows]."""
    answers = np.zeros((3, len(rows)), dtype=np.int64)
    for place, (source, wh) in enumerate(zip(orders.connection[rows].tolist(), energy.tolist(), strict=True)):
        admitted, code, element = gate.admit(market, source, records.NOWHERE, wh)
        answers[:, place] = admitted, code & ~records.BLAMES_SINK, element
    return answers[0], answers[1], answers[2]


def build_arrival(params: ArrivalParams, context: BuildContext) -> ByArrival:  # noqa: ARG001 - no parameters
    """First come, first served."""
    return ByArrival()


def build_proportional(params: ProportionalParams, context: BuildContext) -> ProportionalAllocation:  # noqa: ARG001
    """One factor for all sellers."""
    return ProportionalAllocation()


def build_merit(params: MeritParams, context: BuildContext) -> ByMerit:  # noqa: ARG001 - no parameters
    """Gain for each unit of the binding limit."""
    return ByMerit()
