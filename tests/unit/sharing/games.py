"""Games of cost whose values are known from the literature; gains are negative costs."""

from __future__ import annotations

import numpy as np


class Game:
    """A game from a function of a group's members."""

    def __init__(self, n, cost):
        self.n, self._cost = n, cost

    def cost(self, members):
        return np.array([self._cost(set(np.flatnonzero(row).tolist())) for row in members], dtype=float)


GLOVE = Game(3, lambda group: -float(0 in group and len(group) > 1))
"""One left glove, two right ones."""
AIRPORT = Game(3, lambda group: max(float((1, 2, 4)[member]) for member in group))
"""A runway as long as the largest aeroplane needs."""
MAJORITY = Game(3, lambda group: -float(len(group) > 1))


def votes(weights, quota):
    return Game(len(weights), lambda group: -float(sum(weights[member] for member in group) >= quota))


def bankruptcy(estate, claims):
    """A group gets what is left when all others are paid (O'Neill 1982)."""
    everybody = set(range(len(claims)))
    return Game(len(claims), lambda group: -max(0.0, estate - sum(claims[row] for row in everybody - group)))


def drawn(n, seed):
    """A random cost of each group."""
    values = np.random.default_rng(seed).normal(size=1 << n)
    return Game(n, lambda group: values[sum(1 << member for member in group)])
