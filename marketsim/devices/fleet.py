"""What the fleets share: parameters as columns of the flat agent axis, ratings in whole Wh, series of a slot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import RunError
from marketsim.core.params import Params
from marketsim.core.records import SlotInputs
from marketsim.core.units import MONEY_PER_CURRENCY, WH_PER_KWH

P = TypeVar("P", bound=Params)

_ROUNDING_WH = 1e-6
"""Ratings that miss a whole Wh by float noise alone count as that Wh."""


def typed(kind: type[P], rows: Sequence[Params | None]) -> list[P | None]:
    """``rows`` as parameters of one kind; TypeError for a row of another."""
    checked: list[P | None] = []
    for index, row in enumerate(rows):
        if row is not None and not isinstance(row, kind):
            raise TypeError(f"row {index} is {type(row).__name__}, expected {kind.__name__} or None")
        checked.append(row)
    return checked


def column(rows: Sequence[P | None], read: Callable[[P], float], absent: float = 0.0) -> FloatArray:
    """One parameter of every agent [n_agents]; ``absent`` where an agent has no such device."""
    return np.array([absent if row is None else read(row) for row in rows], dtype=np.float64)


def owned(rows: Sequence[P | None]) -> BoolArray:
    """Who has a device [n_agents]."""
    return np.array([row is not None for row in rows], dtype=np.bool_)


def whole_wh(energy_wh: FloatArray) -> IntArray:
    """Largest whole number of Wh within a rating [Wh]."""
    return np.floor(energy_wh + _ROUNDING_WH).astype(np.int64)


def slot_wh(power_kw: FloatArray, hours: float) -> IntArray:
    """Most energy [Wh] in a slot of ``hours`` at ``power_kw``."""
    return whole_wh(power_kw * (hours * WH_PER_KWH))


def money(currency: FloatArray) -> IntArray:
    """Amount [currency] in units of money, half to even."""
    return np.rint(currency * MONEY_PER_CURRENCY).astype(np.int64)


def series(inputs: SlotInputs, name: str, fleet: str) -> FloatArray:
    """A profile series that a fleet cannot do without [n_agents]; RunError if the profiles do not bring it."""
    try:
        return inputs.series[name]
    except KeyError:
        known = ", ".join(sorted(inputs.series)) or "none"
        message = f"the fleet {fleet!r} needs the profile series {name!r}, but the profiles bring only: {known}"
        raise RunError(message) from None


def no_level(n_agents: int) -> FloatArray:
    """Level of a fleet that has no store [n_agents]."""
    return np.full(n_agents, np.nan)


def level(content: FloatArray, capacity: FloatArray) -> FloatArray:
    """Content as a share of capacity, 0..1; NaN where there is no capacity [n_agents]."""
    share = np.divide(content, capacity, out=no_level(len(content)), where=capacity > 0)
    return np.clip(share, 0.0, 1.0, out=share)
