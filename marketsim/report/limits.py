"""What was refused, why, and by which element."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.units import WH_PER_KWH
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


class Refused(NamedTuple):
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


def refusals(run: Run) -> list[Refused]:
    """Refused energy by reason and element, the largest first."""
    table = run.table("rejects", columns=["buyer", "seller", "energy_wh", "reason", "element_name"])
    if not table.num_rows:
        return []
    reason, reasons = _codes(table.column("reason"))
    element, elements = _codes(table.column("element_name"))
    energy = table.column("energy_wh").to_numpy() / WH_PER_KWH
    no_buyer, no_seller = (table.column(name).is_null().to_numpy() for name in ("buyer", "seller"))
    pair, place = np.unique(np.stack((reason, element)), axis=1, return_inverse=True)
    place = place.reshape(-1)
    kinds = (~no_buyer & ~no_seller, no_buyer, no_seller & ~no_buyer)
    parts = [np.bincount(place, weights=energy * which, minlength=pair.shape[1]) for which in kinds]
    times = np.bincount(place, minlength=pair.shape[1])
    trade, export, supply = (part.tolist() for part in parts)
    found = [
        Refused(elements[e] if e >= 0 else "", reasons[r], trade[row], export[row], supply[row], int(times[row]))
        for row, (r, e) in enumerate(pair.T.tolist())
    ]
    return sorted(found, key=lambda each: (-each.energy, each.element, each.reason))


def _codes(column: Any) -> tuple[np.ndarray, list[str]]:
    """Position of each text among the different ones, -1 for null."""
    encoded = column.combine_chunks()
    if hasattr(encoded, "chunks"):  # a table of several chunks keeps them where it has none to join
        encoded = encoded.unify_dictionaries().combine_chunks()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, encoded.dictionary.to_pylist()
