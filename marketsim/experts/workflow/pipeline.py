"""The five phases from words to an expert: model, retrieval, code, correction, integration (Lou et al., arXiv 2507.14995).

A language model reads and writes, or the rules and the library do; what is asked of the outcome is the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from marketsim.core.language_model import Failure
from marketsim.experts.model import ProsumerModel
from marketsim.experts.preferences import Preference
from marketsim.experts.workflow.acceptance import (
    CaseSolver,
    OperatorCheck,
    ReferenceCost,
    TriedExpert,
    fault_by_operator,
    fault_on_cases,
    fault_together,
)
from marketsim.experts.workflow.form import FilledForm, filled
from marketsim.experts.workflow.reading import DescriptionReader
from marketsim.experts.workflow.wishes import WishReader, read_wishes, split_wishes
from marketsim.experts.workflow.writers import CodeRequest, CodeWriter

ATTEMPTS: Final = 4
"""Codes that a language model may write, the first one included."""
NO_OPERATOR: Final = "no network operator has verified it: name --scenario and --agent"


class FullReader(DescriptionReader, WishReader, Protocol):
    """Reads descriptions and wishes."""


class Transcript:
    """What was asked, answered and decided, a row each; no clock in it, so that the same workflow has the same bytes."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def note(self, phase: str, **what: object) -> None:
        """Take down what happened in a phase."""
        self.rows.append({"phase": phase, **what})

    def text(self) -> str:
        """As JSON lines."""
        return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in self.rows)


class Workshop(NamedTuple):
    """Who does what."""

    reader: FullReader
    writer: CodeWriter
    solver: CaseSolver
    reference: ReferenceCost
    operator: OperatorCheck | None
    """None: there is none, and nothing is accepted."""
    confirm: Callable[[FilledForm, tuple[Preference, ...]], bool]
    """Whether the form is what was meant: asked of whoever wrote the description."""


class WrittenExpert(NamedTuple):
    """How it ended."""

    form: FilledForm
    preferences: tuple[Preference, ...]
    code: str
    """Empty where none came through the cases."""
    attempts: int
    refusals: tuple[str, ...]
    """Why it is not accepted; empty: it is."""

    @property
    def accepted(self) -> bool:
        """Whether it may be used."""
        return not self.refusals


def write_expert(text: str, shop: Workshop, transcript: Transcript, *, seed: int = 1) -> WrittenExpert:
    """An expert of the prosumer that a text describes, accepted or refused with every reason."""
    form, wishes, refusals = _modelled(text, shop, transcript)
    if form.model is None or refusals:
        return WrittenExpert(form, wishes, "", 0, tuple(refusals))
    confirmed = shop.confirm(form, wishes)
    transcript.note("model", confirmed=confirmed)
    if not confirmed:
        return WrittenExpert(form, wishes, "", 0, ("the form was not confirmed",))
    expert, attempts, fault = corrected(form.model, wishes, shop, transcript, seed)
    if fault:
        return WrittenExpert(form, wishes, "", attempts, (fault,))
    refusals = _integrated(expert, shop, transcript, seed)
    return WrittenExpert(form, wishes, expert.code, attempts, tuple(refusals))


def _modelled(
    text: str, shop: Workshop, transcript: Transcript
) -> tuple[FilledForm, tuple[Preference, ...], list[str]]:
    """Phase 1: the form, and wishes as soft constraints."""
    body, lines = split_wishes(text)
    form = filled(body, shop.reader)
    entries = [entry._asdict() for entry in form.entries]
    transcript.note("model", description=text, entries=entries, refused=[str(each) for each in form.refusals])
    if form.model is None:
        return form, (), [str(each) for each in form.refusals]
    wishes, refused = read_wishes(lines, form.model, shop.reader)
    if lines:
        transcript.note("model", wishes=[str(each) for each in wishes], refused=[str(each) for each in refused])
    return form, tuple(wishes), [str(each) for each in refused]


def corrected(
    model: ProsumerModel, wishes: tuple[Preference, ...], shop: Workshop, transcript: Transcript, seed: int
) -> tuple[TriedExpert, int, str]:
    """Phases 2 to 4: what is at hand, code, and the same again until the cases have nothing against it."""
    found = shop.writer.retrieve(model, wishes)
    transcript.note("retrieval", functions=list(found))
    request, code, fault, repeats = CodeRequest(model, wishes, found), "", "", 0
    for attempt in range(1, ATTEMPTS + 1):
        last, told = code, _told(fault, repeats)
        try:
            code = shop.writer.write(request, last, told)
        except (Failure, ValueError) as error:
            transcript.note("code", attempt=attempt, failed=str(error))
            return TriedExpert("", model, wishes), attempt, f"no code was written: {error}"
        transcript.note("code", attempt=attempt, code=code)
        repeats = repeats + 1 if code == last else 0
        expert = TriedExpert(code, model, wishes)
        fault = fault_on_cases(expert, shop.solver, shop.reference, seed)
        transcript.note("correction", attempt=attempt, fault=fault)
        if not fault or not shop.writer.may_correct:
            break
    return expert, attempt, f"after {attempt} attempts, {fault}" if fault else ""


def _told(fault: str, repeats: int) -> str:
    """What a writer is told; each repetition is another question, or the answer kept for the last one would come again."""
    return (
        f"{fault} (the same code, unchanged, was written {repeats + 1} times: write other code)" if repeats else fault
    )


def _integrated(expert: TriedExpert, shop: Workshop, transcript: Transcript, seed: int) -> list[str]:
    """Phase 5: traded with a neighbour, and verified by the operator."""
    refusals = [fault_together(expert, shop.solver, seed)]
    transcript.note("integration", neighbour=refusals[0])
    verified = NO_OPERATOR if shop.operator is None else fault_by_operator(expert, shop.solver, shop.operator)
    transcript.note("integration", operator=verified)
    return [each for each in (*refusals, verified) if each]
