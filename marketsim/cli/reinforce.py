"""``marketsim reinforce``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from marketsim.cli.answers import AskedAnswer, answer_options
from marketsim.cli.options import AskedScenario, scenario_options
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.analysis.reinforce.study import Reinforcement


@click.command()
@scenario_options
@click.option("--most", default=8, show_default=True, help="Upgrades to try, each by a run of its own.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes [default: one a processor where runs are long, else none].",
)
@answer_options("upgrade")
def reinforce(
    asked: AskedScenario,
    most: int,
    workers: int | None,
    answer: AskedAnswer,
) -> None:
    """Weigh reinforcing the feeder of SCENARIO against the energy that its gate curtails.

    Candidates are a second line or transformer beside what binds; each is run. Prices stand in grid.reinforcement.
    """
    from marketsim.analysis.reinforce.study import reinforcement

    ready = asked.compiled()
    found = reinforcement(ready, most, answer.tell, workers)
    upgrades = [{**each._asdict(), "pays": each.pays} for each in found.upgrades]
    if not answer.give({**found._asdict(), "upgrades": upgrades}, upgrades):
        _show(found, ready.model.currency)


def _show(found: Reinforcement, currency: str) -> None:
    head = (
        "second element beside", "branches", "cost", "cost a year", "avoided kWh", "worth a year", "pays", "because of"
    )  # fmt: skip
    rows = [
        (
            each.name,
            str(each.branches),
            number(each.cost),
            number(each.cost_a_year),
            number(each.avoided_kwh),
            number(each.worth_a_year),
            "yes" if each.pays else "no",
            each.why,
        )
        for each in found.upgrades
    ]
    title = (
        f"{found.scenario}: {found.curtailed_kwh:,.0f} kWh curtailed, worth {found.curtailed_worth_a_year:,.0f} "
        f"{currency} a year"
    )
    if rows:
        table(head, rows, title=title, right=range(1, 6))
    else:
        say(f"{title}\nNo voltage and no branch of the feeder made the gate refuse anything: copper buys nothing.")
    say()
    for note in found.notes:
        say(note)
