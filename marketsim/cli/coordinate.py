"""``marketsim coordinate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from marketsim.cli.answers import AskedAnswer, answer_options
from marketsim.cli.benefits import named_weights, print_benefits
from marketsim.cli.foresight import demand_foresight, demand_no_other, show_foresight
from marketsim.cli.options import AskedScenario, scenario_options
from marketsim.cli.saying import say
from marketsim.cli.tables import number, percent, table

if TYPE_CHECKING:
    from marketsim.analysis.coordination.foresight import Foresight
    from marketsim.analysis.coordination.study import By, Coordination, Forecasts


@click.command()
@scenario_options
@click.option("--objective", metavar="A,B,...", default="cost_then_peak,peak_then_cost", show_default=True,
              help="What the pool plans for: cost, peak, cost_then_peak, peak_then_cost.")  # fmt: skip
@click.option("--days", type=int, metavar="N", help="Days to compare, from the scenario's start [default: 1].")
@click.option("--every", type=int, metavar="N", help="Days from one of them to the next [default: 1].")
@click.option("--year", is_flag=True, help="Every fourteenth day of the year, and its day of the highest load.")
@click.option("--target", type=click.FloatRange(0, 1), default=0.726, show_default=True,
              help="Reduction of a day's peak that is counted.")  # fmt: skip
@click.option("--forecasts", type=click.Choice(["perfect", "own"]), default="perfect", show_default=True,
              help="What the pool expects: the actual series, or what the scenario says, planned anew every hour.")  # fmt: skip
@click.option("--slack", type=click.FloatRange(0, 1), default=0.001, show_default=True,
              help="Share of the least cost that cost_then_peak may spend on a lower peak.")  # fmt: skip
@click.option("--peak-price", type=click.FloatRange(0, 1000), default=0.0, show_default=True,
              help="Price of a day's largest import, a part of the cost [currency/kW].")  # fmt: skip
@click.option("--foresight", type=click.Choice(["validation", "test"]),
              help="Instead: what better forecasts are worth, on weeks of this part of the source year.")  # fmt: skip
@click.option("--scenarios", type=click.IntRange(2, 32), default=8, show_default=True,
              help="With --foresight: days that may come and are planned for at once.")  # fmt: skip
@click.option("--risk", type=click.FloatRange(0, 1), default=0.0, show_default=True,
              help="With --foresight: weight of the dearest scenarios.")  # fmt: skip
@click.option("--weeks", type=int, metavar="N", default=12, show_default=True,
              help="With --foresight: weeks, spread over the year.")  # fmt: skip
@click.option("--by", type=click.Choice(["programme", "consensus"]), default="programme", show_default=True,
              help="Who plans: one programme that knows all devices, or the members by agreement (objective cost).")  # fmt: skip
@click.option("--weights", multiple=True, metavar="NAME[,NAME...]",
              help="Also say who benefits where local energy and what shared assets earn go by these weights, over all days in "
                   "one run: equal, income, rank, feedback, '{feedback: {burden_gain: 4}}', or '{learned: {checkpoint: FILE}}' "
                   "(repeatable).")  # fmt: skip
@click.option("--prices", is_flag=True,
              help="Instead: post the duals of the least cost, and favour low incomes by prices and by money moved.")  # fmt: skip
@answer_options("way and day")
@click.pass_context
def coordinate(
    context: click.Context,
    asked: AskedScenario,
    objective: str,
    days: int | None,
    every: int | None,
    year: bool,
    target: float,
    forecasts: Forecasts,
    slack: float,
    peak_price: float,
    foresight: Literal["validation", "test"] | None,
    scenarios: int,
    risk: float,
    weeks: int,
    by: By,
    weights: tuple[str, ...],
    prices: bool,
    answer: AskedAnswer,
) -> None:
    """Plan the day of all agents of SCENARIO together, and compare it with the market and with the utility alone.

    All run on the same days, from noon to noon, under the same gate; peaks are those of all agents together. The pool trades
    what its plan moves between its members in the scenario's own market, so the grid may refuse it: then it is not called
    optimal.

    With --prices nobody's devices are planned: an operator posts prices, members answer with plans of their own, and low incomes
    are favoured by prices or by money moved, in one table.

    With --foresight all ways are a pool that plans for cost and peak each hour: by what is usual, by context, and knowing all.
    """
    if foresight is not None:
        from marketsim.analysis.coordination.foresight import Foresight

        demand_no_other(context)
        _foresee(asked, Foresight(foresight, weeks, scenarios, risk, peak_price), answer)
        return
    demand_foresight(context)
    if prices:
        _posted(context, asked, days, every, year, peak_price, answer)
        return
    from marketsim.analysis.coordination.benefits import benefits
    from marketsim.analysis.coordination.public import asked_days, compared, demand_days_in_a_row
    from marketsim.analysis.coordination.study import Plans, as_json, demand_agreeable, objectives_of, rows_of

    names = [name.strip() for name in objective.split(",") if name.strip()]
    objectives = objectives_of(names)
    rules = named_weights(weights)
    if rules:
        demand_days_in_a_row(every=every, year=year)
    ready = asked.compiled()
    chosen = asked_days(ready, days=days, every=every, year=year)
    plans = Plans(objectives, forecasts, slack, peak_price, by)
    demand_agreeable(plans)
    who = benefits(ready, len(chosen), plans, rules, answer.tell)
    found = compared(ready, chosen, plans, answer.tell)
    more = {"benefits": [each._asdict() for each in who]} if rules else {}
    if answer.give({**as_json(found, target), **more}, rows_of(found, target)):
        return
    _results(found, target)
    _remarks(found, target)
    if rules:
        print_benefits(who, len(chosen), found.ready.model.currency)


def _foresee(asked: AskedScenario, what: Foresight, answer: AskedAnswer) -> None:
    from marketsim.analysis.coordination.foresight import compare_foresight, day_rows, foresight_json

    found = compare_foresight(asked.compiled(), what, answer.tell)
    if not answer.give(foresight_json(found), day_rows(found)):
        show_foresight(found)


def _posted(
    context: click.Context,
    asked: AskedScenario,
    days: int | None,
    every: int | None,
    year: bool,
    peak_price: float,
    answer: AskedAnswer,
) -> None:
    from marketsim.analysis.coordination.prices import as_json, rows_of
    from marketsim.analysis.coordination.public import asked_days, posted
    from marketsim.cli.posted_prices import demand_no_plans, print_posted

    demand_no_plans(context)
    ready = asked.compiled()
    found = posted(ready, asked_days(ready, days=days, every=every, year=year), peak_price, answer.tell)
    if not answer.give(as_json(found), rows_of(found)):
        print_posted(found)


def _results(found: Coordination, target: float) -> None:
    from marketsim.analysis.coordination.study import totals_of

    head = ("", "mean peak kW", "lower by", "range", "highest kW", "lower by", "days at target", "load factor")
    rows, others = [], []
    for way in found.ways:
        own = totals_of(way, found.alone, target)
        span = (
            "-" if own.least_reduction is None else f"{percent(own.least_reduction)} to {percent(own.most_reduction)}"
        )
        rows.append(
            (
                way.name,
                number(own.mean_peak_kw),
                percent(own.mean_reduction),
                span,
                number(own.highest_peak_kw),
                percent(own.highest_reduction),
                "-" if own.days_at_target is None else f"{own.days_at_target} of {len(found.days)}",
                "-" if own.load_factor is None else f"{own.load_factor:.2f}",
            )
        )
        others.append(
            (
                way.name,
                number(own.cost),
                percent(own.saving),
                percent(own.solar_utilisation),
                number(own.refused_kwh),
                number(own.missed_kwh),
                str(own.slots_outside),
                "-" if own.optimal_days is None else f"{own.optimal_days} of {len(found.days)}",
            )
        )
    count = len(found.days)
    period = f"{found.days[0].date}" if count == 1 else f"{count} days, {found.days[0].date} to {found.days[-1].date}"
    title = f"{found.ready.name}: {len(found.ready.agents)} agents, {period}"
    table(head, rows, title=title, right=range(1, len(head)))
    say()
    head = (
        *("", f"cost [{found.ready.model.currency}]", "saving", "solar used", "refused kWh", "missed kWh"),
        *("slots outside", "days optimal"),
    )
    table(head, others, right=range(1, len(head)))


def _remarks(found: Coordination, target: float) -> None:
    say()
    say(
        "peak: largest mean power of a slot that all agents together draw. lower by: than with the utility alone, the mean of "
        f"the days' reductions, and of the highest peak of all days. target: {percent(target)} a day. cost: all payments of all "
        "agents, wear, fuel and curtailment; what stores lack at the end counts as bought at the mean retail price, what they "
        "hold more as sold at the mean feed-in tariff. solar used: PV neither curtailed nor exported by all together."
    )
    for why, names in found.not_optimal().items():
        say(f"Not every day of {', '.join(names)} is optimal: {why}.")
    for note in found.held_firm:
        say(f"Note: {note}.")
