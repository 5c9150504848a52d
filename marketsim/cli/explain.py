"""``marketsim explain``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketsim.cli.options import plugin_option, trust_option
from marketsim.cli.rule_option import joining_option, named_rule, rules_of
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table
from marketsim.core.units import MONEY_PER_CURRENCY, WH_PER_KWH

if TYPE_CHECKING:
    from marketsim.app.explain import Explanation


@click.command()
@click.argument("folder", metavar="RUN", type=click.Path())
@click.option("--agent", required=True, metavar="NAME", help="Whose bill, by its name.")
@click.option(
    "--rule",
    default="slot_prices",
    show_default=True,
    metavar="NAME",
    help="A rule of sharing, or '{NAME: {PARAMETER: VALUE}}'; marketsim plugins list --kind sharing.",
)
@joining_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@plugin_option
@trust_option
def explain(
    folder: str, agent: str, rule: str, seed: int, as_json: bool, plugin_files: tuple[Path, ...], trust: bool
) -> None:
    """Say why an agent of RUN pays what it pays by a rule of sharing.

    Its bill at the community's price of each slot, which adds up; what it would pay by the same rule without what it has, all
    else as metered; what it adds to the cost when it joins first, in the middle or last; and with whom it is worth most.
    """
    from marketsim.app.explain import explain as explained
    from marketsim.app.running import open_run
    from marketsim.core.currency import label_of

    name, parameters = named_rule(rule)
    run = open_run(folder, trust=trust)
    found = explained(run, agent, name, seed=seed, trust=trust, registry=rules_of(plugin_files), **parameters)
    if as_json:
        say(json.dumps(_told(found), indent=2))
    else:
        _show(found, label_of(run.manifest))


def _told(found: Explanation) -> dict[str, Any]:
    plain = found._asdict()
    plain["bill"] = [line._asdict() for line in found.bill]
    plain["counterfactuals"] = [each._asdict() for each in found.counterfactuals]
    plain["joining"] = found.joining._asdict()
    for name in ("partner_alone", "partner_among_all"):
        partner = getattr(found, name)
        plain[name] = None if partner is None else partner._asdict()
    return {**plain, "priced_money": found.priced_money}


def _money(money: int, *, sign: bool = False) -> str:
    return number(money / MONEY_PER_CURRENCY, sign=sign and money != 0)


def _show(found: Explanation, label: str) -> None:
    error = "" if found.standard_error is None else f" (+- {number(found.standard_error)})"
    days = f"{found.days:,.3g} day{'' if found.days == 1 else 's'}"
    say(
        f"{found.agent} pays {_money(found.share_money)} {label}{error} by {found.rule} in {days}; alone it would pay "
        f"{_money(found.alone_money)}, and it was billed {_money(found.paid_money)} in the market."
    )
    say()
    _show_bill(found, label)
    _show_changes(found, label)
    _show_joining(found, label)


def _show_bill(found: Explanation, label: str) -> None:
    from marketsim.app.explain import SITUATIONS

    rows = [
        (
            line.cause,
            SITUATIONS[line.situation],
            number(line.energy_wh / WH_PER_KWH, sign=True),
            _money(line.money, sign=True),
        )
        for line in found.bill
    ]
    rows.append(("", "part of what all paid beyond one meter's bill", "", _money(found.beyond_money, sign=True)))
    rows.append(("together", "", "", _money(found.priced_money, sign=True)))
    table(
        ("energy", "in slots where", "kWh", label),
        rows,
        right=(2, 3),
        title="Bill at the community's price of each slot",
    )
    away = found.share_money - found.priced_money
    if away:
        less = "less" if away < 0 else "more"
        say(f"{found.rule} asks {_money(abs(away))} {label} {less} than these prices.")
    say()


def _show_changes(found: Explanation, label: str) -> None:
    rows = [
        (
            each.change if each.has else f"{each.change}: it has none",
            _money(each.share_money),
            _money(each.difference_money, sign=True),
        )
        for each in found.counterfactuals
    ]
    table(
        ("all else as metered", f"would pay [{label}]", "difference"), rows, right=(1, 2), title="If it were otherwise"
    )
    if sum(each.difference_money != 0 for each in found.counterfactuals) > 1:
        say("Differences do not add up: what two things are worth together is not what each is worth beside the other.")
    say()


def _show_joining(found: Explanation, label: str) -> None:
    place = found.joining
    error = "" if place.middle_error is None else f" (+- {number(place.middle_error)})"
    say(
        f"What it adds to one meter's bill: {number(place.first, sign=True)} {label} when it joins first, "
        f"{number(place.middle, sign=True)}{error} in the middle, {number(place.last, sign=True)} last."
    )
    if found.partner_alone is not None:
        say(f"As a pair it saves most with {found.partner_alone.name}: {number(found.partner_alone.saving)} {label}.")
    if found.partner_among_all is not None:
        other = found.partner_among_all
        say(f"When all are there, it gains most by {other.name}: {number(other.saving)} {label}.")
