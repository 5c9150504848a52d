"""A limit order book as a set of ranks.

Ranks are dense whatever the prices are (``rank_kernel``), the best order has the lowest. The set is kept as bits, with
one level of summary above them: to find the next order takes a few steps, however many rest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from marketsim.core.arrays import IntArray, KeyArray
from marketsim.core.compiled import kernel
from marketsim.market.rank_kernel import Index, RankArray

ASKS, BIDS = 0, 1

_LAST_KEY = np.iinfo(np.int64).max
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ONE = np.uint64(1)
_DE_BRUIJN = 0x03F79D71B4CB0A89
_MULTIPLIER = np.uint64(_DE_BRUIJN)
_LOWEST_BIT = np.zeros(64, dtype=np.uint8)
for _bit in range(64):
    _LOWEST_BIT[((_DE_BRUIJN << _bit) & 0xFFFFFFFFFFFFFFFF) >> 58] = _bit


class Book(NamedTuple):
    """Ranks that rest in one market; row 0 asks, row 1 bids."""

    words: KeyArray
    """A bit a rank [2, .]."""
    tops: KeyArray
    """A bit for each word that is not empty."""
    best: IntArray
    """Lowest rank that rests [2]; -1: none."""
    best_key: IntArray
    """Its key [2], at hand so that an order that meets nobody costs nothing; the largest int64 if none rests."""


@kernel(borrowing=True)
def _trailing_zeros(word: Any) -> Index:
    return np.int64(_LOWEST_BIT[((word & (~word + _ONE)) * _MULTIPLIER) >> np.uint64(58)])


@kernel(borrowing=True)
def next_rank(book: Book, row: int, rank: Index) -> Index:
    """Lowest resting rank that is not below ``rank``; -1: none."""
    word = rank >> 6
    if word >= book.words.shape[1]:
        return -1
    bits = book.words[row, word] & (_ALL << np.uint64(rank & 63))
    if bits != 0:
        return (word << 6) + _trailing_zeros(bits)
    word += 1
    top = word >> 6
    if top >= book.tops.shape[1]:
        return -1
    bits = book.tops[row, top] & (_ALL << np.uint64(word & 63))
    while bits == 0:
        top += 1
        if top >= book.tops.shape[1]:
            return -1
        bits = book.tops[row, top]
    word = (top << 6) + _trailing_zeros(bits)
    return (word << 6) + _trailing_zeros(book.words[row, word])


@kernel(part=True)
def new_book(n_ranks: int) -> Book:
    """An empty book for ranks 0 ... n_ranks - 1."""
    n_words = (n_ranks >> 6) + 1
    words = np.zeros((2, n_words), dtype=np.uint64)
    tops = np.zeros((2, (n_words >> 6) + 1), dtype=np.uint64)
    return Book(words, tops, np.full(2, -1, dtype=np.int64), np.full(2, _LAST_KEY, dtype=np.int64))


@kernel(borrowing=True)
def enter_book(book: Book, row: int, rank: Index, key: Index) -> None:
    """The order of a rank rests."""
    word = rank >> 6
    book.words[row, word] |= _ONE << np.uint64(rank & 63)
    book.tops[row, word >> 6] |= _ONE << np.uint64(word & 63)
    if book.best[row] < 0 or rank < book.best[row]:
        book.best[row] = rank
        book.best_key[row] = key


@kernel(borrowing=True)
def leave_book(book: Book, row: int, rank: Index, key: IntArray, at_rank: RankArray, start: int) -> None:
    """The order of a rank rests no longer; ``key`` and ``at_rank`` tell the key of the one that is best then."""
    word = rank >> 6
    bits = book.words[row, word] & ~(_ONE << np.uint64(rank & 63))
    book.words[row, word] = bits
    if bits == 0:
        book.tops[row, word >> 6] &= ~(_ONE << np.uint64(word & 63))
    if rank == book.best[row]:
        best = next_rank(book, row, rank)
        book.best[row] = best
        book.best_key[row] = key[np.int64(at_rank[start + best])] if best >= 0 else _LAST_KEY
