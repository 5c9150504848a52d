"""``marketsim schema``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from marketsim.cli.options import plugin_option, teller
from marketsim.cli.saying import say


@click.command()
@plugin_option
def schema(plugin_files: tuple[Path, ...]) -> None:
    """Print the JSON Schema of scenarios, by which editors complete and check them.

    In VS Code, save it as scenario.schema.json and begin a scenario with
    # yaml-language-server: $schema=scenario.schema.json
    """
    from marketsim.app.ready import full_registry
    from marketsim.scenario.json_schema import json_schema

    say(json.dumps(json_schema(full_registry(plugin_files, teller())), indent=2))
