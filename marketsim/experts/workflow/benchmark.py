"""Descriptions with known answers: how many forms a reader fills in validly, and how many rightly.

*Valid* is a form that passed every check, or a refusal with line and reason where the description has to be refused.
*Right* is a valid form whose every number is the known one, or a refusal at the right line. The rules of ``words.py`` were
written beside these descriptions, so their score is no evidence of what they do with others; a model's is.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, Final, NamedTuple

from marketsim.experts.model import ProsumerModel
from marketsim.experts.workflow.fields import BY_PATH
from marketsim.experts.workflow.form import FilledForm, filled
from marketsim.experts.workflow.reading import DescriptionReader

COUNT: Final = 30
_SAME: Final = 1e-6


class DescribedProsumer(NamedTuple):
    """A description and its known answer."""

    name: str
    text: str
    model: ProsumerModel | None
    """None: it has to be refused."""
    refused_line: int


class ReadDescription(NamedTuple):
    """How a reader did on one of them."""

    name: str
    ill_posed: bool
    valid: bool
    right: bool
    told: str
    """What is wrong, or why it was refused."""


def descriptions() -> list[DescribedProsumer]:
    """The thirty that come with the package."""
    text = files("marketsim.experts.workflow").joinpath("data/descriptions.toml").read_text(encoding="utf-8")
    return [_described(each) for each in tomllib.loads(text)["description"]]


def _described(each: dict[str, Any]) -> DescribedProsumer:
    model = ProsumerModel.model_validate(each["model"]) if "model" in each else None
    return DescribedProsumer(each["name"], each["text"], model, each.get("refused", 0))


def read_all(
    reader: DescriptionReader, first: int = COUNT, told: Callable[[int, int, str], object] | None = None
) -> Iterator[ReadDescription]:
    """Each of the first descriptions as a reader reads it; ``told`` hears how many are done of how many, and which is next."""
    cases = descriptions()[:first]
    for position, case in enumerate(cases):
        if told is not None:
            told(position, len(cases), case.name)
        yield judged(case, filled(case.text, reader))


def judged(case: DescribedProsumer, form: FilledForm) -> ReadDescription:
    """Whether a form is valid, and right."""
    refusal = str(form.refusals[0]) if form.refusals else ""
    if case.model is None:
        right = any(each.line == case.refused_line for each in form.refusals)
        told = refusal or "it has to be refused"
        return ReadDescription(case.name, True, form.model is None, right, told)
    if form.model is None:
        return ReadDescription(case.name, False, False, False, refusal)
    wrong = differences(case.model, form.model)
    return ReadDescription(case.name, False, True, not wrong, "; ".join(wrong))


def differences(known: ProsumerModel, found: ProsumerModel) -> list[str]:
    """Fields in which two models differ, in words."""
    pairs = [(path, _value(known, path), _value(found, path)) for path in BY_PATH]
    return [f"{path} is {_told(own)}, not {_told(right)}" for path, right, own in pairs if not _equal(right, own)]


def _value(model: ProsumerModel, path: str) -> float | None:
    *above, name = path.split(".")
    owner: Any = getattr(model, above[0]) if above else model
    return None if owner is None else getattr(owner, name)


def _equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_SAME, abs_tol=1e-12)


def _told(value: float | None) -> str:
    return "not there" if value is None else f"{value:g}"
