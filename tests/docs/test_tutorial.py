"""Pages that lead from files to an answer are typed as they stand: commands run in turn, and print what is shown."""

from __future__ import annotations

import contextlib
import runpy
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {name: (ROOT / "docs" / f"{name}.md") for name in ("tutorial", "own-data", "your-feeder")}
HOW = runpy.run_path(str(Path(__file__).with_name("sessions.py")))
FILES = {name: HOW["FILE"].findall(page.read_text(encoding="utf-8")) for name, page in PAGES.items()}
SESSIONS = [session for page in PAGES.values() for session in HOW["sessions"](page)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder for each page, empty but for the files that it shows and those that it makes by Python."""
    made = {page: tmp_path_factory.mktemp(page) for page in PAGES}
    for page, folder in made.items():
        with contextlib.chdir(folder):
            HOW["make"](PAGES[page], folder)
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


def test_the_figure_of_the_page_is_the_one_that_is_drawn(folders):
    """To the byte; it is made by the last command of the page."""
    pytest.importorskip("matplotlib")
    drawn = folders["your-feeder"] / "pv.svg"
    if not drawn.exists():
        pytest.skip("the command that draws it has not been run")
    assert drawn.read_bytes() == (ROOT / "docs" / "your-feeder.svg").read_bytes()


def test_the_words_below_the_answer_say_what_it_says():
    """The middle capacities of both rules, and the weakest bus, as they stand in the output above."""
    page = PAGES["your-feeder"].read_text(encoding="utf-8")
    (output,) = [each.output for each in SESSIONS if each.command.startswith("hosting-capacity")]
    free, held = (line.split("  ")[2].strip() for line in output.splitlines()[2:4])
    weakest = float(output.splitlines()[7].split()[1])
    assert f"takes {float(free):.0f} kW" in page
    assert f"{float(held):.0f} kW if plants" in page
    assert weakest < 70.0
    assert "plant of 70 kW is too much" in page
