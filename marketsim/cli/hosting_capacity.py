"""``marketsim hosting-capacity``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from marketsim.cli.answers import AskedAnswer, answer_options
from marketsim.cli.figures import drawable
from marketsim.cli.options import AskedScenario, scenario_options
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.analysis.hosting.capacity import Capacity, HostingReport, SamplingError

_WEAKEST = 10


@click.command("hosting-capacity")
@scenario_options
@click.option("--asset", default="pv", show_default=True, metavar="NAME", help="pv, ev, heat_pump or battery.")
@click.option("--placements", default=50, show_default=True, help="Random orders in which units are added.")
@click.option(
    "--criterion",
    default="strict",
    show_default=True,
    metavar="NAME",
    help="Voltages within the band in every slot (strict), in 95 % of a week (en50160), or beyond by --depth at most "
    "(depth_hours).",
)
@click.option(
    "--depth", "depth_pu_h", default=0.01, show_default=True, help="What depth_hours allows at any bus [p.u. h]."
)
@click.option("--curtailment", default=5.0, show_default=True, help="Energy that may be curtailed under the gate [%].")
@click.option(
    "--curtailed-of",
    default="worst-days",
    show_default=True,
    metavar="NAME",
    help="Energy that this is a share of: that of the days in --days (worst-days), or the year's (year).",
)
@click.option(
    "--year-days",
    default=36,
    show_default=True,
    help="Days, drawn from strata, that stand for the year; 366: all of it.",
)
@click.option(
    "--unit-kw",
    type=float,
    help="Rating of a unit [default: pv 5, ev 11, heat_pump 3, battery 5; 20 times that on medium voltage].",
)
@click.option(
    "--days",
    default=3,
    show_default=True,
    help="Worst days of the year that are tried; en50160 takes the week around the worst.",
)
@click.option(
    "--buses/--no-buses", "per_bus", default=True, show_default=True, help="Whether each bus is asked about alone."
)
@click.option("--figure", type=click.Path(), metavar="FILE", help="Draw the answer there (svg, pdf or png), too.")
@answer_options("placement or bus")
def hosting_capacity(
    asked: AskedScenario, answer: AskedAnswer, curtailment: float, figure: str | None, **given: Any
) -> None:
    """Find how much of an asset the feeder of SCENARIO takes, feeder-wide and bus by bus, and what binds.

    Units are added along random orders of the buses with load, on the worst days of the year, until a limit breaks
    (gate observe) or more than the given share of their energy has to be curtailed (gate ac). Worst days overstate what
    a year loses: --curtailed-of year asks about all of it.
    """
    from marketsim.analysis.hosting.capacity import Options
    from marketsim.analysis.hosting.capacity import hosting_capacity as ask

    drawn = None if figure is None else drawable(figure)
    ready = asked.load()
    options = Options(curtailment=curtailment / 100.0, **given)
    report = ask(ready, options, answer.tell)
    if drawn is not None:
        from marketsim.analysis.hosting.figure import draw

        draw(report, drawn)
    if not answer.give(_plain(report), _rows(report)):
        _show(report)


def _plain(report: HostingReport) -> dict[str, object]:
    """The report as plain data."""
    return {
        **report._asdict(),
        "options": report.options._asdict(),
        "capacities": [
            {
                **each._asdict(),
                "kw": dict(zip(("5 %", "50 %", "95 %"), each.kw, strict=True)),
                "bindings": dict(each.bindings),
                "cases": [case._asdict() for case in each.cases],
                "buses": [bus._asdict() for bus in each.buses],
                "sampling": None if each.sampling is None else each.sampling._asdict(),
            }
            for each in report.capacities
        ],
    }


def _rows(report: HostingReport) -> list[dict[str, object]]:
    """A row a placement, and a bus alone, under each rule."""
    return [
        {"rule": each.rule, "kind": kind, **place._asdict()}
        for each in report.capacities
        for kind, places in (("placement", each.cases), ("bus", each.buses))
        for place in places
    ]


def _show(report: HostingReport) -> None:
    options = report.options
    title = f"{report.scenario}: {options.asset} on {report.feeder}, units of {number(report.unit_kw)} kW"
    head = ("", "5 %", "50 %", "95 %", "kW", "of peak load", "binds most often")
    rows = [
        (each.rule, *(number(kw) for kw in each.kw), "kW", _share(each.kw[1], report.peak_load_kw), _most(each))
        for each in report.capacities
    ]
    table(head, rows, title=title, right=(1, 2, 3, 5))
    for each in report.capacities:
        if each.buses:
            _weakest(each)
    say(f"\n{options.placements} placements; days: {report.days}. Peak load on them: {number(report.peak_load_kw)} kW.")
    if report.year:
        say(f"The year: {report.year}.")
    for each in report.capacities:
        if each.sampling is not None:
            say(_sampling(each.sampling))
        if each.capped:
            say(f"{each.rule}: {each.capped} placements take the most that was tried; it is a lower bound.")
        if each.scanned:
            say(f"{each.rule}: {each.scanned} placements were not monotone and were scanned unit by unit.")
    for note in report.notes:
        say(note)


def _sampling(error: SamplingError) -> str:
    from marketsim.analysis.hosting.capacity import ERRORS

    return (
        f"Error of the days drawn, at the middle placement: {100 * error.share:.2f} % curtailed, +- "
        f"{100 * ERRORS * error.standard_error:.2f} ({ERRORS:g} standard errors); its capacity lies between "
        f"{number(error.low_kw)} and {number(error.high_kw)} kW."
    )


def _share(kw: float, peak_kw: float) -> str:
    return f"{100 * kw / peak_kw:.0f} %" if peak_kw else "-"


def _most(each: Capacity) -> str:
    if not each.bindings:
        return "nothing"
    text, count = each.bindings[0]
    return f"{text} ({count} of {len(each.cases)})"


def _weakest(each: Capacity) -> None:
    weakest = sorted(each.buses, key=lambda bus: bus.kw)[:_WEAKEST]
    rows = [(bus.name, number(bus.kw), bus.binding, bus.when) for bus in weakest]
    say()
    title = f"{min(_WEAKEST, len(each.buses))} weakest of {len(each.buses)} buses alone, {each.rule}"
    table(("bus", "kW", "binds", "when"), rows, title=title, right=(1,))
