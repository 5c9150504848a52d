"""``marketsim train``."""

from __future__ import annotations

import json
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from marketsim.cli.options import AskedScenario, scenario_options
from marketsim.cli.saying import say

if TYPE_CHECKING:
    from marketsim.app.training import Training
    from marketsim.core.learner import Progress

_FOLDER = "Folder of the training [default: runs/<scenario>-training-<seed>-<time>]."
_RESUME = "Go on with the training in --out, or with the latest of this scenario and seed."


@click.command()
@scenario_options
@click.option("--out", type=click.Path(), metavar="DIR", help=_FOLDER)
@click.option("--resume", is_flag=True, help=_RESUME)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def train(
    asked: AskedScenario,
    out: str | None,
    resume: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train the agents of SCENARIO as its section `learning` says.

    The folder holds checkpoints, learning curves (CSV, SVG, PNG) and the resolved scenario. A training that was
    stopped or killed goes on with --resume and ends with the same weights.
    """
    from marketsim.app.training import default_training_folder, latest_training, train_scenario
    from marketsim.cli.tables import progress_bar

    ready = asked.compiled(quiet=quiet)
    folder = Path(out) if out else latest_training(ready) if resume else default_training_folder(ready, datetime.now())
    try:
        with progress_bar(ready.name, "updates", quiet=quiet or as_json) as advance:

            def show(now: Progress) -> None:
                if advance is not None:
                    advance(now.row.update, now.updates, line(now))

            made = train_scenario(ready, folder, resume=resume, progress=show)
    except KeyboardInterrupt:
        say(
            f"\nInterrupted. What was learned until then is kept in {folder}; go on with\n  {_again(asked, folder)}",
            err=True,
        )
        sys.exit(1)
    if as_json:
        say(json.dumps({**made.summary, "folder": str(made.folder)}, indent=2))
    elif not quiet:
        _sum_up(made)


def _again(asked: AskedScenario, folder: Path) -> str:
    """The command that resumes, as it can be pasted."""
    words = ["marketsim", "train", asked.path]
    for override in asked.overrides:
        words += ["--set", override]
    words += [] if asked.seed is None else ["--seed", str(asked.seed)]
    words += ["--trust"] if asked.trust else []
    return shlex.join([*words, "--out", str(folder), "--resume"])


def line(progress: Progress) -> str:
    """Where a training stands: return, fairness, movement of the policies, speed."""
    values = progress.row.values
    told = [f"return {values['total']:+.3f}"]
    if progress.scores:
        scores = ("-" if values[name] != values[name] else f"{values[name]:.2f}" for name in progress.scores)
        told.append(" ".join((*(name.upper() for name in progress.scores), *scores)))
    if "kl" in values:
        held = f" ({values['stopped']} held)" if values.get("stopped") else ""
        told.append(f"KL {values['kl']:.4f}{held}")
    return "  ".join((*told, f"{progress.agent_steps_per_s / 1000:.1f}k agent-steps/s"))


_LABELS = {
    "total": ("return of an episode", "scaled"),
    "economic": ("  economic", "scaled"),
    "shaping": ("  fairness shaping", "scaled"),
    "lowest": ("  of the agent with the least", "scaled"),
    "ftg": ("fairness to grid (FTG)", "-"),
    "fbs": ("fairness between sellers (FBS)", "-"),
    "fpp": ("fairness of pricing (FPP)", "-"),
    "kl": ("movement of policies in an update", "nat"),
    "entropy": ("entropy of policies", "nat"),
}


def _sum_up(made: Training) -> None:
    from marketsim.cli.tables import table

    summary = made.summary
    shown = [key.removesuffix("_first") for key in summary if key.endswith("_first")]
    rows = [
        (label, *(_shown(name, summary[f"{name}_{when}"]) for when in ("first", "last")), unit)
        for name in shown
        for label, unit in [_LABELS.get(name, (name, "-"))]
    ]
    title = f"{summary['scenario']}: {summary['episodes']:,} episodes in {summary['updates']} updates, seed {summary['seed']}"
    table(("mean over agents", "first tenth", "last tenth", "unit"), rows, title=title, right=(1, 2))
    if "stopped" in summary:
        stopped, undone = summary["stopped"], summary["undone"]
        say(f"The trust region ended {stopped:,} updates of an agent early, and undid {undone:,} epochs.")
    say(
        f"{summary['agent_steps']:,} decisions of agents in {summary['wall_s']:.0f} s. Written to {made.folder}: "
        f"{made.checkpoint.name}, learning_curves.svg, training.csv.\n\n{_next(made)}"
    )


def _next(made: Training) -> str:
    """What can be done with the policies."""
    from marketsim.core.learned_weights import GAME as WEIGHTS

    if made.game == WEIGHTS:
        return (
            "These are communities of training. What next:\n"
            f"  marketsim evaluate {shlex.quote(str(made.folder))}\n"
            "      the policy in communities that it has not seen, beside rules\n"
            f"  weights: {{learned: {{checkpoint: {made.checkpoint}}}}}\n"
            "      of equity_pool and dividend in a scenario: the policy sets the weights of its members"
        )
    if not made.acts:
        return (
            f"These are policies of the game {made.game}. From Python, "
            f"marketsim.learning.learned.load_policy({str(made.checkpoint)!r})\n"
            "      acts by them; marketsim evaluate and the strategy learned are about the market and set-points"
        )
    return (
        "These are days of training. What next:\n"
        f"  marketsim evaluate {shlex.quote(str(made.folder))}\n"
        "      the policies on days that they have not seen, beside baselines\n"
        f"  strategy: {{learned: {{checkpoint: {made.checkpoint}}}}}\n"
        "      in a scenario: the policies as a strategy of its agents"
    )


def _shown(name: str, value: float | None) -> str:
    from marketsim.cli.tables import number

    return f"{value:.1e}" if name == "kl" and value else number(value)
