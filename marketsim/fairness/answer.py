"""Reads what a model returns. Whatever it is, the outcome is three scores in [0, 1] or a reason, never an exception."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NamedTuple

from marketsim.fairness.prompt import SCORES

_MOST_CHARACTERS: Final = 20_000
_MOST_OBJECTS: Final = 50
_FENCE: Final = re.compile(r"^```[A-Za-z]*\s*\n?(.*?)\n?\s*```$", re.DOTALL)
_ABSENT: Final = object()


class Verdict(NamedTuple):
    """What an answer says: the scores, or why there are none."""

    scores: tuple[float, float, float] | None
    reason: str = ""
    """``empty``, ``not_json``, ``prose``, ``incomplete``, ``out_of_range``."""
    detail: str = ""


def read_answer(content: object) -> Verdict:
    """Scores in [0, 1] from the text of an answer.

    Accepts the object alone, in a fence, or once in prose; whole numbers from 0 to 100, nothing else: a value out of
    range is no score, and none is moved into range.
    """
    if content is None or (isinstance(content, str) and not content.strip()):
        return Verdict(None, "empty", "the answer has no text")
    if not isinstance(content, str):
        return Verdict(None, "not_json", f"the answer is no text but {type(content).__name__}")
    if len(content) > _MOST_CHARACTERS:
        return Verdict(None, "not_json", f"the answer has {len(content)} characters")
    return _judged(content.strip())


def _judged(text: str) -> Verdict:
    fenced = _FENCE.match(text)
    whole = _parsed(fenced[1] if fenced else text)
    if whole is not _ABSENT:
        return _scores(whole)
    if "{" not in text:
        return Verdict(None, "prose", "the answer has no JSON object")
    found = _objects(text)
    if len(found) != 1:
        return Verdict(None, "not_json", f"the answer has {len(found)} JSON objects with the scores")
    return _scores(found[0])


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # also numbers with too many digits, and objects nested too deeply
        return _ABSENT


def _objects(text: str) -> list[dict[str, Any]]:
    """Objects in a text that name all three scores."""
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
            if isinstance(item, dict) and set(SCORES) <= set(item):
                found.append(item)
        place = text.find("{", end)
    return found


def _scores(value: Any) -> Verdict:
    if not isinstance(value, dict):
        return Verdict(None, "not_json", f"the answer is no object but {type(value).__name__}")
    missing = [name for name in SCORES if name not in value]
    if missing:
        return Verdict(None, "incomplete", f"the answer lacks {', '.join(missing)}")
    numbers = [_whole(value[name]) for name in SCORES]
    for name, number in zip(SCORES, numbers, strict=True):
        if number is None:
            return Verdict(None, "out_of_range", f"{name} is no whole number")
        if not 0 <= number <= 100:
            return Verdict(None, "out_of_range", f"{name} is not within 0 to 100")
    ftg, fbs, fpp = (number / 100.0 for number in numbers if number is not None)
    return Verdict((ftg, fbs, fpp))


def _whole(value: object) -> int | None:
    """The value as a whole number; None where it is none. 85.0 is one, true is not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not (math.isfinite(value) and value.is_integer()):
        return None
    return int(value)
