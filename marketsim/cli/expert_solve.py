"""``marketsim expert solve``."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from marketsim.cli.answers import AskedAnswer, answer_options, write_out
from marketsim.cli.options import AskedScenario, part_option, scenario_options
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.analysis.experts.solving import Bound
    from marketsim.profiles.parts import DaySplit


@click.command()
@scenario_options
@part_option
@click.option("--days", type=click.IntRange(min=1), metavar="N", help="So many days [default: all].")
@click.option("--plans", type=click.Path(dir_okay=False), metavar="FILE", help="Also write the set-points (.csv).")
@click.option("--played", is_flag=True, help="Follow the expert slot by slot, with what it knows then, as in a run.")
@answer_options("day")
def solve(
    asked: AskedScenario,
    part: DaySplit | None,
    days: int | None,
    plans: str | None,
    answer: AskedAnswer,
    *,
    played: bool,
) -> None:
    """Plan the days of SCENARIO by its expert: what is possible, and what it costs.

    Each plan is checked by a power flow that the expert does not use. The expert is that of the section expert. It knows the
    whole day, whatever expert.information says, unless it is played, and plans all agents with PV, a battery, a generator or
    curtailable load. Ends with exit code 1 where a plan asks what no device can do, or its power flow has no solution.
    """
    from marketsim.analysis.experts.solving import bound
    from marketsim.app.plan_file import plan_text

    _check_plans(plans, force=answer.force)
    ready = asked.compiled(quiet=answer.as_json)
    found = bound(ready, part, days, answer.tell, played=played)
    if plans is not None:
        write_out(Path(plans), plan_text(found.agents, found.plans))
    if not answer.give(found.document(), [each._asdict() for each in found.days]):
        _show(found, ready.model.currency)
    if any(each.impossible or each.unsolved for each in found.days):
        sys.exit(1)


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
            number(_saved(each.idle_cost, each.cost)),
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
    played = ", played" if found.played else ""
    title = f"{found.scenario}{which}: {len(found.agents)} agents by the expert {found.expert}{played} [{currency}]"
    table(head, rows, title=title, right=range(2, 10))
    say()
    for line in _summary(found):
        say(line)


def _summary(found: Bound) -> list[str]:
    days, n = found.days, len(found.days)
    cost, idle = (sum(getattr(each, key) for each in days) / n for key in ("cost", "idle_cost"))
    saved = _saved(idle, cost)
    share = f", {100.0 * abs(saved) / idle:.1f} % of it" if idle > 0.0 else ""
    lines = [
        f"A day costs {number(cost)} instead of {number(idle)}: {number(abs(saved))} {'more' if saved < 0.0 else 'less'}{share}."
    ]
    beyond = [each for each in days if each.impossible]
    if beyond:
        n, first = sum(each.impossible for each in beyond), beyond[0]
        lines.append(
            f"No device can do {n:,} of the set-points, so nobody pays this; day {first.day}, {first.first_impossible}"
        )
    slots = sum(each.bus_slots for each in days)
    if not slots:
        return [*lines, "Without a feeder there are no voltages to check."]
    planned, resting = (
        sum(getattr(each, key) for each in days for key in keys)
        for keys in (("over", "under"), ("idle_over", "idle_under"))
    )
    left = f"{100.0 * planned / slots:.3f} % of {slots:,} bus-slots are outside the voltage band"
    was = f"with everything at rest {100.0 * resting / slots:.3f} %"
    lines.append(f"By AC power flow (another solver than the expert's) {left}; {was}.")
    for key, when in (("unsolved", "under the plan"), ("idle_unsolved", "with everything at rest")):
        if without := sum(getattr(each, key) for each in days):
            lines.append(
                f"It has no solution in {without} slot{'' if without == 1 else 's'} {when}, which count as neither."
            )
    return lines


def _saved(idle: float, cost: float) -> float:
    """What is saved; nothing where only rounding is left."""
    return 0.0 if math.isclose(idle, cost, rel_tol=1e-9, abs_tol=1e-6) else idle - cost
