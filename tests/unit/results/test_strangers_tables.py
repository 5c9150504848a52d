"""Tables of strangers: columns, types, indices and row counts of a run, or a RunFolderError with the column."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketsim.core.errors import RunFolderError
from marketsim.results import parquet
from marketsim.results.reader import open_run
from marketsim.results.table_checks import demand_values
from marketsim.results.table_columns import no_rows

TABLES = ("slots", "agents", "trades", "rejects", "book", "voltages")


@pytest.fixture
def run(small, tmp_path):
    return small.write(tmp_path / "run")


def rewritten(run, name, change):
    path = run.path / f"{name}.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    return open_run(run.path)


def column(name, values, kind=None):
    def change(table):
        place = table.schema.get_field_index(name)
        made = pa.array(values(table[name]), type=kind or table.schema.field(name).type)
        return table.set_column(place, pa.field(name, made.type), made)

    return change


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_opened_as_it_was_written(run, name):
    assert open_run(run.path).table(name).num_rows > 0


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        (
            "agents",
            column("load_wh", lambda c: ["x"] * len(c), pa.string()),
            "load_wh: this column must be of type int64",
        ),
        (
            "agents",
            column("name", lambda c: c.to_pylist(), pa.string()),
            "name: this column must be of type dictionary",
        ),
        ("trades", column("buyer_component", lambda c: c.to_pylist(), pa.string()), "must be of type dictionary"),
        (
            "trades",
            column("price_ticks", lambda c: [0.5] * len(c), pa.float64()),
            "price_ticks: this column must be of type",
        ),
        ("trades", column("buyer", lambda c: [6] * len(c)), "buyer: there is no such agent"),
        ("trades", column("seller", lambda c: [-1] * len(c)), "seller: there is no such agent"),
        ("trades", column("market", lambda c: [1] * len(c)), "market: must be below 1"),
        ("trades", column("slot", lambda c: [16] * len(c)), "slot: slots must lie between 0 and 15"),
        ("trades", column("slot", lambda c: list(reversed(c.to_pylist()))), "in order"),
        ("trades", column("sequence", lambda c: [-1] * len(c)), "sequence: must not be negative"),
        ("rejects", column("seller", lambda c: [2**31 - 1] * len(c)), "seller: there is no such agent"),
        ("rejects", column("reason", lambda c: [None] * len(c)), "reason: must not be undefined"),
        ("slots", column("slot", lambda c: [0] * len(c)), "each once and in order"),
        ("slots", column("begins", lambda c: [c[0].as_py()] * len(c)), "begins: .*equal distances"),
        (
            "slots",
            column("begins", lambda c: [2**62] * len(c), pa.int64()),
            "begins: this column must be of type timestamp",
        ),
        ("slots", column("trades", lambda c: [-3] * len(c)), "trades: must not be negative"),
        ("slots", column("ftg", lambda c: [float("inf")] * len(c)), "ftg: must hold finite numbers"),
        ("slots", column("ftg", lambda c: np.full(len(c), np.nan)), "ftg: must hold finite numbers"),
        (
            "slots",
            column("ftg", lambda c: [[1.0]] * len(c), pa.list_(pa.float64())),
            "ftg: this column must hold numbers or texts",
        ),
        (
            "agents",
            lambda t: t.append_column("sharing_money", pa.array(["x"] * len(t))),
            "sharing_money: this column must be of type int64",
        ),
        (
            "agents",
            lambda t: t.append_column("sharing_money", pa.array([None] * len(t), pa.int64())),
            "sharing_money: must not be undefined",
        ),
        ("agents", column("net_wh", lambda c: [None] * len(c)), "net_wh: must not be undefined"),
        ("agents", column("agent", lambda c: [5] * len(c)), "agent: every slot must have each of them once"),
        ("agents", lambda t: t.slice(0, len(t) // 2), "the table has 48 rows, 16 slots need 96"),
        ("agents", lambda t: pa.concat_tables([t, t]), "the table has 192 rows"),
        ("agents", lambda t: t.take(list(reversed(range(len(t))))), "in order"),
        ("book", lambda t: t.slice(0, len(t) - 1), "rows, 16 slots need"),
        ("book", column("level", lambda c: [10**9] * len(c)), "level: every slot"),
        ("voltages", column("node", lambda c: [7] * len(c)), "node: every slot"),
        ("voltages", lambda t: t.slice(0, 47), "the table has 47 rows"),
        ("rejects", lambda t: t.drop_columns(["element"]), "element"),
        ("agents", lambda t: t.append_column("load_wh", t["load_wh"]), "twice"),
        ("book", lambda t: with_unit(t, "price_ticks", b"\xff"), "price_ticks: the unit of this column is no text"),
    ],
)
def test_a_table_that_no_run_writes_is_refused(run, table, change, message):
    """With its file and column, and what was found there."""
    found = rewritten(run, table, change)
    with pytest.raises(RunFolderError, match=message) as refused:
        found.table(table)
    assert refused.value.problems[0].file.endswith(f"{table}.parquet")


def with_unit(table, name, unit):
    fields = [field.with_metadata({b"unit": unit}) if field.name == name else field for field in table.schema]
    return table.cast(pa.schema(fields))


def test_a_name_stands_once_in_a_dictionary():
    """Of a stream; Parquet makes its dictionaries itself."""
    names = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["a", "a"]))
    table = no_rows("voltages").slice(0, 0)
    kind = table.schema.field("bus").type
    columns = {"bus": pa.chunked_array([names.cast(kind) if names.type != kind else names])}
    with pytest.raises(RunFolderError, match="bus: has a dictionary in which a name stands twice"):
        demand_values("voltages", pa.table(columns), Path("voltages.arrows"))


@pytest.mark.parametrize("name", ["slots", "agents", "trades"])
def test_bytes_that_changed_give_a_table_or_a_refusal(run, name):
    """Whatever the bytes, at whatever place: the same columns, or a RunFolderError."""
    path = run.path / f"{name}.parquet"
    content, draw = path.read_bytes(), random.Random(3)
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(draw.choice((1, 4, 40))):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        path.write_bytes(bytes(damaged[: draw.choice((len(damaged), draw.randrange(len(damaged))))]))
        said = name
        try:
            open_run(run.path).table(name)
        except RunFolderError as error:
            said = str(error)
        assert name in said


@pytest.mark.parametrize("name", ["slots", "agents", "trades"])
def test_bytes_that_changed_in_a_stream_give_rows_or_a_refusal(small, tmp_path, name):
    """The same for the tables of a run that was broken off."""
    folder = tmp_path / "run"
    small.fill(small.writer(folder)).abort()
    path = folder / f"{name}.arrows"
    content, draw = path.read_bytes(), random.Random(5)
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(draw.choice((1, 4, 40))):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        path.write_bytes(bytes(damaged))
        said = name
        try:
            open_run(folder).table(name)
        except RunFolderError as error:
            said = str(error)
        assert name in said or "slots" in said


def test_a_small_file_of_endless_rows_is_not_read(run):
    """Forty million equal values take 150 kB; they are refused by the footer, before memory is taken."""
    path = run.path / "slots.parquet"
    table = pa.table({"slot": np.zeros(40_000_000, np.int32)})
    pq.write_table(table, path, compression="zstd")
    assert path.stat().st_size < 300_000
    with pytest.raises(RunFolderError, match="slots"):
        _ = open_run(run.path).n_slots
    with pytest.raises(RunFolderError, match="would grow to"), parquet.reading(path):
        parquet.opened(path)


def test_more_columns_than_a_file_can_hold_are_not_read(run, monkeypatch):
    monkeypatch.setattr(parquet, "ALWAYS_TAKEN", 1)
    monkeypatch.setattr(parquet, "MOST_GROWTH", 0)
    with pytest.raises(RunFolderError, match="would grow to"):
        open_run(run.path).table("agents")


@pytest.mark.parametrize("target", ["same", "nowhere", "folder"])
@pytest.mark.parametrize("name", ["agents", "voltages"])
def test_a_link_in_place_of_a_table_is_refused(run, tmp_path, name, target):
    path = run.path / f"{name}.parquet"
    path.rename(tmp_path / "same")
    path.symlink_to({"same": tmp_path / "same", "nowhere": tmp_path / "nothing", "folder": tmp_path}[target])
    with pytest.raises(RunFolderError, match="is a link"):
        open_run(run.path).table(name)


@pytest.mark.parametrize("target", ["same", "nowhere", "folder"])
def test_a_link_in_place_of_a_stream_is_refused(small, tmp_path, target):
    folder = tmp_path / "run"
    small.fill(small.writer(folder)).abort()
    path = folder / "agents.arrows"
    path.rename(tmp_path / "same")
    path.symlink_to({"same": tmp_path / "same", "nowhere": tmp_path / "nothing", "folder": tmp_path}[target])
    with pytest.raises(RunFolderError, match="is a link"):
        open_run(folder).table("agents")


def test_a_run_writes_its_tables_through_no_link(small, tmp_path):
    """Links under the names of streams, tables and logs are removed or refused, never followed."""
    small.write(tmp_path / "run")
    precious = tmp_path / "precious"
    precious.write_text("precious")
    for name in (
        "slots.arrows",
        "agents.parquet",
        "agents.parquet.partial",
        "critic.jsonl",
        "summary.json",
        "scenario.yaml",
    ):
        (tmp_path / "run" / name).unlink(missing_ok=True)
        (tmp_path / "run" / name).symlink_to(precious)
    small.write(tmp_path / "run", force=True)
    assert precious.read_text() == "precious"
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["slots"] == 16
