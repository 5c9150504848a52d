"""Trades keep the limits of the round in which they are made."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.errors import LawBroken
from marketsim.core.laws import check_limits
from marketsim.core.records import Orders, Trades

ZERO = np.zeros(2, dtype=np.int64)
ORDERS = Orders(ZERO, np.arange(2), ZERO, np.array([1, -1]), ZERO, ZERO + 5, ZERO, ZERO, ZERO, np.array([300, 100]))


def trade(buyer_ticks, seller_ticks):
    """One trade between the two orders."""
    column = np.zeros(1, dtype=np.int64)
    return Trades(column, column + 1, column + 5, column, column + buyer_ticks, column + seller_ticks, column)


def test_prices_between_the_limits_are_lawful():
    check_limits(0, ORDERS, trade(300, 100))


@pytest.mark.parametrize(("buyer", "seller", "side"), [(301, 200, "buyer"), (200, 99, "seller")])
def test_a_broken_limit_is_a_fault(buyer, seller, side):
    with pytest.raises(LawBroken, match=f"slot 7: a {side}'s limit price does not hold"):
        check_limits(7, ORDERS, trade(buyer, seller))
