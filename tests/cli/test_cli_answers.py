"""Answers to files: refused before anything is computed, written whole, and what cannot be written is the user's matter."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from marketsim.cli.answers import AskedAnswer, check_out
from marketsim.core.errors import InputError

DOCUMENT = {"scenario": "s", "rows": [1, 2]}
ROWS = [{"name": 'line "a", open', "kw": 1.5, "pays": True}, {"name": "b\nc", "kw": None, "pays": False}]


def test_json_is_written_as_it_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert AskedAnswer(str(tmp_path / "a.json"), as_json=True).give(DOCUMENT, ROWS)
    assert (tmp_path / "a.json").read_text("utf-8") == capsys.readouterr().out
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == DOCUMENT


def test_a_csv_survives_commas_quotes_and_line_breaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Read by another library, every cell is what it was; nothing is printed, so that the table follows."""
    import pandas as pd

    assert not AskedAnswer(str(tmp_path / "a.csv")).give(DOCUMENT, ROWS)
    assert capsys.readouterr().out == ""
    table = pd.read_csv(tmp_path / "a.csv")
    assert table.name.tolist() == [row["name"] for row in ROWS]
    assert table.kw[0] == 1.5
    assert table.kw.isna().tolist() == [False, True]


def test_nothing_to_list_is_an_empty_file(tmp_path: Path) -> None:
    AskedAnswer(str(tmp_path / "a.csv")).give(DOCUMENT, [])
    assert (tmp_path / "a.csv").read_text("utf-8").strip() == ""


@pytest.mark.parametrize("name", ["answer", "answer.yaml", "answer.JSON", "nowhere/answer.csv"])
def test_a_file_that_cannot_be_is_refused_first(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(click.BadParameter):
        check_out(name)


def test_what_the_system_refuses_is_said_in_its_words(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(InputError, match=r"--out: .*a\.json cannot be written \(Is a directory\)"):
        AskedAnswer(str(tmp_path / "a.json")).give(DOCUMENT, ROWS)


def test_nobody_is_told_anything_in_a_pipe() -> None:
    assert AskedAnswer(as_json=False).tell is None
    assert AskedAnswer(as_json=True).tell is None
