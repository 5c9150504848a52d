"""Topology of a network, by networkx: what hangs together, and what hangs on what by which branch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from marketsim.core.arrays import BoolArray, IntArray
from marketsim.grid.net.network import Network

if TYPE_CHECKING:
    import networkx as nx  # type: ignore[import-untyped]

SOURCE = 0


class Walk(NamedTuple):
    """Nodes with a path to the source, or where else a walk began, in its order; and how each was reached."""

    node: IntArray
    parent: IntArray
    """-1 where it began."""
    branch: IntArray
    """Between the node and its parent, the first of parallel ones; -1 where it began."""


def graph_of(network: Network) -> nx.MultiGraph:
    """Nodes by number, branches by their number as keys; the neighbours of each node in order of their numbers."""
    return graph_from(range(network.n_nodes), np.column_stack((network.from_node, network.to_node)))


def graph_from(nodes: Iterable[int], ends: IntArray) -> nx.MultiGraph:
    """Nodes, and an edge for each row of ``ends`` [n_edges, 2] with its row as key; neighbours in order of their numbers."""
    import networkx as nx

    graph = nx.MultiGraph()
    graph.add_nodes_from(nodes)
    ends = np.sort(ends, axis=1)
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    graph.add_edges_from((a, b, row, {}) for (a, b), row in zip(ends[order].tolist(), order.tolist(), strict=True))
    return graph


def is_radial(network: Network) -> bool:
    """Whether the branches form a tree that spans all nodes."""
    return network.n_branches == network.n_nodes - 1 and bool(has_supply(network).all())


def has_supply(network: Network) -> BoolArray:
    """Nodes with a path to the source [n_nodes]."""
    import networkx as nx

    supplied = np.zeros(network.n_nodes, dtype=np.bool_)
    supplied[list(nx.node_connected_component(graph_of(network), SOURCE))] = True
    return supplied


def in_depth(network: Network) -> Walk:
    """Depth-first pre-order from the source, smaller numbers first."""
    import networkx as nx

    graph = graph_of(network)
    return _walk(graph, nx.dfs_edges(graph, SOURCE), SOURCE)


def in_breadth(network: Network) -> Walk:
    """Breadth-first order from the source, smaller numbers first."""
    return walk_in_breadth(graph_of(network), SOURCE)


def walk_in_breadth(graph: nx.MultiGraph, source: int) -> Walk:
    """Breadth-first order from a node, in the order in which the neighbours of each stand in the graph."""
    import networkx as nx

    return _walk(graph, nx.bfs_edges(graph, source), source)


def _walk(graph: nx.MultiGraph, edges: Iterable[tuple[int, int]], source: int) -> Walk:
    rows = [(source, -1, -1), *((node, parent, next(iter(graph[parent][node]))) for parent, node in edges)]
    return Walk(*np.array(rows, dtype=np.int64).T)


def head_of_node(network: Network) -> IntArray:
    """Feeder head of each node, numbered by the smallest node at the source that feeds it; -1 for the source [n_nodes].

    Heads are the parts into which the network falls without its source. On a radial feeder each has one branch there.
    """
    import networkx as nx

    graph = graph_of(network)
    at_source = set(graph[SOURCE])
    graph.remove_node(SOURCE)
    fed = [part for part in nx.connected_components(graph) if part & at_source]
    head = np.full(network.n_nodes, -1, dtype=np.int64)
    for number, part in enumerate(sorted(fed, key=lambda each: min(each & at_source))):
        head[list(part)] = number
    return head


def head_names(network: Network) -> tuple[str, ...]:
    """Names of the heads: their branches at the source, joined by ``+`` [n_heads]."""
    head = head_of_node(network)
    names: list[list[str]] = [[] for _ in range(int(head.max(initial=-1)) + 1)]
    for branch in np.flatnonzero((network.from_node == SOURCE) | (network.to_node == SOURCE)).tolist():
        node = max(int(network.from_node[branch]), int(network.to_node[branch]))
        if head[node] >= 0:
            names[head[node]].append(network.branch_names[branch])
    return tuple(" + ".join(own) for own in names)


def far_end_is_from(network: Network) -> BoolArray:
    """Whether more branches lie between the source and a branch's from end than its to end [n_branches]."""
    ends = network.from_node, network.to_node
    graph = coo_array((np.ones(network.n_branches), ends), shape=(network.n_nodes, network.n_nodes)).tocsr()
    (steps,) = dijkstra(graph, directed=False, unweighted=True, indices=[SOURCE])
    return np.asarray(steps[network.from_node] > steps[network.to_node])
