"""The linear programme of stores behind meters, all agents of a market at once: the day's programme, each at a meter of its own.

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

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.programme import BlockBuilder, StoreRatings, put_stores
from marketsim.optimise.day import Ends, MeteredDay
from marketsim.optimise.pool import Aims, plan_day


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


def plan_stores(stores: Stores, outlook: Outlook, stored_kwh: FloatArray) -> StorePlan:
    """The plan of least cost for k agents from ``stored_kwh`` [k] on.

    Raises RunError if HiGHS finds no optimum; the programme is feasible and bounded by construction.
    """
    if outlook.feed_in.min(initial=0.0) < 0.0:  # retail is not below it
        return _plan_signed(stores, outlook, stored_kwh)
    horizon, k = outlook.need_kwh.shape
    ratings = StoreRatings(
        stores.capacity_kwh,
        stores.power_kw * outlook.hours,
        stores.charge_efficiency,
        stores.discharge_efficiency,
        stores.wear,
    )
    block = BlockBuilder(horizon, k)
    put_stores(block, np.arange(k), horizon, ratings, np.clip(stored_kwh, 0.0, stores.capacity_kwh))
    day = MeteredDay(
        outlook.need_kwh, outlook.spare_kwh, outlook.retail, outlook.feed_in, outlook.hours, meter_of=np.arange(k)
    )
    plan = plan_day([block.done()], day, Ends(worth=outlook.end_value), Aims("cost"), "storage plan")
    return StorePlan(plan.net_kwh[0], -plan.equal_dual.reshape(k, horizon).T)


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
