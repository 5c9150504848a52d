"""``marketsim validate``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from marketsim.cli.options import overrides_of, scenario_argument, set_option, trust_option
from marketsim.cli.saying import say

if TYPE_CHECKING:
    from marketsim.app.ready import CheckedScenario


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
        say(json.dumps({"valid": False, "problems": [problem._asdict() for problem in error.problems]}, indent=2))
        raise SystemExit(2) from error
    if as_json:
        say(json.dumps(_facts(checked), indent=2))
        return
    clock = checked.scenario.clock
    agents = _n_agents(checked)
    say(f"{scenario}: valid ({agents} agents, {clock.slots} slots of {clock.slot_minutes} minutes)")
    if checked.plugins:
        say("It names plugins, whose code was not run: " + ", ".join(map(str, checked.plugins)))
    for note in checked.notes:
        say(note)
    say(_extent(checked))


def _n_agents(checked: CheckedScenario) -> int:
    return sum(entry.count or 1 for entry in checked.scenario.agents)


def _facts(checked: CheckedScenario) -> dict[str, object]:
    return {
        "valid": True,
        "name": checked.scenario.name,
        "agents": _n_agents(checked),
        "slots": checked.scenario.clock.slots,
        "plugins": [str(path) for path in checked.plugins],
        "files": list(checked.files),
        "notes": list(checked.notes),
        "unchecked": list(checked.unchecked),
    }


def _extent(checked: CheckedScenario) -> str:
    """What was checked, and what only a run checks."""
    done = ", ".join(("all keys", "agents", "tariff", *checked.files))
    rest = f" Not checked before it is run: {', '.join(checked.unchecked)}." if checked.unchecked else ""
    return f"Checked: {done}.{rest}"
