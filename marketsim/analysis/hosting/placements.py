"""Where units go: one seeded order of buses a placement, so that more units always hold the fewer ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray


class Placements(NamedTuple):
    """Orders in which units are added."""

    order: IntArray
    """Node of each unit [n_placements, most units]."""
    n_nodes: int
    unit_kw: float

    def installed_kw(self, units: IntArray) -> FloatArray:
        """What the first so many units of each placement put at every node [kW] [n_placements, n_nodes]."""
        filled = np.zeros((len(units), self.n_nodes))
        for row, count in enumerate(units.tolist()):
            filled[row] = np.bincount(self.order[row, :count], minlength=self.n_nodes)
        return filled * self.unit_kw


def placements(nodes: IntArray, n_nodes: int, unit_kw: float, count: int, most: int, seed: int) -> Placements:
    """``count`` orders of up to ``most`` units: the nodes in a random sequence, and again in another, and so on."""
    rounds = -(-most // len(nodes))
    orders = [
        np.concatenate([rng.permutation(nodes) for _ in range(rounds)])[:most]
        for rng in (np.random.default_rng([seed, row]) for row in range(count))
    ]
    return Placements(np.array(orders), n_nodes, unit_kw)
