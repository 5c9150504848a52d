"""``marketsim whatif``."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from marketsim.cli.options import AskedScenario, compiled, set_option, teller, trust_option
from marketsim.cli.saying import say

if TYPE_CHECKING:
    from marketsim.analysis.studies.plan import StudyPlan
    from marketsim.analysis.studies.study import Finished


@click.command()
@click.argument("scenario", type=click.Path(), required=False)
@click.option(
    "--vary",
    metavar="PATH=VALUES",
    multiple=True,
    help="Values of a path: START:STOP:COUNT or A,B,C (repeatable; every combination is run).",
)
@click.option(
    "--zip",
    "paired",
    metavar="PATH=VALUES",
    multiple=True,
    help="The same for paths whose values go together (repeatable).",
)
@click.option("--seeds", metavar="N|A,B,C", default="1", help="How many seeds, or which [default: 1].")
@click.option("--design", type=click.Choice(["grid", "lhs", "sobol"]), default="grid", help="Which combinations.")
@click.option("--samples", type=click.IntRange(min=1), metavar="N", help="Samples of a design other than grid.")
@click.option("--breaks", metavar="'KPI<VALUE'", multiple=True, help="What else counts as broken (repeatable).")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes [default: one a processor].")
@click.option("--ray", metavar="ADDRESS|local", help="Use a Ray cluster instead.")
@click.option("--out", type=click.Path(), metavar="DIR", help="Study folder [default: runs/whatif-<scenario>-<time>].")
@click.option("--resume", is_flag=True, help="Go on with the study in --out.")
@click.option("--tables", is_flag=True, help="Write every run's tables, too.")
@set_option
@trust_option
@click.option("--json", "as_json", is_flag=True, help="Print table and answer as JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def whatif(
    scenario: str | None,
    vary: tuple[str, ...],
    paired: tuple[str, ...],
    seeds: str,
    design: str,
    samples: int | None,
    breaks: tuple[str, ...],
    workers: int | None,
    ray: str | None,
    out: str | None,
    resume: bool,
    tables: bool,
    overrides: tuple[str, ...],
    trust: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Vary values of SCENARIO and say at which of them the feeder or the market breaks.

    Try it: marketsim whatif scenarios/ieee141.yaml --vary profiles.pv_scale=0:4:9 --vary grid.gate=ac,observe

    The study's folder holds one table with a row a run, every run's resolved scenario, and figures. A run that
    fails is a row with its error. An interrupted study goes on with: marketsim whatif --resume --out DIR
    """
    from marketsim.analysis.execution.mapping import executor_for
    from marketsim.analysis.studies.answer import demand_kpis, own_criterion
    from marketsim.analysis.studies.axes import axes_of_texts
    from marketsim.analysis.studies.folder import resume_hint
    from marketsim.analysis.studies.plan import plan_study
    from marketsim.analysis.studies.study import run_study
    from marketsim.cli.tables import progress_bar

    own = [own_criterion(text) for text in breaks]
    if resume and scenario is None:
        plan = _kept_plan(out, changed=bool(vary or paired or overrides), trust=trust, quiet=quiet)
    else:
        if scenario is None:
            raise click.UsageError("Missing argument 'SCENARIO'.")
        axes = axes_of_texts(vary, paired)
        ready = AskedScenario(scenario, overrides, None, trust).load(quiet=quiet)
        plan = plan_study(ready, axes, design=design, samples=samples, seeds=_seeds(seeds))
    if own:
        demand_kpis(own, plan.scenario)
    compiled(plan.scenario, quiet=quiet)
    folder = Path(out) if out else default_folder(plan.scenario.name, datetime.now())
    try:
        with progress_bar(plan.scenario.name, "runs", quiet=quiet or as_json) as progress:
            made = run_study(
                plan, executor_for(workers, ray), folder, resume=resume, tables=tables, criteria=own, progress=progress
            )
    except KeyboardInterrupt:
        say(f"\nInterrupted. Finished runs are kept; go on with: {resume_hint(folder)}", err=True)
        sys.exit(1)
    _report(made, as_json=as_json, quiet=quiet)
    if made.table["status"].eq("failed").all():
        sys.exit(1)


def default_folder(scenario: str, now: datetime) -> Path:
    """Folder of a study that was not told where to go."""
    return Path("runs") / f"whatif-{scenario}-{now:%Y%m%dT%H%M%S}"


def _kept_plan(out: str | None, *, changed: bool, trust: bool, quiet: bool) -> StudyPlan:
    from marketsim.analysis.studies.folder import open_study, plan_of

    if out is None:
        raise click.UsageError("--resume needs the study's folder: --out DIR")
    if changed:
        raise click.UsageError("--vary, --zip and --set need SCENARIO, or leave them out to finish the study in --out")
    return plan_of(open_study(out), trust=trust, tell=teller(quiet=quiet))


def _seeds(text: str) -> int | tuple[int, ...]:
    if not re.fullmatch(r"\d+(,\d+)*", text.replace(" ", "")):
        raise click.BadParameter(
            f"{text!r} is neither a number nor a list of seeds such as 3,7,9", param_hint="'--seeds'"
        )
    numbers = tuple(int(part) for part in text.split(","))
    return numbers[0] if len(numbers) == 1 else numbers


def _report(made: Finished, *, as_json: bool, quiet: bool) -> None:
    from marketsim.analysis.studies.sentences import answer_document

    document = answer_document(made.table, made.plan.axes, made.findings, made.plan.scenario.model.currency)
    if as_json:
        rows = json.loads(made.table.to_json(orient="records", double_precision=15))
        moved = [each._asdict() for each in made.sensitivities]
        whole = {"study": str(made.path), **document, "sensitivities": moved, "table": rows}
        say(json.dumps(whole, indent=2))
    elif not quiet:
        _show(made, document["answer"])


def _show(made: Finished, lines: list[str]) -> None:
    from marketsim.analysis.studies.screen import failures, screen_table
    from marketsim.cli.tables import table

    shown = screen_table(made.plan, made.table, made.sensitivities)
    table(shown.head, shown.rows, title=shown.title, right=shown.right)
    for line in (*shown.notes, *failures(made.table), *made.notes):
        say(line)
    if lines:
        say("\nAnswer")
        for line in lines:
            say(f"- {line}")
    say(f"Written to {made.path}.")
