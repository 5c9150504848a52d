"""``marketsim contingency``."""

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
@click.option("--hours", default=4.0, show_default=True, help="Until a failure is repaired [h].")
@click.option("--source-step", default=0.05, show_default=True, help="Rise and sag of the source's voltage [p.u.].")
@click.option("--top", default=20, show_default=True, help="Failures to show; --json has all.")
@click.option("--json", "as_json", is_flag=True, help="Print all failures as JSON.")
def contingency(
    scenario: str,
    overrides: tuple[str, ...],
    seed: int | None,
    hours: float,
    source_step: float,
    top: int,
    as_json: bool,
) -> None:
    """Try every single failure of the feeder of SCENARIO, restore what its tie switches reach, and rank the damage.

    Source voltage, taps, the largest unit, capacitors, and every line and transformer opened; in every slot of the run.
    """
    from marketsim.analysis.contingency.assessment import contingencies
    from marketsim.app.ready import load_scenario

    ready = load_scenario(scenario, overrides_of(overrides, seed))
    tell = (
        None if as_json or not sys.stderr.isatty() else lambda text: click.echo(f"\r{text[:70]:70}", err=True, nl=False)
    )
    found = contingencies(ready, hours, source_step, tell)
    if as_json:
        click.echo(json.dumps({**found._asdict(), "ranked": [each._asdict() for each in found.ranked]}, indent=2))
        return
    if tell is not None:
        click.echo(err=True)
    head = (
        "failure",
        "unserved kWh",
        "customers",
        "before restoring",
        "violated",
        "out of band",
        "loading",
        "restoration",
    )
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
    title = f"{found.scenario}: {min(top, len(found.ranked))} worst of {len(found.ranked)} failures, {hours:g} h each"
    table(head, rows, title=title, right=range(1, 7))
    click.echo(
        "\nunserved: consumption without supply in the worst window of the repair time [kWh]. violated: slots outside a "
        "limit that were inside before. out of band: farthest [p.u.]."
    )
    for note in found.notes:
        click.echo(note)
