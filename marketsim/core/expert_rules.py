"""What the plans of an expert that a plugin brings are held to."""

from __future__ import annotations

from typing import Any, Final

from marketsim.core.expert import ExpertView, Plan
from marketsim.core.rule_terms import Call, Rule, real, record_of, whole_number, wrong
from marketsim.core.setpoints import Setpoints

_MOST_KW: Final = 1e9
_SIGNED: Final = ("battery_kw", "kvar")
"""Set-points that have both signs."""


def planned(call: Call) -> Setpoints:
    """Set-points of every slot that is left and every agent, finite; what none of them can be is negative."""
    return _setpoints(call.given[0], call.result)


def solved(call: Call) -> Plan:
    """The same with what is stored, and what the expert says of its plan."""
    view: ExpertView = call.given[0]
    plan = record_of(call.result, Plan)
    if not isinstance(plan.status, str) or not plan.status.isprintable():
        wrong("status has to be a line of text")
    (horizon, n), seconds = view.load_kw.shape, _number("seconds", plan.seconds)
    return Plan(
        setpoints=_setpoints(view, plan.setpoints),
        stored_kwh=real("stored_kwh", plan.stored_kwh, (horizon + 1, n), most=_MOST_KW),
        status=plan.status,
        objective=_number("objective", plan.objective),
        seconds=seconds,
        solves=whole_number("solves", plan.solves, 0, 10**9),
        outside=whole_number("outside", plan.outside, 0, 10**12),
    )


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        wrong(f"{name} has to be a number, not {type(value).__name__}")
    return float(value)


def _setpoints(view: ExpertView, result: Any) -> Setpoints:
    points = record_of(result, Setpoints, "plan")
    columns = points._asdict().items()
    least = {name: -_MOST_KW if name in _SIGNED else 0.0 for name in points._fields}
    return Setpoints(
        **{name: real(name, kw, view.load_kw.shape, least=least[name], most=_MOST_KW) for name, kw in columns}
    )


EXPERT_RULES: Final[dict[str, Rule]] = {"plan": planned, "held": planned, "solve": solved}
"""By method of the port."""
