"""Set-points of prosumers, and the actions in [-1, 1] that stand for them.

Shapes: n agents (or M markets x A agents), any axes in front. Powers are means of a slot; generation and discharge are positive.

An action has a number for each of ``ACTIONS``: the generator's level from -1 (nothing) to 1 (rated); the battery from -1 (full
charge) over 0 (rest) to 1 (full discharge); of the curtailable load from -1 (all is served) to 1 (all is curtailed); of the PV
of the slot from -1 (nothing is used) to 1 (all of it); reactive power as a share of its limit, 1 injecting, -1 absorbing.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray

ACTIONS: Final = ("generator", "battery", "curtailed", "pv", "kvar")
"""Numbers of an action, in order."""
IDLE: Final = (-1.0, 0.0, -1.0, 1.0, 0.0)
"""The action that does nothing: all PV is used, all load is served, the rest rests."""


class Setpoints(NamedTuple):
    """Set-points of a slot or of several, per agent; generation and discharge positive. Shapes [..., n]."""

    generator_kw: FloatArray
    battery_kw: FloatArray
    """Discharge into the grid's side is positive, charging negative."""
    curtailed_kw: FloatArray
    """Of the curtailable load, >= 0."""
    pv_kw: FloatArray
    """What of PV is used."""
    kvar: FloatArray
    """Asked of the inverter on top of what ``grid.reactive`` does, injection positive."""


class SteeredRatings(NamedTuple):
    """What the devices of agents are rated for, 0 for who has none; each [n]."""

    generator_kw: FloatArray
    charge_kw: FloatArray
    """Most that the battery draws."""
    discharge_kw: FloatArray
    kva: FloatArray
    """Apparent power of the PV's inverter."""
    kvar_per_kw: FloatArray
    """Most reactive power for each kW of PV that is used: the tangent of the least power factor; inf: any."""


class Available(NamedTuple):
    """What a slot brings; each [..., n]."""

    curtailable_kw: FloatArray
    """Load that may be left unserved."""
    pv_kw: FloatArray
    """PV that could be used."""


def kvar_limit(pv_kw: FloatArray, ratings: SteeredRatings) -> FloatArray:
    """Most reactive power beside so much PV, either way: min(sqrt(S^2 - P^2), P tan phi) [kvar] [..., n]."""
    beside = np.sqrt(np.maximum(ratings.kva**2 - pv_kw**2, 0.0))
    bound = np.isfinite(ratings.kvar_per_kw)
    least = np.where(bound, ratings.kvar_per_kw, 0.0) * pv_kw
    return np.asarray(np.where(bound, np.minimum(beside, least), beside))


def to_setpoints(actions: FloatArray, ratings: SteeredRatings, available: Available) -> Setpoints:
    """The set-points of actions [..., n, 5]; what lies outside of [-1, 1] counts as the nearer end."""
    generator, battery, curtailed, pv, kvar = np.moveaxis(np.clip(actions, -1.0, 1.0), -1, 0)
    pv_kw = _level(pv) * available.pv_kw
    return Setpoints(
        generator_kw=_level(generator) * ratings.generator_kw,
        battery_kw=battery * np.where(battery > 0.0, ratings.discharge_kw, ratings.charge_kw),
        curtailed_kw=_level(curtailed) * available.curtailable_kw,
        pv_kw=pv_kw,
        kvar=kvar * kvar_limit(pv_kw, ratings),
    )


def to_actions(setpoints: Setpoints, ratings: SteeredRatings, available: Available) -> FloatArray:
    """The actions of set-points [..., n, 5], within [-1, 1]; the number of ``IDLE`` where nothing can be set.

    Inverse of ``to_setpoints`` for what ratings and slot allow.
    """
    power_kw = np.where(setpoints.battery_kw > 0.0, ratings.discharge_kw, ratings.charge_kw)
    shares = (
        2.0 * _share(setpoints.generator_kw, ratings.generator_kw, 0.0) - 1.0,
        _share(setpoints.battery_kw, power_kw, 0.0),
        2.0 * _share(setpoints.curtailed_kw, available.curtailable_kw, 0.0) - 1.0,
        2.0 * _share(setpoints.pv_kw, available.pv_kw, 1.0) - 1.0,
        _share(setpoints.kvar, kvar_limit(np.minimum(setpoints.pv_kw, available.pv_kw), ratings), 0.0),
    )
    return np.asarray(np.clip(np.stack(np.broadcast_arrays(*shares), axis=-1), -1.0, 1.0))


def _level(number: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (number + 1.0))


def _share(part: FloatArray, whole: FloatArray, absent: float) -> FloatArray:
    """``part / whole``; ``absent`` where there is no whole."""
    part, whole = np.broadcast_arrays(part, whole)
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, absent), where=whole > 0.0))
