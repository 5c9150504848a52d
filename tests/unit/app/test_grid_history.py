"""Slots of a run solved again for its map."""

import numpy as np
import pytest

import marketsim as ms
from marketsim.app.grid_history import grid_history
from marketsim.app.looking import seen_of
from marketsim.core.errors import InputError, MarketsimError

CIGRE = {
    "name": "cigre",
    "clock": {"start": "2016-07-12", "slots": 4, "slot_minutes": 60},
    "grid": {"feeder": "pandapower:create_cigre_network_mv", "background": True, "load_scale": 0.3},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "agents": [
        {"kind": "prosumer", "count": 4, "buses": {"sample": "loads"}, "pv_kw": 50, "load": {"annual_kwh": 9000}}
    ],
}


def worst(history, slots):
    """Differences from the extremes that the run recorded."""
    inner = history.v_pu[:, 1:]
    return (
        np.abs(inner.min(axis=1) - slots.voltage_min_pu).max(),
        np.abs(
            history.loading.max(axis=1, initial=0.0, where=~np.isnan(history.loading)) * 100 - slots.loading_max_percent
        ).max(),
    )


@pytest.mark.parametrize("gate", ["ac", "observe"])
def test_the_map_is_what_the_run_recorded(simulated, hours, gate):
    """Voltages and loadings solved again from the table of agents agree with the run's own."""
    run = simulated("scenarios/stress141.yaml", {**hours, "grid.gate": gate})
    voltage, loading = worst(grid_history(seen_of(run).ready, run, range(24)), run.slots)
    assert voltage < 1e-9
    assert loading < 1e-5


def test_volt_var_and_stored_voltages_agree(simulated, hours):
    """Also where inverters move reactive power; bus by bus with the table of voltages."""
    run = simulated(
        "scenarios/stress141.yaml", {**hours, "grid.reactive": "volt_var", "output.voltages": True, "clock.slots": 14}
    )
    history = grid_history(seen_of(run).ready, run, range(10, 14))
    stored = run.voltages[run.voltages.slot >= 10].v_pu.to_numpy().reshape(4, -1)
    assert history.slots.tolist() == [10, 11, 12, 13]
    assert history.v_pu == pytest.approx(stored, abs=1e-9)


def test_background_load_and_meshes_are_in_it(simulated):
    """A meshed net of pandapower with loads that belong to no agent."""
    run = simulated(CIGRE)
    history = grid_history(seen_of(run).ready, run, range(4))
    assert worst(history, run.slots)[0] < 1e-8
    assert history.feeder.geographic
    assert sum(len(agents) for agents in history.feeder.agents_at) == 4


def test_the_worst_buses_and_branches_are_those_of_the_nets(simulated, hours):
    """Hours outside add up to what the run counted; extremes in V and A are those of the solved pandapower nets."""
    run = simulated("scenarios/stress141.yaml", {**hours, "grid.gate": "observe"})
    buses, branches = run.worst_buses(None), run.worst_branches(None)
    assert (buses.hours_below + buses.hours_above).sum() == run.slots.voltage_violations.sum()
    assert buses.v_max_pu.max() == pytest.approx(run.summary["voltage_max_pu"], abs=1e-9)
    assert branches.loading_percent.max() == pytest.approx(run.summary["loading_max_percent"], abs=1e-5)
    over = branches[branches.hours_over > 0]
    assert run.worst_branches(3).equals(branches.head(3))
    assert 0 < len(over) < len(branches)
    slot = int((run.slots.begins == branches["at"].iloc[0]).idxmax())
    net = run.net(slot)
    line = net.line.index[net.line.name == branches.index[0]][0]
    assert branches.current_a.iloc[0] == pytest.approx(1e3 * net.res_line.i_ka[line], rel=1e-5)
    assert branches.limit_a.iloc[0] == pytest.approx(1e3 * net.line.max_i_ka[line])
    bus = net.bus.index[net.bus.name == buses.index[0]][0]
    at = run.net(int((run.slots.begins == buses.v_max_at.iloc[0]).idxmax()))
    assert buses.v_max_v.iloc[0] == pytest.approx(1e3 * net.bus.vn_kv[bus] * at.res_bus.vm_pu[bus], rel=1e-7)


def test_a_transformer_is_rated_in_kva(simulated):
    """That of the village's 20/0.4 kV transformer is what its name plate says."""
    run = simulated(
        {**CIGRE, "grid": {"feeder": "pandapower:create_kerber_landnetz_freileitung_1", "trafo_loading_percent": 80}}
    )
    branches = run.worst_branches(None)
    trafo = branches[branches.kind == "transformer"]
    net = run.net(0)
    assert trafo.limit_kva.tolist() == pytest.approx((800.0 * net.trafo.sn_mva).tolist(), rel=1e-9)
    assert (trafo.power_kva <= trafo.limit_kva).all()


def test_slots_that_a_run_has_not_are_left_out(simulated, hours):
    run = simulated("scenarios/stress141.yaml", {**hours, "grid.gate": "observe"})
    assert grid_history(seen_of(run).ready, run, range(22, 40)).slots.tolist() == [22, 23]


def test_a_run_without_a_grid_has_no_map(simulated):
    run = simulated("scenarios/pilot.yaml", {"clock.slots": 24})
    with pytest.raises(InputError, match="no grid"):
        grid_history(seen_of(run).ready, run, range(1))
    for worst_of in (run.worst_buses, run.worst_branches):
        with pytest.raises(InputError, match="no grid"):
            worst_of()


def test_a_lost_scenario_is_a_clear_error(tmp_path):
    ms.simulate(ms.load_scenario(CIGRE), tmp_path / "run")
    (tmp_path / "run" / "scenario.yaml").write_text("name: [")
    with pytest.raises(MarketsimError, match="scenario.yaml"):
        seen_of(ms.open_run(tmp_path / "run"))
