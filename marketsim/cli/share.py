"""``marketsim share``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketsim.cli.answers import AskedAnswer, answer_options
from marketsim.cli.leaving import leaving_said, leaving_told
from marketsim.cli.options import plugin_option, teller, trust_option
from marketsim.cli.rule_option import joining_option, named_rule, rules_of
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.app.share import CostShares


@click.command()
@click.argument("folder", metavar="RUN", type=click.Path())
@click.option(
    "--game",
    default="metered",
    show_default=True,
    type=click.Choice(["metered", "dispatch"]),
    help="What a group would pay by itself: for what its meters showed, or for its own best plan; RUN may then be a scenario.",
)
@click.option(
    "--peak-price", default=None, type=float, metavar="PRICE", help="Of a group's largest import in its plan, a kW."
)
@click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="NAME",
    help="A rule of sharing, or '{NAME: {PARAMETER: VALUE}}'; marketsim plugins list --kind sharing.  [default: shapley]",
)
@click.option("--compare", is_flag=True, help="Put all rules side by side, and those of --rule: equity and stability.")
@joining_option
@click.option(
    "--seconds",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0.0, min_open=True),
    metavar="S",
    help="To look for the group that gains most by leaving, beyond 16 agents; for each rule.",
)
@plugin_option
@trust_option
@answer_options("agent; with --compare, rule")
def share(
    folder: str,
    game: str,
    peak_price: float | None,
    rules: tuple[str, ...],
    compare: bool,
    seed: int,
    seconds: float,
    plugin_files: tuple[Path, ...],
    trust: bool,
    answer: AskedAnswer,
) -> None:
    """Say who should pay what of RUN's cost by a rule, and which group would rather leave.

    All slots of the run are one period, and what the run itself shared is left out. A group is put behind one meter, at what
    its members' meters showed: what it would pay by itself is exact. All together pay what they paid.

    With --game dispatch each group would pay for its own best plan of all slots, at series that are known, and all together pay
    for theirs.
    """
    from marketsim.app.running import open_run
    from marketsim.app.share import share_of_run
    from marketsim.core.currency import label_of

    named, registry = [named_rule(rule) for rule in rules], rules_of(plugin_files)
    asked: dict[str, Any] = {"seed": seed, "trust": trust, "registry": registry}
    if game == "dispatch":
        if compare or len(named) > 1:
            raise click.BadParameter("of plans one rule at a time is asked", param_hint="--compare")
        _of_plans(folder, named, seconds, peak_price, asked, answer)
        return
    if peak_price is not None:
        raise click.BadParameter("belongs to --game dispatch", param_hint="--peak-price")
    if compare:
        from marketsim.cli.share_comparison import compared

        compared(open_run(folder, trust=trust), named, seconds, asked, answer)
        return
    if len(named) > 1:
        raise click.BadParameter("give one rule, or --compare with it", param_hint="--rule")
    name, parameters = named[0] if named else ("shapley", {})
    run = open_run(folder, trust=trust)
    _give(share_of_run(run, name, seconds=seconds, **asked, **parameters), name, label_of(run.manifest), answer)


def _give(found: CostShares, rule: str, label: str, answer: AskedAnswer) -> None:
    told = _told(found, rule)
    if not answer.give(told, [{"agent": name, **row} for name, row in told["agents"].items()]):
        _show(found, rule, label)


def _of_plans(
    path: str,
    named: list[tuple[str, dict[str, Any]]],
    seconds: float,
    peak_price: float | None,
    asked: dict[str, Any],
    answer: AskedAnswer,
) -> None:
    """Shares of the best plan of a scenario, or of that of a run."""
    from marketsim.app.ready import load_scenario
    from marketsim.app.running import open_run
    from marketsim.app.share import share_of_plans
    from marketsim.core.currency import label_of

    if peak_price is not None and not 0.0 <= peak_price < 1e6:
        raise click.BadParameter("must be a price from 0 to 1,000,000 a kW", param_hint="--peak-price")
    name, parameters = named[0] if named else ("shapley", {})
    trust, price = asked["trust"], peak_price or 0.0
    if Path(path).is_dir():
        run = open_run(path, trust=trust)
        label = label_of(run.manifest)
        found = share_of_plans(run, name, seconds=seconds, peak_price=price, **asked, **parameters)
    else:
        ready = load_scenario(path, trust=trust, tell=teller())
        label = ready.model.currency
        found = share_of_plans(ready, name, seconds=seconds, peak_price=price, **asked, **parameters)
    _give(found, name, label, answer)


def _told(found: CostShares, rule: str) -> dict[str, Any]:
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


def _show(found: CostShares, rule: str, label: str) -> None:
    errors, weighs = found.standard_errors, found.burdens
    first = ("agent", f"alone [{label}]") if found.paid is None else ("agent", f"paid [{label}]", "alone")
    head = (
        *(*first, rule),
        *(() if errors is None else ("+-",)),
        "against alone",
        *(() if weighs is None else ("of income [%]",)),
    )
    rows = []
    for row, name in enumerate(found.names):
        share, alone = float(found.shares[row]), float(found.alone[row])
        error = () if errors is None else (number(float(errors[row])),)
        weight = () if weighs is None else (number(100.0 * float(weighs[row])),)
        paid = () if found.paid is None else (number(float(found.paid[row])),)
        told = (*paid, number(alone), number(share), *error, number(share - alone, sign=True))
        rows.append((name, *told, *weight))
    totals = [number(float(column.sum())) for column in (found.paid, found.alone, found.shares) if column is not None]
    blank = () if errors is None else ("",)
    saved = number(float(found.shares.sum() - found.alone.sum()), sign=True)
    rows.append(("together", *totals, *blank, saved, *(() if weighs is None else ("",))))
    table(head, rows, right=tuple(range(1, len(head))))
    say()
    say(leaving_said(found, label))
