"""The report of a study: its answer in sentences, and its table for curves, heat maps and sensitivities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from marketsim.analysis.studies.answer import OUT_OF_LIMITS, REFUSED, AxisFinding, findings, held_text
from marketsim.analysis.studies.designs import GRID, LHS, SOBOL
from marketsim.analysis.studies.folder import Study, resume_hint
from marketsim.analysis.studies.sentences import answer
from marketsim.analysis.studies.table import OK, kpi_names
from marketsim.app.looking import HINT as TRUST_HINT
from marketsim.app.looking import harmless, look, trusted
from marketsim.app.wiring import Built, build
from marketsim.core.currency import label_of, named
from marketsim.core.errors import MarketsimError, Problem, RunFolderError
from marketsim.core.files import read_text
from marketsim.core.metric import Kpi
from marketsim.fairness.critic import CRITIC_KPIS
from marketsim.metrics.presentation import HEADLINE, RUN, VALIDATION, percent_scale
from marketsim.report.embed import short_numbers
from marketsim.report.study_verdicts import comparisons
from marketsim.results.folder import COMPLETE, SCENARIO
from marketsim.scenario.yamltext import MAX_BYTES

if TYPE_CHECKING:
    import pandas as pd

MOST_CELLS: Final = 300_000
"""Numbers that a page holds; of larger studies only the headline KPIs are shown."""
FIRST: Final = (
    *("voltage_max_pu", "voltage_min_pu", "loading_max_percent", "slots_with_violation", "rejected_kwh"),
    *("curtailed_kwh", "p2p_share", "consumer_cost", "prosumer_cost", "consumer_saving", "worst_off_saving"),
    *("fbs", "ftg", "fpp", "welfare", "allocative_efficiency", "trade_efficiency"),
)
"""KPIs that are offered first."""
_NO_ANSWERS: Final = frozenset(kpi.name for kpi in (*RUN, *VALIDATION)) | {"critic_calls"}
_DESIGNS: Final[Mapping[str, str]] = {GRID: "full grid", LHS: "Latin hypercube", SOBOL: "Sobol design"}
_BREAKS: Final = {OUT_OF_LIMITS: "out of limits", REFUSED: "energy refused"}


class KpiLabel(NamedTuple):
    """How a page calls a KPI."""

    name: str
    label: str
    unit: str
    scale: float
    """Factor from the table to ``unit``."""
    text: str
    """Its definition; empty where it is not known here."""

    @property
    def title(self) -> str:
        """Label and unit."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label


class StudyContent:
    """What the page of a study is made of."""

    def __init__(self, study: Study, *, trust: bool = False) -> None:
        """RunFolderError where the study is not complete. ``trust``: its plugins are loaded, see ``looking``."""
        if study.status != COMPLETE:
            hint = f"go on with it: {resume_hint(study.path)}"
            raise RunFolderError([Problem(f"the study is {study.status}", file=str(study.path), hint=hint)])
        self.study, self.table = study, study.table
        self.done = self.table[self.table["status"] == OK]
        self.failed = self.table[self.table["status"] != OK]
        self.built, gate, self.left_out = _built(study, trust=trust)
        known = _definitions(self.built)
        self.currency = label_of(study.manifest)
        self.kpis = [_label(name, known.get(name), self.currency) for name in _kpis(self.done, study.paths)]
        self.findings = () if self.done.empty else findings(self.done, study.axes, gate)
        self.comparisons, self.not_compared = ([], "") if self.done.empty else comparisons(study)

    def sentences(self) -> list[str]:
        """Where something breaks; of a study without an axis of numbers what its values change."""
        found = [] if self.done.empty else answer(self.done, self.study.axes, self.findings, self.currency)
        return found or [each.sentence for each in self.comparisons]


def _built(study: Study, *, trust: bool) -> tuple[Built | None, str, list[str]]:
    """The scenario of a study, built as far as its KPIs and limits need; its gate; and what is left out, and why."""
    path = study.path / SCENARIO
    try:
        if trust:
            ready = trusted(path).ready
            return build(ready), ready.model.grid.gate.name, []
        seen = look(read_text(path, MAX_BYTES, RunFolderError, links=False), study.path)
        left_out = [f"Limits of the feeder are left out: {problem}" for problem in seen.left_out]
        if seen.plugins:
            left_out.append(f"What KPIs of plugins mean is left out: looking at a study loads none. {TRUST_HINT}")
        return build(harmless(seen.ready)), seen.ready.model.grid.gate.name, left_out
    except MarketsimError as error:
        text = f"The study's scenario cannot be read here, so the meaning of KPIs and limits are left out: {error}"
        return None, "ac", [text]


def _definitions(built: Built | None) -> dict[str, Kpi]:
    """Definitions of the KPIs of a scenario's runs."""
    own = () if built is None else (kpi for metric in built.metrics for kpi in metric.definitions)
    return {kpi.name: kpi for kpi in (*CRITIC_KPIS, *VALIDATION, *own)}


def _label(name: str, known: Kpi | None, currency: str) -> KpiLabel:
    line = next((line for line in HEADLINE if line.name == name), None)
    text = "" if known is None else known.text
    if line is not None:
        unit = "" if line.unit == "-" else named(line.unit, currency)
        return KpiLabel(name, line.label, unit, percent_scale(name, line.unit), text)
    unit = "" if known is None or known.unit == "-" else named(known.unit, currency)
    return KpiLabel(name, name, unit, 1.0, text)


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
    names = {kpi.name for kpi in of.kpis}
    return {
        "kind": "study",
        "sampled": of.study.design["design"] != GRID,
        "axes": [
            {"label": axis.label, "values": [_cell(value) for value in of.done[axis.paths[0]].tolist()]}
            for axis in of.study.axes
        ],
        "seeds": of.done["seed"].tolist(),
        "kpis": {
            kpi.name: short_numbers(kpi.scale * of.done[kpi.name].to_numpy(dtype="float64", na_value=float("nan")))
            for kpi in of.kpis
        },
        "words": {kpi.name: {"title": kpi.title, "text": kpi.text} for kpi in of.kpis},
        "limits": _limits(of.built),
        "breaks": [_break(each) for each in of.findings if each.criterion in _BREAKS and each.first is not None],
        "sensitivities": [each._asdict() for each in of.study.sensitivities if each.kpi in names],
    }


def _limits(built: Built | None) -> dict[str, float]:
    """Limits of KPIs that hold for the whole feeder, as lines in their charts."""
    if built is None or built.grid is None:
        return {}
    low, high = built.grid.v_min_pu[1:], built.grid.v_max_pu[1:]
    found = {"loading_max_percent": 100.0}
    if len(low) and np.ptp(low) == np.ptp(high) == 0.0:
        found |= {"voltage_min_pu": float(low[0]), "voltage_max_pu": float(high[0])}
    return found


def _break(of: AxisFinding) -> dict[str, Any]:
    return {"axis": of.axis, "held": held_text(of.held), "first": of.first, "what": _BREAKS[of.criterion]}


def _cell(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def study_context(of: StudyContent) -> dict[str, Any]:
    """What the template says in words."""
    study, design = of.study, of.study.design
    return {
        "title": str(design["scenario"]),
        "status": study.status,
        "design": _DESIGNS.get(design["design"], design["design"]),
        "points": design["points"],
        "runs": design["runs"],
        "seeds": list(design["seeds"]),
        "axes": [axis.label for axis in study.axes],
        "sentences": of.sentences(),
        "comparisons": of.comparisons,
        "not_compared": of.not_compared,
        "failed": list(zip(of.failed["run"].tolist(), of.failed["error"].tolist(), strict=True)),
        "first": [kpi for kpi in of.kpis if kpi.name in FIRST],
        "others": [kpi for kpi in of.kpis if kpi.name not in FIRST],
        "measure": next((each.measure for each in study.sensitivities), "swing"),
        "manifest": study.manifest,
        "notes": [*map(str, study.manifest.get("notes") or ()), *of.left_out],
        "folder": str(study.path),
    }
