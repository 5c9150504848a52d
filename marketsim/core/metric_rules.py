"""What a plugin's metric may declare and return: named KPIs, each a finite number, text or None."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Final

from marketsim.core.metric import LARGEST, LONGEST, Kpi, Value
from marketsim.core.rule_terms import Call, Rule, Sizes, Wrong

_TAKEN: Final = frozenset(("slots", "agents", "seed", "wall_s"))
"""What the summary of every run has beside the KPIs."""


def declared_kpis(part: Any, sizes: Sizes) -> dict[str, Any]:  # noqa: ARG001 - as all that parts declare
    """``definitions`` and ``columns`` of a metric as they are when it is built; Wrong for what are no KPIs."""
    return {what: _kpis(what, getattr(part, what)) for what in ("definitions", "columns")}


def _kpis(what: str, found: Any) -> tuple[Kpi, ...]:
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise Wrong(f"{what} has to be a list of Kpi(name, unit, text), not {type(found).__name__}")
    for each in found:
        if not _is_kpi(each):
            raise Wrong(f"{what} has to be a list of Kpi(name, unit, text), not of {_shown(each)}")
        if what == "definitions" and each.name in _TAKEN:
            raise Wrong(f"{what} has a KPI {each.name!r}, which is what every summary has of its own")
    return tuple(found)


def _is_kpi(each: object) -> bool:
    if not isinstance(each, Kpi) or not isinstance(each.name, str) or not each.name.isprintable() or not each.name:
        return False
    words = (each.name, each.unit, each.text)
    return all(isinstance(word, str) and _can_be_kept(word) for word in words) and each.kind in (int, float, str)


def observed(call: Call) -> dict[str, Value]:
    """The row of a slot, as plain values."""
    return _plain(call.result, call.part.columns)


def summed_up(call: Call) -> dict[str, Value]:
    """The KPIs of a run, as plain values."""
    return _plain(call.result, call.part.definitions)


def _plain(found: Any, declared: Sequence[Kpi]) -> dict[str, Value]:
    if not isinstance(found, Mapping):
        raise Wrong(f"it has to return a mapping of KPIs by name, not {type(found).__name__}")
    names = [kpi.name for kpi in declared]
    other = [name for name in (*found, *names) if (name in found) != (name in names)]
    if other:
        state = "is declared and missing" if other[0] in names else "is not declared"
        raise Wrong(f"it has to return the KPIs that it declares: {_shown(other[0])} {state}")
    return {kpi.name: _value(kpi, found[kpi.name]) for kpi in declared}


def _value(kpi: Kpi, value: Any) -> Value:
    if value is None:
        return None
    if kpi.kind is str:
        if isinstance(value, str) and _can_be_kept(value):
            return str(value)
        raise Wrong(f"{kpi.name} has to be text of at most {LONGEST} letters or None, not {_shown(value)}")
    if kpi.kind is int:
        if isinstance(value, Integral) and not isinstance(value, bool) and abs(int(value)) < 2**63:
            return int(value)
        raise Wrong(f"{kpi.name} has to be a whole number of 64 bits or None, not {_shown(value)}")
    if isinstance(value, Real) and not isinstance(value, bool) and abs(float(value)) <= LARGEST:
        return float(value)
    hint = "return None for what is undefined"
    raise Wrong(f"{kpi.name} has to be a finite number or None, not {_shown(value)}: {hint}")


def _can_be_kept(text: str) -> bool:
    return len(text) <= LONGEST and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _shown(value: object) -> str:
    return repr(value)[:60]


METRIC_RULES: Final[dict[str, Rule]] = {"observe": observed, "summary": summed_up}
