"""Commands, names, files and links of the pages exist, and nothing that exists is left out."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import click
import pytest

import marketsim
from marketsim.agents.view import AgentView
from marketsim.builtin import built_in_registry
from marketsim.cli.main import cli
from marketsim.core.records import Reason
from marketsim.extension.kinds import KINDS
from marketsim.results import folder
from marketsim.results.table_columns import TABLES
from marketsim.scenario.model import GridSection

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("plugins/*/README.md")])
LINK = re.compile(r"\[[^\]]+\]\((?!https?://)([^)#\s]*)(?:#([\w-]+))?\)")
CODE = re.compile(r"`([^`\n]+)`")
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SESSION = re.compile(r"^```text\n\$ (marketsim [^\n]+)$", re.MULTILINE)


def text_of(name: str) -> str:
    """A page by its path from the root."""
    return (ROOT / name).read_text(encoding="utf-8")


def code_in(name: str) -> set[str]:
    """Everything that a page sets in code type, and the words of it."""
    spans = set(CODE.findall(text_of(name)))
    return spans | {word for span in spans for word in re.findall(r"[\w.]+", span)}


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Each link within the repository names a file, and a heading of it."""
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), f"{target}#{anchor}"


def commands(text: str) -> list[list[str]]:
    """Calls of marketsim in shell blocks, above their output and in code type, as words."""
    lines = [line for block in SHELL.findall(text) for line in block.splitlines()] + SESSION.findall(text)
    calls = [part for line in [*lines, *CODE.findall(text)] for part in re.split(r"&&|;", line)]
    split = [shlex.split(call, comments=True) for call in calls if re.match(r"\s*(\S*/)?marketsim \w", call)]
    return [words[1:] for words in split]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page):
    """Each command is one, its options are its own, and the scenarios that it names are there."""
    for words in commands(page.read_text(encoding="utf-8")):
        command: click.Command = cli
        rest = list(words)
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), rest.pop(0))
            assert found is not None, words
            command = found
            if isinstance(command, click.Group) and not rest:
                break
        options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
        assert {word for word in rest if word.startswith("--")} <= options, words
        for word in rest:
            assert "/" not in word or not word.endswith(".yaml") or (ROOT / word).exists(), words


def test_readme_lists_every_scenario():
    """Each scenario is in the README's table, and begins with the question that it answers."""
    readme = text_of("README.md")
    for scenario in (ROOT / "scenarios").glob("*.yaml"):
        assert f"(scenarios/{scenario.name})" in readme
        assert scenario.read_text(encoding="utf-8").startswith("# Question: ")


def test_readme_lists_every_file_of_a_run():
    """Each file of a run folder is in the README's table."""
    files = {folder.MANIFEST, folder.SUMMARY, folder.SCENARIO, folder.CRITIC, folder.REPORT}
    assert files | {f"{table}.parquet" for table in TABLES} <= code_in("README.md")


def test_readme_lists_every_public_name():
    """``marketsim.__all__`` is what the README says."""
    assert set(marketsim.__all__) <= code_in("README.md")


def test_every_kind_is_explained():
    """Each kind of part has a row on the page of plugins: how it is chosen, built, and what comes of it."""
    rows = [line for line in (ROOT / "docs/plugins.md").read_text().splitlines() if line.startswith("| `")]
    for word, kind in KINDS.items():
        (row,) = [each for each in rows if each.startswith(f"| `{word}` | ")]
        _, _, chosen, shape, returns, _ = row.replace("`", "").split("|")
        assert chosen.strip() == (kind.chosen or "nothing yet"), word
        assert shape.strip() == kind.shape, word
        assert returns.strip().replace("marketsim.", "") == kind.returns.replace("marketsim.", ""), word


def test_every_part_of_the_view_is_explained():
    """Whatever an agent of the simple form can read or call is on the page of plugins."""
    public = {name for name, _ in inspect.getmembers(AgentView) if not name.startswith("_")}
    assert public - {"devices"} <= code_in("docs/plugins.md")


def test_every_strategy_and_storage_policy_is_explained():
    """Strategies, storage policies and ways of deferring have their place on the page of strategies."""
    from marketsim.agents.params import StorageChoice

    named = {*built_in_registry().names("strategy"), *StorageChoice.model_fields, "flexible", "on_arrival"}
    assert named <= code_in("docs/strategies.md")


def test_gate_page_names_everything():
    """Reasons of refusal, modes, allocations and the keys of the grid section are on the page of the gate."""
    registry = built_in_registry()
    modes = {"ac", "sensitivity", "observe", "none", "withheld", "exported", "peers", "equal"}
    reasons = {reason.name.lower() for reason in Reason if reason}
    named = modes | reasons | {*registry.names("allocation"), *registry.names("reactive")}
    keys = {f"grid.{field.alias or name}" for name, field in GridSection.model_fields.items()}
    elsewhere = {
        f"grid.{key}"
        for key in ("feeder", "source_pu", "line_rating_a", "load_scale", "background", "ties", "reinforcement")
    }
    assert named | (keys - elsewhere) <= code_in("docs/gate.md")
