"""Reinforcements worth looking at: a second line or transformer beside what binds."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.metric import Kpi, Value
from marketsim.core.records import Reason, SlotRecord
from marketsim.core.units import WH_PER_KWH
from marketsim.grid.net.network import BranchKind, Network
from marketsim.scenario.model import ReinforcementPrices

_VOLTAGE: Final = (Reason.UNDERVOLTAGE, Reason.OVERVOLTAGE)
_LOADING: Final = (Reason.LINE_LOADING, Reason.TRAFO_LOADING)


class Refusals:
    """Port ``Metric``: refused energy by what bound."""

    definitions: tuple[Kpi, ...] = ()
    columns: tuple[Kpi, ...] = ()

    def __init__(self) -> None:
        self.wh: dict[tuple[int, int], int] = {}
        """By (reason, element)."""

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:  # noqa: ARG002
        """Add the refusals of a slot."""
        rejects = record.rejects
        for reason, element, wh in zip(
            rejects.reason.tolist(), rejects.element.tolist(), rejects.energy_wh.tolist(), strict=True
        ):
            if reason in _VOLTAGE or reason in _LOADING:
                self.wh[reason, element] = self.wh.get((reason, element), 0) + wh
        return {}

    def summary(self) -> dict[str, Value]:
        """Nothing; see ``wh``."""
        return {}


class Upgrade(NamedTuple):
    """A second element beside each of some branches."""

    name: str
    doubled: BoolArray
    """[n_branches]."""
    why: str


def upgrades(network: Network, refused_wh: dict[tuple[int, int], int], most: int) -> list[Upgrade]:
    """What could relieve what bound, the most refused energy first: the branch itself, or those towards the bus.

    For a voltage: the branch with the largest impedance on the way from the source, the half of the way's branches with the
    largest, and all of it.
    """
    made: dict[bytes, Upgrade] = {}
    for (reason, element), wh in sorted(refused_wh.items(), key=lambda item: (-item[1], item[0])):
        kwh = wh / WH_PER_KWH
        if reason in _LOADING:
            sets = [(network.branch_names[element], np.array([element]), f"overload, {kwh:,.0f} kWh refused")]
        else:
            bus = network.bus_names[element]
            way = path_to(network, element)
            why = f"voltage at bus {bus}, {kwh:,.0f} kWh refused"
            ranked = way[np.argsort(-np.abs(network.z_pu[way]), kind="stable")]
            half = ranked[: -(-len(ranked) // 2)]
            sets = [
                (network.branch_names[int(ranked[0])], ranked[:1], why),
                (f"{len(half)} longest of the way to bus {bus}", half, why),
                (f"all {len(way)} branches to bus {bus}", way, why),
            ]
        for name, branches, why in sets:
            doubled = np.isin(np.arange(network.n_branches), branches)
            made.setdefault(doubled.tobytes(), Upgrade(name, doubled, why))
    return list(made.values())[:most]


def path_to(network: Network, node: int) -> IntArray:
    """Branches on a shortest way, in branches, from the source to a node."""
    came: dict[int, tuple[int, int]] = {0: (-1, -1)}
    waiting = [0]
    while waiting and node not in came:
        here = waiting.pop(0)
        for branch in np.flatnonzero((network.from_node == here) | (network.to_node == here)).tolist():
            other = int(network.from_node[branch] + network.to_node[branch]) - here
            if other not in came:
                came[other] = (here, branch)
                waiting.append(other)
    way = []
    while node != 0:
        node, branch = came[node]
        way.append(branch)
    return np.array(way[::-1], dtype=np.int64)


def with_upgrade(network: Network, doubled: BoolArray) -> Network:
    """The network with a second element beside each doubled branch: half the impedance, twice the rest."""
    factor = np.where(doubled, 2.0, 1.0)
    return network._replace(
        z_pu=network.z_pu / factor,
        y_from_pu=network.y_from_pu * factor,
        y_to_pu=network.y_to_pu * factor,
        rating_from_pu=network.rating_from_pu * factor,
        rating_to_pu=network.rating_to_pu * factor,
    )


def cost(network: Network, doubled: BoolArray, prices: ReinforcementPrices) -> float:
    """Investment of an upgrade [currency]."""
    lines = doubled & (network.kind == BranchKind.LINE)
    trafos = doubled & (network.kind == BranchKind.TRAFO)
    kva = network.rating_to_pu[trafos] * network.base_kva
    return float(
        length_km(network, prices)[lines].sum() * prices.line_per_km
        + kva[np.isfinite(kva)].sum() * prices.trafo_per_kva
    )


def length_km(network: Network, prices: ReinforcementPrices) -> FloatArray:
    """Length of each branch as told by its impedance [km]."""
    ohm = np.abs(network.z_pu) * network.base_kv[network.to_node] ** 2 * 1e3 / network.base_kva
    return np.asarray(ohm / prices.ohm_per_km)


def annuity(years: float, interest_percent: float) -> float:
    """Share of an investment to be paid each year: i / (1 - (1 + i)^-n), and 1/n without interest."""
    interest = interest_percent / 100.0
    return 1.0 / years if interest == 0.0 else interest / (1.0 - (1.0 + interest) ** -years)
