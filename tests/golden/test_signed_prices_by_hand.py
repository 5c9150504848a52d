"""Four hours of two houses at prices of either sign, worked out by hand for every engine.

roof draws 1 kW, home 2 kW. In the last three hours roof has 4 kW of PV, so a surplus of 3 kWh.

| hour | retail | feed-in | what happens |
|---|---|---|---|
| 0 | 0.30 | 0.08 | no sun: both import |
| 1 | 0.30 | 0 | home buys 2 kWh at p1 in 0..0.30, 1 kWh is exported for nothing |
| 2 | 0.10 | -0.05 | home buys 2 kWh at p2 in 0..0.10 (curtailing costs nothing, so nobody asks less), 1 kWh is curtailed |
| 3 | -0.10 | -0.15 | surplus is worth more curtailed: home imports 2 kWh and is paid 0.20, 3 kWh are curtailed |

So home pays 0.60 + 2 p1 + 2 p2 - 0.20, roof 0.30 - 2 p1 - 2 p2, both together 0.70.
"""

from __future__ import annotations

import pytest

import marketsim as ms
from marketsim.core.errors import ScenarioError

RETAIL, FEED_IN = (0.30, 0.30, 0.10, -0.10), (0.08, 0.0, -0.05, -0.15)
PRICES = {
    "mid_market_rate": (0.15, 0.025),  # the middle of retail and feed-in
    "pro_rata": (0.15, 0.025),
    "call_auction": (0.15, 0.05),  # the middle of home's bid, retail, and roof's ask, 0
    "pay_as_bid": (0.30, 0.10),
    "midpoint": (0.15, 0.05),
    "tranches": (0.15, 0.05),
    "rounds": (0.15, 0.05),
    "ties": (0.15, 0.05),
    "central_optimum": (0.15, 0.05),
}
"""p1 and p2 of each engine."""
ENGINES = {
    "pay_as_bid": {"call_auction": {"pricing": "pay_as_bid"}},
    "midpoint": {"double_auction": {"price_rule": "midpoint"}},
    "tranches": {"double_auction": {"price_rule": "midpoint", "tranches": 3}},
    "rounds": {"double_auction": {"price_rule": "midpoint", "rounds": 4}},
    "ties": {"double_auction": {"price_rule": "midpoint", "ties": "pro_rata"}},
    "resting": {"double_auction": {"price_rule": "resting"}},
}
"""Engines with parameters, by the name in ``PRICES``; the others are names."""
BATTERY = {
    "energy_kwh": 2.0, "power_kw": 1.0, "soc_min": 0.0, "soc_max": 1.0, "soc_initial": 0.0,
    "charge_efficiency": 1.0, "discharge_efficiency": 1.0, "wear_cost": 0.0,
}  # fmt: skip


def day(tmp_path, engine, *, roof=None, home=None, seed=1, **more):
    """A run of the four hours; ``roof`` and ``home``: more keys of the agents."""
    rows = [f"2016-07-12T{hour:02}:00,1,{4 if 1 <= hour <= 3 else 0},2\n" for hour in range(24)]
    (tmp_path / "hours.csv").write_text("time,roof_load_kw,roof_pv_kw,home_load_kw\n" + "".join(rows))
    later = (0.30,) * 20
    agents = [
        {"name": "roof", "kind": "prosumer", "pv_kw": 4, "strategy": "truthful", **(roof or {})},
        {"name": "home", "kind": "consumer", "strategy": "truthful", **(home or {})},
    ]
    return ms.simulate(
        ms.load_scenario(
            {
                "name": "signs",
                "seed": seed,
                "folder": str(tmp_path),
                "clock": {"start": "2016-07-12", "slots": 4, "slot_minutes": 60},
                "tariff": {"series": {"retail": [*RETAIL, *later], "feed_in": [*FEED_IN, *(0.08,) * 20]}},
                "market": {"engine": engine},
                "profiles": {"source": "file", "path": "hours.csv"},
                "agents": agents,
                **more,
            }
        )
    )


def by_hour(run, name, column):
    """A column of the table of agents, an entry an hour."""
    return run.frame("agents", raw=True).query("name == @name").sort_values("slot")[column].tolist()


def balances(run):
    summary = run.summary
    return (summary["money_imbalance"], summary["energy_imbalance_wh"])


def test_pv_that_is_traded_where_feed_in_is_negative_is_a_loss_upstream(tmp_path):
    """Hour 2: 2 kWh from upstream count 0.05 each, the price at which it is left; PV in their place takes 0.10 away.

    The optimum leaves them upstream and curtails 3 kWh. Peers gain 0.10 a kWh of it all the same: their surplus is worth 0.
    """
    slots = day(tmp_path, "mid_market_rate").frame("slots", raw=True)
    assert slots.joint_gains_money.tolist()[2] == round(-0.05 * 2 * 1e9)
    assert slots.optimal_joint_gains_money.tolist()[2] == 0


@pytest.mark.parametrize("engine", PRICES)
def test_everybody_pays_what_the_hand_says(tmp_path, engine):
    """Both bills, the utility's receipts, energy by the hour, and what the terminal says of it."""
    run = day(tmp_path, ENGINES.get(engine, engine))
    p1, p2 = PRICES[engine]
    assert by_hour(run, "home", "bought_wh") == by_hour(run, "roof", "sold_wh") == [0, 2_000, 2_000, 0]
    assert by_hour(run, "roof", "export_wh") == [0, 1_000, 0, 0]
    assert by_hour(run, "roof", "curtailed_wh") == [0, 0, 1_000, 3_000]
    assert by_hour(run, "home", "import_wh") == [2_000, 0, 0, 2_000]
    assert by_hour(run, "home", "paid_money") == [round(x * 1e9) for x in (0.60, 2 * p1, 2 * p2, -0.20)]
    assert by_hour(run, "roof", "paid_money") == [round(x * 1e9) for x in (0.30, -2 * p1, -2 * p2, 0.0)]
    assert run.bill("home").loc["total", "amount"] == pytest.approx(0.40 + 2 * p1 + 2 * p2)
    assert run.summary["utility_revenue"] == pytest.approx(0.70)
    assert balances(run) == (0, 0)
    assert run.manifest["signed_prices"] == [
        "Feeding in cost in 2 slots: nobody exports PV at a cost, so 4.0 kWh that neither peers nor own stores took were curtailed",
        "Retail was negative in 1 slot: the utility paid for 2.0 kWh of imports, and own PV served own load before the meter "
        "all the same",
    ]


def test_a_resting_order_sets_a_price_of_either_end(tmp_path):
    """Home's bid or roof's ask, whoever came first: 0.30 or 0 in hour 1, 0.10 or 0 in hour 2; all four are seen."""
    seen = set()
    for seed in range(12):
        run = day(tmp_path, ENGINES["resting"], seed=seed)
        prices = run.frame("trades", raw=True).sort_values("slot").price_ticks.tolist()
        seen |= set(zip((1, 2), prices, strict=True))
        assert by_hour(run, "home", "paid_money")[1:3] == [2_000 * price for price in prices]
    assert seen == {(1, 300_000), (1, 0), (2, 100_000), (2, 0)}


def test_the_marginal_pair_of_huang_does_not_trade(tmp_path):
    """One buyer and one seller are the margin: home pays the utility's prices, 2 x (0.30 + 0.30 + 0.10 - 0.10)."""
    run = day(tmp_path, "huang")
    assert run.frame("trades", raw=True).empty
    assert run.bill("home").loc["total", "amount"] == pytest.approx(1.20)
    assert by_hour(run, "roof", "curtailed_wh") == [0, 0, 3_000, 3_000]
    assert by_hour(run, "roof", "paid_money") == [300_000_000, 0, 0, 0]


def test_the_supply_demand_ratio_refuses_before_the_run_and_names_the_slot(tmp_path):
    with pytest.raises(ScenarioError) as caught:
        day(tmp_path, "supply_demand_ratio")
    text = str(caught.value)
    assert "divides by the feed-in tariff" in text
    assert "feed_in 0 in slot 1 (2016-07-12 01:00)" in text
    assert "mid_market_rate" in text


def test_nobody_alone_exports_at_a_cost_either(tmp_path):
    """The reference run: 1 kWh more exported in hour 1 for nothing, and what nobody takes is curtailed."""
    run = day(tmp_path, "mid_market_rate")
    assert run.summary["export_kwh_grid_only"] == 3.0
    assert run.summary["curtailed_kwh_grid_only"] == 6.0
    assert run.summary["consumer_cost_grid_only"] == pytest.approx(2 * (0.30 + 0.30 + 0.10 - 0.10))


@pytest.mark.parametrize(
    ("storage", "charged"), [("self_consumption", [0, -1_000, -1_000, 0]), ("idle", [0, 0, -1_000, -1_000])]
)
def test_own_pv_fills_the_own_store_before_it_is_curtailed(tmp_path, storage, charged):
    """Self-consumption charges first, in hour 1 already; an idle store takes what would be curtailed, not what can be exported."""
    roof = {"battery": BATTERY, "strategy": {"truthful": {"storage": storage}}}
    run = day(tmp_path, "mid_market_rate", roof=roof)
    assert by_hour(run, "roof", "battery_wh") == charged
    assert by_hour(run, "roof", "curtailed_wh") == [0, 0, 0, 3_000 + charged[3]]
    assert balances(run) == (0, 0)


def test_a_store_that_plans_is_paid_for_charging_from_the_grid(tmp_path):
    """home knows hour 3: it draws 1 kWh beside its load of 2, and is paid 0.30; it never does at a price above zero."""
    home = {"battery": BATTERY, "strategy": {"truthful": {"storage": {"lp": {"every": 1}}}}}
    run = day(tmp_path, "huang", home=home)
    assert by_hour(run, "home", "battery_wh")[3] == -1_000
    assert by_hour(run, "home", "import_wh")[3] == 3_000
    assert by_hour(run, "home", "paid_money")[3] == -300_000_000
    assert balances(run) == (0, 0)


def test_a_right_to_flow_that_costs_is_not_used(tmp_path):
    """With untraded: exported and priority: equal it is the same day: no surplus flows where feeding in costs."""
    limits = {"connection_kw": {"import": 10, "export": 10}}
    for grid in ({"untraded": "exported"}, {"priority": "equal"}):
        run = day(tmp_path, "mid_market_rate", roof=limits, home=limits, grid=grid)
        assert by_hour(run, "roof", "export_wh") == [0, 1_000, 0, 0]
        assert by_hour(run, "roof", "curtailed_wh") == [0, 0, 1_000, 3_000]
        assert balances(run) == (0, 0)
