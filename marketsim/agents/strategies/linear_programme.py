"""The linear programme of stores behind meters, sparse, all agents of a market at once.

For every agent and slot h of the horizon, with charge c, discharge d and import m at the meter [kWh], stored energy s
[kWh], need n [kWh], retail l_b, feed-in l_s, wear w, efficiencies e_c and e_d, and v the worth of what is left::

    min  sum_h [ (l_b - l_s) m + l_s (n + c - d) + w (c + d) ] - v e_d s_H
    s.t. s_h = s_(h-1) + e_c c_h - d_h / e_d          dual: minus the value of a stored kWh
         m_h >= n_h + c_h - d_h
         0 <= c, d <= power x hours,  0 <= s <= capacity,  m >= 0

Export is m - (n + c - d). With l_b >= l_s >= 0 and losses no store charges and discharges at once. Where a price of the
horizon is negative, ``signed_programme`` plans instead: PV may be curtailed, and modes are kept apart where that is open.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.errors import RunError


class Stores(NamedTuple):
    """Ratings, each [k]."""

    capacity_kwh: FloatArray
    """Usable energy."""
    power_kw: FloatArray
    charge_efficiency: FloatArray
    discharge_efficiency: FloatArray
    wear: FloatArray
    """[currency/kWh] at the meter."""

    def of(self, rows: IntArray) -> Stores:
        """The stores of some agents."""
        return Stores(*(column[rows] for column in self))


class Outlook(NamedTuple):
    """What the agents expect."""

    need_kwh: FloatArray
    """Load less PV [horizon, k]."""
    retail: FloatArray
    """[currency/kWh] [horizon, k]."""
    feed_in: FloatArray
    """[currency/kWh] [horizon, k]."""
    end_value: FloatArray
    """Worth of a kWh that could be delivered at the end [currency/kWh] [k]."""
    hours: float
    """Length of a slot [h]."""
    spare_kwh: FloatArray
    """PV beyond the own load, which can be curtailed [horizon, k]."""

    def of(self, rows: IntArray) -> Outlook:
        """What some agents expect."""
        need, retail, feed_in = self.need_kwh[:, rows], self.retail[:, rows], self.feed_in[:, rows]
        return Outlook(need, retail, feed_in, self.end_value[rows], self.hours, self.spare_kwh[:, rows])


class StorePlan(NamedTuple):
    """What the programme says, each [horizon, k]."""

    net_kwh: FloatArray
    """Discharge less charge at the meter."""
    value: FloatArray
    """Dual value of a kWh stored in this slot [currency/kWh]."""

    @classmethod
    def none(cls, k: int, horizon: int = 0) -> StorePlan:
        """A plan to do nothing."""
        return cls(np.zeros((horizon, k)), np.zeros((horizon, k)))


@lru_cache(maxsize=2)
def _pattern(k: int, horizon: int) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Identity and slot-to-slot difference on the axis agent x slot."""
    step = sp.identity(horizon) - sp.eye(horizon, k=-1)
    return sp.identity(k * horizon, format="csr"), sp.kron(sp.identity(k), step, format="csr")


def plan_stores(stores: Stores, outlook: Outlook, stored_kwh: FloatArray) -> StorePlan:
    """The plan of least cost for k agents from ``stored_kwh`` [k] on.

    Raises RunError if HiGHS finds no optimum; the programme is feasible and bounded by construction.
    """
    if outlook.feed_in.min(initial=0.0) < 0.0:  # retail is not below it
        return _plan_signed(stores, outlook, stored_kwh)
    horizon, k = outlook.need_kwh.shape
    n = horizon * k
    one, difference = _pattern(k, horizon)
    charge, discharge = np.repeat(stores.charge_efficiency, horizon), np.repeat(stores.discharge_efficiency, horizon)
    nothing = sp.csr_matrix((n, n))
    bounds: Any = _bounds(stores, outlook.hours, horizon)  # an array [4 n, 2] is what linprog turns pairs into
    result = linprog(
        _cost(stores, outlook),
        A_ub=sp.hstack((one, -one, nothing, -one), format="csc"),
        b_ub=-outlook.need_kwh.T.ravel(),
        A_eq=sp.hstack((-sp.diags(charge), sp.diags(1.0 / discharge), difference, nothing), format="csc"),
        b_eq=_first(np.clip(stored_kwh, 0.0, stores.capacity_kwh), horizon),
        bounds=bounds,
        method="highs-ds",
    )
    if result.status != 0 or result.x is None:
        raise RunError(f"storage plan of {k} agents over {horizon} slots: HiGHS stopped with '{result.message}'")
    drawn, delivered = result.x[:n].reshape(k, horizon).T, result.x[n : 2 * n].reshape(k, horizon).T
    return StorePlan(delivered - drawn, -result.eqlin.marginals.reshape(k, horizon).T)


def _plan_signed(stores: Stores, outlook: Outlook, stored_kwh: FloatArray) -> StorePlan:
    """The same where a price is negative, agent by agent."""
    from marketsim.agents.strategies.signed_programme import SignedStore, plan_signed

    horizon, k = outlook.need_kwh.shape
    plan = StorePlan.none(k, horizon)
    for a in range(k):
        store = SignedStore(
            capacity_kwh=float(stores.capacity_kwh[a]),
            power_kwh=float(stores.power_kw[a] * outlook.hours),
            charge_efficiency=float(stores.charge_efficiency[a]),
            discharge_efficiency=float(stores.discharge_efficiency[a]),
            wear=float(stores.wear[a]),
            stored_kwh=float(stored_kwh[a]),
            need_kwh=outlook.need_kwh[:, a],
            spare_kwh=outlook.spare_kwh[:, a],
            retail=outlook.retail[:, a],
            feed_in=outlook.feed_in[:, a],
            end_value=float(outlook.end_value[a]),
        )
        plan.net_kwh[:, a], plan.value[:, a] = plan_signed(store)
    return plan


def _first(per_agent: FloatArray, horizon: int) -> FloatArray:
    """A vector [k x horizon] with one value at each agent's first slot."""
    table = np.zeros((len(per_agent), horizon))
    table[:, 0] = per_agent
    return table.ravel()


def _cost(stores: Stores, outlook: Outlook) -> FloatArray:
    horizon = len(outlook.need_kwh)
    feed_in, retail, wear = outlook.feed_in.T.ravel(), outlook.retail.T.ravel(), np.repeat(stores.wear, horizon)
    keeps = np.zeros_like(outlook.need_kwh.T)
    keeps[:, -1] = -outlook.end_value * stores.discharge_efficiency
    return np.concatenate((feed_in + wear, wear - feed_in, keeps.ravel(), retail - feed_in))


def _bounds(stores: Stores, hours: float, horizon: int) -> FloatArray:
    power = np.repeat(stores.power_kw * hours, horizon)
    upper = np.concatenate((power, power, np.repeat(stores.capacity_kwh, horizon), np.full_like(power, np.inf)))
    return np.column_stack((np.zeros_like(upper), upper))
