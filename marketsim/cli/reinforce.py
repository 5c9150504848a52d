"""``marketsim reinforce``."""

from __future__ import annotations

import json
import sys

import click

from marketsim.cli.options import overrides_of, scenario_argument, seed_option, set_option
from marketsim.cli.tables import number, table


@click.command()
@scenario_argument
@set_option
@seed_option
@click.option("--most", default=8, show_default=True, help="Upgrades to look at.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def reinforce(scenario: str, overrides: tuple[str, ...], seed: int | None, most: int, as_json: bool) -> None:
    """Weigh reinforcing the feeder of SCENARIO against the energy that its gate curtails.

    Candidates are a second line or transformer beside what binds; each is run. Prices stand in grid.reinforcement.
    """
    from marketsim.analysis.reinforce.study import reinforcement
    from marketsim.app.ready import load_scenario

    ready = load_scenario(scenario, overrides_of(overrides, seed))
    tell = None if as_json or not sys.stderr.isatty() else lambda text: click.echo(f"{text} ...", err=True)
    found = reinforcement(ready, most, tell)
    if as_json:
        plain = {**found._asdict(), "upgrades": [{**each._asdict(), "pays": each.pays} for each in found.upgrades]}
        click.echo(json.dumps(plain, indent=2))
        return
    head = (
        "second element beside",
        "branches",
        "cost",
        "cost a year",
        "avoided kWh",
        "worth a year",
        "pays",
        "because of",
    )
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
        f"{found.scenario}: {found.curtailed_kwh:,.0f} kWh curtailed, worth {found.curtailed_worth_a_year:,.0f} a year"
    )
    table(head, rows or [("nothing binds", *[""] * 7)], title=title, right=range(1, 6))
    click.echo()
    for note in found.notes:
        click.echo(note)
