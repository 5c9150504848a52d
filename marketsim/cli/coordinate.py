"""``marketsim coordinate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from marketsim.cli.answers import AskedAnswer, answer_options
from marketsim.cli.options import AskedScenario, scenario_options
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.analysis.coordination.study import Coordination


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
@answer_options("way and day")
def coordinate(
    asked: AskedScenario,
    objective: str,
    days: int | None,
    every: int | None,
    year: bool,
    target: float,
    forecasts: str,
    slack: float,
    peak_price: float,
    foresight: str | None,
    scenarios: int,
    risk: float,
    weeks: int,
    answer: AskedAnswer,
) -> None:
    """Plan the day of all agents of SCENARIO together, and compare it with the market and with the utility alone.

    All run on the same days, from noon to noon, under the same gate; peaks are those of all agents together. The pool trades
    what its plan moves between its members in the scenario's own market, so the grid may refuse it: then it is not called
    optimal.

    With --foresight all ways are a pool that plans for cost and peak each hour: by what is usual, by context, and knowing all.
    """
    if foresight is not None:
        _foresee(asked, foresight, weeks, scenarios, risk, peak_price, answer)
        return
    from marketsim.analysis.coordination.public import asked_days, compared
    from marketsim.analysis.coordination.study import Plans, as_json, objectives_of, rows_of

    names = [name.strip() for name in objective.split(",") if name.strip()]
    objectives = objectives_of(names)
    ready = asked.compiled()
    chosen = asked_days(ready, days=days, every=every, year=year)
    plans = Plans(objectives, "perfect" if forecasts == "perfect" else "own", slack, peak_price)
    found = compared(ready, chosen, plans, answer.tell)
    if answer.give(as_json(found, target), rows_of(found, target)):
        return
    _results(found, target)
    _remarks(found, target)


def _foresee(
    asked: AskedScenario, part: str, weeks: int, scenarios: int, risk: float, peak_price: float, answer: AskedAnswer
) -> None:
    from marketsim.analysis.coordination.foresight import Foresight, compare_foresight, day_rows, foresight_json
    from marketsim.cli.foresight import show_foresight

    chosen = Foresight("validation" if part == "validation" else "test", weeks, scenarios, risk, peak_price)
    found = compare_foresight(asked.compiled(), chosen, answer.tell)
    if not answer.give(foresight_json(found), day_rows(found)):
        show_foresight(found)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _results(found: Coordination, target: float) -> None:
    from marketsim.analysis.coordination.study import totals_of

    head = ("", "mean peak kW", "lower by", "range", "highest kW", "lower by", "days at target", "load factor")
    rows, others = [], []
    for way in found.ways:
        own = totals_of(way, found.alone, target)
        span = (
            "-" if own.least_reduction is None else f"{_percent(own.least_reduction)} to {_percent(own.most_reduction)}"
        )
        rows.append(
            (
                way.name,
                number(own.mean_peak_kw),
                _percent(own.mean_reduction),
                span,
                number(own.highest_peak_kw),
                _percent(own.highest_reduction),
                "-" if own.days_at_target is None else f"{own.days_at_target} of {len(found.days)}",
                "-" if own.load_factor is None else f"{own.load_factor:.2f}",
            )
        )
        others.append(
            (
                way.name,
                number(own.cost),
                _percent(own.saving),
                _percent(own.solar_utilisation),
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
        f"the days' reductions, and of the highest peak of all days. target: {_percent(target)} a day. cost: all payments of all "
        "agents, wear, fuel and curtailment; what stores lack at the end counts as bought at the mean retail price, what they "
        "hold more as sold at the mean feed-in tariff. solar used: PV neither curtailed nor exported by all together."
    )
    refused = [way.name for way in found.ways if any(day.plan and not day.optimal for day in way.days)]
    if refused:
        say(
            f"Not every day of {', '.join(refused)} is optimal: the grid refused a part of the plan, or a device missed what it "
            "needed. A plan knows no feeder."
        )
    for note in found.held_firm:
        say(f"Note: {note}.")
