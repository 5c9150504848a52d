"""Legs of all agents in one pass; see ``orders.legs_of``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core import columns_kernel as column
from marketsim.core.compiled import kernel
from marketsim.core.records import FIRM, PV, Fallback, Side, Standing
from marketsim.core.records_kernel import I1, I2, STANDING
from marketsim.core.rng_kernel import TO_UNIT, mixed

_BUY, _SELL, _KEEP, _UTILITY = int(Side.BUY), int(Side.SELL), int(Fallback.KEEP), int(Fallback.UTILITY)
FIRST_FLEET = 3
"""Legs before those of fleets: firm demand, must-run energy, PV."""


_KEYS = types.Array(types.uint64, 1, "C", readonly=True)


@kernel(types.void(_KEYS, I1, I1, I1, I1, types.int64[::1]))
def draw_prices(keys: Any, component: Any, side: Any, value: Any, bound: Any, price: Any) -> None:
    """Uniform whole ticks from the own value to the tariff's other price [n_legs]; see ``zero_intelligence``."""
    for i in range(len(keys)):
        room = bound[i] - value[i]
        counter = np.uint64(2 * (component[i] + 2) + int(side[i] > 0))
        uniform = (mixed(keys[i], counter) >> np.uint64(11)) * TO_UNIT
        step = np.int64(np.floor(uniform * (abs(room) + 1)))
        price[i] = value[i] - step if room < 0 else value[i] + step


@kernel((I1, I1, STANDING, I2, I2, I2, I1))
def list_legs(
    retail: Any, feed_in: Any, standing: Any, fleet_side: Any, fleet_value: Any, fleet_most: Any, offered: Any
) -> Any:
    """Rows of ``Legs`` [7, .], agent by agent, and how many columns of them count."""
    standing = Standing(*standing)
    k, n_legs = len(retail), FIRST_FLEET + len(offered)
    legs, count = np.empty((column.N_LEG, k * n_legs), dtype=np.int64), 0
    for a in range(k):
        for leg in range(n_legs):
            if leg == 0:
                side, component, energy, value = _BUY, FIRM, standing.firm_demand_wh[a], retail[a]
            elif leg == 1:
                side, component, energy, value = _SELL, FIRM, standing.must_run_wh[a], feed_in[a]
            elif leg == 2:
                side, component, energy, value = _SELL, PV, standing.surplus_wh[a], max(feed_in[a], 0)
            else:
                fleet = offered[leg - FIRST_FLEET]
                side, component, value = fleet_side[fleet, a], fleet, fleet_value[fleet, a]
                left = standing.up_wh[fleet, a] if side < 0 else (standing.down_wh[fleet, a] if side > 0 else 0)
                energy = min(left, fleet_most[fleet, a])
            selling = side < 0
            own, other = (feed_in[a], retail[a]) if selling else (retail[a], feed_in[a])
            priced_out = value > other if selling else value < other
            if energy <= 0 or priced_out:
                continue
            beyond_own = value <= own if selling else value >= own
            legs[column.LEG_AGENT, count] = a
            legs[column.LEG_SIDE, count] = side
            legs[column.LEG_COMPONENT, count] = component
            legs[column.LEG_ENERGY_WH, count] = energy
            legs[column.LEG_VALUE_TICKS, count] = own if beyond_own else value
            legs[column.LEG_BOUND_TICKS, count] = other
            legs[column.LEG_FALLBACK, count] = _UTILITY if beyond_own else _KEEP
            count += 1
    return legs, count
