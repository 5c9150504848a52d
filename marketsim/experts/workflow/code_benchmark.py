"""How many experts a writer gets to run, and how many right, for the models that the descriptions of the benchmark have.

*Valid* is code that the allow-list has and that solves every random case; *right* is code that also keeps every limit, costs
no more than the reference and trades with a neighbour as the reviewed expert does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from marketsim.experts.case import random_cases
from marketsim.experts.model import ProsumerModel
from marketsim.experts.sandbox.client import CodeMember
from marketsim.experts.workflow.acceptance import CASES, CaseSolver, TriedExpert, fault_together
from marketsim.experts.workflow.benchmark import COUNT, ReadDescription, descriptions
from marketsim.experts.workflow.pipeline import Transcript, Workshop, corrected


def write_all(
    shop: Workshop, first: int = COUNT, seed: int = 1, told: Callable[[int, int, str], object] | None = None
) -> Iterator[ReadDescription]:
    """Code for each of the first descriptions that has a model; the model is given, not read."""
    cases = [(each.name, each.model) for each in descriptions()[:first] if each.model is not None]
    for position, (name, model) in enumerate(cases):
        if told is not None:
            told(position, len(cases), f"{name}, code")
        yield _written(name, model, shop, seed)


def _written(name: str, model: ProsumerModel, shop: Workshop, seed: int) -> ReadDescription:
    expert, attempts, fault = corrected(model, (), shop, Transcript(), seed)
    if fault:
        return ReadDescription(name, False, _runs(expert, shop.solver, seed), False, fault)
    apart = fault_together(expert, shop.solver, seed)
    return ReadDescription(name, False, True, not apart, apart or f"in {attempts} attempt(s)")


def _runs(expert: TriedExpert, solver: CaseSolver, seed: int) -> bool:
    """Whether code solves every random case, whatever comes of it."""
    cases = random_cases(expert.model, seed, CASES)
    return bool(expert.code) and all(
        solver.solve([CodeMember(expert.code, case.state())]).value is not None for case in cases
    )
