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

    ac, sensitivity, observe, doe_equal, doe_maximal, market_first and central: welfare, curtailment and how evenly it
    falls, violations, time; and how many slots would really be violated if the model of the feeder were wrong.
    """
    from marketsim.analysis.comparators.comparison import as_json as plain
    from marketsim.analysis.comparators.comparison import compare, rows_of
    from marketsim.analysis.comparators.mechanisms import MECHANISMS

    ready = asked.load()
    names = [name.strip() for name in gates.split(",")] if gates is not None else list(MECHANISMS)
    tell = answer.tell
    outcomes = compare(ready, names, None if tell is None else lambda name: tell(f"running {name}"), truthful=truthful)
    if answer.give(plain(ready, outcomes), rows_of(outcomes)):
        return
    _results(ready.name, ready.model.clock.slots, outcomes)
    _robustness(outcomes)
    _remarks(outcomes)


def _results(name: str, slots: int, outcomes: list[MechanismOutcome]) -> None:
    head = ("mechanism", "gains", "p2p kWh", "export kWh", "curtailed kWh", "of PV", "Jain", "violated", "p.u. h", "s")
    rows = [
        (
            each.mechanism.name,
            number(each.gains),
            number(each.p2p_kwh),
            number(each.export_kwh),
            number(each.curtailed_kwh),
            "-" if each.curtailed_share is None else f"{100 * each.curtailed_share:.1f} %",
            "-" if each.jain is None else f"{each.jain:.2f}",
            str(each.violated),
            number(each.depth_pu_h),
            f"{each.seconds:.2f}",
        )
        for each in outcomes
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
        "gains: gains from trade at true values [currency]. Jain: of the curtailed shares of PV owners, 1 is even. "
        "p.u. h: distance to the voltage band times duration. s: wall time of the slots alone."
    )
    say(CAVEAT)
