"""Shapley value: each member pays its mean marginal cost over all orders in which the group could have formed.

    x_i = sum over S without i of |S|! (n - |S| - 1)! / n! (c(S + i) - c(S))

(Shapley 1953). Weighted (Kalai and Samet 1987): of each dividend d(S) of Harsanyi every member of S bears w_i / w(S), which is
its chance to come last where places are drawn from the last one on, in proportion to weights.

Sampled from orders, with the standard errors of the means; without weights an order and its reverse are one draw, which takes
out most of what depends on coming early or late.
"""

from __future__ import annotations

from math import comb
from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.cost_game import ChainedGame, CostGame, Division
from marketsim.sharing.coalitions import CHUNK, all_costs, costs_of, sizes, whole_cost

MOST_SAMPLED: Final = 1_000
"""Members of whom orders are at most drawn."""


def shapley(game: CostGame) -> Division:
    """Exactly, from the costs of all groups."""
    return Division(marginals_by_place(all_costs(game), game.n).mean(axis=0))


def marginals_by_place(costs: FloatArray, n: int) -> FloatArray:
    """Mean marginal cost of each member by how many were there before it [n places, n]; means over places are its share."""
    size = sizes(n)
    weight = np.array([1.0 / comb(n - 1, place) for place in range(n)])
    found = np.empty((n, n))
    groups = np.arange(1 << n)
    for member in range(n):
        without = groups[(groups >> member) & 1 == 0]
        marginal = (costs[without | (1 << member)] - costs[without]) * weight[size[without]]
        found[:, member] = np.bincount(size[without], weights=marginal, minlength=n)
    return found


def weighted_shapley(game: CostGame, weights: FloatArray) -> Division:
    """Exactly, by dividends; weights above 0 [n]."""
    dividends = all_costs(game)
    n = game.n
    by_bits = dividends.reshape((2,) * n)
    for axis in range(n):
        by_bits[(slice(None),) * axis + (1,)] -= by_bits[(slice(None),) * axis + (0,)]
    total = np.zeros(1)
    for weight in weights:
        total = np.concatenate((total, total + weight))
    per_weight = np.divide(dividends, total, out=np.zeros_like(dividends), where=total > 0)
    groups = np.arange(1 << n)
    shares = [weights[member] * per_weight[(groups >> member) & 1 == 1].sum() for member in range(n)]
    return Division(np.array(shares))


def sampled_shapley(game: CostGame, draws: int, rng: np.random.Generator) -> Division:
    """From ``draws`` orders and their reverses; ``draws`` at least 2."""
    orders = rng.permuted(np.tile(np.arange(game.n), (draws, 1)), axis=1)
    marginal = (_marginals(game, orders) + _marginals(game, orders[:, ::-1])) / 2.0
    return _division(marginal)


def sampled_weighted_shapley(game: CostGame, weights: FloatArray, draws: int, rng: np.random.Generator) -> Division:
    """From ``draws`` orders, the last place drawn in proportion to weights, then the one before it; ``draws`` at least 2."""
    orders = np.argsort(np.log1p(-rng.random((draws, game.n))) / weights, axis=1)
    return _division(_marginals(game, orders))


def _marginals(game: CostGame, orders: IntArray) -> FloatArray:
    """Marginal cost of each member in each order [k, n]."""
    costs = game.chains(orders) if isinstance(game, ChainedGame) else _asked_chains(game, orders)
    return np.take_along_axis(np.diff(costs, axis=1, prepend=0.0), np.argsort(orders, axis=1), axis=1)


def _asked_chains(game: CostGame, orders: IntArray) -> FloatArray:
    """Cost of those who have joined, after each member of each order [k, n]."""
    n, place = game.n, np.argsort(orders, axis=1)
    costs = np.empty(orders.shape)
    costs[:, -1] = whole_cost(game)
    piece = max(CHUNK // n, 1)
    for first in range(0, len(orders), piece):
        here = place[first : first + piece]
        joined = here[:, None, :] < np.arange(1, n)[None, :, None]
        costs[first : first + piece, :-1] = costs_of(game, joined.reshape(-1, n)).reshape(len(here), n - 1)
    return costs


def _division(marginal: FloatArray) -> Division:
    errors = marginal.std(axis=0, ddof=1) / np.sqrt(len(marginal))
    return Division(marginal.mean(axis=0), errors)
