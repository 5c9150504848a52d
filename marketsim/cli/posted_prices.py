"""What ``marketsim coordinate --prices`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from marketsim.cli.options import given
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.analysis.coordination.prices import PostedStudy

_OF_PLANS: Final = ("objective", "target", "forecasts", "slack", "by", "weights")
"""Options that say how a pool plans, what is made of its peak, and who has what it trades."""
_MOST_NAMED: Final = 6
_NOTHING: Final = 1e-6
"""Money that solvers leave."""


def demand_no_plans(context: click.Context) -> None:
    """UsageError where options of plans were given beside ``--prices``."""
    if name := given(context, _OF_PLANS):
        raise click.UsageError(f"--prices are those of the plan of least cost by actual series: leave out --{name}.")


def print_posted(found: PostedStudy) -> None:
    """A table of all ways, and what they mean."""
    from marketsim.analysis.coordination.prices import rows_of

    rows, currency, first = rows_of(found), found.ready.model.currency, found.days[0].date
    period = str(first) if len(found.days) == 1 else f"{len(found.days)} days, {first} to {found.days[-1].date}"
    head = (
        "",
        "moved",
        f"pool's cost [{currency}]",
        "dearer by",
        "Gini of burden",
        "worst burden [%]",
        "above alone",
        "left over",
    )
    lines = [_line(row) for row in rows]
    table(head, lines, title=f"{found.ready.name}: {len(found.names)} agents, {period}", right=range(1, len(head)))
    say()
    _books(found, rows)
    _remarks(found)


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(row["way"]),
        "-" if row["part"] is None else f"{100 * row['part']:.0f} %",
        number(row["cost"]),
        "-" if row["dearer"] is None else f"{round(100 * row['dearer'], 1) + 0.0:.1f} %",
        "-" if row["burden_gini"] is None else f"{row['burden_gini']:.3f}",
        "-" if row["burden_worst"] is None else number(100 * row["burden_worst"]),
        str(row["above_alone"]),
        number(_rounded(row["left"])),
    )


def _rounded(left: float) -> float:
    """Money without what solvers leave."""
    return 0.0 if abs(left) <= _NOTHING else left


def _books(found: PostedStudy, rows: list[dict[str, Any]]) -> None:
    posted, untold = rows[1], rows[2]
    above = "nobody pays" if posted["above_alone"] == 0 else f"{posted['above_alone']} pay"
    say(
        "Posted are the duals of the plan of least cost, and the operator proposes that plan, a best answer of every member "
        f"to {max(posted['regret'], 1e-9):.0e} {found.ready.model.currency}. Members then pay what the pool pays, and {above} "
        "more than alone."
    )
    if untold["left"] < -_NOTHING:
        say(
            "Untold: many plans are best answers, and those that members happened to find do not add up: the operator is short "
            f"by {number(-untold['left'])}. Prices alone do not coordinate them."
        )
    for reached in found.ways:
        names = found.above_alone(reached)
        if names and reached.part is not None:
            more = f" and {len(names) - _MOST_NAMED} more" if names[_MOST_NAMED:] else ""
            say(f"Above alone by {reached.way}, {100 * reached.part:.0f} %: {', '.join(names[:_MOST_NAMED])}{more}.")


def _remarks(found: PostedStudy) -> None:
    if found.homes is None:
        say(
            "Burdens, and prices by income, need the income of every agent, such as income: {choice: [1000, 2200, 4500]}."
        )
        return
    say(
        "prices within tariffs: low incomes pay less on the way to the feed-in tariff, which others finance by so much of the "
        "way to what they have alone. a price a home: each home's price is shifted by the same in all slots, towards the bills "
        "of least worst burden. money moved: the common plan, and bills so much of the way to those of least worst burden "
        "(rawls_ir). Members answer anew at all prices, and of their best answers those are proposed that cost the pool least."
    )
    if found.unbalanced:
        count = len(found.days)
        told = "; ".join(
            way if failed == count else f"{way}, on {failed} of {count} days" for way, failed in found.unbalanced
        )
        say(
            "No prices of their kind balance the operator's books, since what members do at them costs more than others can be "
            f"asked for: {told}. On such a day the posted prices stand; who balances on none is left out."
        )
