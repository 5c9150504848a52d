"""``marketsim validate``."""

from __future__ import annotations

import json

import click

from marketsim.cli.options import overrides_of, scenario_argument, set_option, trust_option


@click.command()
@scenario_argument
@set_option
@trust_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def validate(scenario: str, overrides: tuple[str, ...], trust: bool, as_json: bool) -> None:
    """Check SCENARIO and report every problem at once; runs no plugin code.

    Exit code 0 if it can be run, 2 if not.
    """
    from marketsim.app.ready import check_scenario
    from marketsim.core.errors import ScenarioError

    try:
        checked = check_scenario(scenario, overrides_of(overrides, None), trust=trust)
    except ScenarioError as error:
        if not as_json:
            raise
        click.echo(
            json.dumps({"valid": False, "problems": [problem._asdict() for problem in error.problems]}, indent=2)
        )
        raise SystemExit(2) from error
    plugins = [str(path) for path in checked.plugins]
    agents = sum(entry.count or 1 for entry in checked.scenario.agents)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "valid": True,
                    "name": checked.scenario.name,
                    "agents": agents,
                    "slots": checked.scenario.clock.slots,
                    "plugins": plugins,
                    "unchecked": list(checked.unchecked),
                },
                indent=2,
            )
        )
        return
    clock = checked.scenario.clock
    click.echo(f"{scenario}: valid ({agents} agents, {clock.slots} slots of {clock.slot_minutes} minutes)")
    if plugins:
        click.echo("It names plugins, whose code was not run: " + ", ".join(plugins))
    if checked.unchecked:
        click.echo("Not checked before it is run: " + ", ".join(checked.unchecked))
