"""Books of many copies of a market, compiled: in each copy one agent's orders are replaced by its truthful ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.core.records import FIRM

_FIRM = int(FIRM)
COLUMNS = 7
"""Rows of a book: copy, connection, side, limit, energy, firm energy, component."""


@kernel()
def first_of(agent: Any, n_agents: Any) -> Any:
    """Where the rows of each agent begin in a table that has each agent's rows together; and how many [2, n_agents]."""
    table = np.zeros((2, n_agents), np.int64)
    for row in range(len(agent) - 1, -1, -1):
        table[0, agent[row]] = row
        table[1, agent[row]] += 1
    return table


@kernel()
def copied_books(
    arrival: Any, relevant: Any, learner_of: Any, n_copies: Any,
    own: Any, side: Any, limit: Any, energy: Any, firm: Any, component: Any,
    truthful: Any, true_side: Any, true_limit: Any, true_energy: Any, true_component: Any,
    retail: Any, feed_in: Any,
) -> Any:  # fmt: skip
    """All books [COLUMNS, n_orders], copy after copy, each in its market's order of arrival.

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
                count += own[1, a]
                size += truthful[1, a]
            size += count * n_copies
    book = np.empty((COLUMNS, size), np.int64)
    row, first_copy = 0, 0
    for m in range(len(relevant)):
        if not relevant[m]:
            continue
        for copy in range(n_copies):
            for place in range(m * n, (m + 1) * n):
                a = arrival[place]
                c = a - m * n
                if learner_of[c] == copy:
                    for leg in range(truthful[0, a], truthful[0, a] + truthful[1, a]):
                        book[0, row], book[1, row] = first_copy + copy, c
                        book[2, row], book[3, row] = true_side[leg], true_limit[leg]
                        book[4, row], book[6, row] = true_energy[leg], true_component[leg]
                        book[5, row] = true_energy[leg] if true_component[leg] == _FIRM else 0
                        row += 1
                    continue
                for order in range(own[0, a], own[0, a] + own[1, a]):
                    if limit[order] < feed_in[m] or limit[order] > retail[m] or energy[order] <= 0:
                        continue
                    book[0, row], book[1, row] = first_copy + copy, c
                    book[2, row], book[3, row], book[4, row] = side[order], limit[order], energy[order]
                    book[5, row], book[6, row] = firm[order], component[order]
                    row += 1
        first_copy += n_copies
    return book[:, :row].copy()


@kernel()
def moved_by(agent: Any, buy: Any, sell: Any, energy: Any, n_agents: Any) -> Any:
    """What each agent of all copies bought and sold [2, n_agents]."""
    moved = np.zeros((2, n_agents), np.int64)
    for trade in range(len(energy)):
        moved[0, agent[buy[trade]]] += energy[trade]
        moved[1, agent[sell[trade]]] += energy[trade]
    return moved
