"""``marketsim expert solve | verify``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketsim.cli.answers import AskedAnswer, answer_options, write_out
from marketsim.cli.options import AskedScenario, scenario_options
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.analysis.experts.solving import Bound
    from marketsim.experts.checking import Refusal

_SHOWN = 12
"""Refusals of a day that are printed."""


def _part_option(function: Any) -> Any:
    text = "Days of this part of the source year [default: the days of the scenario]."
    parts = click.Choice(("training", "validation", "test"))
    return click.option("--part", type=parts, help=text)(function)


@click.group()
def expert() -> None:
    """Plan days by the expert of a scenario, and verify plans by AC power flow."""


@expert.command()
@scenario_options
@_part_option
@click.option("--days", type=click.IntRange(min=1), metavar="N", help="So many days [default: all].")
@click.option("--plans", type=click.Path(dir_okay=False), metavar="FILE", help="Also write the set-points (.csv).")
@answer_options("day")
def solve(asked: AskedScenario, part: Any, days: int | None, plans: str | None, answer: AskedAnswer) -> None:
    """Plan the days of SCENARIO by its expert: what is possible, and what it costs.

    Each plan is checked by a power flow that the expert does not use. The expert is that of the section expert. It knows the
    whole day, whatever expert.information says, and plans all agents with PV, a battery, a generator or curtailable load.
    """
    from marketsim.analysis.experts.solving import bound
    from marketsim.app.plan_file import plan_text

    _check_plans(plans, force=answer.force)
    ready = asked.compiled(quiet=answer.as_json)
    found = bound(ready, part, days, answer.tell)
    if plans is not None:
        write_out(Path(plans), plan_text(found.agents, found.plans))
    if not answer.give(found.document(), [each._asdict() for each in found.days]):
        _show(found, ready.model.currency)


def _check_plans(plans: str | None, *, force: bool) -> None:
    """UsageError or InputError for a file that no plans can be written to, before anything is computed."""
    from marketsim.core.errors import InputError
    from marketsim.core.files import demand_new

    if plans is None:
        return
    path = Path(plans)
    if path.suffix != ".csv":
        raise click.BadParameter(f"{plans!r} does not end in .csv", param_hint="'--plans'")
    if not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(path.parent)!r}", param_hint="'--plans'")
    demand_new(path, InputError, force=force)


def _show(found: Bound, currency: str) -> None:
    head = ("day", "of", "cost", "idle", "saving", "over", "under", "curtailed kWh", "programmes", "CPU s", "status")
    rows = [
        (
            str(each.day),
            each.date,
            number(each.cost),
            number(each.idle_cost),
            number(each.idle_cost - each.cost),
            str(each.over),
            str(each.under),
            number(each.curtailed_pv_kwh + each.curtailed_load_kwh),
            str(each.solves),
            f"{each.seconds:.2f}",
            each.status,
        )
        for each in found.days
    ]
    which = "" if found.part is None else f", {found.part} days"
    title = f"{found.scenario}{which}: {len(found.agents)} agents by the expert {found.expert} [{currency}]"
    table(head, rows, title=title, right=range(2, 10))
    say()
    for line in _summary(found):
        say(line)


def _summary(found: Bound) -> list[str]:
    days, n = found.days, len(found.days)
    cost, idle = (sum(getattr(each, key) for each in days) / n for key in ("cost", "idle_cost"))
    share = f", {100.0 * (idle - cost) / idle:.1f} % of it" if idle > 0.0 else ""
    lines = [f"A day costs {number(cost)} instead of {number(idle)}: {number(idle - cost)} less{share}."]
    slots = sum(each.bus_slots for each in days)
    if not slots:
        return [*lines, "Without a feeder there are no voltages to check."]
    planned, resting = (
        [sum(getattr(each, key) for each in days) for key in keys]
        for keys in (("over", "under"), ("idle_over", "idle_under"))
    )
    left = f"{100.0 * sum(planned) / slots:.3f} % of {slots:,} bus-slots are outside the voltage band"
    was = f"with everything at rest {100.0 * sum(resting) / slots:.3f} %"
    return [*lines, f"By AC power flow (another solver than the expert's) {left}; {was}."]


@expert.command()
@scenario_options
@click.argument("plans", type=click.Path(), metavar="PLANS")
@_part_option
@click.option("--json", "as_json", is_flag=True, help="Print all refusals as JSON.")
def verify(asked: AskedScenario, plans: str, part: Any, as_json: bool) -> None:
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


def _each(found: dict[int, list[Refusal]]) -> list[tuple[int, Refusal]]:
    return [(day, each) for day, refusals in found.items() for each in refusals]


def _tell(found: dict[int, list[Refusal]], *, has_grid: bool) -> None:
    for day, refusals in found.items():
        for each in refusals[:_SHOWN]:
            say(f"day {day}, {each.text}")
        if len(refusals) > _SHOWN:
            say(f"day {day}: and {len(refusals) - _SHOWN} more")
    n, days = len(_each(found)), f"{len(found)} day{'' if len(found) == 1 else 's'}"
    checked = "devices and AC power flow of every slot" if has_grid else "devices; there is no feeder"
    say(f"Refused: {n} reasons in {days}." if n else f"Accepted: {days}, by {checked}.")
