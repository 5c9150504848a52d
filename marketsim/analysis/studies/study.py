"""Running a plan: every run that is missing, then the table."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from marketsim.analysis.execution.in_process import InProcess
from marketsim.analysis.execution.mapping import Job, Store, map_runs
from marketsim.analysis.execution.port import Executor, JobOutcome
from marketsim.analysis.studies import folder as layout
from marketsim.analysis.studies.answer import AxisFinding, KpiCriterion, findings
from marketsim.analysis.studies.figures import draw_figures
from marketsim.analysis.studies.plan import StudyPlan
from marketsim.analysis.studies.sensitivity import Sensitivity, sensitivities, sensitivity_table
from marketsim.analysis.studies.sentences import answer_document
from marketsim.analysis.studies.table import study_table, timings_table
from marketsim.analysis.studies.variant import SimulateVariant, Variant
from marketsim.app.ready import load_scenario
from marketsim.app.running import simulate
from marketsim.core import files
from marketsim.core.errors import MarketsimError, MissingDependency
from marketsim.core.progress import ProgressCallback
from marketsim.results.folder import write_json

if TYPE_CHECKING:
    import pandas as pd

_MOST_WARMED: Final = 8


class Finished(NamedTuple):
    """A study that has ended."""

    plan: StudyPlan
    table: pd.DataFrame
    timings: pd.DataFrame
    path: Path | None
    findings: tuple[AxisFinding, ...] = ()
    sensitivities: tuple[Sensitivity, ...] = ()
    notes: tuple[str, ...] = ()
    """What could not be done, and why."""


def run_study(
    plan: StudyPlan,
    executor: Executor,
    out: str | Path | None = None,
    *,
    resume: bool = False,
    tables: bool = False,
    criteria: Sequence[KpiCriterion] = (),
    progress: ProgressCallback | None = None,
) -> Finished:
    """Every run of a plan and the table of them; the same table whatever the executor and however often interrupted.

    Parameters
    ----------
    out
        Folder of the study; None: nothing is written.
    resume
        Go on with the study in ``out``: what it has finished is not done again; what failed is.
    tables
        Write each run's tables, too.
    criteria
        What counts as broken beside the usual.

    Raises RunFolderError for a folder that cannot be used, RunError where no worker starts or the disk is full.
    """
    if out is None:
        return _evaluated(plan, _outcomes(plan, executor, None, None, tables=False, progress=progress), None, criteria)
    folder = Path(out)
    with layout.session(folder, plan, resume=resume, tables=tables) as store:
        outcomes = _outcomes(plan, executor, folder, store, tables=tables, progress=progress)
        return _written(_evaluated(plan, outcomes, folder, criteria), folder)


def _evaluated(
    plan: StudyPlan, outcomes: list[JobOutcome], path: Path | None, criteria: Sequence[KpiCriterion]
) -> Finished:
    table = study_table(plan, outcomes)
    return Finished(
        plan,
        table,
        timings_table(outcomes),
        path,
        findings(table, plan.axes, plan.scenario.model.grid.gate.name, criteria),
        sensitivities(table, plan.axes, plan.design, plan.scenario.seed),
    )


def _written(finished: Finished, folder: Path) -> Finished:
    """The study with everything that is derived from its runs in its folder."""
    files.replace(folder / layout.TABLE, finished.table.to_parquet(None, index=False))
    listed = (
        (layout.TABLE_CSV, finished.table),
        (layout.TIMINGS, finished.timings),
        (layout.SENSITIVITY, sensitivity_table(finished.sensitivities)),
    )
    for name, table in listed:
        files.replace(folder / name, table.to_csv(None, index=False, lineterminator="\n"))
    currency = finished.plan.scenario.model.currency
    write_json(folder / layout.ANSWER, answer_document(finished.table, finished.plan.axes, finished.findings, currency))
    try:
        draw_figures(folder / layout.FIGURES, finished.plan, finished.table, finished.findings, finished.sensitivities)
    except MissingDependency as error:
        return finished._replace(notes=(f"No figures: {error}",))
    return finished


def _outcomes(
    plan: StudyPlan,
    executor: Executor,
    folder: Path | None,
    store: Store | None,
    *,
    tables: bool,
    progress: ProgressCallback | None,
) -> list[JobOutcome]:
    jobs = []
    for run in plan.runs():
        key = layout.run_key(run.number, plan.n_runs)
        jobs.append(
            Job(key, Variant(plan.overrides(run), None if folder is None else folder.absolute() / layout.RUNS / key))
        )

    def prepare() -> None:
        if not isinstance(executor, InProcess):
            compile_kernels(plan)

    return map_runs(SimulateVariant(plan.scenario.source, tables), jobs, executor, store, progress, prepare)


def compile_kernels(plan: StudyPlan) -> None:
    """Simulate one slot of every choice of parts, so that workers find their kernels in the cache."""
    warmed: set[str] = set()
    for run in plan.runs():
        choice = repr([value for value in run.values if not isinstance(value, int | float)])
        if choice not in warmed and len(warmed) < _MOST_WARMED:
            warmed.add(choice)
            with contextlib.suppress(MarketsimError):  # its own run will tell
                simulate(load_scenario(plan.scenario.source, {**plan.overrides(run), "clock.slots": 1}))
