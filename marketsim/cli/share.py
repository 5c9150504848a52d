"""``marketsim share``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from marketsim.cli.options import trust_option
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.app.share import CostShares

_MOST_NAMED: Final = 12


@click.command()
@click.argument("folder", metavar="RUN", type=click.Path())
@click.option(
    "--rule",
    default="shapley",
    show_default=True,
    metavar="NAME",
    help="A rule of sharing, or '{NAME: {PARAMETER: VALUE}}'; marketsim plugins list sharing.",
)
@click.option("--seed", default=1, show_default=True, metavar="N", help="Of rules that draw orders of joining.")
@click.option(
    "--seconds", default=30.0, show_default=True, metavar="S", help="To look for the group that gains most by leaving."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@trust_option
def share(folder: str, rule: str, seed: int, seconds: float, as_json: bool, trust: bool) -> None:
    """Say who should pay what of RUN's cost by a rule, and which group would rather leave.

    All slots of the run are one period, and what the run itself shared is left out. A group is put behind one meter, at what
    its members' meters showed: what it would pay by itself is exact. All together pay what they paid.
    """
    from marketsim.app.running import open_run
    from marketsim.app.share import share_of_run
    from marketsim.core.currency import label_of

    name, parameters = _named(rule)
    run = open_run(folder, trust=trust)
    found = share_of_run(run, name, seed=seed, seconds=seconds, trust=trust, **parameters)
    if as_json:
        say(json.dumps(_told(found, name), indent=2))
    else:
        _show(found, name, label_of(run.manifest))


def _named(rule: str) -> tuple[str, dict[str, Any]]:
    """Name and parameters of a rule as a scenario writes it."""
    from marketsim.scenario.overrides import parse_override

    _, value = parse_override(f"rule={rule}")
    if isinstance(value, str):
        return value, {}
    if isinstance(value, dict) and len(value) == 1:
        ((name, parameters),) = value.items()
        if isinstance(parameters, dict) or parameters is None:
            return str(name), dict(parameters or {})
    raise click.BadParameter(f"give a name, or one name with its parameters, not {rule!r}", param_hint="--rule")


def _told(found: CostShares, rule: str) -> dict[str, object]:
    assert found.shares_money is not None
    assert found.paid is not None
    columns = {"paid": found.paid, "alone": found.alone, "share": found.shares, "standard_error": found.standard_errors}
    agents = {
        name: {key: None if column is None else float(column[row]) for key, column in columns.items()}
        | {"share_money": int(found.shares_money[row])}
        for row, name in enumerate(found.names)
    }
    return {
        "rule": rule,
        "agents": agents,
        "worst_excess": found.worst_excess,
        "worst_coalition": list(found.worst_coalition),
        "excess_gap": found.excess_gap,
    }


def _show(found: CostShares, rule: str, label: str) -> None:
    assert found.paid is not None
    errors = found.standard_errors
    head = ("agent", f"paid [{label}]", "alone", rule, *(() if errors is None else ("+-",)), "against alone")
    rows = []
    for row, name in enumerate(found.names):
        share, alone = float(found.shares[row]), float(found.alone[row])
        error = () if errors is None else (number(float(errors[row])),)
        rows.append(
            (
                name,
                number(float(found.paid[row])),
                number(alone),
                number(share),
                *error,
                number(share - alone, sign=True),
            )
        )
    totals = [number(float(column.sum())) for column in (found.paid, found.alone, found.shares)]
    blank = () if errors is None else ("",)
    rows.append(("together", *totals, *blank, number(float(found.shares.sum() - found.alone.sum()), sign=True)))
    table(head, rows, right=tuple(range(1, len(head))))
    say()
    say(_leaving(found, label))


def _leaving(found: CostShares, label: str) -> str:
    """Who would rather pay for itself, in a sentence."""
    if found.worst_excess is None:
        return "Which group would gain most by paying for itself was not found in time: --seconds."
    group = _group(found)
    gap = f" No group gains {number(found.excess_gap)} more than that." if found.excess_gap > 1e-6 else ""
    if found.worst_excess > 1e-9:
        return f"Not stable: {group} would pay {number(found.worst_excess)} {label} less behind one meter of their own.{gap}"
    return (
        f"Stable: no group would pay less by itself. Nearest: {group}, {number(-found.worst_excess)} {label} more.{gap}"
    )


def _group(found: CostShares) -> str:
    """The group by names, or by those that are not in it, whichever are fewer."""
    inside = set(found.worst_coalition)
    others = [name for name in found.names if name not in inside]
    if len(others) < len(inside):
        return f"everybody but {_listed(others)}"
    return _listed(found.worst_coalition)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more (--json names them)" if more > 0 else "")
