"""The folder of an expert that was written from words, as ``marketsim expert write --out`` leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pydantic_core import ValidationError

from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.fence import Fence
from marketsim.core.files import MIB, read_text, strict_json
from marketsim.core.plain_text import plain
from marketsim.experts.model import ProsumerModel
from marketsim.experts.sandbox.check import problems_of
from marketsim.experts.workflow.pipeline import NO_OPERATOR

ABOUT, CODE, TRANSCRIPT = "expert.json", "expert.py", "transcript.jsonl"
"""Files of such a folder: form, model, wishes and reasons; the code; what happened."""
_WRITE: Final = "write one with 'marketsim expert write TEXT --out FOLDER', and name that folder"


class WrittenFile(NamedTuple):
    """An expert as it was written."""

    model: ProsumerModel
    code: str


def read_written(fence: Fence, folder: str, at: str) -> WrittenFile:
    """The expert in a folder that a scenario names at ``at``.

    ScenarioError for a folder that holds none, and with the reasons for one that was refused. One that no network operator has
    seen is taken: whoever plans with it has every plan looked at by AC power flow.
    """
    own = fence.file(folder, ScenarioError, "the folder of the expert")
    if not (own / ABOUT).is_file():
        raise ScenarioError([Problem(f"there is no {ABOUT} in this folder", at, str(folder), _WRITE)])
    about = _about(read_text(own / ABOUT, MIB, ScenarioError), at, folder)
    refused = [each for each in about["refusals"] if each != NO_OPERATOR]
    if refused or not (own / CODE).is_file():
        why = "; ".join(plain(str(each)) for each in refused) or f"there is no {CODE}"
        raise ScenarioError([Problem(f"this expert was not accepted: {why}", at, str(folder), _WRITE)])
    code = read_text(own / CODE, MIB, ScenarioError)
    if problems := problems_of(code):
        raise ScenarioError([Problem(f"{CODE} is not run: {problems[0]}", at, str(folder), _WRITE)])
    return WrittenFile(_model(about["model"], at, folder), code)


def _about(text: str, at: str, folder: str) -> dict[str, Any]:
    try:
        found = strict_json(text)
    except (ValueError, RecursionError) as error:
        raise ScenarioError([Problem(f"{ABOUT} is no JSON: {plain(str(error))}", at, str(folder), _WRITE)]) from error
    if (
        not isinstance(found, dict)
        or not isinstance(found.get("refusals"), Sequence)
        or isinstance(found["refusals"], str)
    ):
        raise ScenarioError([Problem(f"{ABOUT} has no list 'refusals'", at, str(folder), _WRITE)])
    return found


def _model(found: object, at: str, folder: str) -> ProsumerModel:
    try:
        return ProsumerModel.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{ABOUT}: model.{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ScenarioError([Problem(plain(what), at, str(folder), _WRITE)]) from error
