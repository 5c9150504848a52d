"""How long a question may be: tokens, counted from above before anybody is asked.

Servers cut a question that does not fit without a word, and count with the model's own vocabulary, which nobody has here. So
the count is one that vocabularies of some ten thousand words and more stay below.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from marketsim.core.language_model import Failure

_PIECES: Final = re.compile(r"[A-Za-z]+|[0-9]|[^\sA-Za-z0-9]")
_LETTERS_A_TOKEN: Final = 6
_FRAME: Final = 12
"""Tokens around each message: who speaks, and where it ends."""


def most_tokens(text: str) -> int:
    """Upper estimate of the tokens of a text in English or JSON.

    A word has one for each six letters begun, a digit and a sign one each, a letter of another alphabet one a byte.
    """
    return sum(_weight(piece) for piece in _PIECES.findall(text))


def _weight(piece: str) -> int:
    if piece.isascii():
        return -(-len(piece) // _LETTERS_A_TOKEN)
    return len(piece.encode())


class Room(NamedTuple):
    """What a question and its answer have to fit into."""

    num_ctx: int
    num_predict: int

    def holds(self, messages: Sequence[Mapping[str, str]]) -> bool:
        """Whether a question fits, with its answer."""
        return self._needed(messages) <= self.num_ctx

    def demand(self, messages: Sequence[Mapping[str, str]]) -> None:
        """Failure ``prompt_cut`` where a question does not fit: it would be cut."""
        needed = self._needed(messages)
        if needed > self.num_ctx:
            raise Failure("prompt_cut", f"not asked: up to {needed} tokens needed, num_ctx is {self.num_ctx}: raise it")

    def _needed(self, messages: Sequence[Mapping[str, str]]) -> int:
        return self.num_predict + sum(_FRAME + most_tokens(each["content"]) for each in messages)
