"""The answer of a study: at which value of what was varied the feeder, or the market, breaks.

A value counts as broken where any of its seeds is. What *broken* means is a criterion: slots outside limits where the
gate only observes, energy refused where it does more, an agent worse off than with the utility alone, or the user's own.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from marketsim.analysis.studies.axes import Axis
from marketsim.analysis.studies.table import OK
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.builtin import PARTS
from marketsim.core.arrays import BoolArray
from marketsim.core.errors import InputError, Problem
from marketsim.fairness.critic import CRITIC_KPIS
from marketsim.metrics.presentation import VALIDATION
from marketsim.scenario.problems import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

GATE: Final = "grid.gate"
RECORDING: Final = frozenset(entry.name for entry in PARTS if entry.kind == "gate" and "records" in entry.traits)
"""Gates that refuse nothing and record what breaks."""
OBSERVING: Final = RECORDING | {entry.name for entry in PARTS if entry.kind == "gate" and "blind" in entry.traits}
"""Gates that refuse nothing, and the absence of one."""
_COMPARE: Final[Mapping[str, Callable[[Any, float], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OWN: Final = re.compile(r"\s*(\w+)\s*(<=|>=|<|>)\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*")


class KpiCriterion(NamedTuple):
    """When a run counts as broken: a KPI on the wrong side of a value."""

    kpi: str
    sign: str
    value: float

    def __str__(self) -> str:
        return f"{self.kpi} {self.sign} {self.value:g}"

    def broken(self, rows: pd.DataFrame) -> BoolArray:
        """For each row, False where the KPI is undefined [n_rows]."""
        broken: BoolArray = _COMPARE[self.sign](rows[self.kpi].to_numpy(dtype=np.float64, na_value=np.nan), self.value)
        return broken


OUT_OF_LIMITS: Final = KpiCriterion("slots_with_violation", ">", 0.0)
REFUSED: Final = KpiCriterion("rejected_kwh", ">", 0.0)
WORSE_OFF: Final = KpiCriterion("worst_off_saving", "<", 0.0)


class AxisFinding(NamedTuple):
    """Where a criterion is met along the axis, with the other varied values held."""

    axis: str
    """Path of the axis."""
    held: Mapping[str, Any]
    """Values of the other paths."""
    criterion: KpiCriterion
    values: tuple[float, ...]
    """All values of the axis, in order."""
    broken: tuple[float, ...]
    """Those at which the criterion is met by at least one seed."""
    shares: tuple[float, ...]
    """Share of seeds at each value that meet it."""

    @property
    def first(self) -> float | None:
        """The first value that is broken."""
        return self.broken[0] if self.broken else None

    @property
    def last_before(self) -> float | None:
        """The value before it; None where the first is broken already, or none is."""
        place = self.values.index(self.broken[0]) if self.broken else 0
        return self.values[place - 1] if place else None

    @property
    def monotone(self) -> bool:
        """Whether everything behind the first broken value is broken, too."""
        return not self.broken or self.broken == self.values[self.values.index(self.broken[0]) :]


def own_criterion(text: str) -> KpiCriterion:
    """``fbs < 0.15`` as a criterion; InputError where it is none."""
    found = _OWN.fullmatch(text)
    if found is None:
        hint = "for example --breaks 'fbs < 0.15' or --breaks 'curtailed_kwh > 100'"
        raise InputError(
            [Problem("must read KPI < VALUE or KPI > VALUE", value=repr(text), hint=hint, file="--breaks")]
        )
    return KpiCriterion(found[1], found[2], float(found[3]))


def demand_kpis(criteria: Sequence[KpiCriterion], scenario: ReadyScenario) -> None:
    """InputError for criteria on KPIs that no run of the scenario has."""
    from marketsim.app.wiring import build

    own = (kpi.name for metric in build(scenario).metrics for kpi in metric.definitions)
    kpis = (*own, *(kpi.name for kpi in (*CRITIC_KPIS, *VALIDATION)))
    unknown = [each for each in criteria if each.kpi not in kpis]
    if unknown:
        raise InputError(
            [
                Problem("no run has such a KPI", value=each.kpi, hint=did_you_mean(each.kpi, kpis), file="--breaks")
                for each in unknown
            ]
        )


def main_axis(axes: Sequence[Axis]) -> Axis | None:
    """The axis along which a study is read: the first of several numbers."""
    return next((axis for axis in axes if axis.span is None and axis.numeric and len(axis.levels) > 1), None)


def findings(
    table: pd.DataFrame, axes: Sequence[Axis], gate: str, own: Sequence[KpiCriterion] = ()
) -> tuple[AxisFinding, ...]:
    """Where a study breaks, along its main axis, for each combination of the other values.

    ``gate`` is the scenario's, where it is not varied. Empty for a study without an axis of numbers.
    """
    axis = main_axis(axes)
    if axis is None:
        return ()
    others = [path for each in axes if each is not axis for path in each.paths]
    return tuple(
        _finding(axis.paths[0], held, criterion, rows)
        for held, rows in series_of(table, others)
        for criterion in (*_criteria(rows, str(held.get(GATE, gate))), *own)
        if criterion.kpi in rows and rows[criterion.kpi].notna().any()
    )


def series_of(table: pd.DataFrame, others: Sequence[str]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """The successful runs of a study, for each combination of the ``others``, in the order of the table."""
    good = table[table["status"] == OK]
    if not others:
        yield {}, good
        return
    for key, rows in good.groupby(list(others), sort=False):
        yield {path: plain_value(value) for path, value in zip(others, key, strict=True)}, rows


def plain_value(value: Any) -> Any:
    """A value of a table as plain Python holds it."""
    return value.item() if hasattr(value, "item") else value


def _criteria(rows: pd.DataFrame, gate: str) -> tuple[KpiCriterion, ...]:
    if "voltage_max_pu" not in rows or rows["voltage_max_pu"].isna().all():
        return (WORSE_OFF,)
    return (OUT_OF_LIMITS, WORSE_OFF) if gate in OBSERVING else (OUT_OF_LIMITS, REFUSED, WORSE_OFF)


def _finding(path: str, held: Mapping[str, Any], criterion: KpiCriterion, rows: pd.DataFrame) -> AxisFinding:
    places, broken = rows[path].to_numpy(dtype=np.float64), criterion.broken(rows)
    values = tuple(np.unique(places).tolist())
    shares = tuple(float(broken[places == value].mean()) for value in values)
    met = tuple(value for value, share in zip(values, shares, strict=True) if share > 0.0)
    return AxisFinding(path, dict(held), criterion, values, met, shares)


def held_text(held: Mapping[str, Any]) -> str:
    """Values that are held, for people."""
    return ", ".join(f"{path}={value:g}" if _is_number(value) else f"{path}={value}" for path, value in held.items())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
