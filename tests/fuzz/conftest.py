"""What the fuzz tests share: the artefacts, made once a session, and a summary at its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
PROPERTY = "fuzz"


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of each kind of file, as the program writes it."""
    folder = tmp_path_factory.mktemp("artefacts")
    done = subprocess.run(
        [sys.executable, str(HERE / "artefacts.py"), str(folder)],
        capture_output=True, text=True, env=environment(), timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3_000:]
    return folder


def environment() -> dict[str, str]:
    """Variables of a process that sees this repository's package."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")))}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What was read, refused and wrong, a line a reader."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.stats.get(kind, ())]
    lines = [value for report in reports for name, value in report.user_properties if name == PROPERTY]
    if lines:
        terminalreporter.section("mutated files")
        for line in sorted(lines):
            terminalreporter.write_line(line)
