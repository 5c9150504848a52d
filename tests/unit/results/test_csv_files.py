"""Tables of a run as CSV."""

from __future__ import annotations

import pandas as pd
import pytest

from marketsim.core.errors import RunFolderError
from marketsim.results import csv_files

TABLES = ("slots", "agents", "trades", "rejects", "book", "voltages")


@pytest.fixture
def run(small, tmp_path):
    return small.write(tmp_path / "run")


def test_every_table_is_a_file_in_daily_units(run, tmp_path):
    """The columns of the frames, numbers to the last digit; what a column means stands beside them."""
    folder = run.to_csv(tmp_path / "csv")
    files = {path.stem for path in folder.iterdir()}
    assert files == {*TABLES, "columns", "summary"}
    meanings = pd.read_csv(folder / "columns.csv").set_index(["table", "column"])
    for name in TABLES:
        read, shown = pd.read_csv(folder / f"{name}.csv"), run.frame(name)
        assert read.columns.tolist() == shown.columns.tolist()
        assert len(read) == len(shown)
        for column in shown.select_dtypes("float64"):
            assert read[column].to_numpy() == pytest.approx(shown[column].to_numpy(), rel=1e-15, nan_ok=True)
        assert {column for column in shown if not column.endswith("_name")} - {"name"} <= set(meanings.loc[name].index)
    assert meanings.loc[("agents", "load_kwh"), "unit"] == "kWh"
    assert meanings.loc[("trades", "price"), "unit"] == "currency/kWh"
    assert pd.read_csv(folder / "summary.csv").set_index("kpi").value["slots"] == 16


def test_raw_tables_hold_the_integers(run, tmp_path):
    folder = run.to_csv(tmp_path / "csv", raw=True)
    read = pd.read_csv(folder / "agents.csv")
    assert read["load_wh"].tolist() == run.table("agents")["load_wh"].to_pylist()
    assert "load_kwh" not in read
    meanings = pd.read_csv(folder / "columns.csv").set_index(["table", "column"])
    assert meanings.loc[("agents", "paid_money"), "unit"] == "1e-9 currency"


def test_a_long_run_is_written_piece_by_piece_to_the_same_bytes(run, tmp_path, monkeypatch):
    whole = run.to_csv(tmp_path / "whole")
    monkeypatch.setattr(csv_files, "_MOST_ROWS", 20)
    pieces = run.to_csv(tmp_path / "pieces")
    for path in whole.iterdir():
        assert path.read_bytes() == (pieces / path.name).read_bytes(), path.name


def test_files_that_are_there_are_replaced_only_when_asked(run, tmp_path):
    """Nothing is written where one of them may not be; a link is never followed."""
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "trades.csv").write_text("mine")
    with pytest.raises(RunFolderError, match=r"there is a file already\s+replace it with force=True"):
        run.to_csv(tmp_path / "csv")
    assert [path.name for path in (tmp_path / "csv").iterdir()] == ["trades.csv"]
    run.to_csv(tmp_path / "csv", force=True)
    assert (tmp_path / "csv" / "trades.csv").read_text().startswith("slot,")
    (tmp_path / "link").symlink_to(tmp_path / "csv")
    with pytest.raises(RunFolderError, match="cannot write the tables"):
        run.to_csv(tmp_path / "link", force=True)
