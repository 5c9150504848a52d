"""Reads what a model returns. Whatever it is, the outcome is scores in [0, 1] or a ``Failure``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from marketsim.core.language_model import Failure
from marketsim.fairness.prompt import SCORES

_MOST_CHARACTERS: Final = 20_000
_MOST_OBJECTS: Final = 50
_FENCE: Final = re.compile(r"^```[A-Za-z]*\s*\n?(.*?)\n?\s*```$", re.DOTALL)
_ABSENT: Final = object()

Answer: TypeAlias = tuple[float | None, float | None, float | None]
"""FTG, FBS and FPP as a model gives them; None for what it was not asked."""


def read_answer(content: object, names: Sequence[str] = SCORES) -> Answer:
    """Those scores in [0, 1] from the text of an answer; Failure where it lacks one.

    Accepts the object alone, in a fence, or once in prose; whole numbers from 0 to 100, nothing else: a value out of
    range is no score, and none is moved into range.
    """
    if content is None or (isinstance(content, str) and not content.strip()):
        raise Failure("empty", "the answer has no text")
    if not isinstance(content, str):
        raise Failure("not_json", f"the answer is no text but {type(content).__name__}")
    if len(content) > _MOST_CHARACTERS:
        raise Failure("not_json", f"the answer has {len(content)} characters")
    return _judged(content.strip(), names)


def _judged(text: str, names: Sequence[str]) -> Answer:
    fenced = _FENCE.match(text)
    whole = _parsed(fenced[1] if fenced else text)
    if whole is not _ABSENT:
        return _scores(whole, names)
    if "{" not in text:
        raise Failure("prose", "the answer has no JSON object")
    found = _objects(text, names)
    if len(found) != 1:
        raise Failure("not_json", f"the answer has {len(found)} JSON objects with the scores")
    return _scores(found[0], names)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # also numbers with too many digits, and objects nested too deeply
        return _ABSENT


def _objects(text: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """Objects in a text that name all of these scores."""
    decoder = json.JSONDecoder()
    found: list[dict[str, Any]] = []
    place = text.find("{")
    for _ in range(_MOST_OBJECTS):
        if place < 0:
            break
        try:
            item, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            if isinstance(item, dict) and set(names) <= set(item):
                found.append(item)
        place = text.find("{", end)
    return found


def _scores(value: Any, names: Sequence[str]) -> Answer:
    if not isinstance(value, dict):
        raise Failure("not_json", f"the answer is no object but {type(value).__name__}")
    missing = [name for name in names if name not in value]
    if missing:
        raise Failure("incomplete", f"the answer lacks {', '.join(missing)}")
    ftg, fbs, fpp = (_score(name, value[name]) if name in names else None for name in SCORES)
    return ftg, fbs, fpp


def _score(name: str, value: object) -> float:
    """The score in [0, 1]; Failure for all but a whole number from 0 to 100. 85.0 is one, true is not."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        raise Failure("out_of_range", f"{name} is no whole number")
    if not 0 <= value <= 100:
        raise Failure("out_of_range", f"{name} is not within 0 to 100")
    return int(value) / 100.0
