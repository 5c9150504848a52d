"""``marketsim.whatif``: a study from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketsim.analysis.execution.mapping import executor_for
from marketsim.analysis.studies.axes import axes_of
from marketsim.analysis.studies.plan import plan_study
from marketsim.analysis.studies.study import run_study
from marketsim.app.ready import ScenarioLike, load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.shown_progress import progress_of
from marketsim.core.progress import ProgressCallback

if TYPE_CHECKING:
    import pandas as pd


def whatif(
    scenario: ReadyScenario | ScenarioLike,
    vary: Mapping[str | tuple[str, ...], str | Sequence[Any]],
    *,
    seeds: int | Sequence[int] = 1,
    design: str = "grid",
    samples: int | None = None,
    workers: int | None = None,
    ray: str | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    tables: bool = False,
    progress: ProgressCallback | bool | None = None,
    trust: bool = False,
) -> pd.DataFrame:
    """Run a scenario for every combination of values; a DataFrame with a row a run.

    Parameters
    ----------
    scenario
        What ``load_scenario`` returned, or takes.
    vary
        Values by path, such as ``{"profiles.pv_scale": [0.5, 1, 2], "grid.gate": ["ac", "observe"]}``. Text is read as on
        the command line (``"0:4:9"``; for sampled designs ``"0:4"``). Paths whose values go together are a tuple
        of paths with a list of tuples.
    seeds
        How many, counted from the scenario's own, or which.
    design, samples
        ``grid`` (every combination), ``lhs`` (Latin hypercube) or ``sobol``, with the number of samples.
    workers
        Processes; None: one a processor; 1: this process.
    ray
        Address of a Ray cluster instead, or ``local``.
    out, resume, tables
        Folder of the study, None: nothing is written; whether to go on with the one there; whether to write every
        run's tables.
    progress
        True: shows how many runs are done, in a notebook or on a terminal; else called with (done, in all).
    trust
        Whether the scenario is your own; as for ``load_scenario``.

    Columns are ``run``, ``point``, the varied paths, ``seed``, ``status``, ``error`` and every KPI. A run that fails
    is a row with its error. Raises ScenarioError for values that the scenario does not take.
    """
    ready = scenario if isinstance(scenario, ReadyScenario) else load_scenario(scenario, trust=trust)
    plan = plan_study(ready, axes_of(vary), design=design, samples=samples, seeds=seeds)
    told = progress_of(progress, "runs")
    return run_study(plan, executor_for(workers, ray), out, resume=resume, tables=tables, progress=told).table
