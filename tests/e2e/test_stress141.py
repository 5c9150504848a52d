"""A feeder with far more PV than it can take: what the gate prevents, by a power flow that it knows nothing of."""

from __future__ import annotations

import numpy as np
import pandapower
import pytest

LOW, HIGH = 0.95, 1.05
OBSERVED = {"grid.gate": "observe", "grid.untraded": "exported"}


@pytest.fixture(scope="module")
def stress(simulated):
    return simulated("scenarios/stress141.yaml")


def solved_again(run, slot):
    """The net of a slot, solved anew by pandapower's own Newton-Raphson: its buses by name, and its lines."""
    net = run.net(slot)
    pandapower.runpp(net, numba=False, tolerance_mva=1e-9)
    return net.res_bus.vm_pu, net.res_line.loading_percent


def test_no_slot_ends_outside_the_limits(stress):
    """By ``runpp`` on ``run.net(slot)`` every bus and line of all 96 slots keeps its limit, strictly.

    No tolerance is needed: the gate keeps a guard of 1e-8 p.u., and no untraded state of this day breaks a limit.
    """
    untraded = stress.voltages.firm_v_pu
    assert untraded.between(LOW, HIGH).all()
    highest = []
    for slot in range(stress.n_slots):
        v_pu, loading = solved_again(stress, slot)
        assert v_pu.between(LOW, HIGH).all(), f"slot {slot}: {v_pu.min()} to {v_pu.max()}"
        assert (loading <= 100.0).all(), f"slot {slot}: {loading.max()} %"
        highest.append(v_pu.max())
    assert np.count_nonzero(np.array(highest) > HIGH - 1e-6) >= 10, "the limit binds and is used to the full"


def test_the_tables_are_what_runpp_finds(stress):
    """Written voltages and losses agree with pandapower to 1e-8 p.u. and 1 W."""
    for slot in (0, 40, 48, 90):
        net = stress.net(slot)
        pandapower.runpp(net, numba=False, tolerance_mva=1e-9)
        ours = stress.voltages.query("slot == @slot")
        theirs = net.res_bus.vm_pu.set_axis(net.bus.name.astype(str))
        np.testing.assert_allclose(ours.v_pu.to_numpy(), theirs[ours.bus.astype(str)].to_numpy(), rtol=0, atol=1e-8)
        losses_wh = net.res_line.pl_mw.sum() * 1e6 * 0.25
        assert stress.frame("slots", raw=True).losses_wh.iloc[slot] == pytest.approx(losses_wh, abs=0.25)


def test_refused_energy_names_its_limiting_element(stress):
    """Every refusal of the grid names a bus or branch of the feeder, and the bus stands at its limit in that slot."""
    refused = stress.frame("rejects", raw=True)
    assert len(refused) > 100
    assert refused.element_name.notna().all()
    assert set(refused.reason) <= {"overvoltage", "undervoltage", "line_loading"}
    buses = refused[refused.reason == "overvoltage"]
    voltages = stress.voltages.set_index(["slot", "bus"]).v_pu
    at_limit = voltages[list(zip(buses.slot, buses.element_name, strict=True))]
    assert (at_limit > HIGH - 1e-4).mean() > 0.9


def test_what_is_refused_is_curtailed_and_paid_for_by_nobody(stress):
    """Available PV is used or curtailed to the Wh; refused exports are the curtailment, as nobody stores it here."""
    agents = stress.frame("agents", raw=True)
    assert (agents.pv_used_wh + agents.curtailed_wh == agents.pv_available_wh).all()
    exports_refused = stress.frame("rejects", raw=True)[stress.frame("rejects", raw=True).buyer.isna()].energy_wh.sum()
    assert 0 < agents.curtailed_wh.sum() <= exports_refused
    assert stress.summary["rejected_kwh"] * 1000 == pytest.approx(stress.frame("rejects", raw=True).energy_wh.sum())


def test_trade_frees_the_grid_beside_the_utility_alone(stress):
    """The same gate with everybody trading with the utility only curtails at least as much."""
    summary = stress.summary
    assert summary["curtailed_kwh"] <= summary["curtailed_kwh_grid_only"]
    assert summary["slots_with_violation"] == summary["slots_with_violation_grid_only"] == 0


def test_without_the_gate_the_same_day_breaks_limits(simulated, stress):
    """``observe`` records what ``ac`` prevents: buses out of band, found by ``runpp`` in the same slots."""
    observed = simulated("scenarios/stress141.yaml", {"grid.gate": "observe"})
    assert observed.summary["slots_with_violation"] > 10
    assert observed.summary["voltage_violation_rate"] > 0
    assert observed.summary["curtailed_kwh"] < stress.summary["curtailed_kwh"]
    worst = int(observed.slots.voltage_max_pu.idxmax())
    v_pu, _ = solved_again(observed, worst)
    assert v_pu.max() == pytest.approx(observed.slots.voltage_max_pu[worst], abs=1e-8)
    assert v_pu.max() > HIGH + 1e-3


def test_the_screen_of_sensitivities_keeps_the_limits_too(simulated, stress):
    """``sensitivity`` screens trades and rolls back what AC does not bear: no limit is broken at the end of a slot."""
    screened = simulated("scenarios/stress141.yaml", {"grid.gate": "sensitivity"})
    assert screened.summary["slots_with_violation"] == 0
    assert screened.summary["money_imbalance"] == screened.summary["energy_imbalance_wh"] == 0
    v_pu, _ = solved_again(screened, int(screened.slots.voltage_max_pu.idxmax()))
    assert v_pu.max() <= HIGH
    assert screened.summary["curtailed_kwh"] == pytest.approx(stress.summary["curtailed_kwh"], rel=0.05)
