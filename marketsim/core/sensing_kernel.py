"""What opens a slot, compiled: metering, and the rows that the agents of one strategy see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core import columns_kernel as column
from marketsim.core.compiled import kernel
from marketsim.core.records import NO_PRICE_TICKS
from marketsim.core.records_kernel import F1, I1

_PAIR, _TRIPLE, _FLOATS = types.UniTuple(I1, 2), types.UniTuple(I1, 3), types.UniTuple(F1, 3)  # type: ignore[no-untyped-call]
_TO_I1, _TO_I2, _TO_F1, _TO_F2 = types.int64[::1], types.int64[:, ::1], types.float64[::1], types.float64[:, ::1]

_NO_PRICE = int(NO_PRICE_TICKS)


@kernel(types.void(F1, types.float64, F1, _TO_I1, _TO_F1))
def meter_rows(power_kw: Any, wh_per_kw: float, carry_wh: Any, metered_wh: Any, left_wh: Any) -> None:
    """Whole Wh of each power and the remainder to carry on; see ``sensing.meter`` [n_agents]."""
    for a in range(len(power_kw)):
        exact = power_kw[a] * wh_per_kw + carry_wh[a]
        whole = max(np.rint(exact), 0.0)
        metered_wh[a] = np.int64(whole)
        left_wh[a] = exact - whole


@kernel(types.void(I1, _PAIR, _PAIR, _TRIPLE, _FLOATS, _TO_I2, _TO_F2))
def look(rows: Any, home: Any, metered: Any, quoted: Any, known: Any, counts: Any, floats: Any) -> None:
    """Columns of ``Observations`` for the agents ``rows`` [k]: rows SEEN_* of ``counts``, and KNOWN_* of ``floats``.

    Market and connection, load and PV of all agents; retail, feed-in and last price of markets; fill, refused share and
    voltage of all agents: in plain tuples, since a record costs half a microsecond a call.
    """
    (market, connection), (load_wh, pv_wh), (retail, feed_in, last_ticks), (fill, refused, voltage) = (
        home, metered, quoted, known,
    )  # fmt: skip
    for i in range(len(rows)):
        a = rows[i]
        m = market[a]
        counts[column.SEEN_MARKET, i] = m
        counts[column.SEEN_CONNECTION, i] = connection[a]
        counts[column.SEEN_RETAIL_TICKS, i] = retail[m]
        counts[column.SEEN_FEED_IN_TICKS, i] = feed_in[m]
        counts[column.SEEN_LOAD_WH, i] = load_wh[a]
        counts[column.SEEN_PV_WH, i] = pv_wh[a]
        last = last_ticks[m]
        counts[column.SEEN_LAST_PRICE_TICKS, i] = (retail[m] + feed_in[m]) // 2 if last == _NO_PRICE else last
        floats[column.KNOWN_LAST_FILL, i] = fill[a]
        floats[column.KNOWN_LAST_REFUSED, i] = refused[a]
        floats[column.KNOWN_VOLTAGE_PU, i] = voltage[a]


@kernel(types.void(I1, I1, I1, I1, F1, _TO_I1, _TO_I1, _TO_I1, _TO_F1))
def pick_range(
    rows: Any, lo: Any, firm: Any, hi: Any, level: Any, own_lo: Any, own_firm: Any, own_hi: Any, own_level: Any
) -> None:
    """A fleet's range for the agents ``rows`` [k]."""
    for i in range(len(rows)):
        a = rows[i]
        own_lo[i], own_firm[i], own_hi[i], own_level[i] = lo[a], firm[a], hi[a], level[a]
