"""Books of many copies of a market, compiled: in each copy one agent's orders are replaced by its truthful ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.compiled import kernel

COPY, CONNECTION, SIDE, LIMIT, ENERGY, FIRM_ENERGY, COMPONENT, VALUE = range(8)
"""Rows of a book."""
N_ROWS = 8
BEGIN, COUNT = range(2)
"""Rows of ``first_of``."""
BOUGHT, SOLD = range(2)
"""Rows of ``moved_by``."""


class Offers(NamedTuple):
    """Orders or legs, agent by agent [n]."""

    side: IntArray
    limit: IntArray
    """In the first round."""
    value: IntArray
    """Where the limit moves to by the last round; the limit itself where it does not move."""
    energy: IntArray
    firm: IntArray
    component: IntArray


@kernel()
def first_of(agent: Any, n_agents: Any) -> Any:
    """Where the rows of each agent begin in a table that has each agent's rows together; and how many [2, n_agents]."""
    table = np.zeros((2, n_agents), np.int64)
    for row in range(len(agent) - 1, -1, -1):
        table[BEGIN, agent[row]] = row
        table[COUNT, agent[row]] += 1
    return table


@kernel(part=True)
def _copy_order(book: Any, row: int, copy: int, connection: int, offers: Offers, i: int) -> None:
    book[COPY, row], book[CONNECTION, row] = copy, connection
    book[SIDE, row], book[LIMIT, row] = offers.side[i], offers.limit[i]
    book[ENERGY, row], book[FIRM_ENERGY, row] = offers.energy[i], offers.firm[i]
    book[COMPONENT, row], book[VALUE, row] = offers.component[i], offers.value[i]


@kernel()
def copied_books(
    arrival: Any, relevant: Any, learner_of: Any, n_copies: Any, own: Any, orders: Offers, truthful: Any, legs: Offers,
    retail: Any, feed_in: Any,
) -> Any:  # fmt: skip
    """All books [8, n_orders], copy after copy, each in its market's order of arrival.

    ``arrival`` [M * n] lists the agents of each market as they arrive; ``own`` and ``truthful`` say where an agent's
    orders and legs stand (``first_of``); ``learner_of`` [n] numbers the agents that have a copy of their own, the last of
    the ``n_copies`` of a market is as it was. Only markets that are ``relevant`` are copied, and of their orders those
    within the tariffs.
    """
    n = len(learner_of)
    size = 0
    for m in range(len(relevant)):
        if relevant[m]:
            count = 0
            for a in range(m * n, (m + 1) * n):
                count += own[COUNT, a]
                size += truthful[COUNT, a]
            size += count * n_copies
    book = np.empty((N_ROWS, size), np.int64)
    row, first_copy = 0, 0
    for m in range(len(relevant)):
        if not relevant[m]:
            continue
        for copy in range(n_copies):
            for place in range(m * n, (m + 1) * n):
                a = arrival[place]
                c = a - m * n
                if learner_of[c] == copy:
                    for leg in range(truthful[BEGIN, a], truthful[BEGIN, a] + truthful[COUNT, a]):
                        _copy_order(book, row, first_copy + copy, c, legs, leg)
                        row += 1
                    continue
                for i in range(own[BEGIN, a], own[BEGIN, a] + own[COUNT, a]):
                    if feed_in[m] <= orders.limit[i] <= retail[m] and orders.energy[i] > 0:
                        _copy_order(book, row, first_copy + copy, c, orders, i)
                        row += 1
        first_copy += n_copies
    return book[:, :row].copy()


@kernel()
def moved_by(agent: Any, buy: Any, sell: Any, energy: Any, n_agents: Any) -> Any:
    """What each agent of all copies bought and sold [2, n_agents]."""
    moved = np.zeros((2, n_agents), np.int64)
    for trade in range(len(energy)):
        moved[BOUGHT, agent[buy[trade]]] += energy[trade]
        moved[SOLD, agent[sell[trade]]] += energy[trade]
    return moved
