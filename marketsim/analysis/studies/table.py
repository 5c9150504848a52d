"""The table of a study: a row a run, in the order of the design, without anything that depends on the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from marketsim.analysis.execution.port import JobOutcome
from marketsim.analysis.studies.plan import StudyPlan
from marketsim.analysis.studies.variant import SUMMARY
from marketsim.core.errors import Problem, RunFolderError
from marketsim.scenario.dump import flow

if TYPE_CHECKING:
    import pandas as pd

OK, FAILED = "ok", "failed"
STATUSES: Final = (OK, FAILED)
WALL: Final = "wall_s"
LEADING: Final = ("run", "point")
TRAILING: Final = ("seed", "status", "error")
"""Columns before and behind those of the varied paths; KPIs follow."""
_NOT_KPIS: Final = frozenset({"seed", WALL})


def study_table(plan: StudyPlan, outcomes: Sequence[JobOutcome]) -> pd.DataFrame:
    """Columns ``run``, ``point``, the varied paths, ``seed``, ``status``, ``error``, and every KPI but the wall time."""
    import pandas as pd

    runs = list(plan.runs())
    columns: dict[str, Any] = {"run": [run.number for run in runs], "point": [run.point for run in runs]}
    for place, path in enumerate(plan.paths):
        columns[path] = _values([run.values[place] for run in runs])
    columns["seed"] = [run.seed for run in runs]
    columns["status"] = [OK if outcome.failure is None else FAILED for outcome in outcomes]
    columns["error"] = pd.Series([_error(outcome) for outcome in outcomes], dtype="object")
    summaries = [_summary(outcome) for outcome in outcomes]
    for name in dict.fromkeys(name for summary in summaries for name in summary if name not in _NOT_KPIS):
        columns[name] = _kpi(name, [summary.get(name) for summary in summaries])
    return pd.DataFrame(columns)


def timings_table(outcomes: Sequence[JobOutcome]) -> pd.DataFrame:
    """What each run took [s], and the workers that it took."""
    import pandas as pd

    return pd.DataFrame(
        {
            "run": range(len(outcomes)),
            WALL: [outcome.wall_s for outcome in outcomes],
            "attempts": [outcome.attempts for outcome in outcomes],
        }
    )


def kpi_names(table: pd.DataFrame, paths: Sequence[str]) -> list[str]:
    """The columns of a study's table that are KPIs."""
    others = {*LEADING, *paths, *TRAILING}
    return [name for name in table.columns if name not in others]


def holds_numbers(column: pd.Series[Any]) -> bool:
    """Whether a KPI is a number in every run; a metric may have texts, too."""
    return column.dtype.kind in "ifb"


def _summary(outcome: JobOutcome) -> Mapping[str, Any]:
    return {} if outcome.failure is not None else outcome.value[SUMMARY]


def _error(outcome: JobOutcome) -> str | None:
    return None if outcome.failure is None else str(outcome.failure)


def _values(values: list[Any]) -> Any:
    """Numbers as numbers, anything else as a scenario writes it."""
    import pandas as pd

    if all(_is_number(value) for value in values):
        return values if all(isinstance(value, int) for value in values) else [float(value) for value in values]
    return pd.Series([value if isinstance(value, str) else flow(value) for value in values], dtype="object")


def _kpi(name: str, values: list[Any]) -> Any:
    import pandas as pd

    defined = [value for value in values if value is not None]
    texts = [isinstance(value, str) for value in defined]
    if any(texts) and not all(texts):
        run = next(run for run, value in enumerate(values) if isinstance(value, str))
        message = f"the runs of the study disagree: {name} is a text in run {run}, and a number in others"
        raise RunFolderError(
            [Problem(message, name, repr(values[run])[:80], "remove the folder of that run, and go on")]
        )
    if any(texts):
        return pd.Series(values, dtype="object")
    if defined and all(isinstance(value, int) for value in defined):
        return pd.Series(values, dtype="int64" if len(defined) == len(values) else "Int64")
    return pd.Series([None if value is None else float(value) for value in values], dtype="float64")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
