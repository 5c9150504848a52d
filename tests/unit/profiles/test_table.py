from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketsim.core.errors import ProfileError
from marketsim.profiles.table import MOST_BYTES, CellTable, read_table, unknown_column

Write = Callable[..., str]


def table_of(**columns: list[object]) -> CellTable:
    n_rows = len(next(iter(columns.values())))
    return CellTable("s.csv", dict(columns), range(2, n_rows + 2))


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
        ("a.csv", b"time,a_kw\n2016,1\n2017,\xe4\n", r"a\.csv:3:6: the file is not UTF-8 \(got byte 0xe4\)"),
        ("a.csv", b"time,a_kw,a_kw\n", "a.csv:1: a_kw: the column stands twice"),
        ("a.csv", b"time,a_kw\n1,2\n3\n4,5,6\n", r"a\.csv:3: .*header's 2 cells, in 2 lines \(3, 4\) \(got 1\)"),
        ("a.csv", b'time,a_kw\n1,"' + b"x" * 200_000 + b'"\n', "not a CSV file"),
        ("a.parquet", b"no parquet", "not a Parquet file"),
        ("a.xlsx", b"PK", r"(?s)the kind of file is not known \(got .xlsx\).*save the sheet as 'CSV UTF-8'"),
        ("a.csv.gz", b"\x1f\x8b", r"(?s)not known \(got .gz\).*unpack it"),
        ("a.csv", b"\x1f\x8b\x08", r"(?s)the file is compressed.*unpack it"),
        ("a.csv", b"PK\x03\x04", r"a workbook or an archive, not CSV"),
        ("a.csv", b"PAR1", r"(?s)the file is Parquet, not CSV.*\.parquet"),
        ("a.csv", "time,a_kw\n".encode("utf-16"), r"(?s)a\.csv: the file is UTF-16.*save it as UTF-8"),
        ("a.csv", "time,a_kw\n1,2\n".encode("utf-16-le"), r"a\.csv:1: the file holds bytes that are 0"),
        ("a.csv", b"time,a_kw\n1,2\n2,\0\n", r"a\.csv:3: the file holds bytes that are 0"),
        ("a.csv", b'time,a_kw\n1,"2\n2,3\n', r"(?s)not a CSV file.*quotation mark that is not closed"),
        ("a.csv", b"time,a_kw,,\n1,2,3,4\n", r"(?s)a\.csv:1: columns have no name.*columns 3, 4"),
        ("a.csv", b"time,a_kw\n1,2,5\n2,3,5\n", r"header's 2 cells, in 2 lines \(2, 3\) \(got 3\)"),
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
    with pytest.raises(ProfileError, match=r"no such file|cannot be opened|kind of file"):
        read_table(path, tmp_path)


def test_an_unknown_column_gets_the_closest_or_the_columns_that_exist() -> None:
    table = table_of(time=[1], house_kw=[2])
    assert unknown_column(table, "hause_kw", "x").hint == "did you mean 'house_kw'?"
    assert unknown_column(table, "zzz", "x").hint == "the file has: time, house_kw"


@pytest.mark.parametrize(
    "content",
    [
        b"time,a_kw\r1,2\r3,4\r",
        b"time,a_kw\r\n1,2\r\n3,4\r\n",
        b"time;a_kw\n1;2\n3;4",
        b"time\ta_kw\n1\t2\n3\t4\n",
        b"time|a_kw\n1|2\n3|4\n",
        b'"time","a_kw"\n"1","2"\n"3","4"\n',
        b"\xef\xbb\xbf time , a_kw \n1,2\n3,4\n,\n\n",
        b"time,a_kw,\n1,2,\n3,4,\n",
        b"time,a_kw\n1,2,\n3,4,\n",
    ],
)
def test_what_programs_write_beside_the_cells_does_not_matter(tmp_path: Path, content: bytes) -> None:
    """Ends of lines, marks of byte order, quotation marks, separators, and separators at the end of each line."""
    (tmp_path / "a.csv").write_bytes(content)
    assert read_table("a.csv", tmp_path).columns == {"time": ["1", "3"], "a_kw": ["2", "4"]}


def test_a_stated_separator_counts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time;a_kw|x\n1;2|3\n", encoding="utf-8")
    assert list(read_table("a.csv", tmp_path, "|").columns) == ["time;a_kw", "x"]


def test_a_header_in_one_piece_hints_at_the_separator() -> None:
    assert "set profiles.separator" in unknown_column(table_of(**{"time:a_kw": ["x"]}), "time", "x").hint


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(ProfileError, match=r"a\.csv: is a pipe"):
        read_table("a.csv", tmp_path)


def test_a_file_that_is_too_large_says_what_to_keep(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ProfileError, match=r"(?s)at most 256 MiB are read.*keep the columns and days"):
        read_table("a.csv", tmp_path)


def test_parquet_types_beside_numbers_do_not_hinder(tmp_path: Path) -> None:
    """Decimals, texts as codes, missing values and lists are cells; dates too."""
    columns = {
        "time": pa.array([datetime(2016, 7, 12).date(), datetime(2016, 7, 13).date()]),
        "a_kw": pa.array([Decimal("1.50"), Decimal("2.00")]),
        "who": pa.array(["x", "x"]).dictionary_encode(),
        "nothing": pa.nulls(2),
        "list": pa.array([[1], [2, 3]]),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    table = read_table("a.parquet", tmp_path)
    assert table.columns["a_kw"] == [Decimal("1.50"), Decimal("2.00")]
    assert table.columns["nothing"] == [None, None]
    assert table.columns["list"] == [[1], [2, 3]]


def test_the_index_of_a_data_frame_is_explained(tmp_path: Path) -> None:
    table = table_of(a_kw=[1.0], __index_level_0__=[datetime(2016, 7, 12)])
    assert "reset_index()" in unknown_column(table, "time", "profiles.time").hint


@pytest.mark.parametrize("cut", [4, 20, 100, 300])
def test_a_damaged_parquet_file_is_refused(tmp_path: Path, cut: int) -> None:
    pq.write_table(pa.table({"time": [1, 2], "a_kw": [1.0, 2.0]}), tmp_path / "a.parquet")
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    (tmp_path / "a.parquet").write_bytes(data[:cut] + data[-cut:])
    with pytest.raises(ProfileError, match="not a Parquet file that can be read"):
        read_table("a.parquet", tmp_path)


def test_the_line_that_tells_a_spreadsheet_the_separator_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("sep=;\ntime;a_load_kw\n2016-07-12T00:00;1\n")
    with pytest.raises(ProfileError, match=r"s\.csv:1: the first line tells a spreadsheet the separator \(got sep=;\)"):
        read_table("s.csv", tmp_path)
