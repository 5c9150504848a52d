"""What pages show of commands: a block of ``text`` that begins with ``$ marketsim ...``, and how it is compared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("plugins/*/README.md")])
LEFT_OUT: Final = "..."
"""A line of a page that stands for any lines of the output, none included."""
_BLOCK: Final = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMPT: Final = re.compile(r"\$ marketsim (?P<command>[^\n]+)\n(?P<output>.*)", re.DOTALL)
_FILE: Final = re.compile(r"^```\w+ title=\"([^\"]+)\"\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MADE: Final = re.compile(r"<!-- [\w-]+ -->\s*\Z")
_CLOCK: Final = {"compare-gates": re.compile(r"\s+(s|\d+\.\d\d)$")}
"""What of a line is wall time, by command."""


class Session(NamedTuple):
    """A command and what a page shows of its output."""

    page: str
    command: str
    output: str


def sessions(page: Path) -> list[Session]:
    """All of a page, in order."""
    blocks = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    found = (_PROMPT.match(block["text"]) for block in blocks if block["language"] == "text")
    return [Session(page.name, each["command"], each["output"]) for each in found if each is not None]


def files(page: Path) -> list[tuple[str, str]]:
    """Name and text of the files that a page shows, in order."""
    return _FILE.findall(page.read_text(encoding="utf-8"))


def typed() -> list[Path]:
    """Pages that are typed as they stand, from the first command to the last: those that show files beside commands."""
    return [page for page in PAGES if files(page) and sessions(page)]


def without_command(text: str) -> list[int]:
    """Lines of a page where a block of ``text`` begins that stands under no command.

    Such are a block without ``$ marketsim ...`` in its first line, unless it directly follows a block of Python, whose output
    it is, or a mark (``<!-- NAME -->``) of a script that writes it.
    """
    lines, before, python = [], 0, False
    for block in _BLOCK.finditer(text):
        between = text[before : block.start()]
        owned = (python and not between.strip()) or _MADE.search(between) or _PROMPT.match(block["text"])
        if block["language"] == "text" and not owned:
            lines.append(text.count("\n", 0, block.start()) + 1)
        before, python = block.end(), block["language"] == "python"
    return lines


def shown_in(session: Session, printed: str) -> str | None:
    """The first line of a session that was not printed in this order, wall times aside."""
    clock = _CLOCK.get(session.command.split()[0])
    rest = iter([_plain(line, clock) for line in printed.splitlines()])
    for line in session.output.splitlines():
        if line != LEFT_OUT and _plain(line, clock) not in rest:
            return line
    return None


def ends_early(session: Session, printed: str) -> bool:
    """Whether more was printed after the last line of a session, without a mark that it is left out."""
    shown, lines = session.output.splitlines(), printed.rstrip().splitlines()
    clock = _CLOCK.get(session.command.split()[0])
    return shown[-1] != LEFT_OUT and _plain(shown[-1], clock) != _plain(lines[-1], clock)


def _plain(line: str, clock: re.Pattern[str] | None) -> str:
    return (line.rstrip() if clock is None else clock.sub("", line.rstrip())).rstrip()
