from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketsim.core.errors import ProfileError
from marketsim.profiles.table import MOST_ALIKE, Table, read_powers, read_table, unknown_column

Write = Callable[..., str]


def table_of(**columns: list[object]) -> Table:
    n_rows = len(next(iter(columns.values())))
    return Table("s.csv", dict(columns), range(2, n_rows + 2))


def test_a_csv_is_read_by_column_with_its_lines(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\ufefftime, one_kw \n\n2016-07-12,1.5\n2016-07-13,2\n", encoding="utf-8")
    table = read_table("a.csv", tmp_path)
    assert table.columns == {"time": ["2016-07-12", "2016-07-13"], "one_kw": ["1.5", "2"]}
    assert list(table.lines) == [3, 4]


def test_semicolons_separate_too(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time;one_kw\n2016-07-12;1.5\n", encoding="utf-8")
    assert list(read_table("a.csv", tmp_path).columns) == ["time", "one_kw"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_parquet_file_is_read_with_its_types(tmp_path: Path, unit: str) -> None:
    times = pa.array([datetime(2016, 7, 12), datetime(2016, 7, 13)], type=pa.timestamp(unit))
    pq.write_table(pa.table({"time": times, "one_kw": [1.5, None]}), tmp_path / "a.parquet")
    table = read_table("a.parquet", tmp_path)
    assert table.columns == {"time": [datetime(2016, 7, 12), datetime(2016, 7, 13)], "one_kw": [1.5, None]}


def test_parquet_times_keep_their_offset(tmp_path: Path) -> None:
    zone = timezone(timedelta(hours=2))
    nanoseconds = int(datetime(2016, 7, 12, tzinfo=zone).timestamp()) * 10**9
    times = pa.array([nanoseconds], type=pa.timestamp("ns", "+02:00"))
    pq.write_table(pa.table({"time": times}), tmp_path / "a.parquet")
    assert read_table("a.parquet", tmp_path).columns["time"] == [datetime(2016, 7, 12, tzinfo=zone)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"\n \n,\n", "the file is empty"),
        ("a.csv", b"time,a_kw\n2016,1\n2017,\xe4\n", r"a\.csv:3: not UTF-8 \(got byte 0xe4\)"),
        ("a.csv", b"time,a_kw,a_kw\n", "a.csv:1: a_kw: the column stands twice"),
        ("a.csv", b"time,a_kw\n1,2\n3\n4,5,6\n", r"(?s)a\.csv:3: .*header's 2 cells \(got 1\).*a\.csv:4: .*\(got 3\)"),
        ("a.csv", b'time,a_kw\n1,"' + b"x" * 200_000 + b'"\n', "not a CSV file"),
        ("a.parquet", b"no parquet", "not a Parquet file"),
        ("a.xlsx", b"PK", r"the kind of file is not known \(got .xlsx\)"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ProfileError, match=message):
        read_table(name, tmp_path)


@pytest.mark.parametrize("path", ["../a.csv", "/etc/passwd", "below/../../a.csv", "link.csv"])
def test_a_file_outside_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "a.csv").write_text("time\n", encoding="utf-8")
    folder = tmp_path / "scenarios"
    (folder / "below").mkdir(parents=True)
    (folder / "link.csv").symlink_to(tmp_path / "a.csv")
    with pytest.raises(ProfileError, match="outside the scenario's folder"):
        read_table(path, folder)


def test_a_file_below_the_folder_is_fine(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("time\n2016\n", encoding="utf-8")
    assert read_table("data/a.csv", tmp_path).columns == {"time": ["2016"]}


@pytest.mark.parametrize("path", ["missing.csv", ".", "x\0.csv", "n" * 900 + ".csv", "circle.csv"])
def test_what_cannot_be_opened_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "circle.csv").symlink_to(tmp_path / "circle.csv")
    with pytest.raises(ProfileError, match=r"no such file|cannot be opened"):
        read_table(path, tmp_path)


def test_power_is_taken_as_it_is_and_energy_divided_by_the_step() -> None:
    table = table_of(a_kw=["1", "2.5"], b_kwh=["1", "2.5"], C_KW=[3, 4.5])
    assert read_powers(table, "a_kw", 0.25)[0].tolist() == [1.0, 2.5]
    assert read_powers(table, "b_kwh", 0.25)[0].tolist() == [4.0, 10.0]
    assert read_powers(table, "C_KW", 0.25)[0].tolist() == [3.0, 4.5]


@pytest.mark.parametrize("name", ["load", "load_mw", "load_wh", "kw", "load_kw_mean"])
def test_a_column_without_a_known_unit_is_a_problem(name: str) -> None:
    problems = read_powers(table_of(**{name: [1.0]}), name, 1.0)[1]
    assert [problem.message for problem in problems] == ["the name of the column does not end in _kw or _kwh"]
    assert "<name>_kw" in problems[0].hint


@pytest.mark.parametrize(
    ("cell", "message", "hint"),
    [
        ("-0.1", "a negative value", "positive"),
        ("", "a missing value", "fill the gap"),
        (None, "a missing value", "fill the gap"),
        ("NaN", "a missing value", "fill the gap"),
        (float("nan"), "a missing value", "fill the gap"),
        ("1,5", "not a number", "with a point"),
        ("much", "not a number", "plain number"),
        ("1e400", "beyond all bounds", "at most"),
        ("1e30", "beyond all bounds", "at most"),
        ([1], "not a number", "plain number"),
    ],
)
def test_a_bad_cell_is_reported_with_line_value_and_hint(cell: object, message: str, hint: str) -> None:
    (problem,) = read_powers(table_of(a_kw=["1", cell, "2"]), "a_kw", 1.0)[1]
    assert message in problem.message
    assert hint in problem.hint
    assert (problem.file, problem.line, problem.path) == ("s.csv", 3, "a_kw")


def test_many_bad_cells_are_counted() -> None:
    problems = read_powers(table_of(a_kw=["-1"] * 70 + ["x"] * 30), "a_kw", 1.0)[1]
    assert len(problems) == MOST_ALIKE + 2
    assert [problem.message for problem in problems[-2:]] == [
        "... and 50 more: a negative value",
        "... and 30 more: not a number",
    ]


def test_an_unknown_column_gets_the_closest_or_the_columns_that_exist() -> None:
    table = table_of(time=[1], house_kw=[2])
    assert unknown_column(table, "hause_kw", "x").hint == "did you mean 'house_kw'?"
    assert unknown_column(table, "zzz", "x").hint == "the file has: time, house_kw"


def test_values_read_are_plain_floats() -> None:
    values, problems = read_powers(table_of(a_kw=[1, 2]), "a_kw", 1.0)
    assert values.dtype == np.float64
    assert problems == []
