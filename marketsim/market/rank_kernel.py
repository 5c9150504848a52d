"""Places of orders in their market's book, ranked before the first one arrives."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from marketsim.core.arrays import BoolArray, IntArray, KeyArray
from marketsim.core.compiled import kernel

RankArray: TypeAlias = NDArray[np.uint32]
Index: TypeAlias = Any
"""An int64 inside a kernel, whether Python's or numpy's."""

_INSERTION_LIMIT = 64
_MOST_DIGIT_BITS = 11
_ONE = np.uint64(1)


@kernel(part=True)
def _sort_few(keys: KeyArray, order: RankArray) -> None:
    for place in range(1, len(order)):
        i = order[place]
        hole = place
        while hole > 0 and keys[order[hole - 1]] > keys[i]:
            order[hole] = order[hole - 1]
            hole -= 1
        order[hole] = i


@kernel(part=True)
def _sort_many(keys: KeyArray, largest: Any, order: RankArray) -> None:
    """Radix sort from the lowest digit up: stable, so that ties stay in order of arrival."""
    bits = 1
    while bits < 64 and (largest >> np.uint64(bits)) != 0:
        bits += 1
    passes = (bits + _MOST_DIGIT_BITS - 1) // _MOST_DIGIT_BITS
    digit = np.uint64((bits + passes - 1) // passes)
    mask = (_ONE << digit) - _ONE
    starts = np.empty(np.int64(mask) + 2, dtype=np.int64)
    spare = np.empty_like(order)
    for turn in range(passes):
        shift = digit * np.uint64(turn)
        starts.fill(0)
        for k in range(len(keys)):
            starts[np.int64((keys[k] >> shift) & mask) + 1] += 1
        for value in range(1, len(starts)):
            starts[value] += starts[value - 1]
        for k in order:
            found = np.int64((keys[k] >> shift) & mask)
            spare[starts[found]] = k
            starts[found] += 1
        for place in range(len(order)):
            order[place] = spare[place]


@kernel(part=True)
def rank_orders(is_bid: BoolArray, key: IntArray, rank: RankArray, at_rank: RankArray, start: int, stop: int) -> None:
    """Rank the orders of a market by distance from the best of their side, ties by arrival.

    The distance of any two int64 keys fits uint64.
    """
    best = np.full(2, np.iinfo(np.int64).max)
    for i in range(start, stop):
        row = np.int64(is_bid[i])
        best[row] = min(best[row], key[i])
    distance = np.empty(stop - start, dtype=np.uint64)
    order = np.empty(stop - start, dtype=np.uint32)
    largest = np.uint64(0)
    for k in range(stop - start):
        i = start + k
        distance[k] = np.uint64(key[i]) - np.uint64(best[np.int64(is_bid[i])])
        largest = max(largest, distance[k])
        order[k] = k
    if len(order) <= _INSERTION_LIMIT:
        _sort_few(distance, order)
    else:
        _sort_many(distance, largest, order)
    for place in range(len(order)):
        at_rank[start + place] = start + order[place]
        rank[start + order[place]] = place
