"""A run is the same object whether it stays in memory, is written, or is opened again somewhere else."""

from __future__ import annotations

import os

import numpy as np
import pandapower
import pytest

import marketsim as ms
from marketsim.core.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory, root, hours):
    """The run folder of the feeder's day in hours."""
    path = tmp_path_factory.mktemp("ieee141") / "run"
    ms.simulate(ms.load_scenario(root / "scenarios" / "ieee141.yaml", hours), path)
    return path


@pytest.fixture
def opened(folder, monkeypatch):
    """The run, opened from another working directory."""
    monkeypatch.chdir(os.sep)
    return ms.open_run(folder)


@pytest.mark.parametrize("table", ["slots", "agents", "trades", "voltages"])
def test_memory_and_folder_hold_the_same_tables(simulated, hours, opened, table):
    """Column for column, value for value; the summary but for its wall time."""
    kept = simulated("scenarios/ieee141.yaml", hours)
    assert getattr(kept, table).equals(getattr(opened, table))
    assert {**kept.summary, "wall_s": 0} == {**opened.summary, "wall_s": 0}


def test_a_net_of_a_slot_can_be_taken_from_a_folder(simulated, hours, opened):
    """Solved, with the agents' powers by name, the same as from the run that has just ended."""
    net, kept = opened.net(12), simulated("scenarios/ieee141.yaml", hours).net(12)
    np.testing.assert_array_equal(net.res_bus.vm_pu, kept.res_bus.vm_pu)
    powers = opened.frame("agents", raw=True).query("slot == 12").set_index("name").net_wh / 1e6
    injected = -net.load.set_index("name").p_mw[net.load.in_service.to_numpy()]
    named = injected[injected.index.isin(powers.index)]
    assert len(named) > 80
    np.testing.assert_allclose(named, powers[named.index], atol=1e-12)
    net.load["scaling"] = 0.5
    pandapower.runpp(net)
    assert net.res_bus.vm_pu.min() > kept.res_bus.vm_pu.min()


def test_every_bill_adds_up_to_what_was_paid(opened):
    """Of each agent, line by line; energy times mean price is the amount."""
    for name in ("prosumer-1", "consumer-84"):
        bill = opened.bill(name, raw=True)
        paid = opened.frame("agents", raw=True).loc[opened.frame("agents", raw=True).name == name, "paid_money"].sum()
        assert bill.loc["total", "amount_money"] == paid
        assert bill.drop(index="total").amount_money.sum() == paid


@pytest.mark.parametrize("slot", [-1, 24, 10_000])
def test_a_slot_that_the_run_does_not_have(opened, slot):
    with pytest.raises(InputError, match=f"slot {slot} is not in this run: it has slots 0 to 23"):
        opened.net(slot)


def test_a_run_without_a_grid_has_no_net(simulated):
    with pytest.raises(InputError, match="no grid"):
        simulated("scenarios/pilot.yaml").net(0)


def test_the_manifest_tells_where_the_run_came_from(opened, folder):
    """Versions, platform, seed and the hash of what was run, which the written scenario has again."""
    manifest = opened.manifest
    assert manifest["seed"] == 1
    assert manifest["scenario"] == "ieee141"
    assert manifest["versions"]["numba"] is not None
    again = ms.simulate(ms.load_scenario(folder / "scenario.yaml", {"clock.slots": 2}))
    assert again.manifest["scenario_hash"] != manifest["scenario_hash"]
