"""What opens a slot, compiled: metering, and the rows that the agents of one strategy see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import kernel

_I1 = types.Array(types.int64, 1, "C", readonly=True)
_F1 = types.Array(types.float64, 1, "C", readonly=True)
_F2 = types.Array(types.float64, 2, "C", readonly=True)
_TO_I1, _TO_I2, _TO_F1, _TO_F2 = types.int64[::1], types.int64[:, ::1], types.float64[::1], types.float64[:, ::1]


@kernel(types.void(_F1, types.float64, _F1, _TO_I1, _TO_F1))
def meter_rows(power_kw: Any, wh_per_kw: float, carry_wh: Any, metered_wh: Any, left_wh: Any) -> None:
    """Whole Wh of each power and the remainder to carry on; see ``sensing.meter`` [n_agents]."""
    for a in range(len(power_kw)):
        exact = power_kw[a] * wh_per_kw + carry_wh[a]
        whole = max(np.rint(exact), 0.0)
        metered_wh[a] = np.int64(whole)
        left_wh[a] = exact - whole


@kernel(types.void(_I1, _I1, _I1, _I1, _I1, _I1, _I1, _I1, _F1, _F1, _F1, _TO_I2, _TO_F2))
def look(
    rows: Any, market: Any, connection: Any, load_wh: Any, pv_wh: Any, retail: Any, feed_in: Any, last_ticks: Any,
    fill: Any, refused: Any, voltage: Any,
    counts: Any, floats: Any,
) -> None:  # fmt: skip
    """Columns of ``Observations`` for the agents ``rows`` [k]: see ``sensing.observe`` for their order."""
    for i in range(len(rows)):
        a = rows[i]
        m = market[a]
        counts[0, i], counts[1, i], counts[2, i], counts[3, i] = m, connection[a], retail[m], feed_in[m]
        counts[4, i], counts[5, i] = load_wh[a], pv_wh[a]
        counts[6, i] = last_ticks[m] if last_ticks[m] >= 0 else (retail[m] + feed_in[m]) // 2
        floats[0, i], floats[1, i], floats[2, i] = fill[a], refused[a], voltage[a]


@kernel(types.void(_I1, _I1, _I1, _I1, _F1, _TO_I1, _TO_I1, _TO_I1, _TO_F1))
def pick_range(
    rows: Any, lo: Any, firm: Any, hi: Any, level: Any, own_lo: Any, own_firm: Any, own_hi: Any, own_level: Any
) -> None:
    """A fleet's range for the agents ``rows`` [k]."""
    for i in range(len(rows)):
        a = rows[i]
        own_lo[i], own_firm[i], own_hi[i], own_level[i] = lo[a], firm[a], hi[a], level[a]
