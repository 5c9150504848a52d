"""``--weights`` of ``marketsim coordinate``: who benefits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from marketsim.cli.rule_option import named_rule
from marketsim.cli.saying import say
from marketsim.cli.tables import number, percent, table

if TYPE_CHECKING:
    from marketsim.analysis.coordination.benefits import Benefit, NamedWeights


def named_weights(texts: tuple[str, ...]) -> list[NamedWeights]:
    """Names with commas between them, or one name with its parameters, as often as asked for."""
    from marketsim.analysis.coordination.benefits import NamedWeights

    each = [part.strip() for text in texts for part in ([text] if "{" in text else text.split(","))]
    if not all(each):
        raise click.BadParameter("a name is missing: give names with commas between them", param_hint="--weights")
    return [NamedWeights(*named_rule(part, "--weights")) for part in each]


def print_benefits(who: tuple[Benefit, ...], days: int, currency: str) -> None:
    """A table of where members stand under each rule, and what it means."""

    def told(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    classes = tuple(who[0].burdens)
    head = (
        *("weights", "Gini of burden", "worst burden", "Gini of access", f"all pay [{currency}]", "peak kW"),
        *(f"{what}, {name}" for what in ("burden", "access") for name in classes),
    )
    rows = [
        (
            each.way,
            told(each.burden_gini),
            percent(each.burden_worst),
            told(each.access_gini),
            number(each.paid),
            number(each.peak_kw),
            *(percent(each.burdens[name]) for name in classes),
            *(percent(each.access[name]) for name in classes),
        )
        for each in who
    ]
    say()
    table(head, rows, title=f"Who benefits, by weights: {days} days in one run", right=range(1, len(head)))
    say()
    say(
        "burden: a member's bills over its income of that time. access: the part of what it used that did not come from the "
        "utility. Compare rules on the same days: a Gini coefficient moves through the year by the season alone, and one that "
        "falls is no synonym of better. Read the worst burden beside it."
    )
