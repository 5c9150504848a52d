"""Groups of members: all of them, by number. The bit i of a group's number says whether member i is in it."""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.cost_game import CostGame

CHUNK: Final = 1 << 14
"""Groups that a game is asked about at once."""


def members_of(numbers: IntArray, n: int) -> BoolArray:
    """Who is in each group, by its number [k] -> [k, n]."""
    return np.asarray((numbers[:, None] >> np.arange(n)) & 1, dtype=bool)


def sizes(n: int) -> IntArray:
    """Number of members of every group [2^n]."""
    counts = np.zeros(1, dtype=np.int64)
    for _ in range(n):
        counts = np.concatenate((counts, counts + 1))
    return counts


def all_costs(game: CostGame) -> FloatArray:
    """Cost of every group, by its number, 0 for the empty one [2^n]."""
    n = game.n
    costs = np.zeros(1 << n)
    for first in range(1, 1 << n, CHUNK):
        numbers = np.arange(first, min(first + CHUNK, 1 << n))
        costs[numbers] = game.cost(members_of(numbers, n))
    return costs


def sums(values: FloatArray) -> FloatArray:
    """Sum of a value over every group, by its number [n] -> [2^n]."""
    totals = np.zeros(1)
    for value in values:
        totals = np.concatenate((totals, totals + value))
    return totals


def costs_of(game: CostGame, members: BoolArray) -> FloatArray:
    """Costs of many groups, asked for in pieces [k, n] -> [k]."""
    found = np.empty(len(members))
    for first in range(0, len(members), CHUNK):
        piece = slice(first, first + CHUNK)
        found[piece] = game.cost(members[piece])
    return found


def whole_cost(game: CostGame) -> float:
    """What all pay together."""
    return float(game.cost(np.ones((1, game.n), dtype=bool))[0])


def alone_costs(game: CostGame) -> FloatArray:
    """What each would pay alone [n]."""
    return game.cost(np.eye(game.n, dtype=bool))
