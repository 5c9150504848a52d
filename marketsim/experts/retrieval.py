"""Finds functions of CVXPY by words: BM25 over the first sentences of the installed version's own documentation.

``score(q, d) = sum_w idf(w) f (k + 1) / (f + k (1 - b + b |d| / mean|d|))``, f the times that word w stands in document d, and
idf(w) = log(1 + (N - n_w + 1/2) / (n_w + 1/2)). Source: Robertson and Zaragoza (2009), doi:10.1561/1500000019. The words of a
name count three times. What a prompt needs most is in it whatever is asked (``allowed.SHORT_LIST``).
"""

from __future__ import annotations

import inspect
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Final

from marketsim.core.errors import MissingDependency
from marketsim.core.plain_text import plain
from marketsim.experts.sandbox.allowed import CVXPY_NAMES, SHORT_LIST

_SATURATION: Final = 1.2
_BY_LENGTH: Final = 0.75
_NAME_COUNTS: Final = 3
_WORDS_OF_A_DOCUMENT: Final = 60
_FILLERS: Final = frozenset(
    ("a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "of", "on", "or", "that", "the")
)


class Bm25:
    """Documents by name; ``top`` finds those that a query means."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self._names = sorted(documents)
        self._counts = [_counted(name, documents[name]) for name in self._names]
        self._lengths = [sum(each.values()) for each in self._counts]
        self._mean = sum(self._lengths) / max(len(self._lengths), 1)
        self._holding = Counter(word for each in self._counts for word in each)

    def top(self, query: str, count: int) -> list[str]:
        """The best names, best first; those that share no word with the query are none."""
        words = _words(query)
        scores = [(self._score(words, row), name) for row, name in enumerate(self._names)]
        best = sorted((each for each in scores if each[0] > 0.0), key=lambda each: (-each[0], each[1]))
        return [name for _, name in best[:count]]

    def _score(self, words: Sequence[str], row: int) -> float:
        counts, size = self._counts[row], self._lengths[row]
        damping = _SATURATION * (1.0 - _BY_LENGTH + _BY_LENGTH * size / self._mean)
        return sum(self._rarity(word) * counts[word] * (_SATURATION + 1.0) / (counts[word] + damping) for word in words)

    def _rarity(self, word: str) -> float:
        holding = self._holding[word]
        return math.log(1.0 + (len(self._names) - holding + 0.5) / (holding + 0.5))


def _counted(name: str, text: str) -> Counter[str]:
    return Counter(
        _words(" ".join(text.split()[:_WORDS_OF_A_DOCUMENT])) + _NAME_COUNTS * _words(name.replace("_", " "))
    )


def _words(text: str) -> list[str]:
    """Words in small letters, plurals as singulars."""
    found = [word.lower() for word in re.findall(r"[A-Za-z][a-z]*|[A-Z]+", text)]
    return [word.removesuffix("s") if len(word) > 3 else word for word in found if word not in _FILLERS]


@cache
def atoms() -> Mapping[str, str]:
    """Documentation of what expert code may take from the installed CVXPY, by name; MissingDependency without it."""
    try:
        import cvxpy
    except ImportError as error:
        raise MissingDependency("cvxpy", "experts-code", "code of experts") from error
    found = {name: inspect.getdoc(getattr(cvxpy, name)) or "" for name in sorted(CVXPY_NAMES) if hasattr(cvxpy, name)}
    return MappingProxyType(found)


@cache
def _index() -> Bm25:
    return Bm25(atoms())


def retrieved(query: str, more: int = 5) -> list[str]:
    """The short list, and the ``more`` best others for a query."""
    found = [name for name in _index().top(query, more + len(SHORT_LIST)) if name not in SHORT_LIST]
    return [*SHORT_LIST, *found[:more]]


def first_line(name: str) -> str:
    """What a function does, in one line."""
    text = atoms().get(name, "").strip().split("\n\n")[0]
    return plain(text, 110) or "see its name"
