"""What a part asks of a model, and how a question ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, wait
from typing import Any, Generic, NamedTuple, TypeVar

from marketsim.core.language_model import Identity

V = TypeVar("V")


class Question(NamedTuple, Generic[V]):
    """A question of a part's own kind: what is sent, what reads the answer, and what of it is kept on disk."""

    kind: str
    """Name and version of what is kept: answers of another kind are not found."""
    messages: Sequence[Mapping[str, str]]
    """As ``LanguageModel.ask`` takes them; the last one is kept with the answer."""
    form: Mapping[str, Any]
    """JSON Schema of the answer."""
    read: Callable[[str | None], V]
    """The value of an answer, never None; Failure where it has none."""
    kept: Callable[[V], Mapping[str, object]]
    """What is written down of a value, as JSON has it."""
    found: Callable[[Mapping[str, Any]], V]
    """The value that was written down; ValueError where there is none, for a file may be anybody's."""


class Reply(NamedTuple, Generic[V]):
    """How a question ended: with a value, or the reason why there is none."""

    value: V | None
    error: str | None
    attempts: int
    """Calls made; 0: from the cache, or not asked."""
    latency_s: float
    identity: Identity | None

    @property
    def cached(self) -> bool:
        """Whether the value came from the cache."""
        return self.value is not None and self.attempts == 0


def outcome(reply: Future[Reply[V]]) -> Reply[V]:
    """The reply of a future that is done or given up."""
    try:
        return reply.result(timeout=0)
    except (CancelledError, TimeoutError):
        return Reply(None, "run_ended: not answered in time", 0, 0.0, None)


def outcomes(replies: Sequence[Future[Reply[V]]], patience_s: float) -> list[Reply[V]]:
    """Replies to several questions, all within ``patience_s``; those that have not come are given up."""
    wait(replies, timeout=patience_s)
    for reply in replies:
        reply.cancel()
    return [outcome(reply) for reply in replies]
