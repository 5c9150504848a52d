"""Commitment of a list of transfers, all or nothing."""

from __future__ import annotations

from collections.abc import Callable

from numba import types

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.compiled import ADMIT_POINTER, kernel

_ROWS = types.int64[::1]


@kernel((ADMIT_POINTER, types.int64[:, ::1], types.float64[:, ::1], _ROWS, _ROWS, _ROWS))
def admit_until_short(
    admit: Callable[..., tuple[int, int, int]],
    ints: IntArray,
    floats: FloatArray,
    source: IntArray,
    sink: IntArray,
    wh: IntArray,
) -> tuple[int, int, int, int]:
    """Admit row after row up to the first that is not admitted in full.

    Returns the number of rows admitted in full, and of the row after them: admitted Wh, code, element.
    """
    for row in range(len(wh)):
        admitted, code, element = admit(ints, floats, source[row], sink[row], wh[row])
        if admitted < wh[row]:
            return row, admitted, code, element
    return len(wh), 0, 0, -1
