"""What an expert has to stand before it is accepted: cases, a neighbour to trade with, and the network operator.

Nothing is taken from an expert's word: limits and cost are worked out from its set-points (``judging.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.experts.case import DayCase, random_cases
from marketsim.experts.judging import JudgedDay, broken_limits, cost_of, scale_of
from marketsim.experts.library.compose import code_of
from marketsim.experts.model import ProsumerModel
from marketsim.experts.preferences import Preference
from marketsim.experts.sandbox.client import CodeMember, Coupling, SolvedJob

CASES: Final = 6
"""Random small cases that code is tried on."""
_TOGETHER: Final = 3
_WORSE: Final = 0.002
"""By how much a plan may be worse than the reference, as a share of ``scale_of``."""
_OTHERWISE: Final = 0.01
"""By how much an objective may differ from the cost of its set-points, the same; small terms make plans unique."""


class CaseSolver(Protocol):
    """Solves code of experts: a sandbox, or a process of one's own for reviewed code."""

    def solve(self, members: Sequence[CodeMember], *, coupling: Coupling | None = None) -> SolvedJob:
        """The problems of all as one, in which what they buy from each other sums to zero; with rows on what they inject."""
        ...


class ReferenceCost(Protocol):
    """What the best plan of a case costs, by somebody whose word is taken."""

    def __call__(self, model: ProsumerModel, case: DayCase, preferences: Sequence[Preference]) -> float:
        """[currency], by ``judging.cost_of``."""
        ...


class OperatorCheck(Protocol):
    """The network operator: days of a feeder on which plans are looked at by AC power flow."""

    def days(self, model: ProsumerModel) -> Sequence[DayCase]:
        """What the prosumer's expert is told on these days."""
        ...

    def broken(self, day: int, plan: JudgedDay, load_kw: FloatArray) -> Sequence[str]:
        """Limits of the feeder that a plan of this day breaks beyond what its load alone [kW] [H] does, in words; empty: none."""
        ...


class LibraryReference:
    """Port ``ReferenceCost``: the optimum of the reviewed expert of the same model."""

    def __init__(self, solver: CaseSolver) -> None:
        self._solver = solver

    def __call__(self, model: ProsumerModel, case: DayCase, preferences: Sequence[Preference]) -> float:
        """See the port; ValueError where the reviewed expert has no plan."""
        outcome = self._solver.solve([CodeMember(code_of(model, preferences), case.state())])
        if outcome.value is None:
            raise ValueError(f"the reviewed expert has no plan: {outcome.told}")
        return cost_of(model, case, JudgedDay.of(outcome.value["members"][0]), preferences)


class TriedExpert(NamedTuple):
    """Code and the model that it was written for."""

    code: str
    model: ProsumerModel
    preferences: tuple[Preference, ...]


def fault_on_cases(expert: TriedExpert, solver: CaseSolver, reference: ReferenceCost, seed: int) -> str:
    """What is wrong with the first random case that shows something; empty: nothing."""
    for number, case in enumerate(random_cases(expert.model, seed, CASES), 1):
        if fault := _fault(expert, case, solver, reference):
            return f"case {number}, {len(case.load_kw)} slots of {case.slot_hours:g} h: {fault}"
    return ""


def _fault(expert: TriedExpert, case: DayCase, solver: CaseSolver, reference: ReferenceCost) -> str:
    outcome = solver.solve([CodeMember(expert.code, case.state())])
    if outcome.value is None:
        return outcome.told
    plan = JudgedDay.of(outcome.value["members"][0])
    broken = broken_limits(expert.model, case, plan)
    if broken:
        return "; ".join(broken)
    scale = scale_of(expert.model, case)
    cost, best = (
        cost_of(expert.model, case, plan, expert.preferences),
        reference(expert.model, case, expert.preferences),
    )
    if cost > best + _WORSE * scale:
        return f"the plan costs {cost:.6g}, the best one {best:.6g}"
    return _objective_fault(outcome.value["objective"], cost, best, scale)


def _objective_fault(objective: float, cost: float, best: float, scale: float) -> str:
    if abs(objective - cost) <= _OTHERWISE * scale:
        return ""
    return f"objective is {objective:.6g} where the set-points cost {cost:.6g} (best {best:.6g}): a term is missing or another"


def fault_together(expert: TriedExpert, solver: CaseSolver, seed: int) -> str:
    """What is wrong when the expert is stacked with a neighbour, with whom it trades as the reviewed one does; empty: nothing."""
    neighbour = ProsumerModel(load_peak_kw=1.0 + expert.model.pv_kw + expert.model.load_peak_kw)
    for number, case in enumerate(random_cases(expert.model, seed, _TOGETHER), 1):
        other = _neighbour_case(neighbour, case, seed + number)
        member = CodeMember(code_of(neighbour), other.state())
        own = solver.solve([CodeMember(expert.code, case.state()), member])
        known = solver.solve([CodeMember(code_of(expert.model, expert.preferences), case.state()), member])
        if own.value is None or known.value is None:
            return f"case {number} with a neighbour: {(own if own.value is None else known).told}"
        fault = _trade_fault(expert, case, own, known, scale_of(expert.model, case) + scale_of(neighbour, other))
        if fault:
            return f"case {number} with a neighbour: {fault}"
    return ""


def _neighbour_case(neighbour: ProsumerModel, case: DayCase, seed: int) -> DayCase:
    load = neighbour.load_peak_kw * np.random.default_rng(seed).uniform(0.2, 1.0, len(case.load_kw))
    return case._replace(load_kw=load, pv_available_kw=0.0 * load, stored_kwh=0.0, generator_kw=0.0)


def _trade_fault(expert: TriedExpert, case: DayCase, own: SolvedJob, known: SolvedJob, scale: float) -> str:
    assert own.value is not None
    assert known.value is not None
    plans = [JudgedDay.of(each) for each in own.value["members"]]
    broken = broken_limits(expert.model, case, plans[0])
    if broken:
        return "; ".join(broken)
    apart = float(np.abs(plans[0].p2p_kw + plans[1].p2p_kw).max())
    if apart > 1e-3 * (1.0 + float(np.abs(plans[0].p2p_kw).max())):
        return f"what is bought from peers does not sum to zero, by {apart:.3g} kW"
    cost, best = own.value["objective"], known.value["objective"]
    if cost > best + _OTHERWISE * scale:
        return f"together they cost {cost:.6g}, with the reviewed expert {best:.6g}: is p2p_kw in the balance?"
    return ""


def fault_by_operator(expert: TriedExpert, solver: CaseSolver, operator: OperatorCheck) -> str:
    """What limits of the prosumer, or the operator's power flow, say against the plans of its days; empty: nothing."""
    for day, case in enumerate(operator.days(expert.model)):
        outcome = solver.solve([CodeMember(expert.code, case.state())])
        if outcome.value is None:
            return f"day {day + 1} of the operator: {outcome.told}"
        plan = JudgedDay.of(outcome.value["members"][0])
        broken = broken_limits(expert.model, case, plan) or operator.broken(day, plan, case.load_kw)
        if broken:
            return f"day {day + 1} of the operator: {'; '.join(broken[:3])}"
    return ""
