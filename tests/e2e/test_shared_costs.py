"""Runs whose costs are shared: what changes, what does not, and what is left of one that does not reach its end."""

from __future__ import annotations

import json

import numpy as np
import pytest

import marketsim as ms
from marketsim.results import buffers

SCENARIO = "scenarios/community.yaml"
HOURS = {"clock.slot_minutes": 60, "clock.slots": 60}
SHARED = {**HOURS, "market.sharing": "proportional"}
TABLES = ("slots", "agents", "trades", "rejects", "book")
BILL_KPIS = {
    *("consumer_cost", "consumer_saving", "prosumer_cost", "gini_unit_cost", "gini_saving", "worst_off_saving"),
    "wall_s",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def shared(folder):
    """Two and a half days, shared day by day."""
    return ms.simulate(ms.load_scenario(SCENARIO, SHARED), folder / "shared")


@pytest.fixture(scope="module")
def plain(folder):
    """The same without sharing."""
    return ms.simulate(ms.load_scenario(SCENARIO, HOURS), folder / "plain")


def test_without_sharing_every_file_is_what_it_was(plain, tmp_path):
    """Saying so changes no byte of table and scenario; there is no column and no key of it."""
    said = ms.simulate(ms.load_scenario(SCENARIO, {**HOURS, "market.sharing": "none"}), tmp_path / "said")
    for name in (*(f"{table}.parquet" for table in TABLES), "scenario.yaml"):
        assert (said.path / name).read_bytes() == (plain.path / name).read_bytes(), name
    assert not [name for name in plain.frame("agents", raw=True) if "sharing" in name]
    assert "sharing:" not in plain.scenario_text


def test_nothing_but_bills_changes(shared, plain):
    """Tables of trades, refusals and books are the same bytes; KPIs and columns that differ are those of payments."""
    for name in ("trades", "rejects", "book"):
        assert (shared.path / f"{name}.parquet").read_bytes() == (plain.path / f"{name}.parquet").read_bytes()
    changed = {name for name in plain.summary if shared.summary[name] != plain.summary[name]}
    assert {"consumer_cost", "worst_off_saving"} <= changed <= BILL_KPIS
    slots = {
        name
        for name in plain.frame("slots", raw=True)
        if not shared.frame("slots", raw=True)[name].equals(plain.frame("slots", raw=True)[name])
    }
    assert slots == {"consumer_cost_money", "prosumer_cost_money"}
    agents = {
        name
        for name in plain.frame("agents", raw=True)
        if not shared.frame("agents", raw=True)[name].equals(plain.frame("agents", raw=True)[name])
    }
    assert agents == {"paid_money"}


def test_the_line_is_in_the_last_slot_of_each_day_and_of_the_run(shared, plain):
    """It sums to zero in every slot, and explains what differs from the run without it."""
    line = shared.frame("agents", raw=True).pivot(index="slot", columns="agent", values="sharing_money")
    assert line.index[line.any(axis=1)].tolist() == [23, 47, 59]
    assert (line.sum(axis=1) == 0).all()
    assert (shared.frame("agents", raw=True).paid_money - plain.frame("agents", raw=True).paid_money).equals(
        shared.frame("agents", raw=True).sharing_money.rename("paid_money")
    )


def test_costs_of_consumers_are_those_of_their_bills(shared):
    """The KPI, the column of the slots and the table of agents agree to the last unit."""
    consumers = shared.frame("agents", raw=True)[shared.frame("agents", raw=True).name.str.startswith("consumer")]
    assert consumers.paid_money.sum() == shared.frame("slots", raw=True).consumer_cost_money.sum()
    assert shared.summary["consumer_cost"] == pytest.approx(consumers.paid_money.sum() / 1e9, abs=1e-9)


def test_a_run_cut_short_ends_its_period(shared):
    """The same first days, and at the end of 30 slots those six of the second day are shared."""
    short = ms.simulate(ms.load_scenario(SCENARIO, {**SHARED, "clock.slots": 30}))
    first = shared.frame("agents", raw=True).query("slot < 24")
    assert short.frame("agents", raw=True).query("slot < 24").sharing_money.equals(first.sharing_money)
    line = short.frame("agents", raw=True).query("slot == 29").sharing_money
    assert line.any()
    assert line.sum() == 0


def test_a_whole_run_is_one_period(plain):
    """Its only line is in the last slot; a proportion of the whole is not the sum of the proportions of its days."""
    run = ms.simulate(ms.load_scenario(SCENARIO, {**SHARED, "market.sharing_period": "run"}))
    assert run.frame("agents", raw=True).query("sharing_money != 0").slot.unique().tolist() == [59]
    rows = run.frame("agents", raw=True).merge(
        run.frame("slots", raw=True)[["slot", "retail_ticks", "feed_in_ticks"]], on="slot"
    )
    alone = (-rows.net_wh * rows.retail_ticks.where(rows.net_wh < 0, rows.feed_in_ticks)).groupby(rows.agent).sum()
    gain = alone - run.frame("agents", raw=True).groupby("agent").paid_money.sum()
    in_all = int(alone.sum()) - int(plain.frame("agents", raw=True).paid_money.sum())
    assert gain.sum() == in_all
    np.testing.assert_allclose(gain, alone.abs() / alone.abs().sum() * in_all, atol=1.0)


def test_an_interrupted_run_is_the_beginning_of_the_whole_one(shared, cli, root, folder, monkeypatch):
    """Its period stays open, as after a kill: the rows that it has are those of the run that went on."""
    put, calls = buffers.SlotBuffer.put, iter(range(10_000))

    def interrupted(*arguments):
        if next(calls) == 40:
            raise KeyboardInterrupt
        put(*arguments)

    monkeypatch.setattr(buffers.SlotBuffer, "put", interrupted)
    options = [word for path, value in SHARED.items() for word in ("--set", f"{path}={value}")]
    assert cli("run", root / SCENARIO, "--out", folder / "broken", *options).code == 1
    run = ms.open_run(folder / "broken")
    assert (run.status, run.n_slots) == ("interrupted", 40)
    assert run.frame("agents", raw=True).equals(shared.frame("agents", raw=True).query("slot < 40"))
    assert run.frame("agents", raw=True).query("slot == 23").sharing_money.any()
    assert not run.frame("agents", raw=True).query("slot > 23").sharing_money.any()
    assert (
        run.bill(0, raw=True).amount_money["total"]
        == run.frame("agents", raw=True).query("agent == 0").paid_money.sum()
    )


def test_runs_with_and_without_are_compared(shared, plain, cli):
    """Side by side, with what differs: the rule."""
    compared = cli("compare", shared.path, plain.path)
    assert compared.code == 0
    assert "Cost of consumers" in compared.out
    assert "market.sharing: 'proportional' -> (absent)" in compared.out


def test_folders_with_and_without_open_and_have_a_report(shared, plain, cli, tmp_path):
    """The page of the shared run has its column; that of the other has not."""
    for run, has in ((shared, True), (plain, False)):
        out = tmp_path / f"{run.path.name}.html"
        assert cli("report", run.path, "--out", out).code == 0
        assert ("Cost sharing" in out.read_text()) == has
        assert ms.open_run(run.path).bill(0).index.str.contains("cost sharing").any() == has


def test_the_resolved_scenario_gives_the_same_run(shared, folder):
    """Rule and period are in it."""
    again = ms.simulate(ms.load_scenario(shared.path / "scenario.yaml"), folder / "again")
    for name in TABLES:
        assert (again.path / f"{name}.parquet").read_bytes() == (shared.path / f"{name}.parquet").read_bytes(), name


def test_a_folder_shared_by_a_plugin_is_looked_at_without_it(root, tmp_path, cli):
    """Nothing is loaded to see bills, and the kind of part is told."""
    own = root / "tests" / "parts" / "own_sharing.py"
    overrides = {**HOURS, "clock.slots": 24, "market.sharing": "equal_parts", "plugins": [str(own)]}
    run = ms.simulate(ms.load_scenario(SCENARIO, overrides, trust=True), tmp_path / "own")
    seen = ms.open_run(run.path)
    assert seen.bill(0).equals(run.bill(0))
    assert cli("report", run.path, "--out", tmp_path / "own.html").code == 0
    shown = json.loads(cli("plugins", "list", "--kind", "sharing", "--plugin", own, "--json").out)
    assert [part["name"] for part in shown][-1] == "equal_parts"
    assert all(part["kind"] == "sharing" for part in shown)
