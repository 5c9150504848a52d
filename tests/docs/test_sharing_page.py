"""What commands print on the page on sharing is what they print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.test_examples import ROOT, named

PAGE = ROOT / "docs" / "sharing.md"
PAIRS = re.compile(r"^```sh\n(?P<commands>.*?)^```\n\n```text\n(?P<printed>.*?)^```$", re.MULTILINE | re.DOTALL)
"""Commands with what they print right after them."""


def printed_by(commands: str, cli) -> str:
    """What the last of some commands prints; the others only have to end well."""
    for line in commands.splitlines():
        ended = cli(*shlex.split(line)[1:])
        assert ended.code == 0, ended.err
    return "\n".join(line.rstrip() for line in ended.out.splitlines())


def page_as_it_is(cli, folder: Path) -> str:
    """The page with what its commands print, run in ``folder``."""
    for name, text in named(PAGE).items():
        (folder / name).write_text(text, encoding="utf-8")

    def told(found: re.Match[str]) -> str:
        before = found.group(0)[: found.start("printed") - found.start()]
        return f"{before}{printed_by(found['commands'], cli)}\n```"

    return PAIRS.sub(told, PAGE.read_text(encoding="utf-8"))


@pytest.mark.full
def test_the_page_shows_what_its_commands_print(cli, tmp_path, monkeypatch):
    """From the first to the last, in one folder."""
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    assert page_as_it_is(cli, tmp_path) == PAGE.read_text(encoding="utf-8")
