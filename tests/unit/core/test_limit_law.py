"""Trades keep the limits of the round in which they are made."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.errors import LawBroken
from marketsim.core.laws import check_limits
from marketsim.core.matching_kernel import take_trades

AGENT, LIMIT = np.arange(2), np.array([300, 100])
"""A buyer and a seller, each an agent with one order."""


def taken(buyer_ticks, seller_ticks, charge=(0, 0)):
    """One trade of 5 Wh between the two orders: its row, whose limit it breaks, and what both have filled."""
    trade = tuple(np.array([value], dtype=np.int64) for value in (0, 1, 5, 200, buyer_ticks, seller_ticks, 3))
    filled = np.array([7, 0])
    table, status = take_trades(trade, AGENT, AGENT, LIMIT, np.full(2, charge[0]), np.full(2, charge[1]), filled)
    return table[:, 0].tolist(), status, filled.tolist()


def test_prices_between_the_limits_are_lawful():
    _, status, _ = taken(300, 100)
    check_limits(0, status)


@pytest.mark.parametrize(("buyer", "seller", "side"), [(301, 200, "buyer"), (200, 99, "seller"), (301, 99, "buyer")])
def test_a_broken_limit_is_a_fault(buyer, seller, side):
    """The buyer is named where both limits are broken."""
    with pytest.raises(LawBroken, match=f"slot 7: a {side}'s limit price does not hold"):
        check_limits(7, taken(buyer, seller)[1])


def test_charges_count_against_the_limits():
    """A buyer pays its charge on top, a seller gets its charge less: 290 + 11 is beyond 300, 110 - 11 below 100."""
    assert taken(290, 110, (10, 10))[1] == 0
    with pytest.raises(LawBroken, match="buyer"):
        check_limits(0, taken(290, 110, (11, 0))[1])
    with pytest.raises(LawBroken, match="seller"):
        check_limits(0, taken(290, 110, (0, 11))[1])


def test_a_trade_is_booked_at_its_price_in_all_and_fills_both_orders():
    row, _, filled = taken(250, 150, (10, 20))
    assert row == [0, 1, 5, 200, 260, 130, 3]
    assert filled == [12, 5]
