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

    arms, common, currency = _arms([Path(folder) for folder in folders], by)
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
        _show((base, other), verdicts, [*common, *notes], currency, every=every)


def _arms(folders: Sequence[Path], by: str | None) -> tuple[tuple[ComparedArm, ...], list[str], str]:
    """What is compared, what is to be known of it, and what its money is called."""
    from marketsim.analysis.compare.arms import arms_of_runs, arms_of_study
    from marketsim.analysis.studies.folder import is_study, open_study
    from marketsim.core.currency import common_label, label_of

    if len(folders) == 1 and is_study(folders[0]):
        study = open_study(folders[0])
        arms, path, notes = arms_of_study(study, by)
        said = [] if by else [f"Compared by {path}; --by PATH for another."]
        return _several(arms), said + notes, label_of(study.manifest)
    if by is not None:
        raise click.UsageError("--by belongs to a study: marketsim compare STUDY --by PATH")
    arms = _several(arms_of_runs(folders))
    return arms, [], common_label(scenario for arm in arms for scenario in arm.scenarios.values())


def _several(arms: tuple[ComparedArm, ...]) -> tuple[ComparedArm, ...]:
    if len(arms) < 2:
        raise click.UsageError(
            f"nothing to compare with {arms[0].name}: name two runs of different settings, or a study"
            if arms
            else "every run of the study failed: there is nothing to compare"
        )
    return arms


def _show(
    arms: tuple[ComparedArm, ComparedArm],
    verdicts: Sequence[KpiVerdict],
    notes: Sequence[str],
    currency: str,
    *,
    every: bool,
) -> None:
    from marketsim.analysis.compare.verdicts import COVERS
    from marketsim.analysis.compare.wording import comparison_table, has_intervals, verdict_text
    from marketsim.cli.tables import table

    head, rows = comparison_table(verdicts, currency, every=every)
    title = "\n".join(f"{letter}: {arm.name}" for letter, arm in zip("AB", arms, strict=True))
    table(head, rows, title=title, right=tuple(range(2, len(head) - 1)))
    for note in notes:
        say(note)
    if has_intervals(verdicts):
        say(COVERS)
    say(verdict_text(verdicts))
