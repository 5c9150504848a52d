"""Metrics of plugins: what they return is looked at, so that a fault in one is told as its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from marketsim.core.errors import MarketsimError, PluginError, Problem, RunError
from marketsim.core.metric import Kpi, Metric, Value
from marketsim.core.records import SlotRecord


class GuardedMetric:
    """Port ``Metric`` over a plugin's: the KPIs that it declares, each a finite number, text or None.

    PluginError for what it declares, RunError for what it returns while the run goes.
    """

    def __init__(self, metric: Metric, name: str, owner: str = "") -> None:
        self._metric, self._name, self._owner = metric, name, f" ({owner})" if owner else ""
        self.definitions = self._declared("definitions")
        self.columns = self._declared("columns")

    def _declared(self, what: str) -> tuple[Kpi, ...]:
        declared: tuple[Kpi, ...] = self._called(what, lambda: tuple(getattr(self._metric, what)))
        wrong = [each for each in declared if not _is_kpi(each)]
        if wrong:
            message = f"metric {self._name}: {what} must be a list of Kpi(name, unit, text){self._owner}"
            raise PluginError([Problem(message, value=repr(wrong[0])[:60])])
        return declared

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:
        """Show it a slot; its row, as plain values."""
        found = self._called("observe", lambda: self._metric.observe(record, reference))
        return self._plain("observe", found, self.columns, f" in slot {record.inputs.time.slot}")

    def summary(self) -> dict[str, Value]:
        """Its KPIs, as plain values."""
        return self._plain("summary", self._called("summary", self._metric.summary), self.definitions, "")

    def _called(self, what: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except MarketsimError:
            raise
        except Exception as error:
            raise RunError(f"metric {self._name}: {what} failed: {type(error).__name__}: {error}") from error

    def _plain(self, what: str, found: Any, declared: Sequence[Kpi], when: str) -> dict[str, Value]:
        if not isinstance(found, Mapping):
            raise self._fault(f"{what} must return a mapping of KPIs by name{when}", found)
        names = [kpi.name for kpi in declared]
        other = [name for name in (*found, *names) if (name in found) != (name in names)]
        if other:
            state = "is declared and missing" if other[0] in names else "is not declared"
            raise self._fault(f"{what} returns other KPIs than it declares{when}: one {state}", other[0])
        return {kpi.name: self._value(kpi, found[kpi.name], f"{what}: {kpi.name}", when) for kpi in declared}

    def _value(self, kpi: Kpi, value: Any, where: str, when: str) -> Value:
        if value is None:
            return None
        if kpi.kind is str:
            if isinstance(value, str):
                return value
            raise self._fault(f"{where} must be text or None{when}", value)
        if kpi.kind is int:
            if isinstance(value, Integral) and not isinstance(value, bool) and abs(int(value)) < 2**63:
                return int(value)
            raise self._fault(f"{where} must be a whole number of 64 bits or None{when}", value)
        if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        raise self._fault(f"{where} must be a finite number or None{when}", value, "return None for what is undefined")

    def _fault(self, message: str, value: object, hint: str = "") -> RunError:
        return RunError(str(Problem(f"metric {self._name}: {message}{self._owner}", "", repr(value)[:60], hint)))


def _is_kpi(each: object) -> bool:
    if not isinstance(each, Kpi) or not isinstance(each.name, str) or not each.name.isprintable() or not each.name:
        return False
    return isinstance(each.unit, str) and isinstance(each.text, str) and each.kind in (int, float, str)
