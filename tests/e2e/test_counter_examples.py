"""What goes wrong in practice, and does not here: each a small world in which the mistake would show."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.market.double_auction import DoubleAuction
from marketsim.testing.engine_kit import orders_of, tariffs_of
from marketsim.testing.grids import tree_network

STRATEGIES = ("truthful", "zero_intelligence", "fixed_margin", "zip")
STORE = {"energy_kwh": 20, "power_kw": 5, "soc_initial": 0.5}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_bid_of_a_battery_below_retail_is_never_bought_at_retail(street, of, strategy):
    """Half-empty batteries beside a house in need: no agent imports a Wh beyond its firm demand."""
    agents = [{"name": name, "bus": "b1", "battery": STORE, "strategy": strategy} for name in ("one", "two")]
    run = street(agents, {"one_load_kw": 1, "two_load_kw": 0})
    assert (run.frame("agents", raw=True).import_wh <= run.frame("agents", raw=True).firm_demand_wh).all()
    assert of(run, "two", "import_wh") == [0] * 24
    drawn = -run.frame("agents", raw=True).battery_wh.clip(upper=0)
    assert (drawn <= run.frame("agents", raw=True).bought_wh).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_stored_energy_is_never_dumped_below_its_limit_price(street, strategy):
    """Full batteries export nothing at the feed-in tariff; what they sell to a neighbour brings more than that."""
    full = {**STORE, "soc_initial": 0.9}
    agents = [{"name": name, "bus": "b1", "battery": full, "strategy": strategy} for name in ("one", "two")]
    run = street([*agents, {"name": "home", "bus": "b3"}], {"one_load_kw": 0, "two_load_kw": 0, "home_load_kw": 2})
    assert run.frame("agents", raw=True).export_wh.sum() == 0
    sold = run.frame("trades", raw=True).query("seller_component == 'battery' and buyer_name == 'home'")
    assert len(sold) > 0
    assert (sold.seller_price_ticks > 80_000).all()
    assert run.frame("agents", raw=True).battery_wh.clip(lower=0).sum() == run.frame("trades", raw=True).energy_wh.sum()


def test_a_remote_bus_below_its_band_does_not_stop_trade_on_the_feeder(street, of, voltage):
    """b3 stands 0.1 % below its band by its own load; the other cable, and the trunk of b3, trade all they have."""
    agents = [
        {"name": "remote", "kind": "consumer", "bus": "b3"},
        {"name": "sun", "bus": "c1", "pv_kw": 20},
        {"name": "shop", "kind": "consumer", "bus": "c2"},
        {"name": "roof", "bus": "b1", "pv_kw": 5},
    ]
    loads = {"remote_load_kw": 42.8, "sun_load_kw": 0, "shop_load_kw": 15, "roof_load_kw": 0}
    run = street(agents, {**loads, "sun_pv_kw": 20, "roof_pv_kw": 5})
    assert voltage(run, "b3", "firm_v_pu") == pytest.approx([0.949] * 24, abs=2e-4)
    assert of(run, "sun", "sold_wh") == [20_000] * 24
    assert of(run, "roof", "sold_wh") == [5_000] * 24
    assert run.frame("rejects", raw=True).empty
    assert run.summary["market_violation_rate"] == 0
    assert run.summary["firm_violation_slots"] == 24


@pytest.mark.parametrize("tolerance_pu", [0.0, 1e-4])
def test_a_violated_bus_is_not_pushed_beyond_its_state_before_matching(street, voltage, tolerance_pu):
    """Batteries at a weak end would charge from another cable's sun: no more than the stated tolerance allows."""
    big = {"energy_kwh": 400, "power_kw": 20, "soc_initial": 0.1}
    agents = [
        {"name": "heavy", "kind": "consumer", "bus": "b3"},
        {"name": "weak", "bus": "b3", "battery": big},
        {"name": "other", "bus": "b2", "battery": big},
        {"name": "sun", "bus": "c1", "pv_kw": 80},
    ]
    series = {"heavy_load_kw": 44, "weak_load_kw": 0, "other_load_kw": 0, "sun_load_kw": 0, "sun_pv_kw": 80}
    run = street(agents, series, worsen_tolerance={"voltage_pu": tolerance_pu})
    firm, final = np.array(voltage(run, "b3", "firm_v_pu")), np.array(voltage(run, "b3"))
    assert (firm < 0.95).all()
    assert (final >= firm - tolerance_pu - 1e-9).all()
    assert run.summary["market_violation_rate"] == 0
    refused = run.frame("rejects", raw=True).query("reason == 'undervoltage'")
    assert set(refused.element_name) == {"b3"}
    assert set(refused.buyer_name) == {"weak", "other"}
    if tolerance_pu:
        assert (final < firm - 0.9 * tolerance_pu).all(), "what is tolerated is used"


def test_a_chain_of_three_counter_flows_clears_in_the_retry_passes():
    """On a line whose segments carry 20 kW, each pass admits what the flow of the one before made room for."""
    line = tree_network([0, 1, 2], np.full(3, 0.001 + 0.001j), band_pu=(0.5, 1.5))
    line = line._replace(rating_from_pu=np.full(3, 0.02))
    node_of = np.array([3, 3, 2, 3, 2, 3, 1, 2, 3])  # six traders, then one firm flow a node
    firm_wh = np.array([0, 0, 0, 0, 0, 0, 20_000, -5_000, 15_000])
    rows = [
        (0, 1, 150_000, 5_000, 5_000),
        (1, -1, 200_000, 10_000),
        (2, -1, 100_000, 10_000),
        (3, 1, 150_000, 5_000),
        (4, 1, 200_000, 10_000),
        (5, 1, 200_000, 10_000),
    ]

    def traded(passes: int) -> int:
        gate = RadialGate(line, node_of, 1, 1.0)
        gate.open(firm_wh, np.zeros(len(node_of)))
        trades, _ = DoubleAuction(retry_passes=passes).match(orders_of(rows), gate, tariffs_of())
        grid = gate.close()
        assert (grid.loading <= np.maximum(grid.firm_loading, 1.0) + 1e-3).all()
        return int(trades.energy_wh.sum())

    none, one, two, three = (traded(passes) for passes in range(4))
    assert none < 6_000
    assert 14_000 < one < 16_000
    assert two == three == 20_000


def test_an_ev_refused_all_evening_charges_at_its_deadline(street, of):
    """From 17 h on the street's load leaves no room and the car's bids are refused; it leaves full all the same.

    What it must take at full power in its last two hours is firm demand, which is never cut.
    """
    agents = [
        {
            "name": "car",
            "bus": "b3",
            "ev": {
                **{"energy_kwh": 40, "power_kw": 7, "daily_kwh": 14, "efficiency": 1},
                **{"arrival_hour": 17, "departure_hour": 23, "arrival_spread_h": 0, "departure_spread_h": 0},
            },
        },
        {"name": "shop", "kind": "consumer", "bus": "b3"},
        {"name": "sun", "bus": "c1", "pv_kw": 80},
    ]
    evening = [43.0 if 17 <= hour < 23 else 5.0 for hour in range(24)]
    series = {"car_load_kw": 0, "shop_load_kw": evening, "sun_load_kw": 0, "sun_pv_kw": 80}
    run = street(agents, series, worsen_tolerance={"voltage_pu": 0})
    charged = [-wh for wh in of(run, "car", "ev_wh")]
    bids = run.frame("rejects", raw=True).query("buyer_name == 'car'")
    need = sum(charged)
    assert need > 7_000
    assert sum(charged[:20]) == 0
    assert charged[22] == 7_000
    assert set(bids.reason) == {"undervoltage"}
    assert set(bids.slot) >= {17, 18, 19}
    assert run.summary["ev_unserved_kwh"] == 0
