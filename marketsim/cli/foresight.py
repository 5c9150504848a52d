"""What ``marketsim coordinate --foresight`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from marketsim.cli.options import given
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.analysis.coordination.foresight import DayDifference, Foreseen

_OTHER: Final = ("objective", "days", "every", "year", "target", "forecasts", "slack", "by", "weights", "prices")
"""Options that say something else than what forecasts are worth."""


_OWN: Final = ("weeks", "scenarios", "risk")
"""Options that say something with ``--foresight`` alone."""


def demand_no_other(context: click.Context) -> None:
    """UsageError where options were given that ``--foresight`` has no use for."""
    if name := given(context, _OTHER):
        raise click.UsageError(f"--foresight plans for cost and peak, on weeks of its own: leave out --{name}.")


def demand_foresight(context: click.Context) -> None:
    """UsageError where options of ``--foresight`` were given without it."""
    if name := given(context, _OWN):
        raise click.UsageError(
            f"--{name} says something with --foresight alone: leave it out, or add --foresight test."
        )


def show_foresight(found: Foreseen) -> None:
    """Ways, what they differ by, and how good their forecasts are."""
    from marketsim.analysis.coordination.foresight import mean_day

    asked, currency = found.asked, found.ready.model.currency
    head = ("", f"cost [{currency}]", "mean peak kW", f"with peaks [{currency}]", "refused kWh", "missed kWh")
    rows = []
    for name, days in found.ways.items():
        rows.append((name, *(number(each) for each in mean_day(days).values())))
    title = (
        f"{found.ready.name}: {len(found.ready.agents)} agents, {len(found.starts)} weeks of {asked.part} days, a day"
    )
    table(head, rows, title=title, right=range(1, len(head)))
    say()
    _differences(found)
    say()
    skill = [
        (name, number(each.load_pinball_kw), number(each.pv_pinball_kw), *map(_percent, (each.load_covered, each.pv_covered)))
        for name, each in found.skill.items()
    ]  # fmt: skip
    heads = ("", "pinball load kW", "pinball PV kW", "load in 80 %", "PV in 80 %")
    table(heads, skill, right=range(1, len(heads)))
    say()
    say(
        "cost: all payments of all agents and wear of a day, from noon to noon; what stores hold more or less at its end counts "
        "at the middle of the tariffs. peak: largest import of all together. with peaks: cost, and "
        f"{asked.peak_price:g} {currency}/kW for each day's peak. Differences are paired by days, with 95 % intervals; * where "
        "they exclude 0. pinball: loss of the nine deciles of each home 1 to 24 hours ahead. in 80 %: share of what came within "
        "the interval that is to hold 80 %."
    )


def _differences(found: Foreseen) -> None:
    from marketsim.analysis.coordination.foresight import differences, pairs_of

    told = {(each.way, each.other, each.measure): each for each in differences(found)}
    rows = [
        (f"{way} - {other}", *(_told(told[way, other, measure]) for measure in ("cost", "peak_kw", "total")))
        for way, other in pairs_of(found.asked)
    ]
    head = ("difference", "cost", "mean peak kW", "with peaks")
    table(head, rows, right=range(1, len(head)))


def _told(each: DayDifference) -> str:
    star = "" if each.low <= 0.0 <= each.high else " *"
    return f"{each.mean:+.2f} ({each.low:+.2f} to {each.high:+.2f}){star}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
