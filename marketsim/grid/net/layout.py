"""Where to draw the nodes of a feeder: as the net says, or as a single-line diagram where it has no coordinates.

The diagram is a tree from the source on the left: along each path the longest way straight on, its branches in lanes
above and below, outer lanes for branches that leave earlier, so that no line of the tree crosses another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.grid.net.network import Network
from marketsim.grid.net.topology import Walk, in_breadth


class Drawing(NamedTuple):
    """Positions of the nodes and how branches run between them."""

    x: FloatArray
    y: FloatArray
    geographic: bool
    """Coordinates of the net; else a diagram: steps from the source, and lanes."""
    in_tree: BoolArray
    """Branches of the diagram's tree; the others close loops [n_branches]."""


def drawing(network: Network, coordinates: FloatArray | None = None) -> Drawing:
    """Draw by ``coordinates`` [n_nodes, 2], or as a diagram where they are None or few nodes have them.

    Points without a place inside elements or at open ends are put between (beside) their neighbours.
    """
    walk = in_breadth(network)
    in_tree = np.zeros(network.n_branches, dtype=np.bool_)
    in_tree[walk.branch[1:]] = True
    places = None if coordinates is None else _completed(network, coordinates)
    if places is not None and np.ptp(places, axis=0).any():
        return Drawing(places[:, 0] * _squeeze(places), places[:, 1].copy(), True, in_tree)
    x, y = lanes(walk, range(network.n_nodes))
    return Drawing(x, y, False, in_tree)


def _completed(network: Network, coordinates: FloatArray) -> FloatArray | None:
    """Places of all nodes; None where fewer than two thirds are known, or some have no neighbour to go by."""
    places = coordinates.copy()
    if np.isfinite(places[:, 0]).mean() < 2.0 / 3.0:
        return None
    while np.isnan(places).any():
        known = np.isfinite(places[:, 0])
        total, count = np.zeros_like(places), np.zeros(len(places))
        for a, b in ((network.from_node, network.to_node), (network.to_node, network.from_node)):
            use = known[b] & ~known[a]
            np.add.at(total, a[use], places[b[use]])
            np.add.at(count, a[use], 1.0)
        reached = count > 0.0
        if not reached.any():
            return None
        places[reached] = total[reached] / count[reached, None]
    return places


def _squeeze(coordinates: FloatArray) -> float:
    """Length of a degree of longitude over one of latitude, where the numbers look like degrees of a small region."""
    span, middle = np.ptp(coordinates, axis=0), np.abs(coordinates).max(axis=0)
    degrees = (span < 3.0).all() and middle[0] <= 180.0 and middle[1] <= 90.0
    return float(np.cos(np.radians(coordinates[:, 1].mean()))) if degrees else 1.0


class _Block:
    """A subtree that has been laid out: lane of each node, and its outline above and below by steps from its root."""

    def __init__(self, node: int) -> None:
        self.nodes = [np.array([node])]
        self.lanes = [np.zeros(1)]
        self.above = np.zeros(1)
        self.below = np.zeros(1)

    @property
    def reach(self) -> int:
        """Steps from the root to the deepest node."""
        return len(self.above) - 1

    def straight_on(self, child: _Block) -> None:
        """The child that continues in the same lane."""
        self.nodes += child.nodes
        self.lanes += child.lanes
        self.above = np.concatenate((self.above, child.above))
        self.below = np.concatenate((self.below, child.below))

    def attach(self, child: _Block) -> None:
        """A further child, in the nearest lane above or below where it fits."""
        inside = slice(1, len(child.above) + 1)
        up = max(float(np.max(self.above[inside] - child.below)), float(self.above[0])) + 1.0
        down = min(float(np.min(self.below[inside] - child.above)), float(self.below[0])) - 1.0
        lane = up if up <= -down else down
        self.nodes += child.nodes
        self.lanes += [lanes + lane for lanes in child.lanes]
        self.above[inside] = np.maximum(self.above[inside], child.above + lane)
        self.below[inside] = np.minimum(self.below[inside], child.below + lane)
        self.above[0], self.below[0] = max(self.above[0], lane), min(self.below[0], lane)


def lanes(walk: Walk, nodes: Iterable[int]) -> tuple[FloatArray, FloatArray]:
    """Steps from the source and lane of each of ``nodes`` [n_nodes]; nodes without a path stand below the others."""
    depth = {-1: -1}
    for node, parent in zip(walk.node.tolist(), walk.parent.tolist(), strict=True):
        depth[node] = depth[parent] + 1
    children: dict[int, list[_Block]] = {}
    for node, parent in zip(walk.node[::-1].tolist(), walk.parent[::-1].tolist(), strict=True):
        block = _Block(node)
        below = children.pop(node, [])[::-1]
        below.sort(key=lambda each: -each.reach)
        if below:
            block.straight_on(below[0])
        for child_block in sorted(below[1:], key=lambda each: each.reach):
            block.attach(child_block)
        children.setdefault(parent, []).append(block)
    (whole,) = children[-1]
    lane = dict(zip(np.concatenate(whole.nodes).tolist(), np.concatenate(whole.lanes).tolist(), strict=True))
    lowest = min(lane.values()) - 1.0
    places = [(float(depth.get(node, 0)), lane.get(node, lowest)) for node in nodes]
    x, y = np.array(places).T
    return x, y
