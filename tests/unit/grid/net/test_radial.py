from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.errors import NetworkError
from marketsim.grid.net import feeder141
from marketsim.grid.net.radial import radial_feeder
from marketsim.grid.net.topology import is_radial
from marketsim.testing.grids import random_network, tree_network

FORK = tree_network([0, 1, 1, 0, 4], np.full(5, 0.01 + 0.02j))
"""0-1-(2, 3) and 0-4-5."""


def test_positions_are_a_depth_first_pre_order_of_the_nodes() -> None:
    feeder = radial_feeder(FORK)
    np.testing.assert_array_equal(feeder.node, [0, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(feeder.parent, [-1, 0, 1, 1, 0, 4])
    np.testing.assert_array_equal(feeder.node[feeder.position], np.arange(6))


def test_laterals_and_subtrees_are_contiguous() -> None:
    feeder = radial_feeder(FORK)
    np.testing.assert_array_equal(feeder.lateral_start, [1, 4, 6])
    np.testing.assert_array_equal(feeder.subtree_end, [6, 4, 3, 4, 6, 6])
    np.testing.assert_array_equal(feeder.lateral, [-1, 0, 0, 0, 1, 1])


@pytest.mark.parametrize("seed", range(5))
def test_every_subtree_range_holds_exactly_the_descendants(seed: int) -> None:
    feeder = radial_feeder(random_network(np.random.default_rng(seed), 30))
    for ancestor in range(30):
        inside = {ancestor}
        for position in range(ancestor + 1, 30):
            if feeder.parent[position] in inside:
                inside.add(position)
        assert inside == set(range(ancestor, feeder.subtree_end[ancestor]))


def test_the_order_of_branches_and_their_ends_does_not_matter() -> None:
    order = [3, 1, 4, 0, 2]
    turned = FORK._replace(
        from_node=FORK.to_node[order], to_node=FORK.from_node[order], branch_names=tuple(map(str, order))
    )
    a, b = radial_feeder(FORK), radial_feeder(turned)
    np.testing.assert_array_equal(a.node, b.node)
    np.testing.assert_array_equal(np.array(order)[b.branch[1:]], a.branch[1:])
    assert a.parent_is_from[1:].all()
    assert not b.parent_is_from[1:].any()


def test_a_ratio_scales_everything_below_it() -> None:
    """Behind a transformer of ratio t as seen from the source V' = t V, so limits and impedances scale with |t| and |t|^2."""
    ratio = np.array([1.0, 1.1 * np.exp(0.5j), 1.0, 1.0, 1.0])
    feeder = radial_feeder(FORK._replace(ratio=ratio, rating_to_pu=np.full(5, 0.5), rating_from_pu=np.full(5, 0.4)))
    np.testing.assert_allclose(np.abs(feeder.scale), [1, 1, 1.1, 1, 1, 1])
    np.testing.assert_allclose(feeder.v_max_pu[2], 1.05 * 1.1)
    np.testing.assert_allclose(feeder.z_pu[2], 1.21 * (0.01 + 0.02j))
    np.testing.assert_allclose([feeder.rating_parent_pu[2], feeder.rating_child_pu[2]], [0.4, 0.5 / 1.1])


def test_a_transformer_turned_round_is_scaled_at_its_own_to_end() -> None:
    """Seen from its to end, the ideal transformer lies beyond the impedance: V' = V / t below, z itself stays."""
    turned = FORK._replace(
        from_node=np.array([0, 2, 1, 0, 4]), to_node=np.array([1, 1, 3, 4, 5]), ratio=np.array([1, 1.25, 1, 1, 1 + 0j])
    )
    feeder = radial_feeder(turned)
    np.testing.assert_allclose(np.abs(feeder.scale[2]), 0.8)
    np.testing.assert_allclose(feeder.z_pu[2], 0.01 + 0.02j)


def test_charging_counts_at_both_ends_and_at_the_nodes() -> None:
    feeder = radial_feeder(
        FORK._replace(y_from_pu=np.full(5, 0.1j), y_to_pu=np.full(5, 0.2j), shunt_pu=np.full(6, 0.01 + 0j))
    )
    np.testing.assert_allclose(feeder.y_pu[1], 0.01 + 0.2j + 2 * 0.1j)
    np.testing.assert_allclose(feeder.y_parent_pu[1:], 0.1j)
    np.testing.assert_allclose(feeder.y_child_pu[1:], 0.2j)


def test_a_loop_is_refused_with_its_number() -> None:
    meshed = FORK._replace(
        **{
            name: np.append(getattr(FORK, name), getattr(FORK, name)[0])
            for name in ("kind", "z_pu", "y_from_pu", "y_to_pu", "ratio", "rating_from_pu", "rating_to_pu")
        },
        branch_names=(*FORK.branch_names, "tie"),
        from_node=np.append(FORK.from_node, 3),
        to_node=np.append(FORK.to_node, 5),
    )
    assert not is_radial(meshed)
    with pytest.raises(NetworkError, match=r"not radial.*1 loops"):
        radial_feeder(meshed)


def test_buses_without_a_path_to_the_source_are_named() -> None:
    """A ring elsewhere makes the counts match a tree's; the buses are still isolated."""
    split = FORK._replace(from_node=np.array([0, 1, 1, 4, 4]), to_node=np.array([1, 2, 3, 5, 5]))
    assert not is_radial(split)
    with pytest.raises(NetworkError, match=r"without a path to the source.*b4, b5"):
        radial_feeder(split)


def test_a_source_alone_is_a_feeder() -> None:
    alone = tree_network([], np.zeros(0))
    assert radial_feeder(alone).n_laterals == 0


def test_feeder141_is_one_lateral() -> None:
    network = feeder141.network()
    assert is_radial(network)
    feeder = radial_feeder(network)
    assert (feeder.n_nodes, feeder.n_laterals) == (141, 1)
