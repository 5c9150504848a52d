"""Pages that show files beside commands are typed as they stand: commands run in turn, and print what is shown."""

from __future__ import annotations

import runpy
import shlex
from pathlib import Path

import pytest

HOW = runpy.run_path(str(Path(__file__).with_name("sessions.py")))
PAGES = {page.stem: page for page in HOW["typed"]()}
FILES = {name: HOW["files"](page) for name, page in PAGES.items()}
SESSIONS = [session for page in PAGES.values() for session in HOW["sessions"](page)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder for each page, empty but for the files that it shows and the scenarios."""
    made = {page: tmp_path_factory.mktemp(page) for page in PAGES}
    for page, files in FILES.items():
        (made[page] / "scenarios").symlink_to(HOW["ROOT"] / "scenarios")
        for name, text in files:
            (made[page] / name).write_text(text, encoding="utf-8")
    return made


@pytest.mark.parametrize("session", SESSIONS, ids=[session.command.split(" --")[0] for session in SESSIONS])
def test_a_command_prints_what_the_page_shows(cli, folders, monkeypatch, session):
    """In the order of the page, since later commands read what earlier ones wrote; studies in this process."""
    folder = folders[session.page.removesuffix(".md")]
    monkeypatch.chdir(folder)
    words = shlex.split(session.command)
    ended = cli(*words, *(("--workers", 1) if words[0] == "whatif" else ()))
    executes = "patient.yaml" in words and words[0] != "validate"  # its plugin is named before it runs
    assert (ended.code, ended.err) == (0, f"Executing the plugin {folder / 'patient.py'}\n" if executes else "")
    assert HOW["shown_in"](session, ended.out) is None
    assert not HOW["ends_early"](session, ended.out)


def test_the_three_parts_are_there():
    """A first run, a first what-if, a first plugin; each with something to type."""
    verbs = {session.command.split()[0] for session in SESSIONS if session.page == "tutorial.md"}
    assert {"validate", "run", "whatif", "compare"} <= verbs
    assert {"street.yaml", "village.yaml", "patient.py", "patient.yaml"} == {name for name, _ in FILES["tutorial"]}
