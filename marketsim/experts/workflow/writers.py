"""Who writes the code of an expert: the reviewed library, or a language model that is told what was wrong with its last code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from marketsim.experts.library.compose import code_of, devices_of
from marketsim.experts.model import ProsumerModel
from marketsim.experts.preferences import Preference
from marketsim.experts.retrieval import first_line, retrieved
from marketsim.experts.sandbox.check import MOST_CHARACTERS
from marketsim.experts.workflow.asking import asked, read_by
from marketsim.llm.interviewer import Interviewer
from marketsim.llm.question import Question

KIND: Final = "marketsim expert code 1"
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"code": {"type": "string"}},
    "required": ["code"],
    "additionalProperties": False,
}
_SYSTEM: Final = """You write the optimal schedule of an electricity prosumer as a Python function with CVXPY (cvxpy as cp, numpy
as np). Answer with one JSON object {"code": "..."} that defines prosumer(state) alone. No while, try, class, solve, Problem.
state is a dict: slot_hours (h), hour, buy_price, sell_price, load_kw, pv_available_kw (arrays of one number a slot), stored_kwh
(energy in the battery at the start), generator_kw (generation in the slot before).
Return a dict: objective (one convex expression to minimise, in currency), constraints (a list), and a vector of one number a slot
for each of pv_kw, generator_kw, battery_kw (positive discharges, negative charges), curtailed_kw that there is a device for,
and p2p_kw (a free variable: bought from neighbours, free of charge).
In every slot: buy - sell + p2p_kw == load_kw - curtailed_kw - pv_kw - generator_kw - battery_kw with buy, sell >= 0.
Cost: slot_hours * sum(buy_price * buy - sell_price * sell), plus of the generator slot_hours * sum(quadratic_cost * P^2 +
cost_per_kwh * P), of the battery slot_hours * wear_per_kwh * sum(charge + discharge), of curtailed load slot_hours *
cost_per_kwh * sum(P).
Battery: stored(t+1) = stored(t) + slot_hours * (efficiency * charge - discharge / efficiency), between min_soc and max_soc times
energy_kwh after every slot, charge and discharge at most power_kw. At the end, with x = stored(last) - terminal.soc * energy_kwh,
add cp.maximum(-spare_per_kwh * efficiency * x, -missing_per_kwh / efficiency * x) to the cost.
Generator: between min_kw and max_kw, changes by at most ramp_kw_per_h * slot_hours from slot to slot, the first from
state["generator_kw"]. PV: at most pv_available_kw. Curtailed load: at most share * load_kw."""


class CodeRequest(NamedTuple):
    """What code is to be written for."""

    model: ProsumerModel
    preferences: tuple[Preference, ...]
    functions: tuple[str, ...]
    """What was found in CVXPY."""


class CodeWriter(Protocol):
    """Whoever writes code; Failure where none comes."""

    may_correct: bool
    """Whether another answer can be hoped for when told what was wrong."""

    def retrieve(self, model: ProsumerModel, preferences: Sequence[Preference]) -> tuple[str, ...]:
        """What is at hand for writing."""
        ...

    def write(self, request: CodeRequest, last: str, fault: str) -> str:
        """Code of ``prosumer(state)``; ``last`` and ``fault``: the code before and what is wrong with it, empty at first."""
        ...


class LibraryWriter:
    """Port ``CodeWriter``: the reviewed blocks of the devices that a model has."""

    may_correct = False

    def retrieve(self, model: ProsumerModel, preferences: Sequence[Preference]) -> tuple[str, ...]:
        """The blocks."""
        return (*devices_of(model), *(["wish"] if preferences else []))

    def write(self, request: CodeRequest, last: str, fault: str) -> str:  # noqa: ARG002 - it writes the same again
        """The blocks with the numbers of the model."""
        return code_of(request.model, request.preferences)


class ModelWriter:
    """Port ``CodeWriter``, by a language model."""

    may_correct = True

    def __init__(self, interviewer: Interviewer) -> None:
        self.interviewer = interviewer

    def retrieve(self, model: ProsumerModel, preferences: Sequence[Preference]) -> tuple[str, ...]:
        """The short list of functions, and what a search for the words of devices and wishes finds."""
        words = [*devices_of(model), *(each.quantity.replace("_", " ") for each in preferences)]
        return tuple(retrieved(f"sum of costs, limits and differences of {' '.join(words)}"))

    def write(self, request: CodeRequest, last: str, fault: str) -> str:
        """See the port."""
        functions = {f"cp.{name}": first_line(name) for name in request.functions}
        said: dict[str, Any] = {"prosumer": request.model.model_dump(exclude_none=True), "functions": functions}
        if request.preferences:
            said["wishes"] = [f"{each}, {each.weight:g} a missed kWh" for each in request.preferences]
        if last:
            said |= {"last_code": last, "what_is_wrong_with_it": fault}
        messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": json.dumps(said)}]
        question = Question(KIND, messages, _FORM, read_by(_found), lambda code: {"code": code}, _found)
        return asked(self.interviewer, question)


def _found(kept: Mapping[str, Any]) -> str:
    code = kept.get("code")
    if not isinstance(code, str) or not code.strip() or len(code) > MOST_CHARACTERS:
        raise ValueError("code is no text, or longer than code may be")
    fenced = code.strip().removeprefix("```python").removeprefix("```").removesuffix("```")
    return f"{fenced.strip()}\n"
