"""What a folder holds that the program is run in is never imported, by it or by its own processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from marketsim.core.child import module_environment

ROOT = Path(__file__).resolve().parents[3]
TRAPS = (
    "simbench",
    "torch",
    "ollama",
    "pandas",
    "numba",
    "click",
    "yaml",
    "pettingzoo",
    "ray",
    "tensorboard",
    "pyarrow",
)
SCENARIO = """\
clock: {start: 2016-07-12, slots: 2, slot_minutes: 60}
tariff: {flat: {retail: 0.3, feed_in: 0.1}}
profiles: synthetic
agents: [{kind: prosumer, pv_kw: 3, load: {annual_kwh: 4000}}]
"""


@pytest.fixture
def trapped(tmp_path: Path) -> Path:
    """A folder with a scenario and with modules that leave a mark where they are imported."""
    for name in TRAPS:
        mark = f"import pathlib\npathlib.Path({str(tmp_path / 'mark')!r}).write_text({name!r})\nraise ImportError\n"
        (tmp_path / f"{name}.py").write_text(mark, encoding="utf-8")
    (tmp_path / "s.yaml").write_text(SCENARIO, encoding="utf-8")
    return tmp_path


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "marketsim", *arguments]
    own = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.full
@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "s.yaml", "--out", "run"),
        ("validate", "s.yaml", "--set", "grid.feeder=simbench:1-LV-rural1--0-sw", "--set", "agents[0].bus=4"),
        ("run", "s.yaml", "--set", "grid.feeder=simbench:none", "--set", "agents[0].bus=4"),
        ("whatif", "s.yaml", "--vary", "seed=1,2", "--workers", "2", "--out", "study"),
        ("doctor",),
    ],
)
def test_modules_in_the_current_folder_are_not_imported(trapped: Path, arguments: tuple[str, ...]) -> None:
    """Neither for libraries that are installed nor for those that are not; nor in worker processes."""
    ended = call(trapped, *arguments)
    assert not (trapped / "mark").exists(), (trapped / "mark").read_text()
    assert "fault of marketsim" not in ended.stderr
    assert ended.returncode in (0, 1, 2)


def test_it_runs_from_a_clone_that_is_not_installed() -> None:
    """The package is found although the folder that holds it is taken off the path."""
    command = [sys.executable, "-m", "marketsim", "whatif", "--help"]
    without = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(command, cwd=ROOT, env=without, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Vary values" in ended.stdout


def test_workers_get_the_path_of_imports_without_the_current_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An empty entry means the current folder; where the package was found by it, its own folder stands there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "/elsewhere"])
    assert module_environment()["PYTHONPATH"].split(os.pathsep) == [str(ROOT), "/elsewhere"]
    monkeypatch.setattr(sys, "path", ["/elsewhere"])
    assert module_environment()["PYTHONPATH"].split(os.pathsep) == [str(ROOT), "/elsewhere"]
