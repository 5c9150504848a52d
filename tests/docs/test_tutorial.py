"""The tutorial and the page on own data are typed as they stand: commands run in turn, and print what is shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("tutorial", "own-data")}
FILE = re.compile(r"^```\w+ title=\"([^\"]+)\"\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SESSION = re.compile(r"^```text\n\$ marketsim ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {name: FILE.findall(text) for name, text in PAGES.items()}
SESSIONS = [(name, *each) for name, text in PAGES.items() for each in SESSION.findall(text)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder for each page, empty but for the files that it shows."""
    made = {page: tmp_path_factory.mktemp(page) for page in PAGES}
    for page, files in FILES.items():
        for name, text in files:
            (made[page] / name).write_text(text, encoding="utf-8")
    return made


def shown_in(text, printed):
    """The first line of ``text`` that is not in ``printed`` in this order; ``...`` stands for any lines."""
    rest = iter(line.rstrip() for line in printed.splitlines())
    for line in text.splitlines():
        if line != "..." and line not in rest:
            return line
    return None


def test_what_is_left_out_is_found_again():
    """The check of this module itself: order counts, a line that was not printed is named."""
    printed = "a  \nb\nc\n"
    assert shown_in("a\n...\nc\n", printed) is None
    assert shown_in("c\na\n", printed) == "a"
    assert shown_in("a\nx\n", printed) == "x"


@pytest.mark.parametrize(
    ("page", "command", "output"), SESSIONS, ids=[command.split(" --")[0] for _, command, _ in SESSIONS]
)
def test_a_command_prints_what_the_page_shows(cli, folders, monkeypatch, page, command, output):
    """In the order of the page, since later commands read what earlier ones wrote; studies in this process."""
    folder = folders[page]
    monkeypatch.chdir(folder)
    words = shlex.split(command)
    ended = cli(*words, *(("--workers", 1) if words[0] == "whatif" else ()))
    executes = "patient.yaml" in words and words[0] != "validate"  # its plugin is named before it runs
    assert (ended.code, ended.err) == (0, f"Executing the plugin {folder / 'patient.py'}\n" if executes else "")
    assert shown_in(output, ended.out) is None


def test_the_three_parts_are_there():
    """A first run, a first what-if, a first plugin; each with something to type."""
    verbs = {command.split()[0] for page, command, _ in SESSIONS if page == "tutorial"}
    assert {"validate", "run", "whatif", "compare"} <= verbs
    assert {"street.yaml", "village.yaml", "patient.py", "patient.yaml"} == {name for name, _ in FILES["tutorial"]}
