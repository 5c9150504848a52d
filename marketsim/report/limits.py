"""What was refused or curtailed, why, and by which element."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.units import WH_PER_KWH
from marketsim.report.people import agent_pieces
from marketsim.results.reader import Run

MOST_ELEMENTS: Final = 15
GRID_REASONS: Final = frozenset(
    {
        *("undervoltage", "overvoltage", "line_loading", "trafo_loading", "connection_import", "connection_export"),
        *("head_import", "head_export", "diverged", "rolled_back"),
    }
)
"""Refusals that the wires caused; the others come from rules of the market."""


_AT_A_BUS: Final = frozenset({"undervoltage", "overvoltage"})


class RefusedEnergy(NamedTuple):
    """Energy refused by one element for one reason [kWh]."""

    element: str
    reason: str
    trade: float
    """Between two agents."""
    export: float
    """On its way to the utility."""
    supply: float
    """On its way from the utility."""
    times: int
    curtailed: float = 0.0
    """PV that its owner had to curtail in the slot in which it was refused."""

    @property
    def energy(self) -> float:
        """In all."""
        return self.trade + self.export + self.supply

    @property
    def label(self) -> str:
        """What bound, in words; a bus is called one, since many have a number for a name."""
        name = f"bus {self.element}" if self.reason in _AT_A_BUS else self.element
        return name if self.element else "no single element"

    @property
    def by_grid(self) -> bool:
        """Whether the wires refused it, not a rule of the market."""
        return self.reason in GRID_REASONS


def refusals(run: Run) -> list[RefusedEnergy]:
    """Refused energy by reason and element, the largest first.

    PV curtailed is that of the seller in the same slot, at most what was refused to it there; where several elements
    refused, in proportion to what each of them did.
    """
    names = ["slot", "market", "buyer", "seller", "energy_wh", "reason", "element_name"]
    table = run.table("rejects", columns=names)
    if not table.num_rows:
        return []
    reason, reasons = _codes(table.column("reason"))
    element, elements = _codes(table.column("element_name"))
    energy = table.column("energy_wh").to_numpy() / WH_PER_KWH
    no_buyer, no_seller = (table.column(name).is_null().to_numpy() for name in ("buyer", "seller"))
    pair, place = np.unique(np.stack((reason, element)), axis=1, return_inverse=True)
    place = place.reshape(-1)
    kinds = (~no_buyer & ~no_seller, no_buyer, no_seller & ~no_buyer)
    weights = (*(energy * which for which in kinds), None, _curtailed_for(run, table, energy))
    sums = [np.bincount(place, weights=each, minlength=pair.shape[1]).tolist() for each in weights]
    found = [
        RefusedEnergy(elements[e] if e >= 0 else "", reasons[r], *own)
        for (r, e), *own in zip(pair.T.tolist(), *sums, strict=True)
    ]
    return sorted(found, key=lambda each: (-each.energy, each.element, each.reason))


def _curtailed_for(run: Run, rejects: Any, refused: FloatArray) -> FloatArray:
    """PV that was curtailed because of each row of the table of rejects [kWh] [n_rows]."""
    owners, curtailed = _curtailed(run)
    seller = rejects.column("seller").fill_null(-1).to_numpy()
    market, slot = (rejects.column(name).to_numpy() for name in ("market", "slot"))
    row = np.minimum(np.searchsorted(owners, _key(slot, market, seller)), max(len(owners) - 1, 0))
    found = np.zeros(len(refused))
    if len(owners):
        hit = (owners[row] == _key(slot, market, seller)) & (seller >= 0)
        in_all = np.bincount(row[hit], weights=refused[hit], minlength=len(owners))
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = np.minimum(1.0, curtailed / in_all)
        found[hit] = refused[hit] * factor[row[hit]]
    return found


def _curtailed(run: Run) -> tuple[IntArray, FloatArray]:
    """Agent and slot, as one sorted key, of everything that was curtailed, and how much [kWh]."""
    keys, energies = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for table in agent_pieces(run, ["slot", "market", "agent", "curtailed_wh"]):
        energy = table.column("curtailed_wh").to_numpy()
        own = energy > 0
        keys.append(_key(*(table.column(name).to_numpy()[own] for name in ("slot", "market", "agent"))))
        energies.append(energy[own] / WH_PER_KWH)
    key, energy = np.concatenate(keys), np.concatenate(energies)
    order = np.argsort(key, kind="stable")
    return key[order], energy[order]


def _key(slot: IntArray, market: IntArray, agent: IntArray) -> IntArray:
    """One number for an agent of a market in a slot; the columns are of 32 bits, and few markets have 2^20 agents."""
    return (slot.astype(np.int64) << 40) + (market.astype(np.int64) << 20) + agent


def _codes(column: Any) -> tuple[np.ndarray, list[str]]:
    """Position of each text among the different ones, -1 for null."""
    encoded = column.combine_chunks()
    if hasattr(encoded, "chunks"):  # a table of several chunks keeps them where it has none to join
        encoded = encoded.unify_dictionaries().combine_chunks()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, encoded.dictionary.to_pylist()
