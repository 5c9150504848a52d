"""``marketsim baselines``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from marketsim.cli.answers import AskedAnswer, answer_options
from marketsim.cli.options import AskedScenario, scenario_options
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.analysis.baselines.rules import Baselines
    from marketsim.profiles.parts import DaySplit

_PARTS = ("validation", "training", "test")


@click.command()
@scenario_options
@click.option("--part", type=click.Choice(_PARTS), default=_PARTS[0], show_default=True, help="Days to play.")
@answer_options("control")
def baselines(asked: AskedScenario, part: DaySplit, answer: AskedAnswer) -> None:
    """Play the rules of set-points in SCENARIO day by day: what experts and learners are compared with.

    Each rule with and without the volt-var curve of the inverters, on every day of the part; `--set grid.gate=ac` has the
    operator refuse what breaks a limit.
    """
    from marketsim.analysis.baselines.rules import baselines as played

    found = played(asked.compiled(), part, answer.tell)
    rows = [each._asdict() for each in found.controls]
    if not answer.give({**found._asdict(), "controls": rows}, rows):
        _show(found)


def _show(found: Baselines) -> None:
    head = ("control", "volt-var", "cost/day", "saved %", "over %", "under %", "slots outside %",
            "curtailed kWh/day", "refused kWh/day")  # fmt: skip
    rows = [
        (
            each.control,
            "yes" if each.curve else "no",
            f"{each.cost:,.0f}",
            "-" if each.saving is None else f"{100 * each.saving:.1f}",
            f"{100 * each.over:.3f}",
            f"{100 * each.under:.3f}",
            f"{100 * each.slots_outside:.1f}",
            number(round(each.curtailed_kwh)),
            number(round(each.refused_kwh)),
        )
        for each in found.controls
    ]
    title = f"{found.scenario}: {found.days} {found.part} days"
    table(head, rows, title=title, right=range(2, len(head)))
    say(
        "\nover, under: share of all buses and slots outside of the voltage band; cost holds what is in store at the end."
    )
