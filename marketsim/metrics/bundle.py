"""Several metrics as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from marketsim.core.errors import PluginError, Problem
from marketsim.core.metric import Kpi, Metric, Value
from marketsim.core.records import SlotRecord


class Metrics:
    """Port ``Metric`` over several: all their KPIs and columns, in order; every name once, or PluginError."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = tuple(metrics)
        self.definitions = _unique((kpi for metric in metrics for kpi in metric.definitions), "KPI")
        self.columns = _unique((kpi for metric in metrics for kpi in metric.columns), "column of the slots' table")

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:
        """Show a slot to all; their rows side by side."""
        row: dict[str, Value] = {}
        for metric in self._metrics:
            row.update(metric.observe(record, reference))
        return row

    def summary(self) -> dict[str, Value]:
        """The KPIs of all."""
        out: dict[str, Value] = {}
        for metric in self._metrics:
            out.update(metric.summary())
        return out


def _unique(kpis: Iterable[Kpi], what: str) -> tuple[Kpi, ...]:
    every = tuple(kpis)
    twice = [name for name, count in Counter(kpi.name for kpi in every).items() if count > 1]
    if twice:
        hint = "give it a name of its own in the metric's definitions and columns"
        raise PluginError([Problem(f"two metrics bring the {what} {name!r}", hint=hint) for name in twice])
    return every
