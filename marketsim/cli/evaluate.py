"""``marketsim evaluate``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketsim.cli.figures import drawable
from marketsim.cli.options import overrides_of, set_option, teller, trust_option
from marketsim.cli.saying import say

if TYPE_CHECKING:
    from marketsim.analysis.control.plan import ControlsDone, ControlsPlan
    from marketsim.analysis.evaluation.plan import EvaluationPlan
    from marketsim.analysis.evaluation.study import Evaluated
    from marketsim.analysis.weights.plan import WeightsDone, WeightsPlan
    from marketsim.profiles.parts import DaySplit

_PARTS = ("test", "validation", "training")


@click.command()
@click.argument("what", metavar="SCENARIO|TRAINING_RUN", type=click.Path())
@set_option
@trust_option
@click.option("--arm", "arms", multiple=True, metavar="NAME[,NAME...]", help="Arm to evaluate [default: all].")
@click.option(
    "--seeds",
    type=click.IntRange(1, 10_000),
    help="Number of paired seeds [default: 3; a training run: 1; set-points and weights: 5].",
)
@click.option("--weeks", type=click.IntRange(1, 520), help="Weeks of test days a seed, in the market [default: 4].")
@click.option(
    "--part",
    type=click.Choice(_PARTS),
    default=_PARTS[0],
    show_default=True,
    help="Days, or communities, to evaluate on.",
)
@click.option(
    "--episodes", type=click.IntRange(1, 10**9), help="Episodes of every training, of set-points and weights."
)
@click.option(
    "--written",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Of set-points: experts from words in folders of it, one an agent or group, and their clones (repeatable).",
)
@click.option(
    "--exploit",
    multiple=True,
    metavar="AGENT",
    help="Train this agent anew against the others, in arms that are judged and those that --arm names; state its gain.",
)
@click.option(
    "--longer", type=click.IntRange(1, 1000), help="Times as many episodes to train, in the market [default: 1]."
)
@click.option(
    "--figure", type=click.Path(), metavar="FILE", help="Draw the plane of FTG and FBS there (svg, pdf or png), too."
)
@click.option("--workers", type=click.IntRange(1), help="Processes side by side [default: all processors].")
@click.option("--out", type=click.Path(), metavar="DIR", help="Folder [default: runs/evaluate-<scenario>-<time>].")
@click.option("--resume", is_flag=True, help="Go on with the evaluation in --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def evaluate(
    what: str,
    overrides: tuple[str, ...],
    trust: bool,
    arms: tuple[str, ...],
    seeds: int | None,
    weeks: int | None,
    part: DaySplit,
    episodes: int | None,
    written: tuple[Path, ...],
    exploit: tuple[str, ...],
    longer: int | None,
    figure: str | None,
    workers: int | None,
    out: str | None,
    resume: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare trained and untrained markets on days that no policy has seen.

    Of a SCENARIO every arm is trained first, once a seed, on training days: with the rule critic, without a critic,
    with a placebo and others; --arm chooses. Of a TRAINING_RUN its policies are evaluated beside the arms that need no
    training. All arms of a seed meet the same market and the same test days.

    Of a SCENARIO about set-points every control plays every day of the part: rules, experts, clones and learners, against
    doing nothing and the bound.

    Of a SCENARIO about weights (game equity) policies and rules play the whole clock of communities that no policy was
    trained in, against equal weights at the same day and a bound.
    """
    from marketsim.analysis.asked_evaluation import EvaluationAsked, evaluation_asked

    names = [name.strip() for each in arms for name in each.split(",") if name.strip()]
    asked = EvaluationAsked(
        arms=names,
        seeds=seeds,
        weeks=weeks,
        part=part,
        episodes=episodes,
        written=written,
        out=out,
        exploit=exploit,
        longer=longer,
        figures=() if figure is None else (drawable(figure),),
        resume=resume,
        trust=trust,
    )
    plan = evaluation_asked(Path(what), overrides_of(overrides, None), asked, tell=teller(quiet=quiet))
    done = _run(plan, workers, quiet=quiet or as_json)
    if as_json:
        say(json.dumps(_told(done), indent=2))
    elif not quiet:
        _show(done, plan.folder)


def _run(
    plan: EvaluationPlan | ControlsPlan | WeightsPlan, workers: int | None, *, quiet: bool
) -> Evaluated | ControlsDone | WeightsDone:
    from marketsim.cli.tables import progress_bar

    try:
        with progress_bar("evaluating", "arms", quiet=quiet, elapsed=True) as progress:
            return plan.run(workers, progress)
    except KeyboardInterrupt:
        say(f"\nInterrupted. Go on with: {plan.resume_command}", err=True)
        sys.exit(1)


def _told(done: Evaluated | ControlsDone | WeightsDone) -> dict[str, Any]:
    from marketsim.analysis.control.plan import ControlsDone, told
    from marketsim.analysis.evaluation.plan import told_by
    from marketsim.analysis.weights import plan as weights

    if isinstance(done, weights.WeightsDone):
        return weights.told(done)
    return told(done) if isinstance(done, ControlsDone) else told_by(done)


def _show(done: Evaluated | ControlsDone | WeightsDone, folder: Path) -> None:
    from marketsim.analysis.control.plan import ControlsDone
    from marketsim.analysis.weights.plan import WeightsDone

    if isinstance(done, WeightsDone):
        _sum_up_weights(done)
    elif isinstance(done, ControlsDone):
        _sum_up_controls(done)
    else:
        _sum_up(done)
    for each in done.failed:
        say(f"failed: {each.arm}, seed {each.seed}: {each.reason}")
    here = Path.cwd()
    say(f"Written to {folder.relative_to(here) if folder.is_relative_to(here) else folder}.")


def _sum_up_controls(done: ControlsDone) -> None:
    from marketsim.analysis.control.present import PAIR_HEAD, SCREEN_HEAD, pair_rows, screen_rows
    from marketsim.cli.tables import table

    found = done.found
    title = (
        f"{found.days} {found.part} days, {len(found.seeds)} seeds; means a day with 95 % intervals, energies in kWh"
    )
    table(SCREEN_HEAD, screen_rows(found), title=title, right=tuple(range(1, len(SCREEN_HEAD))))
    if found.pairs:
        table(PAIR_HEAD, pair_rows(found), title="an arm less another one, paired", right=(3, 4, 5, 6))
    if done.without_curves:
        say(f"no learning curves of {', '.join(done.without_curves)}: the folder of the training has none any more")


def _sum_up_weights(done: WeightsDone) -> None:
    from marketsim.analysis.weights import present
    from marketsim.cli.tables import table

    found = done.found
    title = f"{len(found.communities)} communities of {found.part}, {found.days} days each; means with 95 % intervals"
    table(present.HEAD, present.arm_rows(found), title=title, right=tuple(range(1, len(present.HEAD))))
    if found.pairs:
        table(
            present.PAIR_HEAD, present.pair_rows(found), title="weights less other weights, paired", right=(3, 4, 5, 6)
        )
    if found.aims:
        table(present.AIM_HEAD, present.aim_rows(found))
    if done.curve:
        title = f"what policies answer, means of {len(found.policies)}"
        table(
            present.CURVE_HEAD, present.curve_rows(done.curve), title=title, right=tuple(range(len(present.CURVE_HEAD)))
        )


def _sum_up(done: Evaluated) -> None:
    from marketsim.analysis.evaluation.present import (
        AIM_HEAD,
        PAIR_HEAD,
        SCREEN_HEAD,
        aim_rows,
        days_text,
        pair_rows,
        screen_rows,
    )
    from marketsim.cli.tables import table

    found = done.found
    title = f"{len(found.seeds)} seeds x {found.weeks} weeks; scores with 95 % intervals"
    table(SCREEN_HEAD, screen_rows(found), title=title, right=tuple(range(1, len(SCREEN_HEAD))))
    if found.pairs:
        table(PAIR_HEAD, pair_rows(found), title="an arm less another one, paired", right=(3, 4, 5, 6))
    if found.aims:
        table(AIM_HEAD, aim_rows(found))
    for own in done.exploits:
        say(f"{own.arm}: {own.agent} trained anew against the others gains {100 * own.mean:+.2f} % of its turnover.")
    say(days_text(found))
