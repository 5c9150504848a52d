"""Feeder heads: what hangs on the source in one piece, and the branches by which it hangs there."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.grid.net.network import Network


def head_of_node(network: Network) -> IntArray:
    """Head of each node, numbered by the smallest node at the source that feeds it; -1 for the source [n_nodes].

    Heads are the parts into which the network falls without its source. On a radial feeder each has one branch there.
    """
    label = np.arange(network.n_nodes)
    inner = (network.from_node != 0) & (network.to_node != 0)
    a, b = network.from_node[inner], network.to_node[inner]
    while True:
        least = np.minimum(label[a], label[b])
        spread = label.copy()
        np.minimum.at(spread, a, least)
        np.minimum.at(spread, b, least)
        if (spread == label).all():
            break
        label = spread[spread]
    order = list(dict.fromkeys(label[node] for node in sorted(_nodes_at_source(network))))
    number = {part: head for head, part in enumerate(order)}
    return np.array([-1, *(number.get(part, -1) for part in label[1:])], dtype=np.int64)


def head_names(network: Network) -> tuple[str, ...]:
    """Names of the heads: their branches at the source, joined by ``+`` [n_heads]."""
    head = head_of_node(network)
    names: list[list[str]] = [[] for _ in range(int(head.max(initial=-1)) + 1)]
    branches = np.flatnonzero((network.from_node == 0) | (network.to_node == 0))
    for branch, node in zip(branches.tolist(), _nodes_at_source(network), strict=True):
        if head[node] >= 0:
            names[head[node]].append(network.branch_names[branch])
    return tuple(" + ".join(own) for own in names)


def _nodes_at_source(network: Network) -> list[int]:
    """The other ends of the branches at the source, in order of branches."""
    at = (network.from_node == 0) | (network.to_node == 0)
    other_end = np.where(network.from_node == 0, network.to_node, network.from_node)
    return [int(node) for node in other_end[at]]
