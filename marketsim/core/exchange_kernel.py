"""Admission of a list of one-ended exchanges in one compiled call."""

from __future__ import annotations

from typing import Any

from numba import types

from marketsim.core.compiled import ADMIT_POINTER, kernel

_I1 = types.int64[::1]


@kernel(
    types.void(
        ADMIT_POINTER,
        types.int64[:, :, ::1],
        types.float64[:, :, ::1],
        _I1, _I1, _I1, _I1,
        _I1, _I1, _I1,
    )
)  # fmt: skip
def admit_all(
    admit: Any, ints: Any, floats: Any, market: Any, source: Any, sink: Any, wh: Any,
    admitted: Any, code: Any, element: Any,
) -> None:  # fmt: skip
    """Admit row after row; writes what was admitted, the code and the element of each [n_rows]."""
    for row in range(market.shape[0]):
        m = market[row]
        admitted[row], code[row], element[row] = admit(ints[m], floats[m], source[row], sink[row], wh[row])
