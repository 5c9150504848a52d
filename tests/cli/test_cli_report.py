"""``marketsim report`` from the command line."""

import pytest

import marketsim as ms

SMALL = {
    "name": "small",
    "clock": {"start": "2016-07-12", "slots": 6, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "agents": [{"kind": "prosumer", "count": 2, "pv_kw": 5, "load": {"annual_kwh": 3000}}],
}


@pytest.fixture
def folder(tmp_path):
    ms.simulate(ms.load_scenario(SMALL), tmp_path / "run")
    return tmp_path / "run"


def test_the_report_goes_into_the_folder_of_the_run(cli, folder):
    ended = cli("report", folder)
    assert ended.code == 0
    assert "Written to" in ended.out
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert len(page) < 8e6


def test_it_goes_where_it_is_told(cli, folder, tmp_path):
    assert cli("report", folder, "--out", tmp_path / "pages" / "mine.html").code == 0
    assert (tmp_path / "pages" / "mine.html").is_file()
    assert not (folder / "report.html").exists()


def test_the_same_run_gives_the_same_bytes(cli, folder):
    cli("report", folder)
    first = (folder / "report.html").read_bytes()
    cli("report", folder)
    assert (folder / "report.html").read_bytes() == first


def test_a_folder_that_is_no_run_is_said_so(cli, tmp_path):
    ended = cli("report", tmp_path)
    assert ended.code == 2
    assert "no run of marketsim" in ended.err


def test_a_place_that_cannot_be_written_is_said_so(cli, folder, tmp_path):
    (tmp_path / "file").write_text("")
    ended = cli("report", folder, "--out", tmp_path / "file" / "x.html")
    assert ended.code == 2
    assert "cannot write the report" in ended.err


def test_a_run_whose_scenario_is_lost_is_still_reported(cli, folder):
    """Without the feeder and the kinds of agents, and it says why."""
    (folder / "scenario.yaml").write_text("name: [")
    assert cli("report", folder).code == 0
    assert "The run&#39;s scenario cannot be read here" in (folder / "report.html").read_text(encoding="utf-8")
