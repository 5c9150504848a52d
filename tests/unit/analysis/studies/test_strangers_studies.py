"""Folders of studies of strangers: design, table and sensitivities hold what they must, or are refused."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from marketsim.analysis.studies.folder import open_study
from marketsim.analysis.studies.public import whatif
from marketsim.core.errors import InputError, RunFolderError
from marketsim.report.write import study_report

SMALL = {
    "name": "small",
    "clock": {"start": "2016-07-12", "slots": 24, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "agents": [{"kind": "prosumer", "count": 2, "pv_kw": 5, "load": {"annual_kwh": 3000}}],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "whole"
    whatif(SMALL, {"profiles.pv_scale": [1, 2]}, workers=1, out=folder)
    return folder


@pytest.fixture
def study(made, tmp_path):
    shutil.copytree(made, tmp_path / "study")
    return tmp_path / "study"


def test_a_study_is_opened_as_it_was_written(study):
    found = open_study(study)
    assert found.table["run"].tolist() == [0, 1]
    assert found.table["status"].tolist() == ["ok", "ok"]
    assert found.paths == ("profiles.pv_scale",)
    assert {each.measure for each in found.sensitivities} == {"swing"}
    assert "profiles.pv_scale" in study_report(found)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("runs: 2", "runs: 1000000000", "runs: must be points times seeds"),
        ("runs: 2", "runs: two", "runs: must be a whole number"),
        ("points: 2", "points: []", "points: must be a whole number"),
        ("design: grid", "design: [grid]", "design: must be one of"),
        ("seeds:", "sede:", "seeds: is missing"),
        ("vary:", "varied:", "vary: must list what is varied"),
        ("paths: [profiles.pv_scale]", "paths: {a: b}", r"vary\[0\]: paths must list texts"),
        ("paths: [profiles.pv_scale]", "paths: [seed]", "this path cannot be varied"),
        ("values: [[1], [2]]", "values: [[1, 2]]", r"vary\[0\]: every value must be a list of 1"),
        ("values: [[1], [2]]", "low: 3, high: 1, whole: false", r"vary\[0\]: low must be below high"),
    ],
)
def test_a_design_of_wrong_kind_is_refused(study, old, new, message):
    text = (study / "study.yaml").read_text("utf-8")
    assert old in text
    (study / "study.yaml").write_text(text.replace(old, new))
    with pytest.raises(InputError, match=message):
        open_study(study)


@pytest.mark.parametrize("text", ["", "7", "[]", "a: [" * 200, "a: !!python/object/apply:os.system [x]"])
def test_what_is_no_design_is_refused(study, text):
    (study / "study.yaml").write_text(text)
    with pytest.raises(InputError):
        open_study(study)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="status"), "no such column"),
        (lambda t: t.assign(status="done"), "status"),
        (lambda t: t.assign(run=["0", "1"]), "run"),
        (lambda t: t.assign(point=[0, 10**9]), "point"),
        (lambda t: t.assign(seed=-1), "seed"),
        (lambda t: pd.concat([t, t], ignore_index=True), "4 rows where 2 are due"),
        (lambda t: t.head(1), "1 rows where 2 are due"),
        (lambda t: t.assign(**{"profiles.pv_scale": ["a", "b"]}), "must hold numbers"),
        (lambda t: t.assign(p2p_kwh=float("inf")), "finite"),
        (lambda t: t.assign(p2p_kwh=[[1], [2]]), "numbers or texts"),
        (lambda t: t.assign(p2p_kwh=-1e308), "finite"),
        (lambda t: t.assign(p2p_kwh=["a", ""]), "p2p_kwh: .*must hold numbers"),
        (lambda t: t.assign(seed=pd.array([1, None], "Int64")), "seed"),
    ],
)
def test_a_table_of_wrong_kind_is_refused(study, change, message):
    change(pd.read_parquet(study / "study.parquet")).to_parquet(study / "study.parquet", index=False)
    with pytest.raises(RunFolderError, match=message) as refused:
        _ = open_study(study).table
    assert "--resume" in refused.value.problems[0].hint


@pytest.mark.parametrize("row", ["a,b,c,1,,,", "a,b,swing,nan,,,", "a,b,swing,x,,,", "a,b,swing", "a,b,swing,1e999,,,"])
def test_a_row_that_is_no_sensitivity_is_refused_with_its_line(study, row):
    (study / "sensitivity.csv").write_text(f"kpi,axis,measure,value,low,high,total\n{row}\n")
    with pytest.raises(RunFolderError) as refused:
        _ = open_study(study).sensitivities
    assert refused.value.problems[0].line == 2


@pytest.mark.parametrize(
    ("key", "value"), [("runs", "2"), ("paths", {}), ("tables", 1), ("started", None), ("status", 3)]
)
def test_a_manifest_of_wrong_kind_is_refused(study, key, value):
    manifest = json.loads((study / "manifest.json").read_text("utf-8"))
    (study / "manifest.json").write_text(json.dumps({**manifest, key: value}))
    with pytest.raises(RunFolderError, match=f"{key}: must be"):
        open_study(study)


@pytest.mark.parametrize("name", ["manifest.json", "study.yaml", "study.parquet", "sensitivity.csv", "scenario.yaml"])
@pytest.mark.parametrize("target", ["same", "nowhere", "folder"])
def test_links_in_a_study_are_refused(study, tmp_path, name, target):
    (study / name).rename(tmp_path / "same")
    (study / name).symlink_to({"same": tmp_path / "same", "nowhere": tmp_path / "nothing", "folder": tmp_path}[target])
    if name == "scenario.yaml":
        assert "is a link" in study_report(open_study(study))  # left out, and said
        return
    with pytest.raises(RunFolderError, match="is a link"):
        study_report(open_study(study))
