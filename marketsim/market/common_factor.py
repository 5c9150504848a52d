"""The largest common factor: as much of a set of quantities as the gate admits together.

Quantities are scaled to a common total, to 1 Wh, by the method of largest remainders. The total is found by bisection:
each trial commits its transfers one after the other and is taken back, from the last to the first, as soon as one of
them is not admitted in full. So "together" means in the order of the transfers, each with those before it in place,
and the total is the largest of which this holds if it holds of every smaller one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.ports import Gate
from marketsim.core.records import BLAMES_SINK


class Transfers(NamedTuple):
    """What is asked of the gate in one market, row after row; NOWHERE moves nothing at that end."""

    source: IntArray
    sink: IntArray
    wh: IntArray


class Stop(NamedTuple):
    """What stopped a commitment."""

    reason: int
    element: int


def share(total: int, weights: IntArray) -> IntArray:
    """``total`` in proportion to ``weights`` by largest remainders, ties to the first; 0 <= total <= sum of weights.

    No share exceeds its weight.
    """
    whole = int(weights.sum())
    if total >= whole:
        return weights.copy()
    exact = weights * total if total * int(weights.max()) < 2**63 else weights.astype(object) * total
    base = (exact // whole).astype(np.int64)
    remainder = (exact % whole).astype(np.int64)
    base[np.argsort(-remainder, kind="stable")[: total - int(base.sum())]] += 1
    return base


def release(gate: Gate, market: int, transfers: Transfers) -> None:
    """Take transfers back, the last first."""
    for source, sink, wh in zip(*(column[::-1].tolist() for column in transfers), strict=True):
        gate.release(market, source, sink, wh)


def commit(gate: Gate, market: int, transfers: Transfers) -> Stop | None:
    """Commit all transfers or none; what stopped them, or None."""
    moving = (transfers.source >= 0) | (transfers.sink >= 0)
    asked = Transfers(*(column[moving] for column in transfers))
    done, admitted, code, element = _admit(gate, market, asked)
    if done == len(asked.wh):
        return None
    if admitted:
        gate.release(market, int(asked.source[done]), int(asked.sink[done]), admitted)
    release(gate, market, Transfers(*(column[:done] for column in asked)))
    return Stop(code & ~BLAMES_SINK, element)


def _admit(gate: Gate, market: int, asked: Transfers) -> tuple[int, int, int, int]:
    if gate.kernel is not None:
        from marketsim.market.pool_kernel import admit_until_short

        admit, ints, floats = gate.kernel
        return admit_until_short(admit, ints[market], floats[market], *asked)
    for row, (source, sink, wh) in enumerate(zip(*(column.tolist() for column in asked), strict=True)):
        admitted, code, element = gate.admit(market, source, sink, wh)
        if admitted < wh:
            return row, admitted, code, element
    return len(asked.wh), 0, 0, -1


def commit_largest(
    gate: Gate, market: int, total: int, transfers: Callable[[int], Transfers]
) -> tuple[int, Stop | None]:
    """Commit ``transfers(t)`` for the largest t <= ``total``; returns t, and what stops more."""
    stop = commit(gate, market, transfers(total))
    if stop is None:
        return total, None
    admitted, refused = 0, total
    while refused - admitted > 1:
        middle = (admitted + refused) // 2
        trial = transfers(middle)
        found = commit(gate, market, trial)
        if found is None:
            admitted = middle
            release(gate, market, trial)
        else:
            refused, stop = middle, found
    while admitted and commit(gate, market, transfers(admitted)) is not None:
        admitted //= 2  # a gate whose answers depend on more than its state
    return admitted, stop
