"""Networks after a failure: who is supplied, and that what is left solves as pandapower's own."""

from __future__ import annotations

import numpy as np
import pandapower as pp
import pandapower.topology as top
import pytest

from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net import extraction, pandapower_nets
from marketsim.grid.net.outage import Tie, supplied, with_tie, without_branches
from marketsim.grid.net.topology import has_supply
from marketsim.testing.grids import dense_power_flow, random_network, tree_network

Z = np.full(4, 0.01 + 0.01j)


def lost(network, branch):
    return np.arange(network.n_branches) == branch


def test_what_hangs_behind_a_lost_branch_has_no_supply():
    network = tree_network([0, 1, 2, 1], Z)
    assert has_supply(network).all()
    assert has_supply(without_branches(network, lost(network, 1))).tolist() == [True, True, False, False, True]
    assert has_supply(without_branches(network, lost(network, 0))).tolist() == [True] + [False] * 4


@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_solves_as_the_same_part_alone(seed):
    """On random trees with transformers: renumbered, the supplied part has the voltages of a dense Z-bus solution."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, 9)
    part = supplied(without_branches(network, lost(network, int(rng.integers(1, network.n_branches)))))
    net_kw = -rng.uniform(0, 20, (1, part.network.n_nodes))
    flow = Validator(part.network).solve(net_kw, 0.2 * net_kw)
    dense = dense_power_flow(part.network, (net_kw[0] * (1 + 0.2j)) / part.network.base_kva)
    np.testing.assert_allclose(flow.v_pu[0], np.abs(dense.v_pu), atol=1e-8)
    assert [part.network.bus_names[k] for k in range(len(part.nodes))] == [network.bus_names[k] for k in part.nodes]


def test_a_tie_brings_supply_back():
    network = without_branches(tree_network([0, 1, 2, 0], Z), np.array([False, True, False, False]))
    closed = with_tie(network, Tie("tie", (4, 3), 0.0016 + 0.0016j, 100.0))
    assert has_supply(closed).all()
    assert closed.branch_names[-1] == "tie"
    assert closed.z_pu[-1] == pytest.approx(0.01 + 0.01j), "0.4 kV and 1 MVA: 0.16 ohm a p.u."
    assert closed.rating_from_pu[-1] == pytest.approx(100.0 / (1000.0 / (3**0.5 * 0.4)))


def test_pandapower_finds_the_same_buses_in_the_dark():
    """An opened line of a real net, by pandapower's own topology."""
    net = pandapower_nets.feeder("pandapower:create_kerber_landnetz_freileitung_1")
    feeder = extraction.extract(pandapower_nets.feeder("pandapower:create_kerber_landnetz_freileitung_1"))
    for line in net.line.index[:6]:
        name = feeder.network.branch_names.index(str(net.line.name.at[line]))
        open_net = pp.pandapowerNet(net)
        open_net.line = net.line.copy()
        open_net.line.loc[line, "in_service"] = False
        dark = {feeder.node(str(bus)) for bus in top.unsupplied_buses(open_net)}
        ours = np.flatnonzero(~has_supply(without_branches(feeder.network, lost(feeder.network, name))))
        assert set(ours.tolist()) == dark
