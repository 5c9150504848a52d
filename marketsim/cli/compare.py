"""``marketsim compare``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from marketsim.cli.saying import say

if TYPE_CHECKING:
    from marketsim.analysis.compare.arms import ComparedArm
    from marketsim.analysis.compare.verdicts import KpiVerdict


@click.command()
@click.argument("folders", metavar="RUN RUN... | STUDY", nargs=-1, required=True, type=click.Path())
@click.option("--by", metavar="PATH", help="Which varied path of STUDY is compared [default: the first choice].")
@click.option("--all", "every", is_flag=True, help="Show every KPI, not only the main ones.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def compare(folders: tuple[str, ...], by: str | None, every: bool, as_json: bool) -> None:
    """Show runs side by side, and whether they differ beyond the noise between seeds.

    Runs that differ in their seed alone are one arm; every arm is compared with the first. Arms are paired by seed, and
    a KPI differs if the 95 % bootstrap interval of its mean difference excludes 0. With fewer than five seeds nothing is
    said about noise.
    """
    from marketsim.analysis.compare.differences import notes_on
    from marketsim.analysis.compare.verdicts import COVERS
    from marketsim.analysis.compare.verdicts import compare as verdicts_of

    arms, common = _arms([Path(folder) for folder in folders], by)
    base, *others = arms
    compared = [(other, verdicts_of(base, other), notes_on(base, other)) for other in others]
    if as_json:
        pairs = [
            {"base": base.name, "other": other.name, "notes": notes, "kpis": [each._asdict() for each in verdicts]}
            for other, verdicts, notes in compared
        ]
        say(json.dumps({"notes": common, "intervals": COVERS, "comparisons": pairs}, indent=2))
        return
    for position, (other, verdicts, notes) in enumerate(compared):
        if position:
            say()
        _show(base, other, verdicts, [*common, *notes], every=every)


def _arms(folders: Sequence[Path], by: str | None) -> tuple[tuple[ComparedArm, ...], list[str]]:
    from marketsim.analysis.compare.arms import arms_of_runs, arms_of_study
    from marketsim.analysis.studies.folder import is_study, open_study

    if len(folders) == 1 and is_study(folders[0]):
        arms, path, notes = arms_of_study(open_study(folders[0]), by)
        return _several(arms), ([] if by else [f"Compared by {path}; --by PATH for another."]) + notes
    if by is not None:
        raise click.UsageError("--by belongs to a study: marketsim compare STUDY --by PATH")
    return _several(arms_of_runs(folders)), []


def _several(arms: tuple[ComparedArm, ...]) -> tuple[ComparedArm, ...]:
    if len(arms) < 2:
        raise click.UsageError(
            f"nothing to compare with {arms[0].name}: name two runs of different settings, or a study"
            if arms
            else "every run of the study failed: there is nothing to compare"
        )
    return arms


def _show(
    base: ComparedArm, other: ComparedArm, verdicts: Sequence[KpiVerdict], notes: Sequence[str], *, every: bool
) -> None:
    from marketsim.analysis.compare.verdicts import COVERS
    from marketsim.cli.tables import table
    from marketsim.core.currency import common_label, named
    from marketsim.metrics.presentation import HEADLINE

    currency = common_label([*base.scenarios.values(), *other.scenarios.values()])
    by_name = {each.kpi: each for each in verdicts}
    first = [line.name for line in HEADLINE if line.name in by_name]
    names = by_name if every else first
    shown = [row for name in names if (row := _row(by_name[name], every=every)) is not None]
    with_intervals = any(each.low is not None and each.difference for each in verdicts)
    keep = [place for place in range(len(_HEAD)) if with_intervals or place != _INTERVAL]
    rows = [tuple(named(row[place], currency) if place == _UNIT else row[place] for place in keep) for row in shown]
    head = tuple(_HEAD[place] for place in keep)
    right = tuple(range(2, len(head) - 1))
    table(head, rows, title=f"A: {base.name}\nB: {other.name}", right=right)
    for note in notes:
        say(note)
    if with_intervals:
        say(COVERS)
    say(_verdict(verdicts))


_HEAD = ("", "unit", "A", "B", "B - A", "change", "95 % interval", "verdict")
_INTERVAL, _UNIT = _HEAD.index("95 % interval"), _HEAD.index("unit")


def _row(each: KpiVerdict, *, every: bool) -> tuple[str, ...] | None:
    """A KPI as the table shows it; None where it is not shown."""
    from marketsim.analysis.compare.verdicts import FEW_SEEDS, ONE_SEED
    from marketsim.cli.tables import number
    from marketsim.metrics.presentation import HEADLINE, INCIDENTS, percent_scale, relative_change

    line = next((line for line in HEADLINE if line.name == each.kpi), None)
    nothing = each.base is None and each.other is None
    if nothing or (not every and (line is None or (each.kpi in INCIDENTS and not each.base and not each.other))):
        return None
    label, unit = (each.kpi, "") if line is None else (line.label, line.unit)
    scale = percent_scale(each.kpi, unit)
    values = (each.base, each.other, each.difference, each.low, each.high)
    left, right, gap, low, high = (None if value is None else scale * value for value in values)
    change = relative_change(unit, left, right)
    interval = "-" if low is None or high is None else f"{number(low, unit)} to {number(high, unit)}"
    figures = (number(left, unit), number(right, unit), number(gap, unit, sign=True) if gap else number(gap))
    verdict = f"open ({each.verdict})" if each.verdict in (ONE_SEED, FEW_SEEDS) else each.verdict
    return (label, unit, *figures, "" if not change else f"{100 * change:+.1f} %", interval, verdict)


def _verdict(verdicts: Sequence[KpiVerdict]) -> str:
    """The whole comparison in a sentence or two, and how to learn more."""
    from marketsim.analysis.compare import verdicts as words

    def count(*kinds: str) -> int:
        return sum(each.verdict in kinds for each in verdicts)

    equal, known = count(words.EQUAL), count(words.EQUAL, words.DIFFERS, words.NOISE)
    unsure = count(words.ONE_SEED, words.FEW_SEEDS)
    if not unsure and equal == known:
        return f"No KPI differs ({equal} are equal to the last digit)."
    if unsure:
        seeds = max(each.seeds for each in verdicts)
        return (
            f"{unsure} KPIs differ, {equal} are equal. With {seeds} {'seed' if seeds == 1 else 'seeds'} an arm it cannot "
            f"be said whether the differences exceed the noise between seeds: that takes at least {words.FEWEST} "
            f"(marketsim whatif SCENARIO --vary PATH=A,B --seeds {words.FEWEST}, then marketsim compare STUDY)."
        )
    return (
        f"{count(words.DIFFERS)} KPIs differ beyond the noise of {max(each.seeds for each in verdicts)} seeds, "
        f"{count(words.NOISE)} lie within it, {equal} are equal. At 95 % about one KPI in twenty differs by chance."
    )
