"""``marketsim schema``."""

from __future__ import annotations

import json

import click

from marketsim.cli.saying import say


@click.command()
def schema() -> None:
    """Print the JSON Schema of scenarios.

    In VS Code, save it as scenario.schema.json and begin a scenario with
    # yaml-language-server: $schema=scenario.schema.json
    """
    from marketsim.builtin import built_in_registry
    from marketsim.scenario.schema import json_schema

    say(json.dumps(json_schema(built_in_registry()), indent=2))
