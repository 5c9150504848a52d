"""Stays of vehicles over the slots to come, as their series tell them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray


class PlannedStays(NamedTuple):
    """Stays that begin or go on within the slots to come; columns [n_stays]."""

    stay_of: IntArray
    """Stay of each owner in each slot, -1: away [n_owners, slots]."""
    owner: IntArray
    required_kwh: FloatArray
    """At the meter."""
    slots_after: FloatArray
    """Slots of the stay beyond those to come, with fractions."""
    share_within: FloatArray
    """Share of the stay that lies within the slots to come."""


def stays_of(here: FloatArray, left: FloatArray, arrived_kwh: FloatArray, required_kwh: FloatArray) -> PlannedStays:
    """Stays by the shares of slots at home ``here``, slots until departure ``left`` and energy of arrivals.

    The three are [n_owners, slots]; ``required_kwh`` [n_owners] is what the stay in progress still lacks. A stay begins
    where somebody comes home, or where an energy arrives.
    """
    home = here > 0.0
    away_before = np.concatenate((np.ones((len(home), 1), dtype=bool), ~home[:, :-1]), axis=1)
    begins = home & (away_before | (arrived_kwh > 0.0))
    number = np.cumsum(begins.ravel()).reshape(begins.shape) - 1
    stay_of = np.where(home, number, -1)
    owner, first = np.nonzero(begins)
    required = np.where(first == 0, required_kwh[owner], 0.0) + arrived_kwh[owner, first]
    within = np.bincount(stay_of[home], weights=here[home], minlength=len(owner))
    lasts = np.maximum(within, left[owner, first] - (1.0 - here[owner, first]))
    beyond = np.where(_goes_on(stay_of, len(owner)), lasts - within, 0.0)
    return PlannedStays(stay_of, owner, required, beyond, within / np.maximum(within + beyond, 1e-12))


def _goes_on(stay_of: IntArray, n_stays: int) -> BoolArray:
    """Which stays are still there in the last slot to come [n_stays]."""
    last = stay_of[:, -1]
    return np.asarray(np.isin(np.arange(n_stays), last[last >= 0]))
