"""What the plugin claims: it heats from the sun and at noon, is never cold, and pays less than heating on demand."""

from __future__ import annotations

from pathlib import Path

import pytest

import marketsim as ms

SCENARIO = Path(__file__).parent / "scenario.yaml"
WINTER = {"clock.start": "2016-03-01", "clock.slots": 96 * 3}
ON_DEMAND = {"agents[0].kind": "prosumer", "agents[0].strategy": {"truthful": {"deferrable": "on_arrival"}}}


def household(overrides):
    """Rows of the household ``shifter``, and the run."""
    run = ms.simulate(ms.load_scenario(SCENARIO, overrides))
    return run.frame("agents", raw=True)[run.frame("agents", raw=True).name == "shifter"].reset_index(drop=True), run


@pytest.fixture(scope="module")
def winter():
    return household(WINTER)


def test_the_kind_is_registered_and_in_the_manifest(winter):
    """The agent is the plugin's class, and the run says which file it came from."""
    _, run = winter
    assert "heat_shifter" in run.scenario_text
    (plugin,) = run.manifest["plugins"]
    assert (plugin["name"], plugin["file"]) == ("heat_pump_shift", "plugin.py")
    assert len(plugin["sha256"]) == 64


def test_heat_is_drawn_from_own_sun_before_it_is_sold(winter):
    """PV goes to the market only where the pump is at its power, 3 kW, or the buffer is nearly full."""
    april, _ = household({})
    rows = april[april.surplus_wh > 0]
    assert len(rows) > 5
    assert ((rows.heat_pump_wh <= -745) | (rows.heat_pump_level > 0.9)).all()
    cold, _ = winter
    assert cold.surplus_wh.sum() == 0
    assert cold.pv_available_wh.sum() > 0


def test_bids_for_heat_are_made_at_noon_below_retail_and_kept_otherwise(winter):
    """Bought for the pump between 10 and 15 h only, at the middle of the tariffs at most; never imported for it."""
    _, run = winter
    bought = run.frame("trades", raw=True).query("buyer_name == 'shifter' and buyer_component == 'heat_pump'")
    assert len(bought) > 0
    assert bought.slot.mod(96).between(40, 59).all()
    assert (bought.buyer_price_ticks <= 190_000).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_pays_less_than_the_same_household_on_demand(seed):
    """Three winter days, same weather and neighbours: as much heat or more in the house, for less money.

    The other household trades just as well; it only heats when it must.
    """
    shifted, _ = household({**WINTER, "seed": seed})
    on_demand, _ = household({**WINTER, "seed": seed, **ON_DEMAND})
    for series in ("load_wh", "pv_available_wh"):
        assert (shifted[series] == on_demand[series]).all()
    assert shifted.heat_pump_level.iloc[-1] >= on_demand.heat_pump_level.iloc[-1] - 1e-9
    assert shifted.heat_pump_unserved_wh.sum() <= on_demand.heat_pump_unserved_wh.sum()
    assert shifted.paid_money.sum() < on_demand.paid_money.sum()


def test_money_and_energy_balance_with_an_agent_of_one_s_own(winter):
    _, run = winter
    assert run.summary["money_imbalance"] == run.summary["energy_imbalance_wh"] == 0
