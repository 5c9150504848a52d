"""Laws of whole runs: nobody is disturbed by a bystander, and units of money do not matter."""

from __future__ import annotations

import pytest

OTHERS = [
    "slot",
    "name",
    "load_wh",
    "bought_wh",
    "sold_wh",
    "import_wh",
    "export_wh",
    "curtailed_wh",
    "net_wh",
    "paid_money",
]
MONEY = [
    "peer_purchases_money",
    "peer_sales_money",
    "network_charges_money",
    "imports_money",
    "exports_money",
    "paid_money",
]


def rows_without(run, name):
    """Rows of everybody but one agent, names as text."""
    return (
        run.frame("agents", raw=True)
        .loc[run.frame("agents", raw=True).name != name, OTHERS]
        .astype({"name": str})
        .reset_index(drop=True)
    )


@pytest.mark.parametrize("gridded", [True, False], ids=["feeder", "no grid"])
def test_an_agent_that_has_nothing_changes_nothing_for_others(simulated, village, gridded):
    """A consumer without load at the end of the list: the same rows for everybody else, and the same trades."""
    scenario = village()
    idle = {"name": "idle", "kind": "consumer", "bus": 4}
    agents = [*scenario["agents"], idle]
    if not gridded:
        agents = [{key: item for key, item in agent.items() if key != "bus"} for agent in agents]
        scenario = {**scenario, "grid": {}}
    alone, beside = (simulated({**scenario, "agents": group}) for group in (agents[:-1], agents))
    assert rows_without(beside, "idle").equals(rows_without(alone, "idle"))
    columns = ["slot", "buyer_name", "seller_name", "energy_wh", "price_ticks"]
    assert (
        beside.frame("trades", raw=True)[columns]
        .astype(str)
        .equals(alone.frame("trades", raw=True)[columns].astype(str))
    )
    own = beside.frame("agents", raw=True)[beside.frame("agents", raw=True).name == "idle"]
    assert not own[["load_wh", "bought_wh", "sold_wh", "import_wh", "net_wh", "paid_money"]].to_numpy().any()


@pytest.mark.parametrize("engine", ["double_auction", "call_auction", "mid_market_rate", "pro_rata"])
def test_the_unit_of_money_does_not_matter(simulated, village, engine):
    """In half the currency every price and every payment is twice the number, to the last unit; no Wh changes."""
    agents = [
        {key: agent[key] for key in agent if key in ("name", "kind", "pv_kw", "load")} for agent in village()["agents"]
    ]
    scenario = village(agents, grid={}, market={"engine": engine, "charges": {"flat": {"per_kwh": 0.02}}})
    twice = {
        **scenario,
        "tariff": {"flat": {"retail": 0.60, "feed_in": 0.16, "wholesale": 0.12}},
        "market": {"engine": engine, "charges": {"flat": {"per_kwh": 0.04}}},
    }
    one, two = simulated(scenario), simulated(twice)
    assert two.frame("agents", raw=True)[OTHERS[:-1]].equals(one.frame("agents", raw=True)[OTHERS[:-1]])
    assert (two.frame("agents", raw=True)[MONEY] == 2 * one.frame("agents", raw=True)[MONEY]).all(axis=None)
    assert one.frame("trades", raw=True).size > 0
    for name in (
        "consumer_saving",
        "worst_off_saving",
        "ftg",
        "fbs",
        "fpp",
        "price_neutrality",
        "allocative_efficiency",
    ):
        assert two.summary[name] == pytest.approx(one.summary[name]), name
    for name in ("consumer_cost", "utility_margin", "gains_from_trade", "mean_price"):
        assert two.summary[name] == pytest.approx(2 * one.summary[name]), name


@pytest.mark.parametrize("wholesale", [0.06, 0.2])
def test_welfare_is_what_agents_keep_and_what_the_utility_keeps(simulated, wholesale):
    """Payments cancel: without devices that cost anything, what is left of the bills and the margin is what upstream gets."""
    seller = {"kind": "prosumer", "bus": 127, "pv_kw": 9000.0, "load": {"peak_kw": 300.0}, "strategy": "truthful"}
    buyer = {"kind": "consumer", "bus": 48, "load": {"peak_kw": 900.0}, "strategy": "truthful"}
    scenario = {
        "name": "shared",
        "clock": {"start": "2016-06-21", "slots": 12, "slot_minutes": 120},
        "grid": {"feeder": "feeder141", "source_pu": 1.045},
        "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08, "wholesale": wholesale}},
        "market": {"charges": {"flat": {"per_kwh": 0.02}}},
        "profiles": {"source": "synthetic"},
        "agents": [{**seller, "name": "roof"}, {**buyer, "name": "shop"}],
    }
    summary = simulated(scenario).summary
    assert summary["curtailed_kwh"] > 0
    assert summary["losses_kwh"] > 0
    for suffix in ("", "_grid_only"):
        kept = (
            -summary[f"consumer_cost{suffix}"] - summary[f"prosumer_cost{suffix}"] + summary[f"utility_margin{suffix}"]
        )
        assert summary[f"welfare{suffix}"] == pytest.approx(kept, abs=1e-6)
