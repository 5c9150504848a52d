"""``marketsim contingency``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from marketsim.cli.answers import AskedAnswer, answer_options
from marketsim.cli.options import AskedScenario, scenario_options
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.analysis.contingency.assessment import Contingencies


@click.command()
@scenario_options
@click.option("--hours", default=4.0, show_default=True, help="Until a failure is repaired [h].")
@click.option("--source-step", default=0.05, show_default=True, help="Rise and sag of the source's voltage [p.u.].")
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Failures to show; --json and --out have all.",
)
@answer_options("failure")
def contingency(
    asked: AskedScenario,
    hours: float,
    source_step: float,
    top: int,
    answer: AskedAnswer,
) -> None:
    """Try every single failure of the feeder of SCENARIO, restore what its tie switches reach, and rank the damage.

    Source voltage, taps, the largest unit, capacitors, and every line and transformer opened; in every slot of the run.
    """
    from marketsim.analysis.contingency.assessment import contingencies

    found = contingencies(asked.compiled(), hours, source_step, answer.tell)
    ranked = [each._asdict() for each in found.ranked]
    if not answer.give({**found._asdict(), "ranked": ranked}, ranked):
        _show(found, top)


def _show(found: Contingencies, top: int) -> None:
    head = (
        "failure", "unserved kWh", "customers", "kWh before ties", "slots out", "p.u. out", "loading", "restoration"
    )  # fmt: skip
    rows = [
        (
            each.name,
            number(each.unserved_kwh),
            str(each.customers),
            number(each.lost_kwh),
            str(each.violated),
            f"{each.deepest_pu:.4f}",
            f"{100 * each.highest_loading:.0f} %",
            each.restored,
        )
        for each in found.ranked[:top]
    ]
    title = (
        f"{found.scenario}: {min(top, len(found.ranked))} worst of {len(found.ranked)} failures, {found.hours:g} h each"
    )
    table(head, rows, title=title, right=range(1, 7))
    say(
        "\nunserved: consumption without supply in the worst window of the repair time, ties closed; customers: agents "
        "without supply then. slots out: slots outside a limit that were inside before; p.u. out: farthest outside the "
        "voltage band; loading: the highest."
    )
    for note in found.notes:
        say(note)
