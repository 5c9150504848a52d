"""Port of language models: who asks one gets a text, or a ``Failure`` with a reason out of a closed list.

Critics ask about slots; other parts may ask about anything else. Which server answers, and by which protocol, is the
business of the part: see kind ``model`` of the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from marketsim.core.plain_text import plain

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "timeout": "no answer within the deadline; the connection is closed and what comes later is discarded",
        "refused": "nothing listens there, or the connection cannot be made",
        "connection_lost": "the connection was reset, or the body ended too early",
        "missing_model": "the server does not have the model (404)",
        "busy": "the server's queue is full (503)",
        "server_error": "another error of the server (5xx, or an error in the body)",
        "http_error": "another answer that is none (4xx, a redirection: none is followed)",
        "not_json": "what came is no JSON: HTML, cut off, damaged",
        "bad_reply": "JSON, but no reply of Ollama's protocol",
        "prompt_cut": "the question did not fit into num_ctx, and was cut or would have been",
        "truncated": "the answer was cut at num_predict, or is not finished",
        "empty": "the answer is empty",
        "prose": "the answer is text without JSON",
        "incomplete": "a score is missing",
        "out_of_range": "a score is no whole number from 0 to 100",
        "circuit_open": "not asked: the server is left alone after repeated failures",
        "run_ended": "not answered before the run ended",
        "client_failed": "the plugin that speaks with the model failed, or returned something else than a text",
    }
)
"""Why an answer is none; the first word of ``error`` in ``critic.jsonl``."""


class Failure(Exception):
    """A question that brought no answer."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """``reason``: a word of ``REASONS``; ``detail``: anything, kept as a short line."""
        self.reason = reason
        flat = plain(detail)
        super().__init__(f"{reason}: {flat}" if flat else reason)


class Identity(NamedTuple):
    """Who answers: recorded with every answer, so what a server says of itself is cut to a short line."""

    model: str
    digest: str
    """Of the weights; answers are kept under it."""
    server: str
    """Its version."""
    thinks: bool
    """Whether the model thinks aloud unless it is told not to."""


class ModelSettings(NamedTuple):
    """Which model, and how it chooses its words."""

    host: str | None
    """Where the server listens; None: where the part looks by itself."""
    model: str
    temperature: float
    """0: always the likeliest [-]."""
    num_ctx: int
    """Tokens that the model can read and write for a question."""
    num_predict: int
    """Most tokens of an answer."""


class LanguageModel(Protocol):
    """One model. Used within one event loop; every call ends within its deadline, or raises ``Failure``."""

    @property
    def url(self) -> str:
        """Where it is, as messages tell it."""
        ...

    def options(self, seed: int) -> Mapping[str, float | int]:
        """Everything beside weights and question that an answer depends on."""
        ...

    async def identify(self, deadline_s: float) -> Identity:
        """Who answers; called before the first question."""
        ...

    async def load(self, messages: Sequence[Mapping[str, str]], seed: int, deadline_s: float) -> None:
        """Make it ready for the first question: load the weights, and read what all questions begin with.

        ``messages`` are as those of ``ask``, without a question; there may be none.
        """
        ...

    async def ask(
        self, messages: Sequence[Mapping[str, str]], form: Mapping[str, Any], seed: int, deadline_s: float
    ) -> str | None:
        """The text of the answer.

        ``messages`` have the keys ``role`` (``system`` or ``user``) and ``content``. ``form`` is a JSON Schema that the
        answer is held to where the server can do that; it is checked in any case.
        """
        ...

    async def close(self) -> None:
        """Let go of its connections; asked again, it makes new ones."""
        ...


ModelMaker = Callable[[str, ModelSettings], LanguageModel]
"""A language model by the name of its part; InputError for an unknown name or settings that cannot be."""
