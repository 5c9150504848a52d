"""What a model is asked about a slot: how the answer is read, and what of it is kept for the next time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marketsim.fairness.answer import Answer, read_answer
from marketsim.fairness.critic_log import read_features, read_triple
from marketsim.fairness.prompt import ANSWER_SCHEMA, messages
from marketsim.llm.question import Question

KEPT: Final = "marketsim critique 1"
"""Kind of the answers that are kept."""


def slot_question(wording: str, text: str, features: tuple[float, ...]) -> Question[Answer]:
    """A question about one slot of one market; ``features`` are kept beside the answer, for surrogates."""
    return Question(
        kind=KEPT,
        messages=messages(wording, text),
        form=ANSWER_SCHEMA,
        read=read_answer,
        kept=lambda scores: {"scores": scores, "features": features},
        found=lambda kept: kept_answer(kept)[0],
    )


def kept_answer(kept: Mapping[str, Any]) -> tuple[Answer, tuple[float, ...]]:
    """Scores and features as they were kept; ValueError where they are none."""
    ftg, fbs, fpp = read_triple("scores", kept.get("scores"))
    if ftg is None or fbs is None or fpp is None:
        raise ValueError("a score is missing")
    return (ftg, fbs, fpp), read_features("features", kept.get("features"))
