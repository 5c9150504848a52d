"""Extraction and the independent solver together against ``runpp``: any error in either shows as a difference."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pandapower
import pandapower.networks
import pytest

from marketsim.core.errors import NetworkError
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net import extraction
from marketsim.grid.net.branch_ratings import labels
from marketsim.grid.net.feeder import CAVEAT, DEFAULTS, Feeder, FeederOptions
from marketsim.grid.net.network import BranchKind
from marketsim.grid.net.pandapower_nets import feeder as named
from marketsim.grid.net.preparation import prepare
from marketsim.grid.net.quiet import quiet_pandapower


def solved(net: Any, options: FeederOptions = DEFAULTS) -> tuple[Feeder, Any]:
    """Feeder of the net, and the prepared net solved by pandapower."""
    prepared = prepare(net, options)
    made = extraction.read(prepared)
    for tolerance_mva in (1e-10, 1e-8):
        with contextlib.suppress(pandapower.LoadflowNotConverged), quiet_pandapower():
            pandapower.runpp(net, tolerance_mva=tolerance_mva, init="dc")
            break
    return made, prepared.net


def assert_same_power_flow(feeder: Feeder, net: Any, v_tolerance: float = 1e-9) -> None:
    """Voltages, loadings and slack power of the network at its nominal load are those of ``runpp``."""
    network = feeder.network
    flow = Validator(network).solve_one(-network.nominal_kw, -network.nominal_kvar)
    assert flow.converged.all()
    buses = [bus for bus in net.bus.index if str(bus) not in feeder.dropped]
    node_of = _node_of_index(feeder, net)
    nodes = [node_of[bus] for bus in buses]
    np.testing.assert_allclose(flow.v_pu[0, nodes], net.res_bus.vm_pu.loc[buses], rtol=0.0, atol=v_tolerance)
    assert flow.slack_kw[0] == pytest.approx(net.res_ext_grid.p_mw.sum() * 1e3, abs=1e-5)
    assert flow.slack_kvar[0] == pytest.approx(net.res_ext_grid.q_mvar.sum() * 1e3, abs=1e-5)
    loading = dict(zip(network.branch_names, flow.loading[0].tolist(), strict=True))
    for element in ("line", "trafo"):
        percent = net[f"res_{element}"].loading_percent
        for name, row in zip(labels(net[element], element), net[element].index, strict=True):
            if name in loading and np.isfinite(percent.at[row]):
                assert loading[name] * 100.0 == pytest.approx(percent.at[row], abs=1e-6), name


def _node_of_index(feeder: Feeder, net: Any) -> dict[int, int]:
    """Node of each bus by index alone: follow closed switches from the bus that stands for its node."""
    known = {int(bus): node for node, bus in enumerate(feeder.indices) if bus >= 0} | dict.fromkeys(net.ext_grid.bus, 0)
    fused = net.switch[(net.switch.et == "b") & net.switch.closed & (net.switch.z_ohm == 0.0)]
    for _ in range(len(net.bus)):
        for one, other in zip(fused.bus, fused.element, strict=True):
            known.setdefault(other, known[one]) if one in known else None
            known.setdefault(one, known[other]) if other in known else None
    return known


PANDAPOWER = [
    "create_kerber_vorstadtnetz_kabel_1",
    "kb_extrem_landnetz_freileitung_trafo",
    "create_cigre_network_lv",
    "create_cigre_network_mv",
    "mv_oberrhein",
    "simple_mv_open_ring_net",
    "case33bw",
    "ieee_european_lv_asymmetric",
    "create_synthetic_voltage_control_lv_network",
]


@pytest.mark.parametrize("name", PANDAPOWER)
def test_a_named_network_has_runpps_power_flow(name: str) -> None:
    assert_same_power_flow(*solved(named(f"pandapower:{name}")))


@pytest.mark.full
@pytest.mark.parametrize("code", ["1-LV-rural1--0-sw"])
def test_a_simbench_network_has_runpps_power_flow(code: str) -> None:
    pytest.importorskip("simbench", reason="SimBench is an extra")
    assert_same_power_flow(*solved(named(f"simbench:{code}")))


def trafo_net(**trafo: Any) -> Any:
    """20 kV source - transformer - 0.4 kV line - load; a second bus fused by a switch."""
    net = pandapower.create_empty_network(name="trafo net")
    pandapower.create_bus(net, 20.0, name="mv")
    for name in ("busbar", "twin", "end"):
        pandapower.create_bus(net, 0.4, name=name)
    pandapower.create_ext_grid(net, 0, vm_pu=1.01)
    pandapower.create_transformer(net, 0, 1, "0.25 MVA 20/0.4 kV", **trafo)
    pandapower.create_switch(net, 1, 2, et="b", closed=True)
    pandapower.create_line(net, 2, 3, 0.3, "NAYY 4x150 SE")
    pandapower.create_load(net, 3, p_mw=0.06, q_mvar=0.02)
    return net


def _second_trafo(net: Any) -> None:
    pandapower.create_transformer(net, 0, 1, "0.4 MVA 20/0.4 kV", tap_pos=1)


def _ring(net: Any) -> None:
    pandapower.create_line(net, 1, 3, 0.5, "NAYY 4x50 SE", parallel=2)


def _wards_and_shunts(net: Any) -> None:
    pandapower.create_shunt(net, 2, q_mvar=-0.01, p_mw=0.001, step=2)
    pandapower.create_ward(net, 3, ps_mw=0.01, qs_mvar=0.002, qz_mvar=0.001, pz_mw=0.003)
    pandapower.create_motor(net, 2, 0.01, cos_phi=0.9)


def _resistive_switch(net: Any) -> None:
    net.switch["z_ohm"] = 0.01


def _open_line_end(net: Any) -> None:
    bus = pandapower.create_bus(net, 0.4)
    line = pandapower.create_line(net, 3, bus, 0.8, "NAYY 4x150 SE")
    pandapower.create_switch(net, bus, line, et="l", closed=False)


def _three_windings(net: Any) -> None:
    buses = [pandapower.create_bus(net, 20.0), pandapower.create_bus(net, 10.0)]
    hv = pandapower.create_bus(net, 110.0)
    pandapower.create_transformer3w(net, hv, *buses, "63/25/38 MVA 110/20/10 kV", tap_pos=2)
    pandapower.create_switch(net, 0, buses[0], et="b")
    pandapower.create_load(net, buses[1], p_mw=8.0, q_mvar=2.0)
    net.ext_grid["bus"] = hv


def _impedance(net: Any) -> None:
    bus = pandapower.create_bus(net, 0.4)
    pandapower.create_impedance(net, 3, bus, 0.01, 0.02, 0.1, gf_pu=0.001, bf_pu=0.002, gt_pu=0.003, bt_pu=0.0)
    pandapower.create_load(net, bus, p_mw=0.01)


def _two_sources(net: Any) -> None:
    bus = pandapower.create_bus(net, 20.0)
    pandapower.create_ext_grid(net, bus, vm_pu=1.01)
    pandapower.create_transformer(net, bus, 3, "0.25 MVA 20/0.4 kV")


CHANGES = [
    lambda _: None,
    _second_trafo,
    _ring,
    _wards_and_shunts,
    _resistive_switch,
    _open_line_end,
    _three_windings,
    _impedance,
    _two_sources,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("tap_pos", [0, -2])
def test_a_modelled_element_has_runpps_power_flow(change: Callable[[Any], None], tap_pos: int) -> None:
    net = trafo_net(tap_pos=tap_pos)
    change(net)
    assert_same_power_flow(*solved(net))


def test_buses_fused_by_a_switch_share_a_node_and_keep_their_names() -> None:
    feeder = extraction.extract(trafo_net())
    assert feeder.network.bus_names == ("mv", "busbar", "end")
    assert feeder.node("busbar") == feeder.node("twin") == feeder.node("1") == feeder.node(2) == 1
    assert feeder.indices.tolist() == [0, 1, 3]


def test_isolated_and_unsupplied_buses_are_dropped_and_reported() -> None:
    net = trafo_net()
    pandapower.create_bus(net, 0.4, name="island")
    pandapower.create_bus(net, 0.4, name="off", in_service=False)
    feeder = extraction.extract(net)
    assert feeder.dropped == ("4", "5", "island", "off")
    assert feeder.network.n_nodes == 3
    with pytest.raises(NetworkError, match="bus island is not connected to the external grid"):
        feeder.node("island")
    with pytest.raises(NetworkError, match="bus 5 is out of service"):
        feeder.node(5)


def test_the_inside_of_an_element_is_a_node_without_limits() -> None:
    net = trafo_net()
    _open_line_end(net)
    feeder = extraction.extract(net, FeederOptions(voltage_band_pu=(0.95, 1.05)))
    inner = feeder.network.bus_names.index("inner point 1")
    assert (feeder.network.v_min_pu[inner], feeder.network.v_max_pu[inner]) == (0.0, inf)
    assert feeder.indices[inner] == -1
    assert "inner point 1" not in feeder.nodes


def test_several_sources_are_one_node() -> None:
    net = trafo_net()
    _two_sources(net)
    network = extraction.extract(net).network
    assert network.n_nodes == 3
    assert network.n_branches == 3
    assert sorted(network.from_node[network.kind == BranchKind.TRAFO]) == [0, 0]


def test_the_source_voltage_is_the_nets_or_the_scenarios() -> None:
    assert extraction.extract(trafo_net()).network.source_pu == 1.01
    assert extraction.extract(trafo_net(), FeederOptions(source_pu=1.04)).network.source_pu == 1.04


def test_a_name_goes_before_the_index_of_another_bus_and_a_double_name_leads_nowhere() -> None:
    net = trafo_net()
    net.bus["name"] = ["mv", "3", "3", "1"]
    feeder = extraction.extract(net)
    assert feeder.node("1") == feeder.nodes["1"] == 2, "the bus called 1, not the bus with index 1"
    assert feeder.node("3") == 1, "two buses of one node may share a name"
    net.bus["name"] = ["mv", "x", "y", "x"]
    with pytest.raises(NetworkError, match="several buses have this name"):
        extraction.extract(net).node("x")


def test_names_of_nodes_and_branches_are_unique() -> None:
    net = trafo_net()
    _ring(net)
    net.bus["name"] = [None, "a", "b", "0"]
    net.line["name"] = "same"
    net.trafo["name"] = "line 0"
    network = extraction.extract(net).network
    assert len(set(network.bus_names)) == network.n_nodes
    assert len(set(network.branch_names)) == network.n_branches


def test_ratings_are_currents_at_the_ends() -> None:
    net = trafo_net()
    net.line["parallel"], net.line["df"] = 3, 0.8
    network = extraction.extract(net).network
    line, trafo = network.kind == BranchKind.LINE, network.kind == BranchKind.TRAFO
    amperes_per_pu = network.base_kva / (np.sqrt(3.0) * network.base_kv)
    assert network.rating_to_pu[line] * amperes_per_pu[2] == pytest.approx([270.0 * 3 * 0.8])
    assert network.rating_from_pu[trafo] * network.base_kva == pytest.approx([250.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda net: net.line.update({"r_ohm_per_km": [0.0], "x_ohm_per_km": [0.0]}), "impedance of zero"),
        (lambda net: net.trafo.__setitem__("in_service", False), "nothing is connected"),
    ],
)
def test_a_broken_net_is_refused_with_the_reason(change: Callable[[Any], None], message: str) -> None:
    net = trafo_net()
    change(net)
    with pytest.raises(NetworkError, match=message):
        extraction.extract(net)


@pytest.mark.parametrize(("net", "said"), [("create_kerber_dorfnetz", True), ("create_cigre_network_mv", False)])
def test_a_low_voltage_net_says_what_a_balanced_model_overstates(net: str, said: bool) -> None:
    """Once, in the notes that go into the manifest and the report of every run."""
    made = getattr(pandapower.networks, net)()
    assert extraction.extract(made).notes.count(CAVEAT) == said
