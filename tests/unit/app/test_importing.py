"""Importing: what an importer of one's own makes is written whole or not at all, and its sums are checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import marketsim as ms
from marketsim.app.importing import import_scenario
from marketsim.app.ready import full_registry
from marketsim.core.errors import ImportedDataError, ScenarioError
from marketsim.core.imported import ImportedQuantity, ImportedScenario
from marketsim.core.walls import PluginFault
from marketsim.extension.entry import Entry

OWN = Path(__file__).resolve().parents[2] / "parts" / "own_importer.py"
SCENARIO = {
    "name": "own",
    "clock": {"start": "2016-07-12", "slots": 2, "slot_minutes": 60},
    "tariff": {"flat": {}},
    "profiles": {"source": "file", "path": "series.csv"},
    "agents": [{"name": "a", "kind": "consumer"}],
}
SERIES = b"time,a_load_kw\n2016-07-12T00:00,1\n2016-07-12T01:00,2\n"
LOAD = ImportedQuantity("load of a", "mine.csv: load", 3.0, "kWh", "series", "series.csv", "a_load_kw")


def found(**changes):
    """What an importer returns."""
    made = ImportedScenario(SCENARIO, {"series.csv": SERIES}, {}, ("a table",), (), ("the weather",), (LOAD,))
    return made._replace(**changes)


@pytest.fixture
def importing(tmp_path):
    """``importing(result)``: import by an importer of a plugin that returns it."""

    class Own:
        def __init__(self, result):
            self._result = result

        def read(self, source):
            if isinstance(self._result, Exception):
                raise self._result
            return self._result

    def run(result, out="out"):
        registry = full_registry()
        registry.add(Entry(kind="importer", name="own", build=lambda params, context: Own(result)), "a_plugin")
        return import_scenario("own", "mine.csv", tmp_path / out, registry=registry)

    return run


def test_a_scenario_runs_at_once_and_its_run_tells_where_it_comes_from(importing):
    """Sums of source and table stand side by side in the manifest."""
    run = ms.simulate(importing(found()).scenario)
    assert run.summary["demand_kwh"] == 3.0
    origin = run.manifest["origin"]
    assert (origin["importer"], origin["source"], origin["left_out"]) == ("own", "mine.csv", ["the weather"])
    assert origin["sums"] == [
        {
            "what": "load of a",
            "source": "mine.csv: load",
            "source_sum": 3.0,
            "written": "series.csv: a_load_kw",
            "written_sum": 3.0,
            "unit": "kWh",
        }
    ]


def test_an_importer_of_a_plugin_file_is_found_by_its_name(tmp_path):
    """With parameters of its own, and sums over agents."""
    (tmp_path / "village.csv").write_text("anna,3000\nbert,4500\n")
    registry = full_registry((OWN,))
    done = import_scenario(
        "households", str(tmp_path / "village.csv"), tmp_path / "out", {"days": 2}, registry=registry
    )
    assert (done.agents, done.report.sums[0].written_sum, done.report.options) == (2, 7500.0, {"days": 2})
    assert ms.load_scenario(done.scenario).model.clock.slots == 48


@pytest.mark.parametrize("taken", ["folder", "file", "link"])
def test_nothing_is_overwritten(importing, tmp_path, taken):
    """Whatever has the name, a link that leads nowhere included."""
    place = tmp_path / "out"
    {"folder": place.mkdir, "file": lambda: place.write_text("mine"), "link": lambda: place.symlink_to("nowhere")}[
        taken
    ]()
    with pytest.raises(ImportedDataError, match="there is something of that name already"):
        importing(found())


def test_a_folder_of_no_folder_is_refused(importing):
    with pytest.raises(ImportedDataError, match="there is no such folder"):
        importing(found(), "no/such/out")


@pytest.mark.parametrize(
    ("result", "error", "said"),
    [
        (
            found(quantities=(LOAD._replace(amount=3.001),)),
            ImportedDataError,
            "the sums of mine.csv: load and series.csv",
        ),
        (found(quantities=(LOAD._replace(column="b_load_kw"),)), ImportedDataError, "load of a was not written"),
        (found(scenario={**SCENARIO, "agents": []}), ImportedDataError, "makes no valid scenario"),
        (found(tables={"series.csv": b"time,b_load_kw\n"}), ImportedDataError, r"series\.csv"),
        (found(scenario={**SCENARIO, "seed": object()}), ImportedDataError, "makes no valid scenario\n.*\nseed"),
        (found(tables={"../series.csv": SERIES}), PluginFault, "plain file name"),
        (
            found(tables={"series.csv": SERIES, "scenario.yaml": b""}),
            PluginFault,
            "the program itself writes scenario.yaml",
        ),
        (found(tables={"series.csv": "text"}), PluginFault, "has to be bytes, not str"),
        (found(taken=["two\nlines"]), PluginFault, "sentences"),
        (found(quantities=(LOAD._replace(file="other.csv"),)), PluginFault, "none of the tables"),
        (found(quantities=(LOAD._replace(amount=np.nan),)), PluginFault, "has to be finite"),
        ("a scenario", PluginFault, "has to return ImportedScenario, not str"),
        (ValueError("oh"), PluginFault, "importer 'own'.*oh"),
        (ImportedDataError("line 3 is odd"), ImportedDataError, "^line 3 is odd$"),
    ],
    ids=[
        "sum",
        "column",
        "scenario",
        "table",
        "value",
        "path",
        "own file",
        "text",
        "sentence",
        "no table",
        "nan",
        "type",
        "error",
        "data",
    ],
)
def test_what_is_wrong_leaves_nothing_behind(importing, tmp_path, result, error, said):
    """Told as the plugin's where its importer returns what no rule allows."""
    with pytest.raises(error, match=said):
        importing(result)
    assert list(tmp_path.iterdir()) == []


def test_an_importer_that_there_is_not_is_told(tmp_path):
    with pytest.raises(
        ImportedDataError, match=r"no importer of this name \(got 'citylern'\)\n.*did you mean citylearn"
    ):
        import_scenario("citylern", "x", tmp_path / "out")
    with pytest.raises(ScenarioError, match=r"days: must be at least 1 \(got 0\)"):
        import_scenario("citylearn", "x", tmp_path / "out", {"days": 0})


def test_a_report_that_is_damaged_is_told_before_the_run(importing):
    """Where the scenario names it."""
    done = importing(found())
    report = json.loads((done.folder / "import.json").read_text())
    report["sums"][0]["source_sum"] = "much"
    (done.folder / "import.json").write_text(json.dumps(report))
    with pytest.raises(ScenarioError, match=r"origin: no report of an import: sums\.0\.source_sum: .*valid number"):
        ms.load_scenario(done.scenario)


def test_where_it_comes_from_changes_no_result(importing):
    """A scenario without its origin has the same hash."""
    done = importing(found())
    with_origin = ms.simulate(done.scenario).manifest
    without = ms.simulate(ms.load_scenario(done.scenario, {"origin": None})).manifest
    assert with_origin["scenario_hash"] == without["scenario_hash"]
    assert "origin" not in without
