"""Loops of ``plan`` and ``storage``: one pass over the agents of a strategy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import kernel
from marketsim.core.records import UNDECLARED, Side
from marketsim.core.records_kernel import B1, F1, I1

_TO_I1 = types.int64[::1]
_BUY, _SELL, _NO_OFFER = int(Side.BUY), int(Side.SELL), 0


@kernel(types.void(I1, I1, B1, _TO_I1, _TO_I1))
def serve_own(lo: Any, hi: Any, fixed: Any, dispatch: Any, balance: Any) -> None:
    """See ``Draft.serve_own``; writes into dispatch and balance. ``fixed`` is of no size where nobody is [k]."""
    for a in range(len(lo)):
        if len(fixed) == 0 or not fixed[a]:
            drawn = max(-balance[a], min(lo[a] - dispatch[a], 0))
            moved = min(drawn, max(hi[a] - dispatch[a], 0))
            dispatch[a] += moved
            balance[a] += moved


@kernel(borrowing=True)
def better(dispatch: int, bid: int, ask: int, retail: int, feed_in: int, last_price: int) -> int:
    """See ``plan.better_side``."""
    buys, sells = dispatch <= 0 and bid >= feed_in, dispatch >= 0 and ask <= retail
    if sells and (not buys or last_price - ask >= bid - last_price):
        return _SELL
    return _BUY if buys else _NO_OFFER


@kernel(types.void(I1, I1, I1, I1, I1, I1, _TO_I1))
def better_sides(dispatch: Any, bid: Any, ask: Any, retail: Any, feed_in: Any, last_price: Any, side: Any) -> None:
    """``better`` of every agent [k]."""
    for a in range(len(dispatch)):
        side[a] = better(dispatch[a], bid[a], ask[a], retail[a], feed_in[a], last_price[a])


@kernel(types.void(I1, I1, I1, I1, F1, B1, F1, I1, _TO_I1, _TO_I1))
def offer_store(
    dispatch: Any, retail: Any, feed_in: Any, last_price: Any, level: Any, owned: Any, round_trip: Any, wear: Any,
    side: Any, value: Any,
) -> None:  # fmt: skip
    """See ``storage.Trade``; writes the better side of each store and its value there [k]."""
    for a in range(len(dispatch)):
        takes, pays = max(retail[a], 0), max(feed_in[a], 0)
        saves = takes - level[a] * (takes - pays)
        refill = pays / round_trip[a] + wear[a]
        asked = refill if refill > saves else saves
        ask = max(np.int64(np.ceil(asked)) + wear[a], feed_in[a] + 1)
        bid = min(np.int64(np.floor(round_trip[a] * (saves - wear[a]))) - wear[a], retail[a] - 1)
        chosen = better(dispatch[a], bid, ask, retail[a], feed_in[a], last_price[a]) if owned[a] else _NO_OFFER
        side[a], value[a] = chosen, bid if chosen == _BUY else (ask if chosen == _SELL else UNDECLARED)
