"""Run folders of strangers: their JSON files hold what they must, or are refused with file, key and value."""

from __future__ import annotations

import json
import random
import shutil

import pytest

import marketsim as ms
from marketsim.core.errors import RunFolderError
from marketsim.results.reader import open_run

VALUES = (None, True, -1, 0.5, 1e308, 10**30, "", "text", [], {}, [1], ["a", "a"], {"a": 1}, "\x1b[31m", 2**62)


@pytest.fixture
def run(small, tmp_path):
    return small.write(tmp_path / "run")


def changed(run, file, **changes):
    content = json.loads((run.path / file).read_text("utf-8"))
    (run.path / file).write_text(json.dumps({**content, **changes}))
    return run.path


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("pid", "7", "pid: must be a whole number"),
        ("pid", 2**40, "pid: must be the number of a process"),
        ("status", "done", "status: must be one of running"),
        ("status", ["complete"], "status: must be one of running"),
        ("agents", {"a": 1}, "agents: must be a list"),
        ("agents", [1] * 6, "agents: entry 0: must be text"),
        ("agents", ["a"] * 6, "a name of its own .got 'a'"),
        ("agents", ["a", "b"], "agent_markets: must have an entry for each of the 2 agents"),
        ("agent_markets", [10**18] * 6, "without gaps"),
        ("agent_markets", [0.0] * 6, "agent_markets: entry 0: must be a whole number"),
        ("plugins", [{"name": "x"}], "plugins: entry 0: file: is missing"),
        ("plugins", "x", "plugins: must be a list"),
        ("notes", [{}], "notes: entry 0: must be text"),
        ("versions", [], "versions: must be an object"),
        ("seed", "one", "seed: must be a whole number"),
        ("wall_s", "long", "wall_s: must be a number"),
        ("scenario", "x" * 20_000, "at most 10000 letters"),
    ],
)
def test_a_manifest_of_wrong_kind_is_refused(run, key, value, message):
    with pytest.raises(RunFolderError, match=message) as refused:
        open_run(changed(run, "manifest.json", **{key: value}))
    assert all(problem.file.endswith("manifest.json") for problem in refused.value.problems)


def test_everything_that_is_wrong_is_told_at_once(run):
    with pytest.raises(RunFolderError) as refused:
        open_run(changed(run, "manifest.json", pid="7", notes=1, seed=-1))
    assert [problem.path for problem in refused.value.problems] == ["pid", "seed", "notes"]


@pytest.mark.parametrize(("name", "value"), [("list", [1]), ("object", {"a": 1}), ("truth", True), ("far", 10**301)])
def test_kpis_are_numbers_texts_or_null(run, name, value):
    if name == "far":
        with pytest.raises(RunFolderError):
            open_run(changed(run, "summary.json", far=value))
        return
    with pytest.raises(RunFolderError, match=rf"{name}: must be a finite number, text or null"):
        open_run(changed(run, "summary.json", **{name: value}))


@pytest.mark.parametrize(
    "text",
    [
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": -Infinity}',
        '{"a": 1, "a": 2}',
        '{"a": ' + "9" * 5000 + "}",
        "[" * 100_000,
        "{" * 100_000,
        '{"a":' * 5000,
        "\ufeff[]",
        "",
    ],
)
@pytest.mark.parametrize("file", ["manifest.json", "summary.json"])
def test_what_is_no_plain_json_is_refused(run, file, text):
    (run.path / file).write_text(text)
    with pytest.raises(RunFolderError):
        open_run(run.path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("7", "no object"),
        ("[]", "no object"),
        ("{}", "slot: is missing"),
        ('{"slot": -1}', "slot: must be a whole number"),
        ('{"slot": 1000000000000}', "slot: must be below 10,000,000"),
        ('{"slot": 0, "ftg": "high"}', "ftg: must be a number"),
        ('{"slot": 0, "fbs": 1.5}', "fbs: must lie between 0 and 1"),
        ('{"slot": 0, "latency_s": []}', "latency_s: must be a number"),
        ('{"slot": 0, "error": {}}', "error: must be text"),
        ('{"slot": 0, "answer": [0.5]}', "answer: must have 3 entries"),
        ('{"slot": 0, "fpp": NaN}', "NaN is no number"),
        ("[" * 5000, "levels"),
    ],
)
def test_a_line_that_is_no_critique_is_refused_with_its_number(run, line, message):
    (run.path / "critic.jsonl").write_text('{"slot": 0}\n' + line + "\n")
    with pytest.raises(RunFolderError, match=message) as refused:
        open_run(run.path)
    assert refused.value.problems[0].line == 2


def test_whatever_stands_in_a_manifest_or_summary_opens_or_is_refused(run, tmp_path):
    """Values of every kind at every key, and keys that are gone: a run or a RunFolderError, never anything else."""
    draw = random.Random(7)
    for file in ("manifest.json", "summary.json"):
        content = json.loads((run.path / file).read_text("utf-8"))
        for key in content:
            for value in (*draw.sample(VALUES, 8), KeyError):
                other = {name: old for name, old in content.items() if name != key}
                if value is not KeyError:
                    other[key] = value
                (run.path / file).write_text(json.dumps(other))
                problems = []
                try:
                    open_run(run.path)
                except RunFolderError as error:
                    problems = [str(problem) for problem in error.problems]
                assert all(len(text) < 600 and text.isascii() for text in problems)
        (run.path / file).write_text(json.dumps(content))


@pytest.mark.parametrize("file", ["manifest.json", "summary.json", "scenario.yaml", "critic.jsonl"])
def test_links_are_refused_wherever_they_lead(run, tmp_path, file):
    """To the same file, to nowhere, to a folder."""
    path = run.path / file
    same = tmp_path / "same"
    path.write_bytes(path.read_bytes() if path.exists() else b"")
    shutil.copyfile(path, same)
    for target in (same, tmp_path / "nowhere", tmp_path):
        path.unlink()
        path.symlink_to(target)
        with pytest.raises(RunFolderError, match="is a link"):
            open_run(run.path)


def test_leftovers_of_a_killed_run_go_with_force_and_nothing_else(run, small):
    """Names that the program gives to files that it writes; not names that only look alike."""
    ours = [
        run.path / f"{name}.0123456789abcdef.partial" for name in ("summary.json", "agents.parquet", "manifest.json")
    ]
    others = [run.path / name for name in ("summary.json.partial", "mine.csv.0123456789abcdef.partial", "notes.txt")]
    for path in (*ours, *others):
        path.write_text("x")
    small.write(run.path, force=True)
    assert not any(path.exists() for path in ours)
    assert all(path.read_text() == "x" for path in others)


def test_a_summary_that_lacks_what_every_run_has_is_refused(run):
    """A complete run has slots, agents and a seed; the rest is the business of its metrics."""
    (run.path / "summary.json").write_text('{"p2p_kwh": 1}')
    with pytest.raises(RunFolderError, match=r"summary\.json: slots: is missing(.|\n)*agents(.|\n)*seed"):
        ms.open_run(run.path)
