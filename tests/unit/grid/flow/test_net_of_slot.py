from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.errors import NetworkError, PowerFlowDiverged
from marketsim.grid.flow.net_of_slot import Injection, SlotNets
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net import feeder141
from marketsim.grid.net.feeder import FeederOptions

OPTIONS = FeederOptions(source_pu=1.02, line_rating_a=350.0)


@pytest.fixture(scope="module")
def nets() -> SlotNets:
    return SlotNets("feeder141", options=OPTIONS)


def injection(**changes: object) -> Injection:
    made = Injection(["ann", "bob", "cid", "dot"], ["48", "48", "87", "100"], np.zeros(4), np.zeros(4))
    return made._replace(**changes)  # type: ignore[arg-type]


def test_each_agent_is_a_named_load_or_generator_and_the_net_is_solved(nets: SlotNets) -> None:
    net = nets.net(injection(net_kw=np.array([300.0, -120.0, -80.0, 0.0]), kvar=np.array([-10.0, -40.0, 0.0, 0.0])))
    assert net.sgen[["name", "bus", "p_mw", "q_mvar"]].to_numpy().tolist() == [["ann", 48, 0.3, -0.01]]
    own = net.load[net.load.in_service]
    assert own.name.tolist() == ["bob", "cid", "dot"]
    assert own.p_mw.tolist() == pytest.approx([0.12, 0.08, 0.0])
    assert own.q_mvar.tolist() == pytest.approx([0.04, 0.0, 0.0])
    assert net.res_ext_grid.p_mw.iloc[0] == pytest.approx(-0.1, abs=0.005)
    assert net.res_bus.vm_pu.at[1] == 1.02


def test_it_is_the_power_flow_of_the_validator(nets: SlotNets) -> None:
    network = feeder141.network(OPTIONS)
    net_kw, kvar = -0.8 * network.nominal_kw, -0.8 * network.nominal_kvar
    net = nets.net(Injection(network.bus_names, network.bus_names, net_kw, kvar))
    flow = Validator(network).solve_one(net_kw, kvar)
    np.testing.assert_allclose(net.res_bus.vm_pu, flow.v_pu[0], rtol=0.0, atol=1e-9)
    np.testing.assert_allclose(net.res_line.loading_percent / 100.0, flow.loading[0], rtol=0.0, atol=1e-7)


def test_one_slot_leaves_no_trace_in_the_next(nets: SlotNets) -> None:
    nets.net(injection(net_kw=np.full(4, -200.0)))
    assert len(nets.net(injection()).load) == 84 + 4
    assert nets.net(injection()).res_ext_grid.p_mw.iloc[0] == pytest.approx(0.0, abs=1e-9)


def test_buses_without_an_injection_draw_the_background_when_asked() -> None:
    """Bus 87 has a nominal load of 127.5 kW, which an agent there replaces."""
    nets = SlotNets("feeder141", background=0.5, hours=0.25)
    plain = nets.net(injection(buses=["1", "1", "1", "1"]))
    taken = nets.net(injection(buses=["1", "1", "87", "1"]))
    drawn = [net.load[net.load.in_service].p_mw.sum() * 1e3 for net in (plain, taken)]
    nominal_kw = feeder141.tables().load_kw
    assert drawn[0] == pytest.approx(0.5 * nominal_kw.sum(), abs=84 * 0.002)
    assert drawn[0] - drawn[1] == pytest.approx(0.5 * 127.5, abs=0.0021)
    whole_wh = plain.load.p_mw[plain.load.in_service] * 1e6 * 0.25
    np.testing.assert_allclose(whole_wh, np.rint(whole_wh), rtol=0.0, atol=1e-6)


def test_a_background_of_one_is_the_published_power_flow() -> None:
    net = SlotNets("feeder141", background=1.0).net(injection(buses=["1"] * 4))
    assert net.res_bus.vm_pu.min() == pytest.approx(0.9279, abs=5e-5)


def test_an_unknown_bus_is_refused(nets: SlotNets) -> None:
    with pytest.raises(NetworkError, match="no such bus"):
        nets.net(injection(buses=["48", "48", "87", "1000"]))


def test_a_slot_without_a_solution_says_so(nets: SlotNets) -> None:
    with pytest.raises(PowerFlowDiverged, match="feeder141: pandapower finds no solution"):
        nets.net(injection(net_kw=np.full(4, -1e6)))
