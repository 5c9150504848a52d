"""What a scenario of a stranger reaches: files and plugins of its own folder; more only if the user says so."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import marketsim as ms
from marketsim.app.ready import check_scenario
from marketsim.core.errors import InputError, PluginError
from marketsim.scenario.source import read_source

HEAD = """\
clock: {start: 2016-07-12, slots: 2, slot_minutes: 60}
tariff: {flat: {retail: 0.3, feed_in: 0.1}}
"""
AGENTS = "agents: [{kind: consumer, name: a, load: {annual_kwh: 4000}}]\n"
PLAIN = HEAD + AGENTS + "profiles: synthetic\n"
PROFILE = HEAD + AGENTS + "profiles: {source: file, path: %s}\n"
SECRET = "sesame,x,y,z\nsesame,1,2,3\n"
PLUGIN = """\
import pathlib

import marketsim as ms

pathlib.Path(__file__).with_name("mark").write_text("x")


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="agent", name="idle", build=lambda params, context: ms.Consumer)
"""

USES = {
    "profiles": PROFILE,
    "prices": "clock: {start: 2016-07-12, slots: 2}\ntariff: {series: {file: %s, feed_in: 0.1}}\nprofiles: synthetic\n"
    + AGENTS,
    "a net": HEAD + "profiles: synthetic\ngrid: {feeder: 'file:%s'}\nagents: [{kind: consumer, bus: 1}]\n",
    "a checkpoint": HEAD
    + "profiles: synthetic\nagents: [{kind: prosumer, pv_kw: 3, strategy: {learned: {checkpoint: %s}}}]\n",
    "a log": PLAIN + "critic: {kind: replay, file: %s}\n",
    "a surrogate": PLAIN + "critic: {kind: surrogate, file: %s}\n",
    "a cache": PLAIN + "critic: {kind: ollama, cache_folder: %s}\n",
}
"""Everything by which a scenario names a file."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A stranger's folder, beside a file of the user."""
    (tmp_path / "secret.csv").write_text(SECRET, encoding="utf-8")
    folder = tmp_path / "stranger"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path, target_is_directory=True)
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    return folder


def scenario(place: Path, text: str, name: str = "s.yaml") -> Path:
    path = place / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        call()
    return str(caught.value)


def build(path: Path | str, **options: object) -> None:
    """All parts of a run."""
    from marketsim.app.wiring import build as built

    built(ms.load_scenario(path, **options))


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    ("folder", "named"),
    [
        ("", "../secret.csv"),
        ("", "{}/secret.csv"),
        ("", "link.csv"),
        ("", "link/secret.csv"),
        ("folder: ..\n", "secret.csv"),
        ("folder: /\n", "{}/secret.csv"),
        ("folder: link\n", "secret.csv"),
        ("folder: ..\n", "stranger/own.csv"),
    ],
)
def test_no_file_elsewhere_is_reached(place: Path, use: str, folder: str, named: str) -> None:
    """Whatever names it, and however; nothing of it is told, and the way to do it all the same is."""
    path = scenario(place, folder + USES[use] % named.format(place.parent))
    said = refusal(lambda: build(path))
    assert "outside the scenario's folder" in said or "leads out of where it lies" in said
    assert "--trust" in said
    assert "sesame" not in said
    assert f"{path}:" in said


@pytest.mark.parametrize("folder", ["folder: ..\n", "folder: /\n", "folder: link\n"])
def test_checking_asks_for_trust_too(place: Path, folder: str) -> None:
    path = scenario(place, folder + PROFILE % "secret.csv")
    assert "leads out of where it lies" in refusal(lambda: check_scenario(path))
    assert "leads out" not in refusal(lambda: check_scenario(path, trust=True))


def test_a_base_cannot_lift_the_fence(place: Path) -> None:
    scenario(place, "folder: ..\n" + PROFILE % "secret.csv", "base.yaml")
    path = scenario(place, "extends: base.yaml\n")
    assert "leads out of where it lies" in refusal(lambda: check_scenario(path))


def test_text_is_fenced_in_the_current_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    for text in (PROFILE % "../secret.csv", "folder: ..\n" + PROFILE % "secret.csv"):
        assert "--trust" in refusal(lambda text=text: build(text))
    with pytest.raises(InputError, match="outside"):
        read_source(PROFILE % "../secret.csv").fence.file("../secret.csv", InputError)


def test_trust_reaches_the_file(place: Path) -> None:
    """Which is then read, and found to be no profile."""
    path = scenario(place, "folder: ..\n" + PROFILE % "secret.csv")
    assert "no column of this name" in refusal(lambda: build(path, trust=True))


def test_what_the_user_says_himself_is_his_own_word(place: Path) -> None:
    """By an override or in a mapping; a folder, or a file."""
    path = scenario(place, PROFILE % "own.csv")
    own = "no column of this name"
    assert own in refusal(lambda: check_scenario(path, {"profiles.path": "../secret.csv"}))
    assert own in refusal(lambda: check_scenario(path, {"folder": "..", "profiles.path": "secret.csv"}))
    mapping = {
        "clock": {"start": "2016-07-12", "slots": 2},
        "tariff": {"flat": {"retail": 0.3, "feed_in": 0.1}},
        "agents": [{"kind": "consumer", "name": "a", "load": {"annual_kwh": 4000}}],
        "folder": str(place.parent),
        "profiles": {"source": "file", "path": "secret.csv"},
    }
    assert own in refusal(lambda: check_scenario(mapping))


def test_a_folder_elsewhere_is_fine_where_no_file_is_named(place: Path) -> None:
    """As in the resolved scenario of a run, which can be run again."""
    path = scenario(place, "folder: ..\n" + PLAIN)
    assert ms.load_scenario(path).name == "s"
    run = ms.simulate(path, place.parent / "run")
    assert ms.simulate(run.path / "scenario.yaml").summary["slots"] == 2


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "plugin.py"
    path.write_text(PLUGIN, encoding="utf-8")
    return path


@pytest.mark.parametrize("named", ["../plugin.py", "{}/plugin.py"])
def test_plugins_of_a_scenario_are_executed_and_told(place: Path, plugin: Path, named: str) -> None:
    """The documented contract: a scenario is a program where it names one."""
    told: list[Path] = []
    path = scenario(place, PLAIN + f"plugins: [{named.format(place.parent)}]\n")
    ms.load_scenario(path, tell=told.append)
    assert plugin.with_name("mark").exists()
    assert [each.resolve() for each in told] == [plugin.resolve()]


@pytest.mark.parametrize("how", ["a run folder", "folder", "link", "text", "base"])
def test_plugins_of_results_and_of_other_folders_ask_for_trust(
    place: Path, plugin: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks at what somebody sent him starts no program."""
    monkeypatch.chdir(place)
    text = {"folder": "folder: ..\n", "text": "folder: ..\n", "link": "folder: link\n"}.get(how, "") + PLAIN
    named = "../plugin.py" if how in ("a run folder",) else "plugin.py"
    text += f"plugins: [{named}]\n"
    if how == "base":
        scenario(place, "folder: ..\n" + text, "base.yaml")
        text = "extends: base.yaml\n"
    if how == "a run folder":
        (place / "manifest.json").write_text(json.dumps({"status": "complete"}), encoding="utf-8")
    source: Path | str = text if how == "text" else scenario(place, text)
    with pytest.raises(PluginError, match=r"plugins\[0\]: this plugin is not executed") as caught:
        ms.load_scenario(source)
    assert "--trust" in str(caught.value)
    assert "plugin.py" in str(caught.value)
    assert not plugin.with_name("mark").exists()
    ms.load_scenario(source, trust=True)
    assert plugin.with_name("mark").exists()


def test_variants_keep_the_trust(place: Path, plugin: Path) -> None:
    """Workers of a study make their scenarios from the source."""
    path = scenario(place, "folder: ..\n" + PLAIN + "plugins: [plugin.py]\n")
    ready = ms.load_scenario(path, trust=True)
    assert ready.variant({"seed": 2}).seed == 2
    table = ms.whatif(path, {"tariff.flat.retail": [0.3, 0.4]}, trust=True, workers=2)
    assert set(table["status"]) == {"ok"}


def test_a_study_that_goes_on_takes_its_own_values_for_nobody_s_word(place: Path, plugin: Path) -> None:
    """A stranger's study may say by its axes what his scenario may not say."""
    from marketsim.analysis.studies.folder import open_study, plan_of, resume_hint

    study = place / "study"
    ms.whatif(scenario(place, PLAIN), {"tariff.flat.retail": [0.3, 0.4]}, workers=1, out=study)
    assert resume_hint(study) == f"marketsim whatif --resume --out {study}"
    text = (study / "study.yaml").read_text(encoding="utf-8")
    assert "paths: [tariff.flat.retail], values: [[0.3], [0.4]]" in text
    for paths, value in (("plugins", f"['{plugin}']"), ("folder", "'../..'")):
        changed = text.replace(
            "paths: [tariff.flat.retail], values: [[0.3], [0.4]]", f"paths: [{paths}], values: [[{value}]]"
        )
        if paths == "folder":
            own = (study / "scenario.yaml").read_text(encoding="utf-8")
            (study / "scenario.yaml").write_text(own + f"plugins: ['{plugin}']\n", encoding="utf-8")
        (study / "study.yaml").write_text(changed, encoding="utf-8")
        assert "--trust" in refusal(lambda: plan_of(open_study(study)))
        assert not plugin.with_name("mark").exists()


def test_the_hint_to_go_on_holds_the_word(place: Path, plugin: Path) -> None:
    """For a study whose scenario names plugins or files."""
    from marketsim.analysis.studies.folder import open_study, plan_of, resume_hint

    study = place.parent / "study"
    path = scenario(place, PLAIN + "plugins: [../plugin.py]\n")
    ms.whatif(path, {"tariff.flat.retail": [0.3, 0.4]}, workers=1, out=study)
    assert resume_hint(study) == f"marketsim whatif --resume --trust --out {study}"
    assert "--trust" in refusal(lambda: plan_of(open_study(study)))
    assert plan_of(open_study(study), trust=True).n_runs == 2


@pytest.mark.parametrize("kind", ["fifo", "large", "device"])
def test_a_plugin_is_a_regular_file_of_its_size(place: Path, kind: str) -> None:
    path = place / "p.py"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate(5 * 2**20)
    else:
        path.symlink_to("/dev/zero")
    said = refusal(lambda: ms.load_scenario(scenario(place, PLAIN + "plugins: [p.py]\n")))
    assert "no such plugin file" in said or "at most 4 MiB" in said


@pytest.mark.parametrize("name", ["n" * 5000, "a/" * 3000])
@pytest.mark.parametrize(
    "text", [*USES.values(), PLAIN + "plugins: ['%s.py']\n", "folder: %s\n" + PLAIN, "extends: %s\n" + PLAIN]
)
def test_names_that_no_system_takes_are_not_there(place: Path, text: str, name: str) -> None:
    """They are the input's fault."""
    if "ollama" not in text:
        assert refusal(lambda: build(scenario(place, text % name)))
