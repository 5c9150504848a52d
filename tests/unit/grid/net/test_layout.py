"""Where a feeder is drawn."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.grid.net import feeders
from marketsim.grid.net.layout import drawing
from marketsim.grid.net.network import Network


def network(ends, n_nodes):
    """A network of which only the branches matter."""
    none = np.zeros(0)
    a, b = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    facts = dict.fromkeys(Network._fields, none) | {"name": "n", "base_kva": 1.0, "source_pu": 1.0}
    names = {"bus_names": tuple(map(str, range(n_nodes))), "branch_names": tuple(map(str, range(len(a))))}
    return Network(**facts | names | {"from_node": a, "to_node": b})


@st.composite
def trees(draw):
    n_nodes = draw(st.integers(2, 40))
    ends = [(draw(st.integers(0, node - 1)), node) for node in range(1, n_nodes)]
    return network([(b, a) if draw(st.booleans()) else (a, b) for a, b in ends], n_nodes)


def pieces(net, drawn):
    """Each branch as a vertical and a horizontal stretch: (x, low y, high y) and (y, low x, high x)."""
    for a, b in zip(net.from_node.tolist(), net.to_node.tolist(), strict=True):
        p, q = (a, b) if drawn.x[a] < drawn.x[b] else (b, a)
        yield (p, q), (drawn.x[p], *sorted((drawn.y[p], drawn.y[q]))), (drawn.y[q], drawn.x[p], drawn.x[q])


@given(trees())
def test_a_tree_is_drawn_without_overlap(net):
    """No two nodes in one place, every branch one step to the right, and no line crosses another or a foreign node."""
    drawn = drawing(net)
    assert len(set(zip(drawn.x, drawn.y, strict=True))) == net.n_nodes
    stretches = list(pieces(net, drawn))
    assert all(drawn.x[q] == drawn.x[p] + 1 for (p, q), _, _ in stretches)
    for (ends, (x, low, high), _), (others, _, (y, left, right)) in itertools.permutations(stretches, 2):
        meets = left <= x <= right and low <= y <= high
        assert not meets or set(ends) & set(others) or ends[0] == others[0], (ends, others)
    for (p, q), (x, low, high), (y, left, right) in stretches:
        for node in set(range(net.n_nodes)) - {p, q}:
            on_the_way = drawn.x[node] == x and low < drawn.y[node] < high
            assert not on_the_way
            assert not (drawn.y[node] == y and left < drawn.x[node] < right)


def test_the_longest_way_goes_straight_on():
    """The source is at the left; its longest path keeps one lane, a branch leaves it."""
    drawn = drawing(network([(0, 1), (1, 2), (2, 3), (1, 4)], 5))
    assert drawn.x.tolist() == [0, 1, 2, 3, 2]
    assert (drawn.y[:4] == 0).all()
    assert abs(drawn.y[4]) == 1


def test_a_loop_is_a_branch_outside_the_tree():
    drawn = drawing(network([(0, 1), (1, 2), (2, 0)], 3))
    assert drawn.in_tree.tolist() == [True, False, True]
    assert not drawn.geographic


def test_coordinates_are_used_where_most_nodes_have_them():
    """A point without a place stands between its neighbours; too few places are no map."""
    net = network([(0, 1), (1, 2)], 3)
    places = np.array([[0.0, 5.0], [10.0, 5.0], [20.0, 7.0]])
    drawn = drawing(net, places)
    assert drawn.geographic
    assert drawn.x.tolist() == [0, 10, 20]
    places[1] = np.nan
    assert drawing(net, places).y.tolist() == [5, 6, 7]
    places[2] = np.nan
    assert not drawing(net, places).geographic
    assert not drawing(net, np.ones((3, 2))).geographic, "all in one place is no map"


def test_degrees_are_drawn_to_scale():
    """A degree of longitude is shorter than one of latitude by the cosine of the latitude."""
    drawn = drawing(network([(0, 1)], 2), np.array([[8.0, 60.0], [8.1, 60.0]]))
    assert np.ptp(drawn.x) == pytest.approx(0.05, rel=1e-3)


def test_nets_bring_their_coordinates():
    """A net with GeoJSON points is drawn by them; one without, and copies, are not."""
    assert drawing_of("pandapower:create_cigre_network_mv").geographic
    assert not drawing_of("pandapower:create_kerber_vorstadtnetz_kabel_1").geographic
    assert feeders.load("feeder141*2").coordinates is None


def drawing_of(name):
    feeder = feeders.load(name)
    return drawing(feeder.network, feeder.coordinates)
