"""What every scenario of the repository promises: its question, its balances, its bytes."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

import marketsim as ms
from marketsim.agents.model import MarketModel
from marketsim.app.wiring import build
from marketsim.core.simulation import Simulation
from marketsim.metrics.presentation import headline

SEEDS = (5, 1, 9)
REQUIRED_KPIS = {
    *("slots", "agents", "seed", "wall_s", "demand_kwh", "pv_kwh", "p2p_kwh", "import_kwh", "export_kwh"),
    *("curtailed_kwh", "losses_kwh", "rejected_kwh", "rolled_back_kwh", "ev_unserved_kwh", "mean_price"),
    *("critic_calls", "critic_fallbacks", "money_imbalance", "energy_imbalance_wh", "grid_imbalance_wh", "p2p_share"),
    *("consumer_cost", "consumer_cost_grid_only", "consumer_saving", "prosumer_cost", "worst_off_saving"),
    *("utility_revenue", "utility_revenue_grid_only", "utility_margin", "utility_margin_grid_only"),
    *("ftg", "fbs", "fpp", "ftb", "fbs_market", "price_neutrality", "jain_fill", "jain_curtailment"),
    *("gini_unit_cost", "gini_saving", "gains_from_trade", "allocative_efficiency", "g_star_method"),
    *("welfare", "welfare_grid_only", "joint_gains", "optimal_joint_gains", "trade_efficiency"),
    *("voltage_min_pu", "voltage_max_pu", "voltage_violation_rate", "market_violation_rate"),
    *("voltage_violation_depth", "slots_with_violation", "firm_violation_slots", "loading_max_percent"),
}


def test_its_header_states_a_question(shipped):
    """The first line of a scenario is the question that it answers, with a question mark before any key."""
    lines = shipped.read_text("utf-8").splitlines()
    header = lines[: next(row for row, line in enumerate(lines) if not line.startswith("#"))]
    assert header[0].startswith("# Question: ")
    assert "?" in " ".join(header)


def test_money_and_energy_balance_to_the_last_unit(shipped, simulated):
    """As shipped, both imbalances are the integer 0, in the summary and in every slot, and the grid's below 1 Wh."""
    run = simulated(shipped)
    for name in ("money_imbalance", "energy_imbalance_wh"):
        assert run.summary[name] == 0
        assert isinstance(run.summary[name], int)
        assert (run.frame("slots", raw=True)[name] == 0).all()
    assert run.summary["grid_imbalance_wh"] is None or abs(run.summary["grid_imbalance_wh"]) <= 1.0


def test_the_tables_balance_by_themselves(shipped, simulated):
    """From the rows alone: every agent's energy balances, trades add up to them, and all payments sum to zero."""
    run = simulated(shipped)
    agents = run.frame("agents", raw=True)
    devices = [name.removesuffix("_level") + "_wh" for name in agents.columns if name.endswith("_level")]
    brought = agents.pv_used_wh + agents[devices].sum(axis=1) + agents.bought_wh + agents.import_wh
    assert (brought == agents.load_wh + agents.sold_wh + agents.export_wh).all()
    assert (agents.pv_used_wh + agents.curtailed_wh == agents.pv_available_wh).all()
    for side, column in (("buyer", "bought_wh"), ("seller", "sold_wh")):
        traded = run.frame("trades", raw=True).groupby(["slot", side]).energy_wh.sum()
        booked = agents.set_index(["slot", "agent"])[column]
        assert (booked[booked > 0] == traded[traded > 0].rename_axis(["slot", "agent"])).all()
    utility = (agents.imports_money + agents.exports_money).sum()
    operator = agents.network_charges_money.sum()
    assert agents.paid_money.sum() == utility + operator


def test_it_sums_up(shipped, simulated):
    """The summary has every key that the design promises, flat, and plain numbers that JSON holds; a headline."""
    summary = simulated(shipped).summary
    assert set(summary) >= REQUIRED_KPIS
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert not any(isinstance(value, list | dict) for value in summary.values())
    assert len(headline(summary)) >= 10


def test_every_price_lies_within_the_tariffs(shipped, simulated):
    """Feed-in <= seller's price <= buyer's price <= retail, in each trade: nobody does worse than with the utility."""
    run = simulated(shipped)
    rows = run.frame("trades", raw=True).merge(
        run.frame("slots", raw=True)[["slot", "retail_ticks", "feed_in_ticks"]], on="slot"
    )
    assert len(rows) > 0
    assert (rows.feed_in_ticks <= rows.seller_price_ticks).all()
    assert (rows.seller_price_ticks <= rows.buyer_price_ticks).all()
    assert (rows.buyer_price_ticks <= rows.retail_ticks).all()


def test_market_and_gate_leave_no_slot_worse(shipped, simulated):
    """With the gate of the scenario no limit is broken that the untraded state does not break; ``ac`` where it only looks on."""
    ready = ms.load_scenario(shipped)
    looks_on = "records" in ready.registry.traits("gate", ready.model.grid.gate.name)
    run = simulated(shipped, {"grid.gate": "ac"} if looks_on else None)
    assert not run.summary["market_violation_rate"]
    assert run.summary.get("validation_mismatches", 0) == 0
    assert run.summary.get("validation_worst_pu", 0.0) <= 1e-8


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory, python, hours, all_shipped):
    """Run folder of each scenario as made by another process, in another folder."""
    folder = tmp_path_factory.mktemp("elsewhere")
    code = f"""
import sys
import marketsim as ms
for number, path in enumerate(sys.argv[1:]):
    ms.simulate(ms.load_scenario(path, {hours!r}), str(number))
"""
    done = python("-c", code, *map(str, all_shipped), cwd=folder)
    assert (done.code, done.err) == (0, "")
    return {path: folder / str(number) for number, path in enumerate(all_shipped)}


@pytest.mark.full
def test_the_same_seed_gives_the_same_bytes_in_another_process(shipped, written, elsewhere, tables):
    """Every Parquet table, byte for byte."""
    assert tables(written(shipped)) == tables(elsewhere[shipped])


def test_the_written_scenario_gives_the_same_bytes(shipped, written, tables, tmp_path):
    """The run folder's own ``scenario.yaml`` is the run: same tables, same hash."""
    first = written(shipped)
    again = ms.simulate(ms.load_scenario(first / "scenario.yaml", trust=True), tmp_path / "run")
    assert tables(first) == tables(tmp_path / "run")
    assert again.manifest["scenario_hash"] == ms.open_run(first).manifest["scenario_hash"]
    wall = {"wall_s": None}
    assert {**again.summary, **wall} == {**ms.open_run(first).summary, **wall}


def test_another_seed_gives_other_bytes(shipped, written, hours, tables, tmp_path):
    """Of agents, and of trades where there are any: a dark day in winter has none."""
    run = ms.simulate(ms.load_scenario(shipped, {**hours, "seed": 20_000}), tmp_path / "run")
    first, other = tables(written(shipped)), tables(tmp_path / "run")
    assert first["agents.parquet"] != other["agents.parquet"]
    nothing = run.summary["p2p_kwh"] == ms.open_run(written(shipped)).summary["p2p_kwh"] == 0.0
    assert nothing == (first["trades.parquet"] == other["trades.parquet"])


def of_market(built, record, market) -> dict[str, Any]:
    """Everything of a record that belongs to one market, by connection."""
    own = built.world.community.market == market
    orders, trades, rejects, grid = record.orders, record.trades, record.rejects, record.grid
    mine = np.flatnonzero(orders.market == market)
    first = mine[0] if len(mine) else 0
    traded = np.isin(trades.buy_order, mine)
    refused = np.isin(np.maximum(rejects.buy_order, rejects.sell_order), mine)
    ends = [np.where(column >= 0, column - first, -1)[refused] for column in (rejects.buy_order, rejects.sell_order)]
    return {
        "load": record.inputs.load_wh[own],
        "pv": record.inputs.pv_wh[own],
        "net": record.energy.net_wh[own],
        "devices": record.energy.device_wh[:, own],
        "money": record.ledger.money[:, own],
        "utility": record.ledger.utility[market],
        "orders": np.array([column[mine] for column in (orders.connection, orders.limit_ticks, orders.energy_wh)]),
        "buy": trades.buy_order[traded] - first,
        "sell": trades.sell_order[traded] - first,
        "trades": np.array([trades.energy_wh, trades.buyer_ticks, trades.seller_ticks])[:, traded],
        "refused": np.array([*ends, *(np.array(column)[refused] for column in rejects[2:])]),
        "v_pu": grid.v_pu[market],
        "loading": grid.loading[market],
    }


def test_a_market_in_a_batch_equals_the_market_alone(shipped, hours):
    """Replicas side by side do not see each other: slot by slot, to the last bit."""
    ready = ms.load_scenario(shipped, hours)
    batch = build(ready, seeds=SEEDS)
    alone = [build(ready, seeds=[seed]) for seed in SEEDS]
    with ExitStack() as open_models:
        together, *separate = (
            open_models.enter_context(MarketModel(Simulation(built.world), ready.agents, built.kinds)).run()
            for built in (batch, *alone)
        )
        compare(batch, together, alone, separate)


def compare(batch, together, alone, separate):
    for record, *singles in zip(together, *separate, strict=True):
        for market, (built, single) in enumerate(zip(alone, singles, strict=True)):
            theirs, ours = of_market(built, single, 0), of_market(batch, record, market)
            for name in theirs:
                np.testing.assert_array_equal(ours[name], theirs[name], err_msg=f"slot {record.inputs.time}: {name}")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_pilot_is_neither_scarce_nor_abundant(simulated, seed):
    """With truthful agents 40 to 60 % of the slots that could trade have more surplus than demand.

    Both are availability as metered before trading; a slot could trade where both are positive.
    """
    run = simulated("scenarios/pilot.yaml", None if seed == 1 else {"seed": seed})
    assert {agent.strategy.name for agent in ms.load_scenario(run.scenario_text).agents} == {"truthful"}
    available = run.frame("agents", raw=True).groupby("slot")[["surplus_wh", "firm_demand_wh"]].sum()
    could = available[available.min(axis=1) > 0]
    assert len(could) >= 50
    assert 0.4 <= (could.surplus_wh > could.firm_demand_wh).mean() <= 0.6
