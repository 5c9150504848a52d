"""The part of a radial feeder that a sweep has to iterate on.

A node where nothing can be injected, with one branch below it, carries one current through: its voltage lies on the way
and need not be iterated. A node below which nothing can be injected carries no current at all. What is left, the core, gives
the same solution; the voltages of the others follow from it exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.grid.net.network import ComplexArray
from marketsim.grid.net.radial import RadialFeeder


class SweepTree(NamedTuple):
    """The core, numbered in the order of positions (0 is the source), and how the other nodes follow from it."""

    position: IntArray
    """Position of each core node [n_core]."""
    core: IntArray
    """Core number of each position; -1: not in the core [n_nodes]."""
    start: IntArray
    """Lateral l has the core nodes start[l] ... start[l + 1] - 1; may be none [n_laterals + 1]."""
    parent: IntArray
    """Next core node towards the source; -1 at the source [n_core]."""
    z_pu: ComplexArray
    """Impedance between a core node and its parent in the core [n_core]."""
    owner: IntArray
    """Core node whose current flows next to each position (see ``part_pu``) [n_nodes]."""
    part_pu: ComplexArray
    """V = V[parent of owner] - part F[owner] [n_nodes]."""
    carries: FloatArray
    """1 where the branch above a position carries the owner's current, 0 where it carries none [n_nodes]."""


def _in_core(feeder: RadialFeeder, injects: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Which nodes are in the core, and which have core nodes at or below them."""
    inside = injects.copy()
    inside[0] = True
    branches = np.zeros(feeder.n_nodes, dtype=np.int64)
    live = inside.copy()
    for position in range(feeder.n_nodes - 1, 0, -1):
        inside[position] |= branches[position] > 1
        live[position] |= branches[position] > 0
        branches[feeder.parent[position]] += live[position]
    return inside, live


def _owners(feeder: RadialFeeder, core: IntArray, live: BoolArray) -> IntArray:
    """The first core node at or below a live node; for a dead one that of the live node where it hangs."""
    owner = core.copy()
    for position in range(feeder.n_nodes - 1, 0, -1):
        above = feeder.parent[position]
        if live[position] and core[above] < 0:
            owner[above] = owner[position]
    for position in range(1, feeder.n_nodes):
        if not live[position]:
            owner[position] = owner[feeder.parent[position]]
    return owner


def sweep_tree(feeder: RadialFeeder, injects: BoolArray) -> SweepTree:
    """Core of a feeder where power is injected or an admittance stands at the nodes ``injects`` [n_nodes] only."""
    inside, live = _in_core(feeder, injects)
    position = np.flatnonzero(inside)
    core = np.where(inside, np.cumsum(inside) - 1, -1)
    owner = _owners(feeder, core, live)
    part = np.zeros(feeder.n_nodes, dtype=np.complex128)
    nearest = np.zeros(feeder.n_nodes, dtype=np.int64)  # core node at or above
    for n in range(1, feeder.n_nodes):
        above = feeder.parent[n]
        if live[n]:
            part[n] = feeder.z_pu[n] + (part[above] if core[above] < 0 else 0.0)
        else:
            part[n] = part[above]
        nearest[n] = core[n] if inside[n] else nearest[above]
    parent = np.append(-1, nearest[feeder.parent[position[1:]]])
    return SweepTree(
        position=position,
        core=core,
        start=np.searchsorted(position, feeder.lateral_start).astype(np.int64),
        parent=parent,
        z_pu=part[position],
        owner=owner,
        part_pu=part,
        carries=np.where(live, 1.0, 0.0),
    )
