"""The tutorial is typed as it stands: its commands run one after the other, and print what it shows."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
FILES = re.findall(r"^```\w+ title=\"([^\"]+)\"\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
HOW = runpy.run_path(str(Path(__file__).with_name("sessions.py")))
SESSIONS = HOW["sessions"](ROOT / "docs" / "tutorial.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An empty folder with the files that the page shows."""
    made = tmp_path_factory.mktemp("tutorial")
    for name, text in FILES:
        (made / name).write_text(text, encoding="utf-8")
    return made


@pytest.mark.parametrize("session", SESSIONS, ids=[session.command.split(" --")[0] for session in SESSIONS])
def test_a_command_prints_what_the_tutorial_shows(cli, folder, monkeypatch, session):
    """In the order of the page, since later commands read what earlier ones wrote; studies in this process."""
    monkeypatch.chdir(folder)
    words = shlex.split(session.command)
    ended = cli(*words, *(("--workers", 1) if words[0] == "whatif" else ()))
    executes = "patient.yaml" in words and words[0] != "validate"  # its plugin is named before it runs
    assert (ended.code, ended.err) == (0, f"Executing the plugin {folder / 'patient.py'}\n" if executes else "")
    assert HOW["shown_in"](session, ended.out) is None
    assert not HOW["ends_early"](session, ended.out)


def test_the_three_parts_are_there():
    """A first run, a first what-if, a first plugin; each with something to type."""
    verbs = {session.command.split()[0] for session in SESSIONS}
    assert {"validate", "run", "whatif", "compare"} <= verbs
    assert {"street.yaml", "village.yaml", "patient.py", "patient.yaml"} == {name for name, _ in FILES}
