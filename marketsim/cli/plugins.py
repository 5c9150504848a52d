"""``marketsim plugins list | show``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from marketsim.cli.options import plugin_option, teller
from marketsim.cli.parameters import parameter_lines
from marketsim.cli.saying import say
from marketsim.cli.tables import table
from marketsim.core.errors import MissingDependency


@click.group()
def plugins() -> None:
    """List the parts that a scenario can name, built-in or of plugins, or show one."""


@plugins.command("list")
@click.option("--kind", help="Only parts of this kind, e.g. strategy.")
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_(kind: str | None, plugin_files: tuple[Path, ...], as_json: bool) -> None:
    """List all parts by kind and name."""
    from marketsim.app.ready import full_registry

    entries = full_registry(plugin_files, teller()).entries(kind)
    rows = [(entry.kind, entry.name, entry.summary, entry.source) for entry in entries]
    if as_json:
        keys = ("kind", "name", "summary", "source")
        say(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=2))
        return
    table(("kind", "name", "what it is", "from"), rows)


@plugins.command()
@click.argument("name")
@click.option("--kind", help="Where a name is used by several kinds.")
@plugin_option
def show(name: str, kind: str | None, plugin_files: tuple[Path, ...]) -> None:
    """Show the parameters of the part NAME with their units, defaults and meaning."""
    from marketsim.app.ready import full_registry
    from marketsim.core.errors import InputError

    registry = full_registry(plugin_files, teller())
    found = [entry for entry in registry.entries(kind) if entry.name == name]
    if not found:
        from difflib import get_close_matches

        names = sorted({entry.name for entry in registry.entries(kind)})
        close = get_close_matches(name, names, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else "; see marketsim plugins list"
        raise InputError(f"there is no part named {name!r}{hint}")
    for entry in found:
        say(f"{entry.kind} {entry.name} (from {entry.source})")
        say(f"  {entry.summary}")
        try:
            model = registry.params(entry.kind, entry.name)
        except MissingDependency as error:
            say(f"  {error}")
            continue
        for line in parameter_lines(model.model_json_schema(by_alias=True)):
            say(line)
