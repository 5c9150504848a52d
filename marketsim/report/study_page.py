"""The report of a study: its answer in sentences, and its table for curves, heat maps and sensitivities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from marketsim.analysis.studies.answer import findings
from marketsim.analysis.studies.folder import Study, resume_hint
from marketsim.analysis.studies.sentences import answer
from marketsim.analysis.studies.table import OK, kpi_names
from marketsim.app.ready import load_scenario
from marketsim.core.errors import MarketsimError, Problem, RunFolderError
from marketsim.metrics.presentation import HEADLINE, RUN, VALIDATION
from marketsim.report.embed import short_numbers
from marketsim.results.folder import COMPLETE, SCENARIO

if TYPE_CHECKING:
    import pandas as pd

MOST_CELLS: Final = 300_000
"""Numbers that a page holds; of larger studies only the headline KPIs are shown."""
FIRST: Final = (
    *("voltage_max_pu", "voltage_min_pu", "slots_with_violation", "rejected_kwh", "curtailed_kwh", "p2p_share"),
    *("consumer_saving", "worst_off_saving", "fbs", "ftg", "fpp", "allocative_efficiency"),
)
"""KPIs that are offered first."""
_NO_ANSWERS: Final = frozenset(kpi.name for kpi in (*RUN, *VALIDATION)) | {"critic_calls"}


class StudyContent:
    """What the page of a study is made of."""

    def __init__(self, study: Study) -> None:
        """RunFolderError where the study is not complete."""
        if study.status != COMPLETE:
            hint = f"go on with it: {resume_hint(study.path)}"
            raise RunFolderError([Problem(f"the study is {study.status}", file=str(study.path), hint=hint)])
        self.study, self.table = study, study.table
        self.done = self.table[self.table["status"] == OK]
        self.failed = self.table[self.table["status"] != OK]
        self.kpis = _kpis(self.done, study.paths)

    def sentences(self) -> list[str]:
        """The answer, where there is one."""
        axes = self.study.axes
        if self.done.empty:
            return []
        return answer(self.done, axes, findings(self.done, axes, self._gate()))

    def _gate(self) -> str:
        """The gate of the scenario, where it is not varied; the default where the scenario cannot be read here."""
        try:
            return load_scenario(self.study.path / SCENARIO).model.grid.gate
        except MarketsimError:
            return "ac"


def _kpis(done: pd.DataFrame, paths: Sequence[str]) -> list[str]:
    """KPIs that are numbers and differ between runs, those that people ask for first."""
    moving = [
        name
        for name in kpi_names(done, paths)
        if name not in _NO_ANSWERS and done[name].dtype != object and done[name].nunique(dropna=False) > 1
    ]
    if len(moving) * len(done) > MOST_CELLS:
        kept = {line.name for line in HEADLINE} | set(FIRST)
        moving = [name for name in moving if name in kept]
    return [*(name for name in FIRST if name in moving), *(name for name in moving if name not in FIRST)]


def study_data(of: StudyContent) -> dict[str, Any]:
    """What the charts of the page are drawn from."""
    return {
        "kind": "study",
        "sampled": of.study.design["design"] != "grid",
        "axes": [
            {"label": axis.label, "values": [_cell(value) for value in of.done[axis.paths[0]].tolist()]}
            for axis in of.study.axes
        ],
        "seeds": of.done["seed"].tolist(),
        "kpis": {
            name: short_numbers(of.done[name].to_numpy(dtype="float64", na_value=float("nan"))) for name in of.kpis
        },
    }


def _cell(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def study_context(of: StudyContent) -> dict[str, Any]:
    """What the template says in words."""
    study, design = of.study, of.study.design
    return {
        "title": str(design["scenario"]),
        "status": study.status,
        "design": design["design"],
        "points": design["points"],
        "runs": design["runs"],
        "seeds": list(design["seeds"]),
        "axes": [axis.label for axis in study.axes],
        "sentences": of.sentences(),
        "failed": list(zip(of.failed["run"].tolist(), of.failed["error"].tolist(), strict=True)),
        "kpis": of.kpis,
        "manifest": study.manifest,
        "folder": str(study.path),
        "vary": design["vary"],
    }
