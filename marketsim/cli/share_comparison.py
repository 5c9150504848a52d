"""What ``marketsim share --compare`` prints."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

from marketsim.app.compared_sharing import IN_CORE, NamedRule, compare_rules
from marketsim.cli.answers import AskedAnswer
from marketsim.cli.leaving import group_of, leaving_told, looked_at
from marketsim.cli.saying import say
from marketsim.cli.tables import number, progress_bar, table
from marketsim.core.currency import label_of

if TYPE_CHECKING:
    from marketsim.app.compared_sharing import Comparison, Equity, RuleAtWork
    from marketsim.results.reader import Run


def compared(run: Run, rules: list[NamedRule], seconds: float, asked: dict[str, Any], answer: AskedAnswer) -> None:
    """Put all rules side by side; ``asked`` is what ``compare_rules`` is asked with beside."""
    with progress_bar("sharing", "rules", quiet=answer.as_json) as advance:
        if advance is not None:
            asked = {**asked, "tell": advance}
        found = compare_rules(run, rules, seconds=seconds, **asked)
    told = _told(found)
    if not answer.give(told, [{"rule": label, **_flat(row)} for label, row in told["rules"].items()]):
        _show(found, label_of(run.manifest))


def _told(found: Comparison) -> dict[str, Any]:
    rules = {
        each.label: {
            **_equity_told(each.equity),
            **leaving_told(each.shares),
            "in_core": each.in_core,
            "price_of_equity": each.price_of_equity,
            "sampled": each.shares.standard_errors is not None,
        }
        for each in found.rules
    }
    return {
        "days": found.days,
        "alone": found.alone,
        "paid": found.paid,
        "beyond_one_meter": found.beyond,
        "bills_alone": _equity_told(found.alone_equity),
        "rules": rules,
        "left_out": dict(found.left_out),
    }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a table: names of agents in one cell."""
    return {**row, "worst_coalition": " ".join(row["worst_coalition"])}


def _equity_told(equity: Equity | None) -> dict[str, Any]:
    if equity is None:
        return {"burden_gini": None, "burden_worst": None, "worst_off": None}
    gini = None if isnan(equity.gini) else equity.gini
    return {"burden_gini": gini, "burden_worst": equity.worst, "worst_off": equity.worst_off}


def _show(found: Comparison, label: str) -> None:
    days = f"{found.days:,.3g} day{'' if found.days == 1 else 's'}"
    saved = found.alone - found.paid
    beyond = f"; at one meter they would have paid {number(found.beyond)} less" if found.beyond > IN_CORE else ""
    say(
        f"Alone all would pay {number(found.alone)} {label} in {days}, together they paid {number(found.paid)}: "
        f"{number(saved)} are saved{beyond}."
    )
    say()
    weighs = found.alone_equity is not None
    head = (
        "rule",
        *(("Gini of burden", "worst burden [%]") if weighs else ()),
        f"largest excess [{label}]",
        "members",
        "a day, a member",
        "in the core",
    )
    rows: list[tuple[str, ...]] = [("alone", *_equity(found.alone_equity), "-", "-", "-", "-")] if weighs else []
    rows += [_row(each, weighs=weighs) for each in found.rules]
    table(head, rows, right=tuple(range(1, len(head) - 1)))
    say()
    _explain(found, weighs=weighs)


def _row(each: RuleAtWork, *, weighs: bool) -> tuple[str, ...]:
    sampled = " (sampled)" if each.shares.standard_errors is not None else ""
    worst = each.shares.worst_excess
    core = {True: "yes", False: "no", None: "not found out"}[each.in_core]
    return (
        each.label + sampled,
        *(_equity(each.equity) if weighs else ()),
        "-" if worst is None else number(worst),
        str(len(each.shares.worst_coalition)),
        "-" if each.price_of_equity is None else number(each.price_of_equity),
        core,
    )


def _equity(equity: Equity | None) -> tuple[str, str]:
    if equity is None:
        return "-", "-"
    return "-" if isnan(equity.gini) else f"{equity.gini:.3f}", number(100.0 * equity.worst)


def _explain(found: Comparison, *, weighs: bool) -> None:
    if found.rules and len(found.rules[0].shares.names) < 2:
        say("There is no group of agents that could leave.")
    elif found.rules:
        say(
            "Largest excess: what the group that gains most by leaving would save, and of how many members it is; above 0 it is "
            f"the price of a rule's equity, told a day and member, too. The group was {looked_at(found.rules[0].shares)}."
        )
    outside = [each for each in found.rules if each.in_core is False]
    if outside:
        worst = max(outside, key=lambda each: each.shares.worst_excess or 0.0)
        say(f"Most by {worst.label}: {group_of(worst.shares)}.")
    if not weighs:
        say("Burdens need the income of every agent, such as income: {choice: [1000, 2200, 4500]}.")
    for _, why in found.left_out:
        say(f"Left out: {why}.")
