"""Whatever a run's shape, its tables hold exactly what its records held, and every bill adds up."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.results import writer as writer_module
from marketsim.results.reader import open_run
from marketsim.results.table_columns import ElementNames, TableLayout
from marketsim.results.writer import RunWriter
from marketsim.testing.random_records import random_records
from marketsim.testing.worlds import clock, community


@st.composite
def runs(draw):
    """A layout and its records: several markets, fleets, nodes and days, the last of them broken off anywhere."""
    who = community(draw(st.integers(1, 6)), draw(st.integers(1, 3)))
    n_devices, n_nodes = draw(st.integers(0, 2)), draw(st.integers(0, 3))
    elements = ElementNames(tuple(f"n{node}" for node in range(n_nodes)))
    devices = tuple(f"fleet{row}" for row in range(n_devices))
    layout = TableLayout(who, 4, devices, elements=(elements,), voltages=n_nodes > 0)
    hours = clock(draw(st.integers(1, 14)), 360)
    seed = draw(st.integers(0, 1_000))
    return layout, list(random_records(who, hours, n_devices=n_devices, n_nodes=n_nodes, seed=seed))


def written(folder, layout, records, *, complete=True):
    writer = RunWriter(folder, layout, manifest={}, scenario_text="")
    for record in records:
        writer.add(record, {})
    if complete:
        return writer.finish({})
    writer.abort()
    return open_run(folder)


@settings(max_examples=25)
@given(runs(), st.booleans(), st.sampled_from([7, 40, 10_000]), st.sampled_from([-1.0, 1e9]))
def test_tables_hold_what_records_held(run, complete, most_rows, most_seconds):
    """Complete or broken off, in groups of any size, written early or late: the same rows in the same order."""
    layout, records = run
    kept = writer_module._MOST_ROWS, writer_module._MOST_SECONDS
    writer_module._MOST_ROWS, writer_module._MOST_SECONDS = most_rows, most_seconds
    try:
        with tempfile.TemporaryDirectory() as folder:
            read = written(Path(folder), layout, records, complete=complete)
            agents, trades, rejects = (read.table(name).to_pydict() for name in ("agents", "trades", "rejects"))
            n_slots, frame = read.n_slots, read.frame("voltages", raw=True) if layout.voltages else None
    finally:
        writer_module._MOST_ROWS, writer_module._MOST_SECONDS = kept
    assert n_slots == len(records)
    assert agents["net_wh"] == np.concatenate([record.energy.net_wh for record in records]).tolist()
    assert agents["market"] == np.tile(layout.community.market, n_slots).tolist()
    assert agents["agent"] == np.tile(layout.community.connection, n_slots).tolist()
    assert trades.get("energy_wh", []) == [wh for record in records for wh in record.trades.energy_wh]
    assert rejects.get("energy_wh", []) == [wh for record in records for wh in record.rejects.energy_wh]
    if frame is not None:
        assert frame["net_wh"].tolist() == np.concatenate([r.grid.net_wh.reshape(-1) for r in records]).tolist()


@settings(max_examples=25)
@given(runs())
def test_bills_add_up_to_what_was_paid(run):
    """The totals of all bills are what the ledger booked, to the last unit, agent by agent and in every market."""
    layout, records = run
    read = written(None, layout, records)
    for row, (market, agent) in enumerate(zip(layout.community.market, layout.community.connection, strict=True)):
        bill = read.bill(int(agent), int(market), raw=True)
        paid = sum(int(record.ledger.money[:, row].sum()) for record in records)
        assert bill.loc["total", "amount_money"] == paid
        assert bill["amount_money"].drop("total").sum() == paid


@settings(max_examples=25)
@given(runs())
def test_trades_balance_with_the_agents(run):
    """What the table of trades says an agent bought and sold is what the agents' table says."""
    layout, records = run
    read = written(None, layout, records)
    trades, agents = read.frame("trades", raw=True), read.frame("agents", raw=True)
    keys = ["slot", "market", "agent"]
    for side, column in (("buyer", "bought_wh"), ("seller", "sold_wh")):
        traded = trades.groupby(["slot", "market", side])["energy_wh"].sum().rename_axis(index=keys)
        booked = agents.set_index(keys)[column]
        assert booked[booked > 0].sort_index().to_dict() == traded.sort_index().to_dict()
