"""Conversion between what people write and what the market counts.

Energy is counted in Wh, prices in ticks of 1e-6 currency/kWh, money in units of 1e-9 currency:
Wh x ticks/kWh = 1e-3 kWh x 1e-6 currency/kWh, so a product of two integers is exact money.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from marketsim.core.arrays import FloatArray, IntArray

WH_PER_KWH: Final = 1_000
TICKS_PER_CURRENCY: Final = 1_000_000
MONEY_PER_CURRENCY: Final = 1_000_000_000
UNLIMITED_WH: Final = 2**62
"""Stands for "no limit" where a limit in Wh is expected."""


def to_wh(energy_kwh: ArrayLike) -> IntArray:
    """Energy [kWh] to whole Wh, half to even."""
    return np.rint(np.asarray(energy_kwh, dtype=np.float64) * WH_PER_KWH).astype(np.int64)


def to_kwh(energy_wh: ArrayLike) -> FloatArray:
    """Energy [Wh] to kWh."""
    return np.asarray(energy_wh, dtype=np.float64) / WH_PER_KWH


def to_ticks(price: ArrayLike) -> IntArray:
    """Price [currency/kWh] to ticks, half to even."""
    return np.rint(np.asarray(price, dtype=np.float64) * TICKS_PER_CURRENCY).astype(np.int64)


def to_price(price_ticks: ArrayLike) -> FloatArray:
    """Price [ticks] to currency/kWh."""
    return np.asarray(price_ticks, dtype=np.float64) / TICKS_PER_CURRENCY


def to_currency(money: ArrayLike) -> FloatArray:
    """Money [1e-9 currency] to currency."""
    return np.asarray(money, dtype=np.float64) / MONEY_PER_CURRENCY
