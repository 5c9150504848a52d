"""Preferences as soft constraints: what is wanted, from when to when, and what each unit less of it costs.

The supplement of Lou et al. (arXiv 2507.14995) weighs them by 1,000; here the weight is per kWh that a wish is missed by.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from marketsim.core.arrays import FloatArray

WishedQuantity: TypeAlias = Literal["stored_kwh", "generator_kw", "curtailed_kw", "import_kw", "export_kw"]
WISHES: Final[dict[str, str]] = {
    "stored_kwh": "at least so much in the battery [kWh]",
    "generator_kw": "at most so much of the generator [kW]",
    "curtailed_kw": "at most so much load left unserved [kW]",
    "import_kw": "at most so much drawn from the grid [kW]",
    "export_kw": "at most so much fed into the grid [kW]",
}
"""What can be wanted."""
WEIGHT: Final = 1000.0
"""[currency/kWh] for each kWh that a wish is missed by; the stored energy of a slot counts once a slot."""


class Preference(NamedTuple):
    """A wish: ``quantity`` within ``limit`` from one hour of the day to another."""

    quantity: WishedQuantity
    limit: float
    """[kWh] of ``stored_kwh``, which is to be at least so much; [kW] of all others, at most."""
    from_hour: float = 0.0
    to_hour: float = 24.0
    """Before ``from_hour``: over midnight. The same: always."""
    weight: float = WEIGHT

    def holds_at(self, hour: FloatArray) -> FloatArray:
        """1 in the slots that open while it is wanted, else 0 [H]."""
        begins, ends = self.from_hour, self.to_hour
        inside = (hour >= begins) & (hour < ends) if begins < ends else (hour >= begins) | (hour < ends)
        return np.asarray(inside, dtype=np.float64)

    def missed(self, value: FloatArray) -> FloatArray:
        """By how much it is missed [H]."""
        return np.maximum(self.limit - value if self.quantity == "stored_kwh" else value - self.limit, 0.0)

    def __str__(self) -> str:
        most, unit = ("at least", "kWh") if self.quantity == "stored_kwh" else ("at most", "kW")
        name = self.quantity.rpartition("_")[0]
        return f"{name} {most} {self.limit:g} {unit}, {self.from_hour:g} h to {self.to_hour:g} h"
