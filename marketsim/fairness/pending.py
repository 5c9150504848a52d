"""Critiques whose answers may still be on their way, kept in the order of the slots."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import NamedTuple

from marketsim.fairness.answer import Answer
from marketsim.fairness.critic import Critique
from marketsim.llm.question import Reply, outcome

Settle = Callable[[Critique, Reply[Answer]], Critique]
"""A critique as it stands without the answer, and the answer: the critique as it is written down."""


class _Row(NamedTuple):
    critique: Critique
    reply: Future[Reply[Answer]] | None
    settle: Settle | None


class Pending:
    """Rows of ``critic.jsonl`` in the order in which they were added."""

    def __init__(self) -> None:
        self._rows: deque[_Row] = deque()

    def add(self, critique: Critique, reply: Future[Reply[Answer]] | None = None, settle: Settle | None = None) -> None:
        """A row; without a reply to wait for it is ready as it is."""
        self._rows.append(_Row(critique, reply, settle))

    def has_room(self, most: int) -> bool:
        """Whether fewer than ``most`` answers are on their way."""
        return len(self._under_way()) < most

    def make_room(self, most: int, patience_s: float) -> None:
        """Wait until fewer than ``most`` answers are on their way; each of them ends within ``patience_s``."""
        while len(under_way := self._under_way()) >= most:
            if not wait(under_way, timeout=patience_s, return_when=FIRST_COMPLETED).done:
                under_way[0].cancel()  # its own deadline has failed: it is not waited for again

    def end(self, patience_s: float) -> None:
        """Wait for all answers, together no longer than ``patience_s``; what has not come by then is given up."""
        wait(self._under_way(), timeout=patience_s)
        for reply in self._under_way():
            reply.cancel()

    def drain(self) -> list[Critique]:
        """Rows that are ready, up to the first whose answer is on its way."""
        ready = []
        while self._rows and (self._rows[0].reply is None or self._rows[0].reply.done()):
            critique, reply, settle = self._rows.popleft()
            ready.append(critique if reply is None or settle is None else settle(critique, outcome(reply)))
        return ready

    def _under_way(self) -> list[Future[Reply[Answer]]]:
        return [row.reply for row in self._rows if row.reply is not None and not row.reply.done()]
