"""``marketsim import`` and ``marketsim feeder`` as their users see them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

PARTS = Path(__file__).resolve().parents[1] / "parts"


@pytest.fixture
def city(tmp_path, monkeypatch):
    """A folder in CityLearn's layout."""
    monkeypatch.setattr(sys, "path", [str(PARTS), *sys.path])
    import foreign_data  # type: ignore[import-not-found]

    return foreign_data.citylearn(tmp_path / "city")


def test_what_was_left_out_is_told_and_how_to_run_it(cli, city, tmp_path):
    done = cli("import", "citylearn", str(city), "--out", str(tmp_path / "out"), "--set", "days=1")
    assert (done.code, done.err) == (0, "")
    assert "LEFT OUT:\n  - cooling_demand: 216.0 kWh of heat or cold" in done.out
    assert "load of Building_1" in done.out
    assert f"Run it: marketsim run {tmp_path / 'out' / 'scenario.yaml'}" in done.out
    checked = cli("validate", str(tmp_path / "out" / "scenario.yaml"))
    assert "Checked: all keys, agents, tariff, series.csv, prices.csv, sessions.csv, import.json." in checked.out
    assert "The import (citylearn) left out: cooling_demand" in checked.out
    again = cli("import", "citylearn", str(city), "--out", str(tmp_path / "out"))
    assert again.code == 2
    assert "there is something of that name already" in again.err


def test_the_report_as_json(cli, city, tmp_path):
    done = cli("import", "citylearn", str(city), "--out", str(tmp_path / "out"), "--json")
    report = json.loads(done.out)
    assert report["scenario"] == str(tmp_path / "out" / "scenario.yaml")
    assert {each["unit"] for each in report["sums"]} == {"kWh"}


def test_a_plugin_brings_an_importer(cli, tmp_path):
    (tmp_path / "village.csv").write_text("anna,3000\n")
    plugin = ("--plugin", str(PARTS / "own_importer.py"))
    assert "households" in cli("plugins", "list", "--kind", "importer", *plugin).out
    assert "Days of the run." in cli("plugins", "show", "households", *plugin).out
    done = cli("import", "households", str(tmp_path / "village.csv"), "--out", str(tmp_path / "out"), *plugin)
    assert done.code == 0
    assert f"Executing the plugin {PARTS / 'own_importer.py'}" in done.err


def test_every_importer_is_listed_and_shown(cli):
    listed = json.loads(cli("plugins", "list", "--kind", "importer", "--json").out)
    assert [each["name"] for each in listed] == ["citylearn", "simbench", "pandapower", "hamlet"]
    assert "feed_in_share: number" in cli("plugins", "show", "citylearn").out


def test_the_buses_of_a_feeder(cli):
    """How many take agents, what `bus:` says, and in JSON the same."""
    told = cli("feeder", "pandapower:create_kerber_landnetz_kabel_1").out
    assert "source: bus" in told
    assert "8 have a nominal load" in told
    assert "An agent sits at `bus: <agents: bus>`" in told
    found = json.loads(cli("feeder", "feeder141", "--json").out)
    assert (len(found["buses"]), found["lines"], found["transformers"]) == (141, 140, 0)
    assert found["buses"][86]["refer"] == "87"
    assert all(bus["takes_agents"] for bus in found["buses"])


def test_a_feeder_that_there_is_not(cli):
    refused = cli("feeder", "pandapower:create_kerber_landnetz_kable_1")
    assert refused.code == 2
    assert "did you mean pandapower:create_kerber_landnetz_kabel_1" in refused.err
