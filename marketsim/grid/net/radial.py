"""A radial network as a rooted tree of plain series impedances, ready for a forward/backward sweep.

Positions number the nodes in depth-first pre-order from the source (position 0): a subtree is a contiguous range, and so is a
lateral, i.e. all that hangs on one branch at the source. Ideal transformers are eliminated by scaling: with the
product s of the ratios on the way to a node, V' = s V and I' = I / conj(s) leave every power V conj(I) as it is, so
z' = |s|^2 z, y' = y / |s|^2, and limits scale with |s|. Phase shifts leave no trace but in the angle of s.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import NetworkError, Problem
from marketsim.grid.net.network import ComplexArray, Network
from marketsim.grid.net.topology import Walk, in_depth


class RadialFeeder(NamedTuple):
    """The tree; all arrays by position [n_nodes], and what belongs to a branch at the position below it."""

    node: IntArray
    """Node of the network at each position."""
    position: IntArray
    """Position of each node of the network."""
    parent: IntArray
    """Position of the parent; -1 at the source."""
    branch: IntArray
    """Branch of the network that leads to the parent; -1 at the source."""
    parent_is_from: BoolArray
    """Whether the branch's from end is the one at the parent."""
    subtree_end: IntArray
    """The subtree of position p is p ... subtree_end[p] - 1."""
    lateral_start: IntArray
    """Lateral l is lateral_start[l] ... lateral_start[l + 1] - 1 [n_laterals + 1]."""
    scale: ComplexArray
    """V' = scale x V."""
    z_pu: ComplexArray
    """Series impedance of the branch above, scaled."""
    y_pu: ComplexArray
    """All admittance to ground at the node, line charging included, scaled."""
    g_shunt_pu: FloatArray
    """Conductance to ground at the node that is in no branch, scaled; part of ``y_pu``."""
    y_parent_pu: ComplexArray
    """Admittance to ground inside the branch above at its parent end, scaled."""
    y_child_pu: ComplexArray
    v_min_pu: FloatArray
    """Limits of |V'|."""
    v_max_pu: FloatArray
    rating_parent_pu: FloatArray
    """Largest |I'| at the parent end of the branch above; inf: no rating."""
    rating_child_pu: FloatArray
    source_pu: float

    @property
    def n_nodes(self) -> int:
        """Number of nodes, the source included."""
        return len(self.node)

    @property
    def n_laterals(self) -> int:
        """Number of branches at the source."""
        return len(self.lateral_start) - 1

    @property
    def lateral(self) -> IntArray:
        """Lateral of each position [n_nodes]; -1 for the source."""
        sizes = np.diff(self.lateral_start)
        return np.concatenate(([-1], np.repeat(np.arange(self.n_laterals), sizes))).astype(np.int64)


def _require_tree(network: Network, walk: Walk) -> None:
    """NetworkError unless the network is a tree."""
    isolated = [network.bus_names[node] for node in np.setdiff1d(np.arange(network.n_nodes), walk.node)]
    if isolated:
        shown = ", ".join(isolated[:10]) + (" ..." if len(isolated) > 10 else "")
        hint = "close a switch that feeds them or take them out of the net"
        raise NetworkError([Problem("buses without a path to the source", f"feeder {network.name}", shown, hint)])
    loops = network.n_branches - network.n_nodes + 1
    if loops:
        hint = "open a switch in each loop, or let the gate for meshed nets take it"
        raise NetworkError([Problem("the feeder is not radial", f"feeder {network.name}", f"{loops} loops", hint)])


def _subtree_ends(parent: IntArray) -> IntArray:
    end = np.arange(1, len(parent) + 1)
    for position in range(len(parent) - 1, 0, -1):
        end[parent[position]] = max(end[parent[position]], end[position])
    return end


def _scales(parent: IntArray, ratio: ComplexArray, parent_is_from: BoolArray) -> ComplexArray:
    step = np.where(parent_is_from, ratio, 1.0 / ratio)
    scale = np.ones(len(parent), dtype=np.complex128)
    for position in range(1, len(parent)):
        scale[position] = scale[parent[position]] * step[position]
    return scale


def radial_feeder(network: Network) -> RadialFeeder:
    """Root the network at its source; NetworkError if it has loops or buses without a path to the source."""
    walk = in_depth(network)
    _require_tree(network, walk)
    node, branch, position = walk.node, walk.branch, np.argsort(walk.node)
    parent = np.append(-1, position[walk.parent[1:]])
    above = branch[1:]
    lateral_start = np.append(np.flatnonzero(parent == 0), len(node)) if len(node) > 1 else np.array([1])
    forward = np.append(True, network.from_node[above] == node[parent[1:]])
    ratio = np.append(1.0 + 0j, network.ratio[above])
    scale = _scales(parent, ratio, forward)

    def along(of_from: Any, of_to: Any, at_parent: bool) -> Any:
        """A quantity of the two branch ends at each position's branch; zero at the source."""
        return np.append(0.0, np.where(forward[1:] == at_parent, of_from[above], of_to[above]))

    # Behind the transformer, i.e. at the to end, voltages have the scale of the to node.
    inner = np.abs(np.where(forward, scale, scale[parent])) ** 2
    y_parent = along(network.y_from_pu, network.y_to_pu, True) / inner
    y_child = along(network.y_from_pu, network.y_to_pu, False) / inner
    y_ground = network.ground_pu[node] / np.abs(scale) ** 2
    y_node = y_ground + y_child
    np.add.at(y_node, parent[1:], y_parent[1:])
    size = np.abs(scale)
    rating_parent = along(network.rating_from_pu, network.rating_to_pu, True) / size[parent]
    rating_child = along(network.rating_from_pu, network.rating_to_pu, False) / size
    return RadialFeeder(
        node=node,
        position=position,
        parent=parent,
        branch=branch,
        parent_is_from=forward,
        subtree_end=_subtree_ends(parent),
        lateral_start=lateral_start.astype(np.int64),
        scale=scale,
        z_pu=np.append(0.0, network.z_pu[above]) * inner,
        y_pu=y_node,
        g_shunt_pu=y_ground.real,
        y_parent_pu=y_parent,
        y_child_pu=y_child,
        v_min_pu=network.v_min_pu[node] * size,
        v_max_pu=network.v_max_pu[node] * size,
        rating_parent_pu=rating_parent,
        rating_child_pu=rating_child,
        source_pu=network.source_pu,
    )
