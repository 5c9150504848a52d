"""Learning of ZIP traders, compiled: quotes follow the shouts of a round."""

from __future__ import annotations

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.compiled import kernel

TRADED, BID_OPEN, ASK_OPEN = 0, 1, 2
"""Kinds of a shout: it was traded; it was the best bid, or the best ask, that met nobody."""
LOWEST, HIGHEST = range(2)
RATE, INERTIA, MOMENTUM = range(3)
RELATIVE, ABSOLUTE = range(2)
"""Rows of limits, of memory and of steps."""

_INTS, _FLOATS, _TABLE = "int64[::1]", "float64[::1]", "float64[:, ::1]"
_SIGNATURE = f"void({', '.join([_INTS] * 3 + [_FLOATS, _TABLE, _TABLE, _TABLE, _INTS, _FLOATS, _INTS])})"


@kernel(_SIGNATURE)
def learn(
    market: IntArray,
    side: IntArray,
    active: IntArray,
    price: FloatArray,
    limits: FloatArray,
    memory: FloatArray,
    steps: FloatArray,
    shout_market: IntArray,
    shout_price: FloatArray,
    shout_kind: IntArray,
) -> None:
    """Move the quotes ``price`` [n] and their momentum after each shout in turn.

    ``limits`` [2, n]: lowest and highest price of each quote; ``memory`` [3, n]: learning rate b, momentum
    coefficient g, momentum G; ``steps`` [2, n]: relative and absolute distance r, a >= 0 of targets from shouts.
    Whoever could have had a better price raises its margin; who is still active and would not have traded lowers it
    (Cliff 1997, section 4). Target t = q +- r |q| +- a; G <- g G + (1 - g) b (t - p); p <- p + G.
    """
    for shout in range(shout_price.size):
        seen, kind = shout_price[shout], shout_kind[shout]
        for quote in range(price.size):
            if market[quote] != shout_market[shout]:
                continue
            dearer = -1.0 if side[quote] > 0 else 1.0  # where a larger margin moves the quote
            gain = dearer * (seen - price[quote])  # of this trader, at the shouted price rather than its own
            if kind == TRADED and gain >= 0.0:
                move = dearer
            elif active[quote] == 0:
                continue
            elif kind == TRADED or (gain <= 0.0 and (kind == ASK_OPEN) == (dearer > 0.0)):
                move = -dearer
            else:
                continue
            apart = move if seen >= 0.0 else -move  # a relative step leads away from zero on the price's own side of it
            target = seen * (1.0 + apart * steps[RELATIVE, quote]) + move * steps[ABSOLUTE, quote]
            error = memory[RATE, quote] * (target - price[quote])
            memory[MOMENTUM, quote] = (
                memory[INERTIA, quote] * memory[MOMENTUM, quote] + (1.0 - memory[INERTIA, quote]) * error
            )
            price[quote] = min(
                max(price[quote] + memory[MOMENTUM, quote], limits[LOWEST, quote]), limits[HIGHEST, quote]
            )
