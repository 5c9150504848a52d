"""``marketsim share``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from marketsim.cli.options import plugin_option, trust_option
from marketsim.cli.rule_option import named_rule, rules_of
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.app.share import CostShares

_MOST_NAMED: Final = 12


@click.command()
@click.argument("folder", metavar="RUN", type=click.Path())
@click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="NAME",
    help="A rule of sharing, or '{NAME: {PARAMETER: VALUE}}'; marketsim plugins list --kind sharing.  [default: shapley]",
)
@click.option("--compare", is_flag=True, help="Put all rules side by side, and those of --rule: equity and stability.")
@click.option("--seed", default=1, show_default=True, metavar="N", help="Of rules that draw orders of joining.")
@click.option(
    "--seconds",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0.0, min_open=True),
    metavar="S",
    help="To look for the group that gains most by leaving, beyond 16 agents; for each rule.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@plugin_option
@trust_option
def share(
    folder: str,
    rules: tuple[str, ...],
    compare: bool,
    seed: int,
    seconds: float,
    as_json: bool,
    plugin_files: tuple[Path, ...],
    trust: bool,
) -> None:
    """Say who should pay what of RUN's cost by a rule, and which group would rather leave.

    All slots of the run are one period, and what the run itself shared is left out. A group is put behind one meter, at what
    its members' meters showed: what it would pay by itself is exact. All together pay what they paid.
    """
    from marketsim.app.running import open_run
    from marketsim.app.share import share_of_run
    from marketsim.core.currency import label_of

    named, registry = [named_rule(rule) for rule in rules], rules_of(plugin_files)
    asked: dict[str, Any] = {"seed": seed, "trust": trust, "registry": registry}
    if compare:
        from marketsim.cli.share_comparison import compared

        compared(open_run(folder, trust=trust), named, seconds, asked, as_json=as_json)
        return
    if len(named) > 1:
        raise click.BadParameter("give one rule, or --compare with it", param_hint="--rule")
    name, parameters = named[0] if named else ("shapley", {})
    run = open_run(folder, trust=trust)
    found = share_of_run(run, name, seconds=seconds, **asked, **parameters)
    if as_json:
        say(json.dumps(_told(found, name), indent=2))
    else:
        _show(found, name, label_of(run.manifest))


def _told(found: CostShares, rule: str) -> dict[str, object]:
    assert found.shares_money is not None
    columns = {
        "paid": found.paid,
        "alone": found.alone,
        "share": found.shares,
        "standard_error": found.standard_errors,
        "burden": found.burdens,
    }
    agents = {
        name: {key: None if column is None else float(column[row]) for key, column in columns.items()}
        | {"share_money": int(found.shares_money[row])}
        for row, name in enumerate(found.names)
    }
    return {"rule": rule, "agents": agents, **leaving_told(found)}


def leaving_told(found: CostShares) -> dict[str, Any]:
    """The group that would rather leave, for JSON."""
    return {
        "worst_excess": found.worst_excess,
        "worst_coalition": list(found.worst_coalition),
        "excess_gap": found.excess_gap,
        "worst_by": found.worst_by,
    }


def _show(found: CostShares, rule: str, label: str) -> None:
    assert found.paid is not None
    errors, weighs = found.standard_errors, found.burdens
    head = (
        *("agent", f"paid [{label}]", "alone", rule),
        *(() if errors is None else ("+-",)),
        "against alone",
        *(() if weighs is None else ("of income [%]",)),
    )
    rows = []
    for row, name in enumerate(found.names):
        share, alone = float(found.shares[row]), float(found.alone[row])
        error = () if errors is None else (number(float(errors[row])),)
        weight = () if weighs is None else (number(100.0 * float(weighs[row])),)
        told = (number(float(found.paid[row])), number(alone), number(share), *error, number(share - alone, sign=True))
        rows.append((name, *told, *weight))
    totals = [number(float(column.sum())) for column in (found.paid, found.alone, found.shares)]
    blank = () if errors is None else ("",)
    saved = number(float(found.shares.sum() - found.alone.sum()), sign=True)
    rows.append(("together", *totals, *blank, saved, *(() if weighs is None else ("",))))
    table(head, rows, right=tuple(range(1, len(head))))
    say()
    say(_leaving(found, label))


def _leaving(found: CostShares, label: str) -> str:
    """Who would rather pay for itself, in a sentence."""
    if found.worst_excess is None:
        alone = "There is no group of agents that could leave."
        return (
            alone
            if len(found.names) < 2
            else "Which group would gain most by leaving was not found in time: --seconds."
        )
    group, looked = group_of(found), looked_at(found)
    gap = f" Another may gain up to {number(found.excess_gap)} more: --seconds." if found.excess_gap > 1e-6 else ""
    if found.worst_excess > 1e-6:
        return (
            f"Not stable: {group} would pay {number(found.worst_excess)} {label} less behind one meter of their own "
            f"({looked}).{gap}"
        )
    nearest = f"Nearest: {group}, {number(abs(found.worst_excess))} {label} more"
    return f"Stable: no group would pay less by itself. {nearest} ({looked}).{gap}"


def looked_at(found: CostShares) -> str:
    """How the group that would rather leave was looked for."""
    groups = 2 ** len(found.names) - 2
    return f"found among all {groups:,}" if found.worst_by == "all groups" else "found by mixed-integer programme"


def group_of(found: CostShares) -> str:
    """The group by names, or by those that are not in it, whichever are fewer."""
    inside = set(found.worst_coalition)
    others = [name for name in found.names if name not in inside]
    if len(others) < len(inside):
        return f"everybody but {_listed(others)}"
    return _listed(found.worst_coalition)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more (--json names them)" if more > 0 else "")
