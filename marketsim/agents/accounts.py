"""Exact running totals of money."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.units import MONEY_PER_CURRENCY


class Account:
    """Money of ``n`` accounts, exact however long the run: whole currency and the remainder count apart."""

    def __init__(self, n: int) -> None:
        self._whole, self._rest = np.zeros((2, n), dtype=np.int64)

    def add(self, money: IntArray) -> None:
        """Add a slot's payments [n] [1e-9 currency]."""
        whole, self._rest = np.divmod(self._rest + money, MONEY_PER_CURRENCY)
        self._whole += whole

    def money(self, row: int) -> int:
        """The exact balance of an account [1e-9 currency]."""
        return int(self._whole[row]) * MONEY_PER_CURRENCY + int(self._rest[row])

    def currency(self, row: int) -> float:
        """Balance of an account [currency]."""
        return self.money(row) / MONEY_PER_CURRENCY
