"""What a model is asked about a slot: how the answer is read, and what of it is kept for the next time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from marketsim.fairness.answer import Answer, read_answer
from marketsim.fairness.critic_log import read_features, read_triple
from marketsim.fairness.prompt import WORDINGS, answer_schema, messages
from marketsim.fairness.slot_view import SlotView
from marketsim.llm.question import Question
from marketsim.llm.room import Room

KEPT: Final = "marketsim critique 2"
"""Kind of the answers that are kept: surrogates may learn from them."""
TRIED: Final = "marketsim trial 1"
"""Kind of the answers of an audit that nobody should learn from: shuffled, at another temperature, of made-up slots."""


class KeptAnswer(NamedTuple):
    """An answer as it was kept."""

    scores: Answer
    features: tuple[float, ...]
    wording: str


def fitting_text(view: SlotView, wording: str, room: Room) -> str:
    """The slot with each participant where that fits beside the system text, else in groups by size; the fewest if none fit."""
    text = ""
    for text in view.texts():
        if room.holds(messages(wording, text)):
            break
    return text


def slot_question(
    wording: str, text: str, names: tuple[str, ...], features: tuple[float, ...], kind: str = KEPT
) -> Question[Answer]:
    """A question about one slot of one market for the scores of these names.

    ``features`` and the wording are kept beside the answer, for surrogates.
    """
    return Question(
        kind=kind,
        messages=messages(wording, text),
        form=answer_schema(names),
        read=partial(read_answer, names=names),
        kept=lambda scores: {"scores": scores, "features": features, "wording": wording},
        found=lambda kept: _of(names, kept_answer(kept).scores),
    )


def _of(names: tuple[str, ...], scores: Answer) -> Answer:
    given = tuple(name for name, score in zip(("ftg", "fbs", "fpp"), scores, strict=True) if score is not None)
    if given != names:
        raise ValueError("other scores were asked for")
    return scores


def kept_answer(kept: Mapping[str, Any]) -> KeptAnswer:
    """Scores, features and wording as they were kept; ValueError where they are none."""
    scores = read_triple("scores", kept.get("scores"))
    if all(score is None for score in scores):
        raise ValueError("a score is missing")
    wording = kept.get("wording")
    if not isinstance(wording, str) or wording not in WORDINGS:
        raise ValueError("the wording is none of ours")
    return KeptAnswer(scores, read_features("features", kept.get("features")), wording)
