"""``marketsim expert verify``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from marketsim.cli.options import AskedScenario, part_option, scenario_options
from marketsim.cli.saying import say

if TYPE_CHECKING:
    from marketsim.experts.checking import PlanRefusal
    from marketsim.profiles.parts import DaySplit

_SHOWN = 12
"""Refusals of a day that are printed."""


@click.command()
@scenario_options
@click.argument("plans", type=click.Path(), metavar="PLANS")
@part_option
@click.option("--json", "as_json", is_flag=True, help="Print all refusals as JSON.")
def verify(asked: AskedScenario, plans: str, part: DaySplit | None, as_json: bool) -> None:
    """Check the PLANS of a file for SCENARIO: can devices do them, and does the grid take them?

    PLANS is a table (.csv) as 'marketsim expert solve --plans' writes it: day, slot, agent, generator_kw, battery_kw,
    curtailed_kw, pv_kw and kvar, a row for each agent and slot of a day; discharge and injection are positive. Every slot is
    solved by AC power flow. Ends with exit code 1 where anything is refused, and says why.
    """
    from marketsim.analysis.experts.solving import case_of, refused
    from marketsim.app.plan_file import read_plans

    case = case_of(asked.compiled(quiet=as_json), part)
    names = [case.ready.agents[row].name for row in case.days.rows]
    given = read_plans(Path(plans), names, case.days.context.clock.slots_per_day)
    found = refused(case, given)
    accepted = not any(found.values())
    if as_json:
        listed = [{"day": day, **each._asdict(), "text": each.text} for day, each in _each(found)]
        say(
            json.dumps({"accepted": accepted, "days": list(given), "refusals": listed}, indent=2).replace("NaN", "null")
        )
    else:
        _tell(found, has_grid=case.grid is not None)
    if not accepted:
        sys.exit(1)


def _each(found: dict[int, list[PlanRefusal]]) -> list[tuple[int, PlanRefusal]]:
    return [(day, each) for day, refusals in found.items() for each in refusals]


def _tell(found: dict[int, list[PlanRefusal]], *, has_grid: bool) -> None:
    for day, refusals in found.items():
        for each in refusals[:_SHOWN]:
            say(f"day {day}, {each.text}")
        if len(refusals) > _SHOWN:
            say(f"day {day}: and {len(refusals) - _SHOWN} more")
    n, days = len(_each(found)), f"{len(found)} day{'' if len(found) == 1 else 's'}"
    checked = "devices and AC power flow of every slot" if has_grid else "devices; there is no feeder"
    say(f"Refused: {n} reasons in {days}." if n else f"Accepted: {days}, by {checked}.")
