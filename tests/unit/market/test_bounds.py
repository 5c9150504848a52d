"""Orders outside the tariffs are rejected with the reason, not moved."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.records import Reason, Tariffs
from marketsim.market.bounds import within_bounds
from marketsim.testing.engine_kit import FEED_IN, RETAIL, orders_of, tariffs_of

BUY, SELL = 1, -1


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize(
    ("price", "reason"),
    [
        (FEED_IN - 1, Reason.PRICE_BELOW_FEED_IN),
        (FEED_IN, None),
        (RETAIL, None),
        (RETAIL + 1, Reason.PRICE_ABOVE_RETAIL),
    ],
)
def test_the_bounds_belong_to_what_is_allowed(side, price, reason):
    keep, rejects = within_bounds(orders_of([(0, side, price, 5)]), tariffs_of())
    assert keep.tolist() == [reason is None]
    assert rejects.reason.tolist() == ([] if reason is None else [reason])


def test_a_reject_names_the_order_on_its_side_and_all_its_energy():
    orders = orders_of([(0, BUY, RETAIL, 5), (1, SELL, 0, 7), (2, BUY, RETAIL + 1, 9)])
    _, rejects = within_bounds(orders, tariffs_of())
    assert list(zip(*(column.tolist() for column in rejects), strict=True)) == [
        (-1, 1, 7, Reason.PRICE_BELOW_FEED_IN, -1, SELL),
        (2, -1, 9, Reason.PRICE_ABOVE_RETAIL, -1, BUY),
    ]


def test_an_order_without_a_limit_price_neither_trades_nor_is_rejected():
    keep, rejects = within_bounds(orders_of([(0, BUY, -1, 5)]), tariffs_of())
    assert (keep.tolist(), rejects.size) == ([False], 0)


def test_the_owners_limit_counts_and_not_the_price_at_the_hub():
    orders = orders_of([(0, BUY, RETAIL, 5)])._replace(price_ticks=np.array([FEED_IN - 9]))
    assert within_bounds(orders, tariffs_of())[0].all()


def test_each_market_has_its_own_tariffs():
    orders = orders_of([(0, BUY, 15, 5), (0, BUY, 15, 5)], [0, 1])
    keep, _ = within_bounds(orders, Tariffs(np.array([20, 12]), np.array([10, 10]), None))
    assert keep.tolist() == [True, False]


def test_an_empty_order_outside_leaves_no_row():
    keep, rejects = within_bounds(orders_of([(0, BUY, RETAIL + 1, 0)]), tariffs_of())
    assert (keep.tolist(), rejects.size) == ([False], 0)
