"""``marketsim compare-gates``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from marketsim.cli.answers import AskedAnswer, answer_options
from marketsim.cli.options import AskedScenario, scenario_options
from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.analysis.comparators.comparison import MechanismOutcome


@click.command("compare-gates")
@scenario_options
@click.option("--gates", metavar="A,B,...", help="Mechanisms to compare [default: all].")
@click.option("--truthful", is_flag=True, help="Let all agents bid their true values, so that only mechanisms differ.")
@answer_options("mechanism")
def compare_gates(
    asked: AskedScenario,
    gates: str | None,
    truthful: bool,
    answer: AskedAnswer,
) -> None:
    """Run SCENARIO under each way to hold trade to the grid, and put the results side by side.

    ac, sensitivity, observe, doe_equal, doe_maximal, market_first and central, ranked by welfare: what agents and utility get
    together. Beside it curtailment and how evenly it falls, violations, time; and how many slots would really be violated if
    the model of the feeder were wrong.
    """
    from marketsim.analysis.comparators.comparison import as_json as plain
    from marketsim.analysis.comparators.comparison import compare, rows_of
    from marketsim.analysis.comparators.mechanisms import MECHANISMS

    ready = asked.compiled()
    names = [name.strip() for name in gates.split(",")] if gates is not None else list(MECHANISMS)
    tell = answer.tell
    outcomes = compare(ready, names, None if tell is None else lambda name: tell(f"running {name}"), truthful=truthful)
    if answer.give(plain(ready, outcomes), rows_of(outcomes)):
        return
    _results(ready.name, ready.model.clock.slots, outcomes)
    _robustness(outcomes)
    _remarks(outcomes)


def _results(name: str, slots: int, outcomes: list[MechanismOutcome]) -> None:
    from marketsim.analysis.comparators.comparison import ranks

    head = (
        *("mechanism", "rank", "welfare", "efficiency", "p2p kWh", "export kWh", "curtailed kWh", "of PV", "Jain"),
        *("violated", "p.u. h", "s"),
    )
    placed = list(zip(ranks(outcomes), outcomes, strict=True))
    placed.sort(key=lambda each: len(outcomes) + 1 if each[0] is None else each[0])
    rows = [
        (
            each.mechanism.name,
            "-" if rank is None else str(rank),
            number(each.welfare),
            "-" if each.efficiency is None else f"{100 * each.efficiency:.1f} %",
            number(each.p2p_kwh),
            number(each.export_kwh),
            number(each.curtailed_kwh),
            "-" if each.curtailed_share is None else f"{100 * each.curtailed_share:.1f} %",
            "-" if each.jain is None else f"{each.jain:.2f}",
            str(each.violated),
            number(each.depth_pu_h),
            f"{each.seconds:.2f}",
        )
        for rank, each in placed
    ]
    table(head, rows, title=f"{name}: {slots} slots", right=range(1, len(head)))


def _robustness(outcomes: list[MechanismOutcome]) -> None:
    errors = list(outcomes[0].real)
    rows = [
        (each.mechanism.name, *(f"{each.real[name].slots} ({each.real[name].deepest_pu:.3f})" for name in errors))
        for each in outcomes
    ]
    title = "slots outside a limit if the real feeder differs from the model (farthest outside the voltage band, p.u.)"
    say()
    table(("mechanism", *errors), rows, title=title, right=range(1, len(errors) + 1))


def _remarks(outcomes: list[MechanismOutcome]) -> None:
    from marketsim.grid.net.feeder import CAVEAT

    say()
    for each in outcomes:
        say(f"{each.mechanism.name}: {each.mechanism.text}.")
    say(
        "rank: by welfare, among those that keep all limits. welfare: what agents and utility get together [currency], payments "
        "cancelling: -price x (import - export + losses) - costs of devices, at the wholesale price or else the feed-in tariff. "
        "efficiency: joint gains over the most possible at the positions of each slot, stores as they ran. "
        "Jain: of the curtailed shares of PV owners, 1 is even. "
        "p.u. h: distance to the voltage band times duration. s: wall time of the slots alone."
    )
    gaps = [each.gap for each in outcomes if each.gap is not None]
    if gaps:
        say(
            "The most possible is a local optimum of the AC limits. It lies "
            f"{100 * min(gaps):.1f} to {100 * max(gaps):.1f} % below what could be gained without limits and losses, "
            "which bounds it from above."
        )
    say(CAVEAT)
