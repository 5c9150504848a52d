"""Pages that show files beside commands are typed as they stand: commands run in turn, and print what is shown."""

from __future__ import annotations

import contextlib
import runpy
import shlex
from pathlib import Path

import pytest

HOW = runpy.run_path(str(Path(__file__).with_name("sessions.py")))
PAGES = {page.stem: page for page in HOW["typed"]()}
SESSIONS = {name: HOW["sessions"](page) for name, page in PAGES.items()}


@pytest.fixture(scope="module")
def kept():
    """Pages that have been typed: the folder, and (session, ended) of each command."""
    return {}


@pytest.fixture
def typed(kept, cli, tmp_path_factory):
    """``typed(page)``: the folder in which its files were made and its commands typed, and (session, ended) of each."""

    def page(name):
        if name not in kept:
            folder = tmp_path_factory.mktemp(name)
            (folder / "scenarios").symlink_to(HOW["ROOT"] / "scenarios")
            with contextlib.chdir(folder):
                HOW["make"](PAGES[name], folder)
                kept[name] = folder, [(session, _run(cli, session)) for session in SESSIONS[name]]
        return kept[name]

    return page


def _run(cli, session):
    """Studies in this process."""
    words = shlex.split(session.command)
    return cli(*words, *(("--workers", 1) if words[0] == "whatif" else ()))


@pytest.mark.parametrize("page", PAGES)
def test_a_command_prints_what_the_page_shows(typed, page):
    """In the order of the page, since later commands read what earlier ones wrote."""
    folder, ended = typed(page)
    for session, said in ended:
        words = session.command.split()
        executes = "patient.yaml" in words and words[0] != "validate"  # its plugin is named before it runs
        told = f"Executing the plugin {folder / 'patient.py'}\n" if executes else ""
        assert (said.code, said.err) == (0, told), session.command
        assert HOW["shown_in"](session, said.out) is None, session.command
        assert not HOW["ends_early"](session, said.out), session.command


def test_the_parts_are_there():
    """A first run, a first what-if, a first plugin; data and a net of one's own; each with something to type."""
    verbs = {name: {session.command.split()[0] for session in found} for name, found in SESSIONS.items()}
    assert {"validate", "run", "whatif", "compare"} <= verbs["tutorial"]
    assert {"data", "validate"} <= verbs["own-data"]
    assert {"feeder", "data", "validate", "run", "hosting-capacity"} <= verbs["your-feeder"]
    assert {"street.yaml", "village.yaml", "patient.py", "patient.yaml"} == {
        name for name, _ in HOW["files"](PAGES["tutorial"])
    }


def test_the_figure_of_the_page_is_the_one_that_is_drawn(typed):
    """To the byte; it is made by the last command of the page."""
    pytest.importorskip("matplotlib")
    folder, _ = typed("your-feeder")
    assert (folder / "pv.svg").read_bytes() == PAGES["your-feeder"].with_suffix(".svg").read_bytes()


def test_the_words_below_the_answer_say_what_it_says():
    """The middle capacities of both rules, and the weakest bus, as they stand in the output above."""
    page = PAGES["your-feeder"].read_text(encoding="utf-8")
    (output,) = [each.output for each in SESSIONS["your-feeder"] if each.command.startswith("hosting-capacity")]
    free, held = (line.split("  ")[2].strip() for line in output.splitlines()[2:4])
    weakest = float(output.splitlines()[7].split()[1])
    assert f"takes {float(free):.0f} kW" in page
    assert f"{float(held):.0f} kW if plants" in page
    assert weakest < 70.0
    assert "plant of 70 kW is too much" in page
