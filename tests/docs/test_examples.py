"""Examples in README and docs run as they stand.

A code block with ``title="name"`` is a file; the other Python blocks of a page run one after the other in one
namespace, in a folder that holds those files and ``scenarios``. A block of text right after one of Python is what it prints.
"""

from __future__ import annotations

import io
import re
import runpy
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(
    r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
SESSIONS = runpy.run_path(str(Path(__file__).with_name("sessions.py")))
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("plugins/*/README.md")])


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    title: str | None
    text: str
    line: int
    printed: str | None
    """The block of text right after it."""


def blocks(page: Path) -> list[Block]:
    """Blocks of a page with a language, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(*found.groups(), text.count("\n", 0, found.start()) + 2, printed_after(text[found.end() :]))
        for found in FENCE.finditer(text)
    ]


def printed_after(rest: str) -> str | None:
    """The block of text that ``rest`` begins with, if it does."""
    found = FENCE.match(rest.lstrip("\n"))
    return None if found is None or found["language"] != "text" else found["text"]


def named(page: Path) -> dict[str, str]:
    """Files that a page shows, by name."""
    return {block.title: block.text for block in blocks(page) if block.title}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with ``scenarios`` in it, as working directory and on the path of imports."""
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def pages_with(language):
    """Pages that have a block of this language, as test parameters."""
    found = [page for page in PAGES if any(block.language == language for block in blocks(page))]
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in found]


@pytest.mark.parametrize("page", pages_with("python"))
def test_python_of_a_page_runs(page, folder):
    """Every Python block that is no file runs, from the first to the last, and prints what the page shows right after it."""
    for name, text in named(page).items():
        (folder / name).write_text(text, encoding="utf-8")
    namespace = {}
    for block in blocks(page):
        if block.language == "python" and not block.title:
            source = "\n" * (block.line - 1) + block.text
            with redirect_stdout(io.StringIO()) as out:
                exec(compile(source, str(page), "exec"), namespace)
            assert block.printed in (None, out.getvalue())


def test_own_agent_of_the_readme_is_short_and_trades(folder):
    """The README's agent has at most 15 lines, hook included, and sells what its scenario gives it."""
    import marketsim as ms

    files = named(ROOT / "README.md")
    assert len(files["undercutter.py"].splitlines()) <= 15
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    run = ms.simulate(ms.load_scenario("undercut.yaml"))
    ours = run.trades[run.trades.seller_name == "ours"]
    assert ours.energy_kwh.sum() > 1.0
    assert ours.price.min() >= 0.08


def test_the_rule_of_sharing_on_the_page_on_plugins_is_short_and_shares(folder):
    """At most 30 lines, hook included; it shares a run, to a unit, as the built-in rule of equal gains does."""
    import marketsim as ms

    files = named(ROOT / "docs" / "plugins.md")
    assert len(files["equal_parts.py"].splitlines()) <= 30
    (folder / "equal_parts.py").write_text(files["equal_parts.py"], encoding="utf-8")
    from equal_parts import EqualParts

    run = ms.simulate(ms.load_scenario("scenarios/pilot.yaml", {"clock.slots": 24}))
    assert (
        ms.share(run, rule=EqualParts()).shares_money.tolist() == ms.share(run, rule="equal_gain").shares_money.tolist()
    )


def test_parts_of_the_page_on_plugins_keep_their_contracts(folder):
    """The page's own tests pass: every kit, on every part that it shows."""
    for name, text in named(ROOT / "docs" / "plugins.md").items():
        (folder / name).write_text(text, encoding="utf-8")
    namespace = {}
    exec(compile(named(ROOT / "docs" / "plugins.md")["test_mine.py"], "test_mine.py", "exec"), namespace)
    kits = [item for name, item in namespace.items() if name.startswith("Test")]
    run = [getattr(kit(), name)() for kit in kits for name in dir(kit) if name.startswith("test_")]
    assert len(kits) == 7
    assert len(run) > 33


def test_an_expert_of_ones_own_is_short_and_moves_stores(folder):
    """The expert of the page on plugins has at most 30 lines, hook included; what it plans is done, and pays."""
    import marketsim as ms

    text = named(ROOT / "docs" / "plugins.md")["dear_hours.py"]
    assert len(text.splitlines()) <= 30
    (folder / "dear_hours.py").write_text(text, encoding="utf-8")
    prices = [{"from_hour": 0, "to_hour": 18, "retail": 0.2}, {"from_hour": 18, "to_hour": 24, "retail": 0.4}]
    scenario = {
        "clock": {"start": "2016-07-12", "slots": 24, "slot_minutes": 60},
        "tariff": {"time_of_use": {"feed_in": 0.06, "windows": prices}},
        "agents": [
            {
                "kind": "prosumer",
                "load": {"annual_kwh": 4000},
                "battery": {"energy_kwh": 5, "power_kw": 2},
                "strategy": "expert",
            }
        ],
        "expert": "dear_hours",
        "plugins": ["dear_hours.py"],
    }
    (folder / "dear.yaml").write_text(yaml.safe_dump(scenario), encoding="utf-8")
    run = ms.simulate(ms.load_scenario("dear.yaml"))
    battery = run.frame("agents", raw=True).battery_wh
    assert battery[:18].sum() < -1000
    assert battery[18:].sum() > 1000


@pytest.mark.parametrize("page", pages_with("yaml"))
def test_scenarios_of_a_page_are_valid(page, folder):
    """A scenario shown as a file is valid; every other piece of YAML can be read."""
    from marketsim.app.ready import load_scenario

    SESSIONS["make"](page, folder)
    for block in blocks(page):
        if block.language == "yaml" and block.title:
            assert load_scenario(block.title).agents
        elif block.language == "yaml":
            assert yaml.safe_load(block.text) is not None
