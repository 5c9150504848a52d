from __future__ import annotations

import numpy as np
import pytest

from marketsim.grid.flow.sweep_tree import sweep_tree
from marketsim.grid.net.radial import radial_feeder
from marketsim.testing.grids import random_network, tree_network

#  0-1-2-3-4, 3-5, 1-6-7: power at 4, 5 only
NET = tree_network([0, 1, 2, 3, 3, 1, 6], np.array([1, 2, 4, 8, 16, 32, 64], dtype=complex))


def injecting(*nodes: int, n: int = 8) -> np.ndarray:
    mask = np.zeros(n, dtype=bool)
    mask[list(nodes)] = True
    return mask


def test_the_core_is_what_injects_and_where_currents_meet() -> None:
    tree = sweep_tree(radial_feeder(NET), injecting(4, 5))
    np.testing.assert_array_equal(tree.position, [0, 3, 4, 5])
    np.testing.assert_array_equal(tree.parent, [-1, 0, 1, 1])
    np.testing.assert_array_equal(tree.z_pu, [0, 7, 8, 16])


def test_nodes_on_the_way_lie_between_core_nodes() -> None:
    tree = sweep_tree(radial_feeder(NET), injecting(4, 5))
    np.testing.assert_array_equal(tree.part_pu[:4], [0, 1, 3, 7])
    np.testing.assert_array_equal(tree.owner[1:4], 1)


def test_nodes_without_current_have_the_voltage_of_where_they_hang() -> None:
    tree = sweep_tree(radial_feeder(NET), injecting(4, 5))
    np.testing.assert_array_equal(tree.part_pu[6:], tree.part_pu[1])
    np.testing.assert_array_equal(tree.owner[6:], tree.owner[1])
    np.testing.assert_array_equal(tree.carries, [1, 1, 1, 1, 1, 1, 0, 0])


def test_a_lateral_without_power_has_no_core_and_the_voltage_of_the_source() -> None:
    network = tree_network([0, 1, 0, 3], np.ones(4, dtype=complex))
    tree = sweep_tree(radial_feeder(network), injecting(4, n=5))
    np.testing.assert_array_equal(tree.start, [1, 1, 2])
    np.testing.assert_array_equal(tree.owner[1:3], 0)
    np.testing.assert_array_equal(tree.part_pu[1:3], 0)


@pytest.mark.parametrize("seed", range(8))
def test_voltages_from_the_core_are_those_of_the_whole_tree(seed: int) -> None:
    """For any currents drawn at the injecting nodes, V = V_parent - z F on the whole tree and on the core agree."""
    rng = np.random.default_rng(seed)
    feeder = radial_feeder(random_network(rng, 40, plain=True))
    injects = rng.random(40) < 0.2
    drawn = np.where(injects, rng.normal(size=40) + 1j * rng.normal(size=40), 0)
    current = np.array([drawn[p : feeder.subtree_end[p]].sum() for p in range(40)])
    v = np.ones(40, dtype=complex)
    for p in range(1, 40):
        v[p] = v[feeder.parent[p]] - feeder.z_pu[p] * current[p]
    tree = sweep_tree(feeder, injects)
    flowing = np.where(tree.position > 0, current[tree.position], 0)
    core_v = v[tree.position]
    found = core_v[np.maximum(tree.parent, 0)][tree.owner] - tree.part_pu * flowing[tree.owner]
    np.testing.assert_allclose(found[1:], v[1:], rtol=1e-12)
    np.testing.assert_allclose((tree.carries * flowing[tree.owner])[1:], current[1:], atol=1e-12)
