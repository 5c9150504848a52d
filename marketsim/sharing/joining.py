"""What a member adds to a group: by how many were there before it, and with whom it is worth most."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.cost_game import CostGame
from marketsim.sharing.coalitions import all_costs, costs_of, whole_cost
from marketsim.sharing.shapley import marginals_by_place

MOST_EXACT: Final = 14
"""Members whose groups are all asked about."""


class Joining(NamedTuple):
    """What a member adds to the cost when it joins first, in the middle, last."""

    first: float
    middle: float
    last: float
    middle_error: float | None
    """Standard error of the middle; None: exact."""


def joining(game: CostGame, member: int, draws: int, rng: np.random.Generator) -> Joining:
    """Mean over the groups that may be there; the middle of many members from ``draws`` groups and their counterparts."""
    n = game.n
    if n <= MOST_EXACT:
        by_place = marginals_by_place(all_costs(game), n)[:, member]
        return Joining(float(by_place[0]), float(by_place[[(n - 1) // 2, n // 2]].mean()), float(by_place[-1]), None)
    others = np.delete(np.arange(n), member)
    drawn = rng.permuted(np.tile(others, (draws, 1)), axis=1)
    half = (n - 1) // 2
    # a group and the others that are not in it are one draw
    each = np.stack([_added(game, member, there) for there in (drawn[:, :half], drawn[:, half:])]).mean(axis=0)
    first = _added(game, member, others[None, :0])[0]
    last = _added(game, member, others[None, :])[0]
    return Joining(float(first), float(each.mean()), float(last), float(each.std(ddof=1) / np.sqrt(draws)))


def _added(game: CostGame, member: int, there: np.ndarray) -> FloatArray:
    """What a member adds to groups, given by their members [k, size] -> [k]."""
    without: BoolArray = np.zeros((len(there), game.n), dtype=bool)
    np.put_along_axis(without, there, values=True, axis=1)
    joined = without.copy()
    joined[:, member] = True
    before = costs_of(game, without) if there.shape[1] else np.zeros(len(there))
    return np.asarray(costs_of(game, joined) - before)


class Partners(NamedTuple):
    """What a member saves with each other one; NaN with itself."""

    alone: FloatArray
    """The two by themselves against each by itself [n]."""
    among_all: FloatArray
    """When all others are there: what the other's presence takes off the cost that the member adds [n]."""


def partners(game: CostGame, member: int) -> Partners:
    """Second differences of the cost, at nobody and at everybody; two members at least."""
    n = game.n
    others = np.delete(np.arange(n), member)
    rows = np.arange(n - 1)
    single, pair = np.eye(n, dtype=bool), np.zeros((n - 1, n), dtype=bool)
    pair[:, member] = True
    pair[rows, others] = True
    alone, among = np.full(n, np.nan), np.full(n, np.nan)
    costs = costs_of(game, single)
    alone[others] = costs[member] + costs[others] - costs_of(game, pair)
    both = costs_of(game, ~pair) if n > 2 else np.zeros(1)
    without = costs_of(game, ~single)
    among[others] = without[member] + without[others] - both - whole_cost(game)
    return Partners(alone, among)
