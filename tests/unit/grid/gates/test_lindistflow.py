"""The linearised feeder as a gate: two buses by hand, AC as loads shrink, and what it does not see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import marketsim as ms
from marketsim.core.errors import NetworkError
from marketsim.core.records import BLAMES_SINK, NOWHERE, Reason
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.gates.lindistflow.gate import LinDistFlowGate
from marketsim.grid.net import feeder141, pandapower_nets
from marketsim.grid.net.network import Network
from marketsim.testing.grids import tree_network

HOURS = 0.25
MUCH = 10_000_000
TWO_BUSES = tree_network([0], np.full(1, 0.02 + 0.01j))
LINE = tree_network([0, 1, 2], np.full(3, 0.02 + 0.01j))
FORK = tree_network([0, 1, 1], np.full(3, 0.02 + 0.01j))
OPEN: dict[str, Any] = {"guard_voltage_pu": 0.0, "guard_loading": 0.0}


def opened(network: Network, *firm_kw: float, kind: Any = LinDistFlowGate, **options: Any) -> Any:
    gate = kind(network, np.arange(network.n_nodes), 1, HOURS, GateSettings(**options))
    gate.open(np.rint(np.array(firm_kw) * HOURS * 1000).astype(np.int64), np.zeros(network.n_nodes))
    return gate


def test_two_buses_by_hand() -> None:
    """1 - 2 x 0.02 P = 0.95^2 at P = 2.4375 p.u. of 1 MVA: 609,375 Wh in a quarter of an hour; 1.05^2 at 640,625 Wh.

    AC solves v^4 - (1 - 2 r P) v^2 + |z|^2 P^2 = 0: 2.36023 p.u. are drawn at 0.95, 2.64148 p.u. injected at 1.05.
    """
    drawn, fed = (NOWHERE, 1, MUCH), (1, NOWHERE, MUCH)
    assert opened(TWO_BUSES, 0, 0, **OPEN).admit(0, *drawn) == (609_375, Reason.UNDERVOLTAGE + BLAMES_SINK, 1)
    assert opened(TWO_BUSES, 0, 0, **OPEN).admit(0, *fed) == (640_625, Reason.OVERVOLTAGE, 1)
    for trade, v, sign in ((drawn, 0.95, 1.0), (fed, 1.05, -1.0)):
        roots = np.roots([0.02**2 + 0.01**2, sign * 0.04 * v**2, v**4 - v**2])
        by_ac = opened(TWO_BUSES, 0, 0, kind=RadialGate, **OPEN).admit(0, *trade)[0]
        assert by_ac == pytest.approx(roots[roots > 0].min() * 250_000, abs=2)


def test_reactive_power_of_a_purchase_counts() -> None:
    """With 0.5 kvar a kW: 1 - 2 (0.02 + 0.005) P = 0.95^2 at 1.95 p.u."""
    gate = opened(TWO_BUSES, 0, 0, sink_kvar_per_kw=np.full(2, 0.5), **OPEN)
    assert gate.admit(0, NOWHERE, 1, MUCH)[0] == 487_500


def test_a_rating_holds_the_apparent_power_at_nominal_voltage() -> None:
    """0.1 p.u. with 0.75 kvar a kW: 0.08 p.u. of active power."""
    rated = LINE._replace(rating_from_pu=np.array([np.inf, 0.1, np.inf]))
    gate = opened(rated, 0, 0, 0, 0, sink_kvar_per_kw=np.full(4, 0.75), **OPEN)
    assert gate.admit(0, NOWHERE, 3, MUCH) == (20_000, Reason.LINE_LOADING + BLAMES_SINK, 1)


def test_a_bus_beside_the_way_binds() -> None:
    """Bus 3 draws 1.2 p.u. behind the fork at bus 1; a purchase at bus 2 lowers bus 1 and with it bus 3, which is lowest.

    0.9025 = 1 - 0.04 (1.2 + P) - 0.04 x 1.2 at P = 0.0375; the first child alone, bus 2, would take far more.
    """
    firm = (0, 0, 0, -1200)
    assert opened(FORK, *firm, **OPEN).admit(0, NOWHERE, 2, MUCH) == (9_375, Reason.UNDERVOLTAGE + BLAMES_SINK, 3)
    mirrored = (0, 0, -1200, 0)
    assert opened(FORK, *mirrored, **OPEN).admit(0, NOWHERE, 3, MUCH) == (9_375, Reason.UNDERVOLTAGE + BLAMES_SINK, 2)
    generating = opened(FORK, 0, 0, 0, 1200, **OPEN)  # 1.1025 = 1 + 0.04 (1.2 + P) + 0.048 at P = 0.1625
    assert generating.admit(0, 2, NOWHERE, MUCH) == (40_625, Reason.OVERVOLTAGE, 3)


def test_an_overload_may_stay_in_its_direction_and_a_reversed_flow_gets_the_plain_rating() -> None:
    """300 kW flow where 200 may: 0.2 kW more are the tolerance of a thousandth; fed backwards the line carries 200."""
    rated = LINE._replace(
        rating_from_pu=np.array([0.2, np.inf, np.inf]), v_min_pu=np.zeros(4), v_max_pu=np.full(4, 9.0)
    )
    firm = (0, 0, 0, -300)
    assert opened(rated, *firm, **OPEN).admit(0, NOWHERE, 3, MUCH)[:2] == (50, Reason.LINE_LOADING + BLAMES_SINK)
    assert opened(rated, *firm, **OPEN).admit(0, 3, NOWHERE, MUCH) == (125_000, Reason.LINE_LOADING, 0)


def test_limits_without_a_model_hold_too() -> None:
    gate = opened(LINE, 0, 0, 0, 0, export_limit_wh=np.full(4, 500), head_export_kw=3.0)
    assert gate.admit(0, 3, NOWHERE, 900) == (500, Reason.CONNECTION_EXPORT, 3)
    assert gate.admit(0, 2, NOWHERE, 900) == (250, Reason.HEAD_EXPORT, 0)
    assert gate.admit(0, 2, NOWHERE, 0) == (0, Reason.NONE, -1)


def test_what_ac_finds_broken_is_reported_until_it_is_taken_back() -> None:
    """The 3 % that the linear model admits beyond AC."""
    gate = opened(TWO_BUSES, 0, 0)
    admitted = gate.admit(0, NOWHERE, 1, MUCH)[0]
    assert gate.broken()[0]
    gate.release(0, NOWHERE, 1, admitted // 20)
    assert not gate.broken()[0]
    fed = opened(TWO_BUSES, 0, 0)
    fed.admit(0, 1, NOWHERE, MUCH)
    assert not fed.broken()[0]


def test_deliveries_move_the_linear_state() -> None:
    """What is amended counts for what is admitted next, and its reactive power replaces that of the untraded state."""
    gate = opened(LINE, 0, 0, -100, -100, **OPEN)
    gate.amend(np.array([0, 0, 25_000, -50_000]), np.array([0.0, 0.0, 0.0, -40.0]))
    direct = LinDistFlowGate(LINE, np.arange(4), 1, HOURS, GateSettings(**OPEN))
    direct.open(np.array([0, 0, 0, -75_000]), np.array([0.0, 0.0, 0.0, -40.0]))
    np.testing.assert_allclose(gate.predicted()[0], direct.predicted()[0], atol=1e-14)
    assert gate.admit(0, NOWHERE, 2, MUCH) == direct.admit(0, NOWHERE, 2, MUCH)


def test_markets_are_apart() -> None:
    gate = LinDistFlowGate(LINE, np.arange(4), 2, HOURS)
    gate.open(np.zeros(8, dtype=np.int64), np.zeros(8))
    first = gate.admit(0, NOWHERE, 3, MUCH)
    assert gate.admit(1, NOWHERE, 3, MUCH) == first
    np.testing.assert_array_equal(*gate.predicted()[0])


def test_without_an_untraded_state_everything_is_refused() -> None:
    gate = opened(LINE, 0, 0, 0, -100_000)
    assert gate.admit(0, 3, NOWHERE, 10) == (0, Reason.DIVERGED, -1)
    gate.release(0, 3, NOWHERE, 0)
    assert np.isnan(gate.predicted()[0]).all()
    assert not gate.close().converged[0]


def test_a_volt_var_curve_stays_where_the_untraded_state_has_it() -> None:
    """Inverters absorb at a source of 1.04 p.u.; the linear state has that, and no more as the voltage rises."""
    network = LINE._replace(source_pu=1.04)
    curve = {"curve_pu": np.array([0.92, 0.98, 1.02, 1.08]), "curve_kvar": np.full(4, 300.0)}
    gate = opened(network, 0, 0, 0, 0, inverter_kva=np.full(4, 600.0), **curve, **OPEN)
    kvar = gate.close().kvar[0, 1:]
    assert (kvar < -20).all()
    direct = LinDistFlowGate(network, np.arange(4), 1, HOURS, GateSettings(**OPEN))
    direct.open(np.zeros(4, dtype=np.int64), np.append(0.0, kvar))
    np.testing.assert_allclose(gate.predicted()[0], direct.predicted()[0], atol=1e-9)
    assert abs(gate.admit(0, 3, NOWHERE, MUCH)[0] - direct.admit(0, 3, NOWHERE, MUCH)[0]) <= 1


def test_the_error_to_pandapower_shrinks_with_the_square_of_the_load() -> None:
    """On feeder141 a half of the load has a quarter of the error, as losses do; at the full load it is above 1e-3 p.u."""
    import pandapower

    net, network = pandapower_nets.feeder("feeder141"), feeder141.network()
    p, q, errors = net.load.p_mw.copy(), net.load.q_mvar.copy(), []
    for share in (1.0, 0.5, 0.25, 0.125):
        net.load.p_mw, net.load.q_mvar = share * p, share * q
        pandapower.runpp(net, tolerance_mva=1e-9)
        gate = LinDistFlowGate(network, np.arange(network.n_nodes), 1, HOURS)
        wh = -np.rint(share * network.nominal_kw * 250).astype(np.int64)
        gate.open(wh, -share * network.nominal_kvar)
        errors.append(np.abs(gate.predicted()[0][0] - net.res_bus.vm_pu.to_numpy()).max())
    assert 1e-3 < errors[0] < 1e-2
    ratios = np.array(errors[:-1]) / errors[1:]
    assert ratios == pytest.approx([4.0] * 3, rel=0.12)
    assert ratios[0] > ratios[1] > ratios[2] == pytest.approx(4.0, rel=0.03)


VILLAGE: dict[str, Any] = {
    "name": "linear",
    "clock": {"start": "2016-07-12", "slots": 8, "slot_minutes": 60},
    "grid": {"feeder": "feeder141", "gate": "lindistflow", "source_pu": 1.0},
    "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
    "profiles": {"source": "synthetic"},
    "agents": [
        {"kind": "prosumer", "count": 2, "buses": [48, 78], "load": {"annual_kwh": 4000}, "pv_kw": 30},
        {"kind": "consumer", "count": 2, "buses": [102, 127], "load": {"annual_kwh": 4000}},
    ],
}


def test_a_meshed_net_is_refused_with_the_gates_that_take_it(tmp_path: Path) -> None:
    """The error has file, line and key of the scenario, what was seen, and what to do."""
    import pandapower

    net = pandapower_nets.feeder("pandapower:create_cigre_network_mv")
    net.switch["closed"] = True
    pandapower.to_json(net, str(tmp_path / "rings.json"))
    grid = {**VILLAGE["grid"], "feeder": "file:rings.json"}
    agents = [{**each, "buses": {"sample": "loads"}} for each in VILLAGE["agents"]]
    (tmp_path / "s.yaml").write_text(yaml.safe_dump({**VILLAGE, "grid": grid, "agents": agents}))
    with pytest.raises(NetworkError) as caught:
        ms.simulate(tmp_path / "s.yaml")
    problem = caught.value.problems[0]
    assert (problem.path, problem.message) == ("grid.gate", "the linearised feeder needs a radial net")
    assert problem.file.endswith("s.yaml")
    assert problem.line > 0
    assert problem.value == "lindistflow on create_cigre_network_mv, which has 3 loops"
    assert "open a switch in each loop, or set grid.gate to ac," in problem.hint


def test_on_a_sunny_day_it_refuses_more_than_ac_and_nothing_breaks() -> None:
    """Losses keep voltages down, which lossless flows do not see: what is exported lies below what AC takes."""
    hours = {"clock.slots": 24, "clock.slot_minutes": 60}
    runs = {
        gate: ms.simulate(ms.load_scenario("scenarios/stress141.yaml", {**hours, "grid.gate": gate}))
        for gate in ("ac", "lindistflow")
    }
    linear = runs["lindistflow"]
    assert linear.summary["slots_with_violation"] == 0
    assert linear.summary["money_imbalance"] == 0
    assert linear.summary["validated_slots"] == 24
    assert (linear.rejects.reason == "overvoltage").all()
    refused = {gate: float(run.summary["rejected_kwh"]) for gate, run in runs.items()}
    assert 1.0 < refused["lindistflow"] / refused["ac"] < 1.05
