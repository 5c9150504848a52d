"""Outputs of commands on the pages stand under their command, are what it prints, and say where they leave something out."""

from __future__ import annotations

import runpy
import shlex
from pathlib import Path

import pytest

SESSIONS = runpy.run_path(str(Path(__file__).with_name("sessions.py")))
ROOT, PAGES, Session = SESSIONS["ROOT"], SESSIONS["PAGES"], SESSIONS["Session"]
shown_in, ends_early, without_command = SESSIONS["shown_in"], SESSIONS["ends_early"], SESSIONS["without_command"]
ELSEWHERE = SESSIONS["typed"]()
"""Pages whose commands need their files: ``test_tutorial`` runs them."""
TIMES = {"bench"}
"""Commands that print little but times."""
RUN = [
    pytest.param(session, id=f"{page.stem}: {session.command}")
    for page in PAGES
    if page not in ELSEWHERE
    for session in SESSIONS["sessions"](page)
    if session.command.split()[0] not in TIMES
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_output_stands_under_its_command(page):
    """A block of text is an output: of the command in its first line, of the Python before it, or of a script that marks it."""
    assert without_command(page.read_text(encoding="utf-8")) == []


def test_an_output_without_a_command_is_found():
    """The check itself: by the line of the block; what follows Python, a mark or a prompt is none."""
    python, text = "```python\nprint(1)\n```\n", "```text\n1\n```\n"
    assert without_command(f"words\n\n{text}") == [3]
    assert without_command(f"{python}\nwords\n{text}") == [6]
    for owned in (
        f"{python}\n{text}",
        f"<!-- run -->\n{text}",
        "```text\n$ marketsim run a.yaml\n1\n```\n",
        "```\n1\n```\n",
    ):
        assert without_command(owned) == []


def test_what_differs_or_is_cut_is_found():
    """The comparison itself: order counts, ``...`` stands for lines, wall times aside; an end has to be the end or ``...``."""
    session = Session("a.md", "run x.yaml", "a\n...\nc\n")
    assert shown_in(session, "a  \nb\nc\n") is None
    assert shown_in(session, "c\na\n") == "c"
    assert shown_in(session._replace(output="a\nx\n"), "a\nb\n") == "x"
    assert not ends_early(session, "a\nb\nc\n\n")
    assert ends_early(session, "a\nb\nc\nd\n")
    assert not ends_early(session._replace(output="a\n...\n"), "a\nb\n")
    timed = Session("a.md", "compare-gates x.yaml", "gate  kWh   s\nac  12  0.10\n")
    assert shown_in(timed, "gate  kWh      s\nac  12  11.38\n") is None
    assert shown_in(timed, "gate  kWh   s\nac  13  0.10\n") == "ac  12  0.10"


@pytest.mark.nightly
@pytest.mark.parametrize("session", RUN)
def test_a_command_prints_what_the_page_shows(cli, session, tmp_path, monkeypatch):
    """In a folder with the scenarios and the tests; studies in this process."""
    for folder in ("scenarios", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    words = shlex.split(session.command)
    ended = cli(*words, *(("--workers", 1) if words[0] in {"whatif", "reinforce"} else ()))
    assert (ended.code, ended.err) == (0, "")
    assert shown_in(session, ended.out) is None
    assert not ends_early(session, ended.out)
