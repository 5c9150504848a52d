"""A study's table is the same whoever runs it and however often it stops; what fails is a row."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest

import marketsim as ms
from marketsim.analysis.execution.in_process import InProcess
from marketsim.analysis.execution.pool import ProcessPool
from marketsim.analysis.studies.axes import axes_of
from marketsim.analysis.studies.folder import open_study, plan_of
from marketsim.analysis.studies.plan import plan_study
from marketsim.analysis.studies.study import run_study
from marketsim.core.errors import InputError, RunError, RunFolderError, ScenarioError

VARY = {"profiles.pv_scale": [1, 3], "market.engine": ["double_auction", "mid_market_rate"]}


@pytest.fixture(scope="module")
def plan(street):
    return plan_study(street, axes_of(VARY), seeds=2)


@pytest.fixture(scope="module")
def unbroken(plan, tmp_path_factory):
    """The study run to its end in this process."""
    folder = tmp_path_factory.mktemp("study") / "unbroken"
    return run_study(plan, InProcess(), folder)


@pytest.fixture
def copy(unbroken, tmp_path):
    """A copy of the finished study's folder."""
    shutil.copytree(unbroken.path, tmp_path / "copy")
    return tmp_path / "copy"


def bytes_of(folder):
    return {name: (folder / name).read_bytes() for name in ("study.parquet", "study.csv", "study.yaml")}


def scenarios_of(folder):
    return [path.read_text("utf-8") for path in sorted(folder.glob("runs/*/scenario.yaml"))]


def test_rows_are_in_the_order_of_the_design(unbroken):
    """Points as listed, seeds within each, counted from the scenario's own."""
    table = unbroken.table
    assert table["run"].tolist() == list(range(8))
    assert table["point"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert table["profiles.pv_scale"].tolist() == [1, 1, 1, 1, 3, 3, 3, 3]
    assert (
        table["market.engine"].tolist()
        == ["double_auction", "double_auction", "mid_market_rate", "mid_market_rate"] * 2
    )
    assert table["seed"].tolist() == [3, 4] * 4
    assert table["status"].eq("ok").all()
    assert table["error"].isna().all()


def test_each_row_is_what_a_run_of_its_own_gives(unbroken, street):
    """Every KPI of the summary but the wall time, to the last digit."""
    for row in (0, 3, 6):
        record = unbroken.table.iloc[row]
        own = ms.simulate(
            street.variant({**{path: record[path] for path in VARY}, "seed": int(record["seed"])})
        ).summary
        kpis = set(own) - {"seed", "wall_s"}
        assert set(unbroken.table.columns) == {"run", "point", *VARY, "seed", "status", "error", *kpis}
        for name in kpis:
            assert record[name] == own[name] or (own[name] is None and pd.isna(record[name])), name


def test_the_resolved_scenario_of_a_run_gives_it_again(unbroken):
    """As a scenario file like any other."""
    again = ms.simulate(ms.load_scenario(open_study(unbroken.path).run_folder(5) / "scenario.yaml"))
    assert again.summary["p2p_kwh"] == unbroken.table["p2p_kwh"][5]
    assert again.summary["seed"] == 4


@pytest.mark.full
def test_the_table_does_not_depend_on_the_engine(plan, unbroken, tmp_path):
    """The same bytes from processes, in the resolved scenarios, too."""
    made = run_study(plan, ProcessPool(2), tmp_path / "pool")
    assert bytes_of(made.path) == bytes_of(unbroken.path)
    pd.testing.assert_frame_equal(made.table, unbroken.table)
    assert [text.split("folder:")[0] for text in scenarios_of(made.path)] == [
        text.split("folder:")[0] for text in scenarios_of(unbroken.path)
    ]


def test_a_study_in_memory_is_the_same_table(plan, unbroken):
    finished = run_study(plan, InProcess())
    pd.testing.assert_frame_equal(finished.table, unbroken.table)
    assert finished.path is None


def test_the_written_table_is_the_returned_one(unbroken):
    """Parquet to the last bit, CSV to the last digit."""
    pd.testing.assert_frame_equal(open_study(unbroken.path).table, unbroken.table)
    csv = pd.read_csv(unbroken.path / "study.csv", float_precision="round_trip")
    assert csv.columns.tolist() == unbroken.table.columns.tolist()
    numbers = unbroken.table.select_dtypes("number").columns
    assert np.array_equal(csv[numbers].to_numpy(float), unbroken.table[numbers].to_numpy(float), equal_nan=True)


def stop_after(count):
    def progress(done, total):
        if done == count:
            raise KeyboardInterrupt

    return progress


@pytest.mark.full
@pytest.mark.parametrize("stops", [[0], [3], [1, 2, 7]])
def test_an_interrupted_study_ends_with_the_same_table(plan, unbroken, tmp_path, stops):
    """However often it is stopped; it says so in between, and its table is refused until it is complete."""
    folder = tmp_path / "study"
    for position, stop in enumerate(stops):
        with pytest.raises(KeyboardInterrupt):
            run_study(plan, InProcess(), folder, resume=position > 0, progress=stop_after(stop))
        study = open_study(folder)
        assert study.status == "interrupted"
        with pytest.raises(RunFolderError, match=r"not complete \(interrupted\)\n    go on: marketsim whatif --resume"):
            _ = study.table
        assert len(list(folder.glob("runs/*/result.json"))) == stop
    resumed = run_study(plan_of(open_study(folder)), InProcess(), folder, resume=True)
    assert bytes_of(folder) == bytes_of(unbroken.path)
    assert open_study(folder).status == "complete"
    pd.testing.assert_frame_equal(resumed.table, unbroken.table)


@pytest.mark.full
def test_finished_runs_are_not_repeated(copy, unbroken, monkeypatch):
    """Only the run whose result is missing is simulated when the study goes on."""
    simulated = []
    from marketsim.analysis.studies import variant

    monkeypatch.setattr(variant, "simulate", lambda *args: simulated.append(args[0].seed) or ms.simulate(*args))
    (copy / "runs" / "0005" / "result.json").unlink()
    run_study(plan_of(open_study(copy)), InProcess(), copy, resume=True)
    assert simulated == [4]
    assert bytes_of(copy) == bytes_of(unbroken.path)


@pytest.mark.full
def test_a_study_can_be_moved_with_its_scenario(plan, copy, unbroken):
    """Every scenario in it resolves from where it lies."""
    (copy / "runs" / "0002" / "result.json").unlink()
    run_study(plan_of(open_study(copy)), InProcess(), copy, resume=True)
    assert bytes_of(copy) == bytes_of(unbroken.path)


def test_wall_time_stands_aside(unbroken):
    """In ``timings.csv``, a row a run; the table has no column that depends on the clock."""
    timings = pd.read_csv(unbroken.path / "timings.csv")
    assert timings["run"].tolist() == list(range(8))
    assert (timings["wall_s"] > 0).all()
    assert timings["attempts"].eq(1).all()
    assert not {name for name in unbroken.table.columns if "wall" in name}


def test_the_manifest_says_what_was_run(unbroken):
    manifest = json.loads((unbroken.path / "manifest.json").read_text("utf-8"))
    assert manifest["format"] == "marketsim study 1"
    assert (manifest["status"], manifest["scenario"], manifest["runs"]) == ("complete", "street", 8)
    assert manifest["paths"] == list(VARY)
    assert "numpy" in manifest["versions"]
    assert len(manifest["scenario_hash"]) == 64
    assert "pid" not in manifest


# --- what fails ------------------------------------------------------------------------------------------------------


BROKEN = """
import marketsim as ms


class Clumsy(ms.Prosumer):
    def decide(self, view):
        if view.surplus_kwh > 3.0:
            raise RuntimeError("dropped it")
        return []


@ms.hookimpl
def marketsim_parts():
    return [ms.Entry(kind="agent", name="clumsy", build=lambda params, context: Clumsy)]
"""


@pytest.fixture
def clumsy(scenario_file):
    """A scenario with an agent of a plugin that fails where there is much sun."""
    scenario_file(BROKEN, "clumsy.py")
    return ms.load_scenario(
        scenario_file("""
name: clumsy
clock: {start: 2016-06-06, slots: 6, slot_minutes: 240}
tariff: {flat: {retail: 0.30, feed_in: 0.08}}
profiles: simbench_2016
agents:
  - {kind: clumsy, pv_kw: 6, load: {annual_kwh: 3000}, strategy: {truthful: {}}}
  - {kind: consumer, load: {annual_kwh: 3000}, strategy: {truthful: {}}}
plugins: [clumsy.py]
""")
    )


@pytest.mark.full
@pytest.mark.parametrize("engine", [InProcess(), ProcessPool(2)], ids=["in_process", "pool"])
def test_a_failed_run_is_a_row_with_its_error(clumsy, tmp_path, engine):
    """A plugin that breaks at some value breaks that run alone; the error names the agent and the slot."""
    plan = plan_study(clumsy, axes_of({"profiles.pv_scale": [0, 1, 4]}))
    table = run_study(plan, engine, tmp_path / "s").table
    assert table["status"].tolist() == ["ok", "failed", "failed"]
    assert table["error"][2].startswith("RunError: agent 'clumsy-1' of kind 'clumsy'")
    told, _, line = table["error"][2].rpartition(" (")
    assert told.endswith("failed in slot 1 (2016-06-06 04:00): RuntimeError: dropped it")
    assert line.endswith("clumsy.py:8)")
    assert table["demand_kwh"].notna().tolist() == [True, False, False]
    assert table["agents"].isna().tolist() == [False, True, True]
    kept = json.loads((tmp_path / "s" / "runs" / "0002" / "result.json").read_text("utf-8"))
    assert kept["failure"]["kind"] == "RunError"


def test_a_repaired_plugin_is_another_study(clumsy, tmp_path, scenario_file):
    """Rows of one table come from one program: whoever mends a plugin begins anew."""
    plan = plan_study(clumsy, axes_of({"profiles.pv_scale": [0, 4]}))
    run_study(plan, InProcess(), tmp_path / "s")
    scenario_file(BROKEN.replace("3.0", "300.0"), "clumsy.py")
    with pytest.raises(RunFolderError, match="the study there is another one: it differs in plugins"):
        run_study(plan_of(open_study(tmp_path / "s"), trust=True), InProcess(), tmp_path / "s", resume=True)


def test_values_that_do_not_go_together_are_a_failed_row(street):
    """Each value by itself is good, so the combination is found by its run, with the scenario's own words."""
    vary = {"tariff.flat.feed_in": [0.05, 0.2], "tariff.flat.retail": [0.3, 0.1]}
    table = run_study(plan_study(street, axes_of(vary)), InProcess()).table
    assert table["status"].tolist() == ["ok", "ok", "ok", "failed"]
    assert table["error"][3].startswith("ScenarioError: tariff.flat: feed_in (0.2) exceeds retail (0.1)")


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ({"profiles.pv_scal": [1, 2]}, "vary profiles.pv_scal: unknown key\n    did you mean pv_scale?"),
        ({"profiles.pv_scale": [1, -2]}, "vary profiles.pv_scale: must be at least 0 (got -2)"),
        ({"agents[7].count": [1, 2]}, "vary agents[7].count: agents: has no item 7\n    positions are 0 to 1, as in agents[1]"),
        ({"market.engine": ["dubble_auction"]}, "vary market.engine: there is no engine of this name (got 'dubble_auction')\n    did you mean double_auction?"),
        ({"agents[0].count": "1:3:5"}, "vary agents[0].count: must be a whole number (got 1.5)\nvary agents[0].count: must be a whole number (got 2.5)"),
    ],
)  # fmt: skip
def test_values_are_validated_before_anything_runs(street, vary, message):
    """By the scenario's own rules, each problem once, with the nearest name."""
    with pytest.raises(ScenarioError) as caught:
        plan_study(street, axes_of(vary))
    assert str(caught.value) == message


@pytest.mark.parametrize("seeds", [0, [], [1, 1]])
def test_a_study_needs_different_seeds(street, seeds):
    with pytest.raises(InputError, match="^seeds: a study needs seeds, each once"):
        plan_study(street, axes_of({"profiles.pv_scale": [1]}), seeds=seeds)


def test_chosen_seeds_are_used_in_their_order(street):
    plan = plan_study(street, axes_of({"profiles.pv_scale": [1, 2]}), seeds=[9, 2])
    assert [run.seed for run in plan.runs()] == [9, 2, 9, 2]
    assert plan.overrides(next(plan.runs())) == {"profiles.pv_scale": 1, "seed": 9}


def test_a_study_that_would_never_end_is_refused(street):
    with pytest.raises(InputError, match=r"a study has at most 1,000,000 runs \(got 1,001,000\)"):
        plan_study(street, axes_of({"profiles.pv_scale": "0:1:1001"}), seeds=1000)


# --- folders ---------------------------------------------------------------------------------------------------------


def test_a_folder_with_a_study_is_refused_without_resume(plan, copy, unbroken):
    with pytest.raises(
        RunFolderError, match=r"there is a study already \(complete\)\n    go on with it by resume=True"
    ):
        run_study(plan, InProcess(), copy)
    assert bytes_of(copy) == bytes_of(unbroken.path)


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_of_someone_else_is_never_touched(plan, tmp_path, resume):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunFolderError, match="the folder is not empty and holds no study of marketsim"):
        run_study(plan, InProcess(), tmp_path, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_there_must_be_a_study_to_go_on_with(plan, tmp_path):
    with pytest.raises(RunFolderError, match="there is no study to go on with"):
        run_study(plan, InProcess(), tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(plan, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFolderError, match="there is a file of that name"):
        run_study(plan, InProcess(), tmp_path / "file")


def test_two_processes_do_not_work_on_one_study(plan, copy):
    """While a process works on it, the folder is refused and the process named."""
    from marketsim.results.folder import identity, write_json
    from marketsim.results.json_checks import read_object

    write_json(copy / "manifest.json", {**read_object(copy / "manifest.json"), "status": "running", **identity()})
    with pytest.raises(RunFolderError, match=rf"a study is being written there \(process {os.getpid()}\)"):
        run_study(plan, InProcess(), copy, resume=True)


def test_another_design_does_not_go_on_with_a_study(street, copy):
    other = plan_study(street, axes_of(VARY), seeds=3)
    with pytest.raises(RunFolderError) as caught:
        run_study(other, InProcess(), copy, resume=True)
    assert str(caught.value) == (
        f"{copy}: the study there is another one: it differs in seeds, runs\n"
        f"    to finish it as it was begun: marketsim whatif --resume --out {copy}; else choose another --out"
    )


def test_other_versions_do_not_go_on_with_a_study(plan, copy):
    """Same scenario, seed and *versions* give the same bytes; a table never mixes them."""
    from marketsim.results.folder import write_json
    from marketsim.results.json_checks import read_object

    manifest = read_object(copy / "manifest.json")
    write_json(copy / "manifest.json", {**manifest, "versions": {**manifest["versions"], "numpy": "1.0"}})
    with pytest.raises(RunFolderError, match=r"begun with other versions: numpy 1\.0 -> "):
        run_study(plan, InProcess(), copy, resume=True)


def test_a_full_disk_keeps_what_is_finished(plan, unbroken, tmp_path, monkeypatch):
    """The error says what to do; afterwards the study goes on to the same table."""
    import errno

    from marketsim.analysis.execution.store import FolderStore

    saved = FolderStore.save

    def save(store, key, outcome):
        if key == "0003":
            raise OSError(errno.ENOSPC, "No space left on device")
        saved(store, key, outcome)

    folder = tmp_path / "study"
    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "save", save)
        with pytest.raises(RunError) as caught:
            run_study(plan, InProcess(), folder)
    assert str(caught.value) == (
        f"cannot write the study to {folder}: No space left on device. Finished runs are kept. "
        f"Free space, then go on: marketsim whatif --resume --out {folder}"
    )
    assert open_study(folder).status == "failed"
    run_study(plan, InProcess(), folder, resume=True)
    assert bytes_of(folder) == bytes_of(unbroken.path)


@pytest.mark.full
def test_a_damaged_table_is_written_anew(plan, copy, unbroken):
    (copy / "study.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunFolderError, match="the table cannot be read"):
        _ = open_study(copy).table
    run_study(plan, InProcess(), copy, resume=True)
    assert bytes_of(copy) == bytes_of(unbroken.path)


@pytest.mark.parametrize("missing", ["manifest.json", None])
def test_what_is_no_study_cannot_be_opened_as_one(tmp_path, missing):
    if missing is None:
        ms.simulate(ms.load_scenario({"clock": {"start": "2016-06-06", "slots": 1}, "tariff": {"flat": {"retail": 0.3, "feed_in": 0.1}}, "agents": [{"kind": "consumer", "load": {"annual_kwh": 1}}]}), tmp_path / "s")  # fmt: skip
    with pytest.raises(RunFolderError, match="this folder is no study of marketsim"):
        open_study(tmp_path / "s")


def test_with_tables_each_run_can_be_opened(street, tmp_path):
    """Its folder is a run folder like any other, with the result of the study beside it."""
    plan = plan_study(street, axes_of({"profiles.pv_scale": [1, 2]}))
    finished = run_study(plan, InProcess(), tmp_path / "s", tables=True)
    run = ms.open_run(open_study(tmp_path / "s").run_folder(1))
    assert run.status == "complete"
    assert run.trades["energy_kwh"].sum() == pytest.approx(finished.table["p2p_kwh"][1])


def test_a_run_that_died_half_way_is_done_again_with_its_tables(street, tmp_path):
    """What it left in its folder is replaced."""
    plan = plan_study(street, axes_of({"profiles.pv_scale": [1, 2]}))
    with pytest.raises(KeyboardInterrupt):
        run_study(plan, InProcess(), tmp_path / "s", tables=True, progress=stop_after(1))
    (tmp_path / "s" / "runs" / "0001").mkdir()
    (tmp_path / "s" / "runs" / "0001" / "slots.arrows").write_bytes(b"half")
    run_study(plan, InProcess(), tmp_path / "s", tables=True, resume=True)
    assert ms.open_run(tmp_path / "s" / "runs" / "0001").status == "complete"


# --- the Python face -------------------------------------------------------------------------------------------------


def test_python_returns_the_table(street, unbroken, tmp_path):
    """From a ready scenario, a path or a mapping; the same table as the study."""
    table = ms.whatif(street, VARY, seeds=2, workers=1)
    pd.testing.assert_frame_equal(table, unbroken.table)
    written = ms.whatif(unbroken.path / "scenario.yaml", VARY, seeds=2, workers=1, out=tmp_path / "s")
    pd.testing.assert_frame_equal(written, unbroken.table)
    assert open_study(tmp_path / "s").status == "complete"


def test_a_study_is_a_line_in_a_terminal_and_a_table_in_a_notebook(unbroken):
    study = open_study(unbroken.path)
    assert repr(study) == f"<Study street: complete, 4 points x 2 seeds, {unbroken.path}>"
    shown = study._repr_html_()
    assert len(shown) < 2_000
    assert "double_auction; mid_market_rate" in shown


def test_a_study_of_a_folder_has_its_tables(unbroken):
    """Opened from Python: a row a run, a row a point with means over seeds, and what moves what."""
    study = ms.open_study(unbroken.path)
    pd.testing.assert_frame_equal(study.table, unbroken.table)
    points = study.points
    assert len(points) == 4
    assert {"run", "seed", "status"}.isdisjoint(points.columns)
    of_first = unbroken.table[unbroken.table.point == points.index[0]]
    assert points["p2p_kwh"].iloc[0] == pytest.approx(of_first["p2p_kwh"].mean())
    assert points[study.paths[0]].iloc[0] == of_first[study.paths[0]].iloc[0]
    assert len(study.influences) == len(study.sensitivities)
    assert list(study.influences.columns[:3]) == ["kpi", "axis", "measure"]
