"""The programme of stores where a price of the horizon is negative: PV may be curtailed, and a mode may need a binary.

To the programme of ``linear_programme`` comes k, the own PV that is curtailed [kWh] where the feed-in tariff is negative,
at most what the owner's load leaves of it; export is m - (n + c - d) - k::

    min  sum_h [ (l_b - l_s) m + l_s (n + c - d + k) + w (c + d) ] - v e_d s_H,   m_h >= n_h + c_h - d_h + k_h

Two things are then no longer settled by the objective, and each gets a binary where it is open, nowhere else:

- *A store in two modes at once* burns energy. That pays if -l_s (1 - e_c e_d) > w (1 + e_c e_d): a kWh drawn and given back
  as e_c e_d kWh wears both ways and takes 1 - e_c e_d of energy off, whose price is at least the feed-in tariff.
- *Import beside curtailed own PV*: where retail is negative, drawing pays, but what is behind the meter comes first.

Agents are independent, so each has a programme of its own. Duals are those of the linear programme with binaries as found.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.errors import RunError

_COLUMNS = 7
_CHARGE, _DISCHARGE, _STORED, _IMPORT, _CURTAILED, _MODE, _DRAWS = range(_COLUMNS)
"""Blocks of variables, a slot each. The last two are binary: the store charges; the meter imports."""


class SignedStore(NamedTuple):
    """One store and what its owner expects; series [horizon]."""

    capacity_kwh: float
    power_kwh: float
    """Most energy a slot, either way."""
    charge_efficiency: float
    discharge_efficiency: float
    wear: float
    """[currency/kWh] at the meter."""
    stored_kwh: float
    need_kwh: FloatArray
    """Load less PV."""
    spare_kwh: FloatArray
    """PV that may be curtailed, what the own load takes left out."""
    retail: FloatArray
    feed_in: FloatArray
    end_value: float
    """Worth of a kWh that could be delivered at the end [currency/kWh]."""


def two_modes_pay(
    feed_in: FloatArray, wear: FloatArray | float, charge_efficiency: FloatArray | float,
    discharge_efficiency: FloatArray | float,
) -> BoolArray:  # fmt: skip
    """Where a store earns by charging and discharging at once: -l_s (1 - e_c e_d) > w (1 + e_c e_d), retail >= l_s."""
    kept = charge_efficiency * discharge_efficiency
    return np.asarray(-feed_in * (1.0 - kept) > wear * (1.0 + kept))


def plan_signed(store: SignedStore) -> tuple[FloatArray, FloatArray]:
    """Discharge less charge at the meter [kWh], and the dual value of a stored kWh [currency/kWh], each [horizon].

    Raises RunError if HiGHS finds no optimum; the programme is feasible and bounded by construction.
    """
    open_modes = two_modes_pay(store.feed_in, store.wear, store.charge_efficiency, store.discharge_efficiency)
    open_draws = (store.retail < 0.0) & (store.spare_kwh > 0.0)
    cost, upper, rows, room, stocks, first = _programme(store, open_modes, open_draws)
    lower = np.zeros(len(upper))
    if open_modes.any() or open_draws.any():
        lower, upper = _settled(cost, lower, upper, (rows, room), (stocks, first))
    bounds: Any = np.column_stack((lower, upper))
    found = linprog(cost, A_ub=rows, b_ub=room, A_eq=stocks, b_eq=first, bounds=bounds, method="highs-ds")
    if found.status != 0 or found.x is None:
        raise RunError(f"storage plan over {len(store.need_kwh)} slots: HiGHS stopped with '{found.message}'")
    blocks = found.x.reshape(_COLUMNS, -1)
    return blocks[_DISCHARGE] - blocks[_CHARGE], -found.eqlin.marginals


def _settled(
    cost: FloatArray, lower: FloatArray, upper: FloatArray, kept: tuple[Any, FloatArray], stock: tuple[Any, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Bounds in which every binary is the one of the best plan."""
    binary = np.repeat(np.arange(_COLUMNS) >= _MODE, len(cost) // _COLUMNS)
    constraints = (LinearConstraint(kept[0], ub=kept[1]), LinearConstraint(stock[0], stock[1], stock[1]))
    found = milp(
        cost,
        integrality=binary.astype(np.int64),
        bounds=Bounds(lower, upper),
        constraints=constraints,
        options={"mip_rel_gap": 0.0},
    )
    if found.x is None:
        raise RunError(f"storage plan over {len(cost) // _COLUMNS} slots: HiGHS stopped with '{found.message}'")
    chosen = np.where(binary, np.rint(found.x), lower)
    return chosen, np.where(binary, chosen, upper)


def _programme(
    store: SignedStore, open_modes: BoolArray, open_draws: BoolArray
) -> tuple[FloatArray, FloatArray, Any, FloatArray, Any, FloatArray]:
    """Costs and upper bounds of all variables, rows A x <= b, and the balance of the store E x = e."""
    horizon, power = len(store.need_kwh), store.power_kwh
    one, nothing = sp.identity(horizon, format="csr"), sp.csr_matrix((horizon, horizon))
    retail, feed_in, wear = store.retail, store.feed_in, store.wear
    keeps = np.zeros(horizon)
    keeps[-1] = -store.end_value * store.discharge_efficiency
    none, most = np.zeros(horizon), np.full(horizon, power)
    spare = np.where(feed_in < 0.0, store.spare_kwh, 0.0)
    draws = np.maximum(store.need_kwh + power, 0.0)
    cost = np.concatenate((feed_in + wear, wear - feed_in, keeps, retail - feed_in, feed_in, none, none))
    upper = np.concatenate((
        most, most, np.full(horizon, store.capacity_kwh), np.where(open_draws, draws, np.inf), spare,
        open_modes.astype(np.float64), open_draws.astype(np.float64),
    ))  # fmt: skip
    modes, meters = sp.diags(open_modes * power), np.where(open_draws, 1.0, 0.0)
    blocks = (
        (one, -one, nothing, -one, one, nothing, nothing),
        (sp.diags(open_modes * 1.0), nothing, nothing, nothing, nothing, -modes, nothing),
        (nothing, sp.diags(open_modes * 1.0), nothing, nothing, nothing, modes, nothing),
        (nothing, nothing, nothing, sp.diags(meters), nothing, nothing, -sp.diags(meters * draws)),
        (nothing, nothing, nothing, nothing, sp.diags(meters), nothing, sp.diags(meters * spare)),
    )
    room = np.concatenate((-store.need_kwh, none, open_modes * power, none, meters * spare))
    step = sp.identity(horizon) - sp.eye(horizon, k=-1)
    stocks = sp.hstack(
        (-store.charge_efficiency * one, one / store.discharge_efficiency, step, *(nothing,) * (_COLUMNS - 3)),
        format="csc",
    )
    first = np.zeros(horizon)
    first[0] = min(max(store.stored_kwh, 0.0), store.capacity_kwh)
    return cost, upper, sp.bmat(blocks, format="csc"), room, stocks, first
