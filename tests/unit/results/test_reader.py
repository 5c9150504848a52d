import json
import os
import platform
import subprocess
import sys
from datetime import datetime

import pandas as pd
import pytest

from marketsim.core.errors import InputError, RunFolderError
from marketsim.results.folder import folder_name, identity, status
from marketsim.results.reader import RunViews, open_run


@pytest.fixture
def run(small, tmp_path):
    return small.write(tmp_path / "run")


def test_frames_show_each_quantity_in_one_unit(run):
    """In kWh, currency/kWh and currency at the place of the integers; ``raw`` gives these."""
    agents, trades = run.agents, run.trades
    counted, ticks = run.frame("agents", raw=True), run.frame("trades", raw=True)
    assert (agents["load_kwh"] * 1000 == counted["load_wh"]).all()
    assert (agents["paid"] - counted["paid_money"] / 1e9).abs().max() == 0
    assert (trades["price"] - ticks["price_ticks"] / 1e6).abs().max() == 0
    assert agents.shape == counted.shape
    assert list(trades.columns).index("energy_kwh") == list(ticks.columns).index("energy_wh")
    for name in ("slots", "agents", "trades", "rejects", "book", "voltages"):
        shown = run.frame(name)
        assert not [column for column in shown if column.endswith(("_wh", "_ticks", "_money"))], name
        assert shown is getattr(run, name)


def test_categories_are_those_that_occur(run):
    """No empty levels, in texts of the tables and in names."""
    for name in ("agents", "trades", "rejects", "voltages"):
        for raw in (False, True):
            shown = run.frame(name, raw=raw)
            for column in shown.select_dtypes("category"):
                assert set(shown[column].cat.categories) == set(shown[column].dropna()), (name, column)


def test_frames_show_names_beside_indices(run):
    trades = run.trades
    assert (trades["buyer_name"] == "a" + trades["buyer"].astype(str)).all()
    rejects = run.rejects
    assert rejects["buyer_name"].isna().equals(rejects["buyer"].isna())
    assert set(run.agents["name"]) == {f"a{index}" for index in range(6)}


def test_integers_that_may_be_null_stay_integers(run):
    assert run.rejects["buyer"].dtype == pd.Int32Dtype()
    slots = run.frame("slots", raw=True)
    assert slots["wholesale_ticks"].dtype == pd.Int64Dtype()
    assert slots["wholesale_ticks"].isna().all()


def test_no_shown_column_hides_another(run):
    """Every written column stands unchanged in its raw frame, with names beside the agents."""
    for name in ("slots", "agents", "trades", "rejects", "book", "voltages"):
        table, shown = run.table(name), run.frame(name, raw=True)
        for field in table.schema:
            expected = pd.Series(table[field.name].to_pylist(), dtype=object)
            assert shown[field.name].isna().equals(expected.isna()), field.name
            assert (shown[field.name].astype(object).dropna() == expected.dropna()).all(), field.name


def test_slots_carry_the_columns_of_metrics(run):
    assert run.slots["p2p_kwh"].tolist() == [slot / 1000 for slot in range(16)]
    assert run.slots["ftg"].isna().tolist() == [slot % 3 == 0 for slot in range(16)]
    assert run.slots["begins"].iloc[1] == pd.Timestamp("2016-07-12 03:00")


def test_a_slot_and_columns_can_be_read_alone(run, small):
    for each in (run, small.write(None)):
        table = each.table("agents", columns=["agent", "net_wh"], slot=5)
        assert table.column_names == ["agent", "net_wh"]
        assert table["net_wh"].to_pylist() == small.records[5].energy.net_wh.tolist()


def test_a_bill_explains_what_was_paid(run, small):
    """Each line is energy times its mean price, and the total is exactly what the agent paid."""
    bill = run.bill("a3")
    lines = bill.drop("total")
    paid = sum(int(record.ledger.money[:, 3].sum()) for record in small.records)
    counted = run.bill("a3", raw=True)["amount_money"]
    assert counted["total"] == counted.drop("total").sum() == paid
    assert (bill["amount"] - counted / 1e9).abs().max() < 1e-12
    sign = pd.Series({"peer sales": -1, "exports": -1}).reindex(lines.index, fill_value=1)
    assert (lines["amount"] - sign * lines["energy_kwh"] * lines["mean_price"]).abs().max() < 1e-9
    assert lines.loc["imports", "energy_kwh"] == sum(r.exchange.import_wh[3] for r in small.records) / 1000
    assert [len(bill.attrs["meaning"][line]) > 10 for line in bill.index] == [True] * len(bill)


def test_a_bill_is_readable_when_it_is_printed(run):
    """Price and amount are there, in a line of a narrow terminal."""
    with pd.option_context("display.width", 80):
        printed = str(run.bill("a3"))
    assert printed.splitlines()[0].split() == ["energy_kwh", "mean_price", "amount"]
    assert max(map(len, printed.splitlines())) <= 80
    assert "..." not in printed


def test_a_bill_without_trade_has_no_mean_price(small):
    small.records = small.records[:1]
    none = [column[:0] for column in small.records[0].trades]
    zero = small.records[0].energy.bought_wh * 0
    record = small.records[0]
    small.records = [
        record._replace(
            trades=type(record.trades)(*none),
            energy=record.energy._replace(bought_wh=zero, sold_wh=zero),
        )
    ]
    bill = small.write(None).bill(0)
    assert bill.loc[["peer purchases", "peer sales", "network charges"], "mean_price"].isna().all()


def test_a_bill_goes_by_name_or_index(run):
    assert run.bill("a2").equals(run.bill(2))


@pytest.mark.parametrize(("agent", "market"), [("nobody", 0), (6, 0), (-1, 0), (0, 1)])
def test_a_bill_of_nobody_is_refused(run, agent, market):
    with pytest.raises(InputError, match=r"there is no (such agent|market)"):
        run.bill(agent, market)


def test_a_net_is_built_on_demand(small, tmp_path):
    run = small.fill(small.writer(tmp_path / "run")).finish(
        {}, RunViews(net=lambda own, slot, market: (own.path, slot, market))
    )
    assert run.net(3) == (tmp_path / "run", 3, 0)
    with pytest.raises(InputError, match="slot 16 is not in this run: it has slots 0 to 15"):
        run.net(16)


def test_without_a_grid_there_is_no_net(run):
    with pytest.raises(InputError, match="no grid"):
        run.net(0)


def test_a_table_that_was_not_written_says_how_to_get_it(small, tmp_path):
    small.layout = type(small.layout)(small.layout.community, 8, ("battery",), small.layout.slot_columns)
    run = small.write(tmp_path / "run")
    with pytest.raises(InputError, match=r"no table of voltages\n.*voltages: true"):
        _ = run.voltages
    with pytest.raises(InputError, match="known: slots, agents"):
        run.table("colours")


def test_a_folder_that_is_no_run_is_told(tmp_path):
    with pytest.raises(RunFolderError, match="no such run folder"):
        open_run(tmp_path / "nowhere")
    (tmp_path / "street.yaml").write_text("name: street")
    with pytest.raises(RunFolderError, match="this is a file and no run folder") as error:
        open_run(tmp_path / "street.yaml")
    assert "run a scenario first" in error.value.problems[0].hint
    with pytest.raises(RunFolderError, match="no run of marketsim"):
        open_run(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("manifest.json", b"{", "manifest.json is damaged"),
        ("manifest.json", b"[]", "holds no object"),
        ("manifest.json", b'{"format": "marketsim run 99"}', "not of a run that this version can read"),
        ("summary.json", b"\xff\xfe", "summary.json is damaged"),
        ("scenario.yaml", b"\xff\xfe", "cannot read scenario.yaml"),
        ("critic.jsonl", b"nonsense\n", "critic.jsonl is damaged"),
    ],
)
def test_a_damaged_file_is_named(run, file, content, message):
    (run.path / file).write_bytes(content)
    with pytest.raises(RunFolderError, match=message):
        open_run(run.path)


@pytest.mark.parametrize("damage", ["cut", "empty", "folder", "missing"])
def test_a_damaged_table_is_named(run, damage):
    path = run.path / "trades.parquet"
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    with pytest.raises(RunFolderError, match="trades"):
        _ = open_run(run.path).trades
    assert open_run(run.path).n_slots == 16


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_table_that_may_not_be_read_is_named(run):
    (run.path / "trades.parquet").chmod(0)
    with pytest.raises(RunFolderError, match=r"cannot read trades.parquet"):
        _ = open_run(run.path).trades


def test_a_missing_summary_of_a_complete_run_is_told(run):
    (run.path / "summary.json").unlink()
    with pytest.raises(RunFolderError, match=r"there is no summary.json"):
        open_run(run.path)


def test_a_half_written_critique_is_left_out(small, tmp_path):
    writer = small.fill(small.writer(tmp_path / "run"), 1)
    writer.critique({"slot": 0})
    writer.abort()
    with (tmp_path / "run" / "critic.jsonl").open("a") as file:
        file.write('{"slot": 1, "ft')
    assert open_run(tmp_path / "run").critiques == [{"slot": 0}]


def test_a_living_process_is_running_and_a_dead_one_was_interrupted():
    ours = {"status": "running", **identity()}
    assert status(ours) == "running"
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert status({**ours, "pid": child.pid}) == "interrupted"


def test_a_process_number_given_anew_is_not_taken_for_the_run():
    reused = {"status": "running", **identity(), "process_started": 1}
    assert status(reused) == ("interrupted" if identity()["process_started"] else "running")


def test_a_run_on_another_machine_is_believed():
    assert status({"status": "running", "pid": 1, "host": platform.node() + "x"}) == "running"
    assert status({"status": "running", "pid": None, "host": platform.node()}) == "interrupted"


def test_folder_names_are_safe():
    name = folder_name("../my run/ü", 7, datetime(2026, 11, 21, 4, 5, 6))
    assert name == "_my_run_ü-7-20261121T040506"


def test_a_run_shows_itself(run):
    assert repr(run) == f"<Run (seed 1): complete, 16 slots, {run.path}>"
    assert json.loads((run.path / "summary.json").read_text()) == run.summary
    assert run.scenario_text == "name: small\n"
