"""A ready scenario becomes a world."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.app.ready import load_scenario
from marketsim.app.running import simulate
from marketsim.app.wiring import build
from marketsim.core.delivery import Ahead, Immediate
from marketsim.core.simulation import Simulation
from marketsim.core.units import UNLIMITED_WH

HOUSES = {
    "name": "houses",
    "clock": {"start": "2016-07-12", "slots": 14, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "profiles": {"source": "simbench_2016"},
    "agents": [
        {"name": "roof", "kind": "prosumer", "pv_kw": 8, "load": {"annual_kwh": 3000}},
        {
            "name": "store",
            "kind": "prosumer",
            "pv_kw": 6,
            "load": {"annual_kwh": 3000},
            "battery": {"energy_kwh": 8, "power_kw": 3},
        },
        {"name": "home", "kind": "consumer", "load": {"annual_kwh": 4000}, "connection_kw": {"import": 7}},
        {"name": "lazy", "kind": "consumer", "load": {"annual_kwh": 3000}, "strategy": {"utility_only": {}}},
    ],
}


@pytest.fixture(scope="module")
def ready():
    return load_scenario(HOUSES)


def test_one_market_has_the_agents_of_the_scenario(ready):
    """Names, kinds and limits in the order of the scenario, limits in Wh a slot."""
    people = build(ready).world.community
    assert people.names == ("roof", "store", "home", "lazy")
    assert people.is_prosumer.tolist() == [True, True, False, False]
    assert people.import_limit_wh.tolist() == [UNLIMITED_WH, UNLIMITED_WH, 7_000, UNLIMITED_WH]
    assert (people.n_markets, people.market.tolist()) == (1, [0] * 4)


def test_each_seed_is_a_market(ready):
    """Several seeds are as many replicas one after the other on the flat axis."""
    built = build(ready, (5, 6, 7))
    people = built.world.community
    assert people.n_markets == 3
    assert people.market.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert people.connection.tolist() == [0, 1, 2, 3] * 3
    assert len(set(people.names)) == 12
    assert built.world.streams.seeds == (5, 6, 7)


@pytest.mark.parametrize("seeds", [None, (5, 6)])
def test_every_agent_has_exactly_one_role(ready, seeds):
    """Agents with the same strategy share a role in all markets; the reference is one role for all."""
    built = build(ready, seeds)
    n_agents = built.world.community.n_agents
    for world in (built.world, built.reference):
        assert sorted(np.concatenate([role.rows for role in world.cast])) == list(range(n_agents))
    assert len(built.world.cast) == 2
    assert len(built.reference.cast) == 1


def test_only_devices_that_somebody_owns_are_simulated(ready):
    """One fleet, the batteries."""
    assert build(ready).world.device_names == ("battery",)
    assert build(ready).world.stores == (True,)


def test_in_the_reference_nobody_trades(ready):
    """The reference run shares profiles and devices, and everybody deals with the utility only."""
    built = build(ready)
    run, reference = Simulation(built.world), Simulation(built.reference)
    traded = 0
    for here, there in zip(run.run(), reference.run(), strict=True):
        assert there.trades.size == 0
        assert (here.inputs.load_wh == there.inputs.load_wh).all()
        assert (here.inputs.pv_wh == there.inputs.pv_wh).all()
        traded += here.trades.size
    assert traded > 0


def test_a_replica_is_the_market_of_its_seed(ready):
    """The second of two markets has the load, PV, trades and payments of a market built with its seed alone."""
    batch, alone = (Simulation(build(ready, seeds).world) for seeds in ((5, 6), (6,)))
    traded = 0
    for both, single in zip(batch.run(), alone.run(), strict=True):
        own = both.orders.market[both.trades.buy_order] == 1
        assert (both.inputs.load_wh[4:] == single.inputs.load_wh).all()
        assert (both.ledger.money[:, 4:] == single.ledger.money).all()
        assert (both.trades.energy_wh[own] == single.trades.energy_wh).all()
        assert (both.trades.price_ticks[own] == single.trades.price_ticks).all()
        traded += int(own.sum())
    assert traded > 0


@pytest.mark.parametrize(("slots", "kind"), [(0, Immediate), (2, Ahead)])
def test_gate_closure_chooses_the_delivery(ready, slots, kind):
    """Closure 0 trades on what is metered, any other ahead of time; both runs the same."""
    built = build(ready.variant({"market.gate_closure_slots": slots}))
    assert type(built.world.delivery) is kind
    assert built.reference.delivery is built.world.delivery


def test_without_a_feeder_nobody_has_a_node(ready):
    """No grid: no network, no element names, node -1."""
    built = build(ready)
    assert built.grid is None
    assert (built.world.node_of == -1).all()


def test_a_curtailable_share_is_not_firm(ready):
    """What the fleet may shed is taken from the profile's load."""
    built = build(ready.variant({"agents.2.curtailable_load": {"share": 0.25, "cost_per_kwh": 0.2}}), (1, 2))
    assert built.world.firm_share.tolist() == [1.0, 1.0, 0.75, 1.0] * 2


def test_a_feeder_head_is_named_as_the_gate_counts_it(tmp_path):
    """Branches at the source in another order than the buses behind them: the refusal names the right one."""
    import pandapower

    net = pandapower.create_empty_network(sn_mva=1.0)
    source, near, far = (pandapower.create_bus(net, 0.4, name=name) for name in ("source", "near", "far"))
    pandapower.create_ext_grid(net, source)
    for name, bus in (("to far", far), ("to near", near)):
        pandapower.create_line_from_parameters(net, source, bus, 0.1, 0.2, 0.08, 0.0, 0.25, name=name)
    pandapower.to_json(net, tmp_path / "fork.json")
    agents = [{**agent, "bus": "near" if agent["name"] == "roof" else "far"} for agent in HOUSES["agents"]]
    grid = {"feeder": "file:fork.json", "head_kw": {"export": 0.5}}
    run = simulate(load_scenario({**HOUSES, "folder": str(tmp_path), "grid": grid, "agents": agents}))
    refused = run.rejects.query("reason == 'head_export'")
    assert set(refused.seller_name) == {"roof", "store"}
    assert set(refused[refused.seller_name == "roof"].element_name) == {"to near"}
    assert set(refused[refused.seller_name == "store"].element_name) == {"to far"}
