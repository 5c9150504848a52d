"""One meaning for every name and number of a bus: what is written in tables leads back to the same bus."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandapower
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.app.ready import facts_of, load_scenario
from marketsim.core.errors import NetworkError, ScenarioError
from marketsim.grid.flow.net_of_slot import Injection, SlotNets
from marketsim.grid.net import extraction
from marketsim.grid.net.bus_names import bus_names
from marketsim.grid.net.feeder import Feeder
from marketsim.grid.net.pandapower_nets import feeder as named
from marketsim.grid.net.preparation import prepare


def chain(bus_labels: list[object]) -> Any:
    """A source and lines from bus to bus, with these names."""
    net = pandapower.create_empty_network(name="chain")
    for name in bus_labels:
        pandapower.create_bus(net, 0.4, name=name)
    pandapower.create_ext_grid(net, 0)
    for bus in range(len(bus_labels) - 1):
        pandapower.create_line_from_parameters(net, bus, bus + 1, 0.1, 0.2, 0.08, 0.0, max_i_ka=0.2)
    return net


def assert_labels_lead_back(feeder: Feeder, net: Any) -> None:
    network = feeder.network
    assert len(set(network.bus_names)) == network.n_nodes
    assert len(set(network.branch_names)) == network.n_branches
    for node, label in enumerate(network.bus_names):
        if feeder.indices[node] >= 0:
            assert feeder.node(label) == node, label
            assert int(feeder.indices[feeder.node(label)]) in net.bus.index
        else:
            assert label not in feeder.nodes
    for row, name in enumerate(network.branch_names):
        assert feeder.branch(name) == row


def test_labels_of_every_pandapower_net_lead_back_to_their_bus(pandapower_network: str) -> None:
    net = named(f"pandapower:{pandapower_network}")
    if len(net.gen) or len(net.xward) or len(net.dcline):
        with pytest.raises(NetworkError) as caught:
            extraction.extract(net)
        assert all(problem.path for problem in caught.value.problems), "what is wrong has a place"
    else:
        assert_labels_lead_back(extraction.extract(net), net)


def test_a_number_is_the_bus_of_that_name_in_scenario_and_table_alike() -> None:
    net = chain(["3", "2", "1", "0"])
    feeder = extraction.extract(net)
    assert feeder.network.bus_names == ("3", "2", "1", "0")
    assert [int(feeder.indices[feeder.node(number)]) for number in range(4)] == [3, 2, 1, 0]
    assert [feeder.node(f"index {bus}") for bus in range(4)] == [0, 1, 2, 3]
    assert any("index 0" in note for note in feeder.notes)


def test_a_bus_whose_index_is_anothers_name_and_has_none_itself_is_labelled_by_index() -> None:
    feeder = extraction.extract(chain(["a", "2", None, "b"]))
    assert feeder.network.bus_names == ("a", "2", "index 2", "b")
    assert feeder.node("2") == feeder.node(1) == 1
    assert feeder.node("index 2") == 2


def test_a_name_that_several_buses_have_means_none_of_them_also_where_it_is_an_index() -> None:
    feeder = extraction.extract(chain(["a", "3", "3", "b"]))
    with pytest.raises(NetworkError, match=r"several buses have this name: those of index 1, 2"):
        feeder.node("3")
    assert feeder.network.bus_names == ("a", "1", "2", "b")
    assert feeder.node("index 3") == 3


def test_a_bus_that_is_called_like_an_index_form_does_not_take_it() -> None:
    feeder = extraction.extract(chain(["a", "index 2", None, "2"]))
    assert feeder.node("2") == 3
    assert feeder.node("index 2") == 2
    assert feeder.network.bus_names == ("a", "1", "index 2", "2")


def test_a_bus_without_supply_says_why() -> None:
    net = chain(["a", "b", "c", "d", "d"])
    net.bus.loc[2, "in_service"] = False
    feeder = extraction.extract(net)
    for bus, why in (
        ("c", "bus c is out of service"),
        (2, "bus 2 is out of service"),
        (3, "bus 3 is not connected to the external grid"),
        ("d", "several buses have this name: those of index 3, 4"),
    ):
        with pytest.raises(NetworkError, match=why):
            feeder.node(bus)


def test_the_name_of_a_bus_without_supply_is_not_the_index_of_another() -> None:
    net = chain(["a", "b", "c", "1"])
    net.line.loc[2, "in_service"] = False
    feeder = extraction.extract(net)
    with pytest.raises(NetworkError, match="bus 1 is not connected to the external grid"):
        feeder.node(1)
    assert feeder.node("index 1") == 1


def test_an_inner_point_has_a_name_of_its_own() -> None:
    net = chain(["a", "inner point 1", "c"])
    bus = pandapower.create_bus(net, 0.4)
    line = pandapower.create_line_from_parameters(net, 2, bus, 0.1, 0.2, 0.08, 10.0, max_i_ka=0.2)
    pandapower.create_switch(net, bus, line, et="l", closed=False)
    feeder = extraction.extract(net)
    assert feeder.network.bus_names == ("a", "inner point 1", "c", "inner point 2")


@given(
    st.lists(
        st.sampled_from(["", "0", "1", "2", "3", "4", "x", "index 1", "index 2", "inner point 1"]),
        min_size=5,
        max_size=5,
    ),
    st.sets(st.integers(1, 4)),
)
def test_whatever_buses_are_called_each_label_is_unique_and_leads_back(called: list[str], lost: set[int]) -> None:
    net = SimpleNamespace(bus=pd.DataFrame({"name": called, "in_service": True}))
    buses = [(bus,) for bus in range(5) if bus not in lost] + [()]
    found = bus_names(net, buses)
    assert len(set(found.labels)) == len(found.labels)
    for node, members in enumerate(buses):
        assert found.nodes.get(found.labels[node]) == (node if members else None)
    for text, node in found.nodes.items():
        holders = [bus for bus in range(5) if called[bus] == text]
        if holders and not text.startswith("index "):
            assert [(bus,) for bus in holders] == [buses[node]]
    assert not set(found.nodes) & set(found.reasons)


def test_names_of_branches_are_unique_and_lead_back_whatever_they_are() -> None:
    net = chain(["a", "b", "c", "d"])
    other = pandapower.create_bus(net, 20.0)
    pandapower.create_transformer(net, other, 0, "0.25 MVA 20/0.4 kV", name="T")
    pandapower.create_transformer(net, other, 1, "0.25 MVA 20/0.4 kV", name="1")
    net.ext_grid["bus"] = other
    net.line["name"] = ["T", "0", "T #3"]
    feeder = extraction.extract(prepare(net).net)
    assert_labels_lead_back(feeder, net)
    assert feeder.branch("0") == feeder.network.branch_names.index("0")
    with pytest.raises(NetworkError, match="no such branch"):
        feeder.branch("T")


def test_a_slot_s_net_and_the_tables_put_an_agent_at_the_same_bus(tmp_path: Path) -> None:
    """Where names are other buses' indices, too."""
    net = chain(["3", "2", "1", "0"])
    pandapower.to_json(net, str(tmp_path / "net.json"))
    nets = SlotNets("file:net.json", tmp_path)
    for node, label in enumerate(nets.feeder.network.bus_names):
        solved = nets.net(Injection(["x"], [label], np.array([-5.0]), np.array([0.0])))
        assert solved.load.bus.tolist() == [nets.feeder.indices[node]]
        assert net.bus.name[solved.load.bus.iloc[0]] == label
        assert facts_of(nets.feeder).nodes[label] == node


def test_a_scenario_says_why_a_bus_cannot_be_used(tmp_path: Path) -> None:
    net = chain(["a", "house", "house", "c", "d"])
    net.bus.loc[4, "in_service"] = False
    pandapower.to_json(net, str(tmp_path / "net.json"))
    for bus, why in (
        ("house", "several buses have this name: those of index 1, 2"),
        ("d", "bus d is out of service"),
        ("nowhere", "the feeder has no such bus"),
        ("[d, house, nowhere]", "no such bus: nowhere"),
    ):
        key = "buses" if bus.startswith("[") else "bus"
        text = SCENARIO.replace("BUS", f"{key}: {bus}" + (", count: 3" if key == "buses" else ""))
        (tmp_path / "s.yaml").write_text(text)
        with pytest.raises(ScenarioError, match=re.escape(why)):
            load_scenario(tmp_path / "s.yaml")


def test_a_scenario_names_the_element_and_no_empty_value_where_a_net_is_refused(tmp_path: Path) -> None:
    net = chain(["a", "b"])
    pandapower.create_gen(net, 1, p_mw=0.01, name="diesel")
    pandapower.to_json(net, str(tmp_path / "net.json"))
    (tmp_path / "s.yaml").write_text(SCENARIO.replace("BUS", "bus: b"))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tmp_path / "s.yaml")
    assert "chain.gen[0]: 'diesel' cannot be used" in str(caught.value)
    assert "got ''" not in str(caught.value)


SCENARIO = """
clock: {start: 2016-07-12, slots: 1, slot_minutes: 15}
grid: {feeder: "file:net.json", gate: observe}
tariff: {flat: {retail: 0.3, feed_in: 0.08}}
agents:
- {kind: consumer, BUS, load: {annual_kwh: 4000}}
"""
