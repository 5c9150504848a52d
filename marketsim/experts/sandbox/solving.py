"""What a locked child does: runs code of experts, and solves what they return, alone or stacked into one problem.

CVXPY is imported here, in the process that is forked, and nowhere in the program that asks.
"""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import cvxpy as cp
import numpy as np

from marketsim.core.plain_text import plain
from marketsim.experts.sandbox.allowed import BUILTINS, ENTRY, MODULES

SERIES: Final = ("generator_kw", "battery_kw", "curtailed_kw", "pv_kw", "p2p_kw")
"""What an expert returns beside ``objective`` and ``constraints``: a value a slot each; what is left out is zero."""
_OPTIMAL: Final = ("optimal", "optimal_inaccurate")
_LONGEST_MESSAGE: Final = 600
_SOURCE: Final = "<expert>"


class CodeFault(Exception):
    """What an expert's code did wrong, in words for whoever wrote it."""

    def __init__(self, message: str, line: int = 0) -> None:
        self.line = line
        super().__init__(message)


class _Part(NamedTuple):
    """The problem of one prosumer."""

    objective: Any
    constraints: list[Any]
    series: dict[str, Any]


def answer(payload: bytes, *, full_builtins: bool = False) -> bytes:
    """The answer to a job, as JSON: ``value``, or ``fault`` with its line."""
    try:
        told: dict[str, Any] = {"value": _solved(json.loads(payload), full_builtins=full_builtins)}
    except CodeFault as fault:
        told = {"fault": plain(str(fault), _LONGEST_MESSAGE), "line": fault.line}
    return json.dumps(told, allow_nan=False).encode()


def _solved(job: Mapping[str, Any], *, full_builtins: bool) -> dict[str, Any]:
    parts = [_part(each["code"], each["state"], full_builtins=full_builtins) for each in job["members"]]
    bought = [part.series["p2p_kw"] for part in parts]
    together = sum(bought[1:], bought[0]) == 0
    objective, constraints = (
        sum(part.objective for part in parts),
        [each for part in parts for each in part.constraints],
    )
    coupling = job.get("coupling")
    rows = (
        None if coupling is None else _coupled(coupling, parts, [each["state"]["load_kw"] for each in job["members"]])
    )
    if rows is not None:
        objective, constraints = objective + rows.objective, [*constraints, *rows.constraints]
    problem = _guarded(lambda: cp.Problem(cp.Minimize(objective), [*constraints, together]))
    _solve(problem)
    found = {
        "objective": _number(problem.value, "objective"),
        "members": [_values(part) for part in parts],
        "status": problem.status,
    }
    return (
        found if rows is None else {**found, "slack": [_number(each, "slack") for each in rows.series["slack"].value]}
    )


def _coupled(coupling: Mapping[str, Any], parts: Sequence[_Part], loads: Sequence[Sequence[float]]) -> _Part:
    """Rows on what all inject together, each broken at a price."""
    slot, count = np.array(coupling["slot"], dtype=np.int64), len(coupling["slot"])
    per_kw, per_pv_kw = (np.array(coupling[name], dtype=np.float64) for name in ("per_kw", "per_pv_kw"))
    slack, total = cp.Variable(count, nonneg=True), -np.array(coupling["limit"], dtype=np.float64)
    for place, (part, load) in enumerate(zip(parts, loads, strict=True)):
        by_net, by_pv = (_at_slots(slot, table[:, place], len(load)) for table in (per_kw, per_pv_kw))
        net = sum(part.series[name] for name in SERIES if name != "p2p_kw") - np.array(load, dtype=np.float64)
        total = total + by_net @ net + by_pv @ part.series["pv_kw"]
    cost = np.array(coupling["weight"], dtype=np.float64) @ slack
    return _Part(cost, [total <= slack], {"slack": slack})


def _at_slots(slot: Any, values: Any, slots: int) -> Any:
    """A table whose rows take a value each at their slot [m, slots]."""
    table = np.zeros((len(slot), slots))
    table[np.arange(len(slot)), slot] = values
    return table


def _part(code: str, state: Mapping[str, Any], *, full_builtins: bool) -> _Part:
    series = {name: np.array(value, dtype=np.float64) for name, value in state.items() if isinstance(value, list)}
    slots = len(series["load_kw"])
    space: dict[str, Any] = {"cp": cp, "np": np, "cvxpy": cp, "numpy": np}
    space["__builtins__"] = vars(_builtins_module()) if full_builtins else _few_builtins()
    _guarded(lambda: exec(compile(code, _SOURCE, "exec"), space))
    entry = space.get(ENTRY)
    if not callable(entry):
        raise CodeFault(f"the code defines no function {ENTRY}(state)")
    return _as_part(_guarded(lambda: entry({**state, **series})), slots)


def _few_builtins() -> dict[str, Any]:
    found = {name: getattr(_builtins_module(), name) for name in BUILTINS}
    return {**found, "__import__": _imported}


def _builtins_module() -> Any:
    import builtins

    return builtins


def _imported(name: str, *_: object, **__: object) -> Any:
    if name not in MODULES:
        raise ImportError(f"import {name} is not possible")
    return {"cvxpy": cp, "numpy": np}[name]


def _guarded(call: Callable[[], Any]) -> Any:
    """What a call to foreign code returns; CodeFault with the line for whatever it raises."""
    try:
        return call()
    except CodeFault:
        raise
    except BaseException as error:  # also its exits: this process has nothing else to do
        raise CodeFault(_told(error), _line(error)) from None


def _told(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # it may be a class of the code itself
        said = ""
    return f"{type(error).__name__}: {said[: 4 * _LONGEST_MESSAGE]}"


def _line(error: BaseException) -> int:
    if isinstance(error, SyntaxError) and error.filename == _SOURCE:
        return error.lineno or 0
    places = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == _SOURCE]
    return places[-1] if places else 0


def _as_part(returned: Any, slots: int) -> _Part:
    if not isinstance(returned, dict):
        raise CodeFault(f"{ENTRY} returned {type(returned).__name__}, it has to return a dict")
    strange = sorted(str(name) for name in set(returned) - {"objective", "constraints", *SERIES})
    if strange:
        raise CodeFault(
            f"{ENTRY} returned {plain(strange[0], 80)!r}; known are objective, constraints, {', '.join(SERIES)}"
        )
    missing = [name for name in ("objective", "constraints") if name not in returned]
    if missing:
        raise CodeFault(f"{ENTRY} returned no {missing[0]}")
    return _guarded(lambda: _of_parts(returned, slots))  # type: ignore[no-any-return]


def _of_parts(returned: dict[str, Any], slots: int) -> _Part:
    objective = returned["objective"]
    if isinstance(objective, cp.Maximize):
        raise CodeFault("objective is to be a cost, which is minimised")
    objective = objective.args[0] if isinstance(objective, cp.Minimize) else cp.Constant(0) + objective
    if not objective.is_scalar():
        raise CodeFault(f"objective has the shape {objective.shape}, it has to be one number: cp.sum(...)")
    if not objective.is_convex():
        raise CodeFault(f"objective is not convex by the rules of DCP: it is {objective.curvature}")
    return _Part(objective, _constraints(returned["constraints"]), _series(returned, slots))


def _constraints(given: Any) -> list[Any]:
    if not isinstance(given, Sequence):
        raise CodeFault(f"constraints is {type(given).__name__}, it has to be a list")
    for position, each in enumerate(given):
        if not isinstance(each, cp.constraints.constraint.Constraint):
            raise CodeFault(
                f"constraints[{position}] is {type(each).__name__}, it has to be a comparison of expressions"
            )
        if not each.is_dcp():
            raise CodeFault(f"constraints[{position}] is not convex by the rules of DCP: {plain(str(each))}")
    return list(given)


def _series(returned: dict[str, Any], slots: int) -> dict[str, Any]:
    found = {}
    for name in SERIES:
        given = cp.Constant(0.0) + returned.get(name, np.zeros(slots))
        if given.shape not in ((), (slots,)):
            raise CodeFault(f"{name} has the shape {given.shape}, it has to be ({slots},)")
        expression = cp.Constant(np.zeros(slots)) + given
        if not expression.is_affine():
            raise CodeFault(f"{name} is not affine in the variables: it is {expression.curvature}")
        found[name] = expression
    return found


def _solve(problem: Any) -> None:
    if problem.is_mixed_integer():
        raise CodeFault("boolean and integer variables are not convex: leave them out")
    _guarded(lambda: problem.solve(solver=cp.CLARABEL, direct_solve_method="qdldl"))
    if problem.status not in _OPTIMAL:
        what = {"infeasible": "no plan keeps all constraints", "unbounded": "the cost falls without end"}
        raise CodeFault(f"the problem is {problem.status}: {what.get(problem.status, 'it could not be solved')}")


def _values(part: _Part) -> dict[str, Any]:
    series = {}
    for name, expression in part.series.items():
        if expression.value is None:
            raise CodeFault(f"{name} has no value: a variable of it is in no constraint and not in the objective")
        series[name] = [_number(each, name) for each in expression.value]
    return {"objective": _number(part.objective.value, "objective"), **series}


def _number(value: Any, name: str) -> float:
    found = float(np.asarray(value).reshape(-1)[0]) if np.size(value) == 1 and value is not None else math.nan
    if not math.isfinite(found):
        raise CodeFault(f"{name} is not a finite number")
    return found


WARM_UP: Final = """
def prosumer(state):
    x = cp.Variable(len(state["load_kw"]))
    y = cp.Variable(len(state["load_kw"]), nonneg=True)
    cost = cp.sum(cp.multiply(state["load_kw"], y)) + {more}
    return {{"objective": cost, "constraints": [y >= x, x >= {least}, cp.cumsum(x) <= 1e6], "p2p_kw": 0 * x}}
"""
"""A small problem of each kind that a child may have to solve; what is imported on the way has to be there by then."""


def warm_up() -> None:
    """Do everything once that imports something: conic, quadratic, linear and infeasible problems, and errors."""
    cases = (("0", "1"), ("cp.sum_squares(y)", "1"), ("cp.norm(y, 2)", "1"), ("0", "np.array([[1], [1, 2]])"))
    kinds = [WARM_UP.format(more=more, least=least) for more, least in cases]
    infeasible = WARM_UP.format(more="0", least="1").replace("cp.cumsum(x) <= 1e6", "x <= 0")
    for code in (*kinds, infeasible, WARM_UP.format(more="cp.sqrt(cp.sum(y))", least="1"), "nothing"):
        answer(json.dumps({"members": [{"code": code, "state": {"load_kw": [1.0, 2.0]}}]}).encode())
