"""Reactive power that is asked of inverters, held to their apparent power at any active power that a gate may admit.

A gate moves active power after reactive power is set: from the untraded P by s <= ``up_wh`` out of the connection and
d <= ``down_wh`` into it, while the mode's own Q follows with s at the slope of its ``ReactiveLaw``. The points (P, Q) fill a
parallelogram, and the disk P^2 + Q^2 <= S^2 is convex: what keeps within it at the four corners does so everywhere.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.ports import ReactiveLaw
from marketsim.core.records import AskedKvar, Positions
from marketsim.core.units import WH_PER_KWH


def asked_kvar(kvar: FloatArray | None, place: Positions) -> AskedKvar | None:
    """What strategies ask for, with what positions leave to the gate; None where nobody asks."""
    if kvar is None:
        return None
    return AskedKvar(kvar, place.surplus_wh + place.up_wh.sum(axis=0), place.down_wh.sum(axis=0))


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
    up_kw, down_kw = asked.up_wh * per_kw, asked.down_wh * per_kw
    least, most = np.full((2, len(p_kw)), [[-np.inf], [np.inf]])
    for out_kw in (0.0, up_kw):
        own = own_kvar + law.source_kvar_per_kw * out_kw
        for in_kw in (0.0, down_kw):
            room = room_kvar(law, p_kw + out_kw - in_kw)
            least, most = np.maximum(least, -room - own), np.minimum(most, room - own)
    part = np.clip(asked.kvar, np.minimum(least, 0.0), np.maximum(most, 0.0))
    return np.where(law.kva > 0.0, part, 0.0)
