"""Reactive power that is asked of inverters, held to their apparent power at any active power that a gate may admit.

A gate moves active power after reactive power is set: from the untraded P by s <= ``up_wh`` out of the connection and
d <= ``down_wh`` into it, while the mode's own Q follows with s at the slope of its ``ReactiveLaw``. The points (P, Q) fill a
parallelogram, and the disk P^2 + Q^2 <= S^2 is convex: what keeps within it at the four corners does so everywhere. Where the
mode by itself leaves the disk within the parallelogram, the points of its edges at which it does are corners, too.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.ports import ReactiveLaw
from marketsim.core.records import AskedKvar, Decisions, Fallback, OrderBatch, Positions
from marketsim.core.units import WH_PER_KWH


def asked_kvar(decisions: Decisions, place: Positions) -> AskedKvar | None:
    """What strategies ask for, with what positions leave to the gate; None where nobody asks."""
    if decisions.kvar is None:
        return None
    up_wh, down_wh = place.surplus_wh + place.up_wh.sum(axis=0), place.down_wh.sum(axis=0)
    return AskedKvar(decisions.kvar, up_wh, down_wh, place.own_use_wh - _offered_wh(decisions.orders, len(up_wh)))


def _offered_wh(orders: OrderBatch, n_agents: int) -> FloatArray:
    """What devices offer beyond the untraded state, drawing negative; NaN where the utility takes no rest of it [n_agents]."""
    rows = np.flatnonzero(orders.component >= 0)
    offered = np.zeros(n_agents)
    np.subtract.at(offered, orders.agent[rows], orders.side[rows] * orders.energy_wh[rows])
    offered[orders.agent[rows[orders.fallback[rows] != Fallback.UTILITY]]] = np.nan
    return offered


def curve_share(v_pu: FloatArray, curve_pu: FloatArray) -> FloatArray:
    """Reactive injection of a volt-var curve as a share of its full value, 1 ... -1, linear between its voltages."""
    return np.interp(v_pu, curve_pu, [1.0, 0.0, 0.0, -1.0])


def most_kvar(law: ReactiveLaw, p_kw: FloatArray) -> FloatArray:
    """Most reactive power of inverters beside active power ``p_kw``, by rating and least power factor [kvar] [n_agents]."""
    room = within_kvar(law.kva, p_kw)
    if law.kvar_per_kw is None:
        return room
    bounded = np.isfinite(law.kvar_per_kw)
    return np.where(bounded, np.minimum(room, np.where(bounded, law.kvar_per_kw, 0.0) * np.maximum(p_kw, 0.0)), room)


def within_kvar(kva: FloatArray, p_kw: FloatArray) -> FloatArray:
    """Reactive power that apparent power ``kva`` leaves at active power ``p_kw``, sqrt(S^2 - P^2) [kvar]; 0 beyond it."""
    return np.asarray(np.sqrt(np.maximum(kva**2 - p_kw**2, 0.0)))


def room_kvar(law: ReactiveLaw, p_kw: FloatArray) -> FloatArray:
    """Reactive power of an inverter at active power ``p_kw``, less what its curve may need [kvar] [n_agents]."""
    return np.asarray(np.maximum(within_kvar(law.kva, p_kw) - law.curve_kvar, 0.0))


def granted_kvar(
    law: ReactiveLaw, asked: AskedKvar, p_kw: FloatArray, own_kvar: FloatArray, hours: float
) -> FloatArray:
    """The part of what is asked that every inverter can give on top of its mode, whatever the gate admits [kvar] [n_agents].

    ``p_kw`` and ``own_kvar``: active power of the inverters in the untraded state, and what the mode has them do at it. The
    part is 0 for who has no inverter, and never beyond what is asked or against it: a mode that takes an inverter beyond its
    rating by itself is not mended, and not taken farther.
    """
    per_kw = 1.0 / (hours * WH_PER_KWH)
    up_kw, down_kw = (np.asarray(wh * per_kw, dtype=np.float64) for wh in (asked.up_wh, asked.down_wh))
    least, most = np.full((2, len(p_kw)), [[-np.inf], [np.inf]])
    for out_kw in (0.0, up_kw):
        own = own_kvar + law.source_kvar_per_kw * out_kw
        for in_kw in (0.0, down_kw):
            room = room_kvar(law, p_kw + out_kw - in_kw)
            least, most = np.maximum(least, -room - own), np.minimum(most, room - own)
    against = 2.0 * _least_at_rating(law, p_kw, own_kvar, up_kw, down_kw)
    part = np.clip(asked.kvar, np.maximum(np.minimum(least, 0.0), -against), np.minimum(np.maximum(most, 0.0), against))
    return np.where(law.kva > 0.0, part, 0.0)


def _least_at_rating(
    law: ReactiveLaw, p_kw: FloatArray, own_kvar: FloatArray, up_kw: FloatArray, down_kw: FloatArray
) -> FloatArray:
    """Least size of the mode's own Q where it alone comes to the rating on an edge of what may be admitted [n_agents].

    inf: nowhere. Beyond such a point the mode alone breaks the rating, and Q against it brings the sum no farther from zero as
    long as it is at most twice the mode's.
    """
    slope, least = law.source_kvar_per_kw, np.full(len(p_kw), np.inf)
    for in_kw in (0.0, down_kw):  # (own + slope u)^2 + (P + u)^2 = S^2
        base = p_kw - in_kw
        half, square = slope * own_kvar + base, 1.0 + slope**2
        inner = half**2 - square * (own_kvar**2 + base**2 - law.kva**2)
        root = np.sqrt(np.maximum(inner, 0.0))
        for out_kw in ((-half - root) / square, (-half + root) / square):
            there = (inner >= 0.0) & (out_kw >= 0.0) & (out_kw <= up_kw)
            least = np.where(there, np.minimum(least, np.abs(own_kvar + slope * out_kw)), least)
    for moved_kw in (0.0, up_kw):
        own, middle = own_kvar + slope * moved_kw, p_kw + moved_kw
        room = within_kvar(law.kva, own)
        for at_kw in (-room, room):
            there = (np.abs(own) <= law.kva) & (at_kw <= middle) & (at_kw >= middle - down_kw)
            least = np.where(there, np.minimum(least, np.abs(own)), least)
    return least
