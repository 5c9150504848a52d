import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketsim.core.errors import RunFolderError
from marketsim.results import writer as writer_module
from marketsim.results.reader import open_run
from marketsim.results.table_columns import LEDGER_COLUMNS, TABLES

FINAL = {"manifest.json", "summary.json", "scenario.yaml", *(f"{table}.parquet" for table in TABLES)}


def tables_of(folder):
    return {table: (folder / f"{table}.parquet").read_bytes() for table in TABLES}


def test_a_complete_run_has_exactly_its_files(small, tmp_path):
    small.write(tmp_path / "run")
    assert {file.name for file in (tmp_path / "run").iterdir()} == FINAL


def test_a_run_in_memory_holds_the_same_tables(small, tmp_path):
    """One code path: what is read from a folder equals what the memory holds."""
    on_disk, in_memory = small.write(tmp_path / "run"), small.write(None)
    assert in_memory.path is None
    assert in_memory.summary == on_disk.summary
    for table in TABLES:
        assert on_disk.table(table).equals(in_memory.table(table)), table


def test_the_agents_table_holds_what_the_records_hold(small):
    table = small.write(None).table("agents").to_pydict()
    for name, read in {
        "load_wh": lambda r: r.inputs.load_wh,
        "pv_available_wh": lambda r: r.inputs.pv_wh,
        "pv_used_wh": lambda r: r.energy.pv_used_wh,
        "curtailed_wh": lambda r: r.exchange.curtailed_wh,
        "battery_wh": lambda r: r.energy.device_wh[0],
        "battery_level": lambda r: r.level[0],
        "bought_wh": lambda r: r.energy.bought_wh,
        "sold_wh": lambda r: r.energy.sold_wh,
        "import_wh": lambda r: r.exchange.import_wh,
        "export_wh": lambda r: r.exchange.export_wh,
        "net_wh": lambda r: r.energy.net_wh,
        "firm_demand_wh": lambda r: r.positions.firm_demand_wh,
        "must_run_wh": lambda r: r.positions.must_run_wh,
        "surplus_wh": lambda r: r.positions.surplus_wh,
        "kvar": lambda r: r.kvar,
        "paid_money": lambda r: r.ledger.money.sum(axis=0),
        "wear_money": lambda r: r.wear_money,
        **{name: (lambda r, line=line: r.ledger.money[line]) for line, name in enumerate(LEDGER_COLUMNS)},
        "slot": lambda r: np.full(6, r.inputs.time.slot),
        "agent": lambda _: np.arange(6),
    }.items():
        assert table[name] == np.concatenate([read(record) for record in small.records]).tolist(), name


def test_the_voltages_table_holds_what_the_records_hold(small):
    table = small.write(None).table("voltages").to_pydict()
    assert table["v_pu"] == np.concatenate([record.grid.v_pu[0] for record in small.records]).tolist()
    assert table["net_wh"] == np.concatenate([record.grid.net_wh[0] for record in small.records]).tolist()
    assert table["bus"][:4] == ["bus0", "bus1", "bus2", "bus0"]


def test_what_is_not_a_number_is_null(small):
    record = small.records[0]
    nan = np.full_like(record.level, np.nan)
    small.records[0] = record._replace(level=nan, grid=record.grid._replace(v_pu=record.grid.v_pu * np.nan))
    run = small.write(None)
    assert run.table("agents", slot=0)["battery_level"].null_count == 6
    assert run.table("voltages", slot=0)["v_pu"].null_count == 3


def test_same_run_same_bytes(small, tmp_path):
    """No time, host or process in any table."""
    small.write(tmp_path / "one")
    small.write(tmp_path / "two")
    assert tables_of(tmp_path / "one") == tables_of(tmp_path / "two")


def test_early_writing_does_not_change_the_bytes(small, tmp_path, monkeypatch):
    """A slow run, whose every slot goes to the disk at once, ends with the same files."""
    small.write(tmp_path / "fast")
    monkeypatch.setattr(writer_module, "_MOST_SECONDS", -1.0)
    small.write(tmp_path / "slow")
    assert tables_of(tmp_path / "fast") == tables_of(tmp_path / "slow")


def test_a_day_is_a_row_group(small, tmp_path):
    small.write(tmp_path / "run")
    data = pq.ParquetFile(tmp_path / "run" / "agents.parquet").metadata
    assert [data.row_group(index).num_rows for index in range(data.num_row_groups)] == [48, 48]


def test_very_many_agents_make_smaller_groups(small, tmp_path, monkeypatch):
    """Memory stays bounded: a group never has more rows than allowed, whatever the day is long."""
    monkeypatch.setattr(writer_module, "_MOST_ROWS", 20)
    run = small.write(tmp_path / "run")
    data = pq.ParquetFile(tmp_path / "run" / "agents.parquet").metadata
    assert max(data.row_group(index).num_rows for index in range(data.num_row_groups)) <= 20
    monkeypatch.undo()
    assert run.table("agents").equals(small.write(None).table("agents"))


def test_no_table_has_a_row_group_without_rows(small, tmp_path):
    none = [column[:0] for column in small.records[0].trades]
    small.records = [record._replace(trades=type(record.trades)(*none)) for record in small.records]
    small.write(tmp_path / "run")
    assert pq.ParquetFile(tmp_path / "run" / "trades.parquet").metadata.num_row_groups == 0
    assert open_run(tmp_path / "run").trades.empty


def test_an_existing_run_is_refused(small, tmp_path):
    small.write(tmp_path / "run")
    with pytest.raises(RunFolderError, match=r"there is a run already \(complete\)\n.*force=True"):
        small.writer(tmp_path / "run")


def test_force_replaces_a_run_and_nothing_else(small, tmp_path):
    """Notes that somebody put beside the tables survive."""
    small.write(tmp_path / "run")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    (tmp_path / "run" / "report.html").write_text("old")
    small.records = small.records[:8]
    run = small.write(tmp_path / "run", force=True)
    assert run.n_slots == 8
    assert {file.name for file in (tmp_path / "run").iterdir()} == FINAL | {"notes.txt"}


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_somebody_else_is_never_touched(small, tmp_path, force):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunFolderError, match="holds no run of marketsim"):
        small.writer(tmp_path, force=force)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_run_that_is_being_written_is_not_replaced(small, tmp_path):
    first = small.fill(small.writer(tmp_path / "run"), 3)
    with pytest.raises(RunFolderError, match=r"a run is being written there \(process \d+\)"):
        small.writer(tmp_path / "run", force=True)
    first.abort()


def test_a_file_in_the_way_is_told(small, tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(RunFolderError, match="there is a file of that name"):
        small.writer(tmp_path / "run")


def test_an_empty_folder_may_be_used(small, tmp_path):
    assert small.write(tmp_path).status == "complete"


def test_an_interrupted_run_keeps_every_slot(small, tmp_path):
    """Ctrl-C within the second day keeps the first and what there is of the second."""
    with pytest.raises(KeyboardInterrupt):
        small.break_off(tmp_path / "run", 11, KeyboardInterrupt())
    run = open_run(tmp_path / "run")
    assert (run.status, run.n_slots, run.summary) == ("interrupted", 11, {})
    assert run.table("agents").equals(small.write(None).table("agents").slice(0, 66))


def test_an_error_is_told_in_the_manifest(small, tmp_path):
    with pytest.raises(ArithmeticError):
        small.break_off(tmp_path / "run", 2, ArithmeticError("too much"))
    run = open_run(tmp_path / "run")
    assert (run.status, run.n_slots) == ("failed", 2)
    assert run.manifest["error"] == "ArithmeticError: too much"


def test_leaving_without_finish_is_an_interruption(small, tmp_path):
    with small.writer(tmp_path / "run") as writer:
        small.fill(writer, 1)
    assert open_run(tmp_path / "run").status == "interrupted"


def test_a_summary_with_nan_is_refused_before_anything_is_completed(small, tmp_path):
    with pytest.raises(ValueError, match="Out of range float"), small.writer(tmp_path / "run") as writer:
        small.fill(writer).finish({"mean_price": float("nan")})
    run = open_run(tmp_path / "run")
    assert (run.status, run.n_slots) == ("failed", 16)


def test_the_manifest_tells_where_a_run_came_from(small, tmp_path):
    small.write(tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["status"] == "complete"
    assert manifest["seed"] == 1
    assert manifest["wall_s"] >= 0.0
    assert manifest["agents"] == ["a0", "a1", "a2", "a3", "a4", "a5"]


def test_numbers_of_numpy_become_plain_in_the_summary(small, tmp_path):
    run = small.fill(small.writer(tmp_path / "run")).finish({"a": np.float64(0.5), "b": np.int64(2**60)})
    assert run.summary == {"a": 0.5, "b": 2**60}


def test_critiques_are_lines_of_json(small, tmp_path):
    writer = small.fill(small.writer(tmp_path / "run"))
    writer.critique({"slot": 0, "ftg": 0.5})
    writer.critique({"slot": 1, "ftg": None, "error": "Zeitüberschreitung"})
    run = writer.finish({})
    assert run.critiques == [{"slot": 0, "ftg": 0.5}, {"slot": 1, "ftg": None, "error": "Zeitüberschreitung"}]
    assert len((tmp_path / "run" / "critic.jsonl").read_text(encoding="utf-8").splitlines()) == 2


def test_memory_does_not_grow_with_the_run(small, tmp_path):
    """Nothing of a day that is written stays behind: Arrow's memory is the same after two days and after twenty."""
    peaks = []
    for days in (2, 20):
        writer = small.writer(tmp_path / str(days))
        for _ in range(days):
            small.fill(writer, 8)
        peaks.append(pa.total_allocated_bytes())
        writer.finish({})
    assert peaks[1] <= peaks[0]
