"""One call: volume, price, rationing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.core.free_gate_kernel import FreeGate
from marketsim.market.call_auction import build
from marketsim.market.params import CallAuctionParams
from marketsim.testing.engine_kit import filled, orders_of, tariffs_of
from marketsim.testing.worlds import build_context

BUY, SELL = 1, -1
UNIFORM, PAY_AS_BID = (
    build(CallAuctionParams(), build_context()),
    build(CallAuctionParams(pricing="pay_as_bid"), build_context()),
)


def match(engine, rows):
    orders = orders_of(rows)
    trades, _ = engine.match(orders, FreeGate(1), tariffs_of())
    return orders, trades


def test_one_price_at_the_middle_of_the_marginal_pair():
    _, trades = match(UNIFORM, [(0, BUY, 30, 5), (1, BUY, 25, 5), (2, SELL, 10, 5), (3, SELL, 20, 5)])
    assert set(trades.price_ticks.tolist()) == {22}
    assert trades.energy_wh.sum() == 10


def test_orders_at_the_margin_share_the_rest_in_proportion():
    rows = [(0, BUY, 30, 4), (1, BUY, 20, 6), (2, BUY, 20, 3), (3, SELL, 10, 10)]
    orders, trades = match(UNIFORM, rows)
    assert filled(orders, trades).tolist() == [4, 4, 2, 10]


def test_pay_as_bid_pairs_the_highest_bid_with_the_lowest_ask_at_the_bid():
    _, trades = match(PAY_AS_BID, [(0, BUY, 25, 5), (1, BUY, 30, 5), (2, SELL, 20, 5), (3, SELL, 10, 5)])
    rows = zip(trades.buy_order.tolist(), trades.sell_order.tolist(), trades.price_ticks.tolist(), strict=True)
    assert list(rows) == [(1, 3, 30), (0, 2, 25)]
    assert (trades.buyer_ticks == trades.seller_ticks).all()


tables = st.lists(
    st.tuples(st.integers(0, 99), st.sampled_from((BUY, SELL)), st.integers(0, 8), st.integers(1, 9)),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[0],
)


@settings(max_examples=60)
@given(tables)
def test_at_the_clearing_price_nobody_better_than_the_margin_is_left_out(rows):
    orders, trades = match(UNIFORM, rows)
    if trades.size == 0:
        return
    price, left = trades.price_ticks[0], orders.energy_wh - filled(orders, trades)
    bids, asks = orders.side == BUY, orders.side == SELL
    marginal_bid = orders.price_ticks[trades.buy_order].min()
    marginal_ask = orders.price_ticks[trades.sell_order].max()
    assert marginal_bid >= price >= marginal_ask
    assert (left[bids & (orders.price_ticks > marginal_bid)] == 0).all()
    assert (left[asks & (orders.price_ticks < marginal_ask)] == 0).all()


@settings(max_examples=60)
@given(tables, st.randoms(use_true_random=False))
@pytest.mark.parametrize("engine", [UNIFORM, PAY_AS_BID], ids=["uniform", "pay_as_bid"])
def test_volume_and_prices_do_not_depend_on_the_order_of_arrival(engine, rows, random):
    shuffled = random.sample(rows, len(rows))
    _, first = match(engine, rows)
    _, second = match(engine, shuffled)
    assert first.energy_wh.sum() == second.energy_wh.sum()
    for one, other in ((first, second), (second, first)):
        assert (one.energy_wh * one.buyer_ticks).sum() == (other.energy_wh * other.buyer_ticks).sum()
    assert np.array_equal(np.unique(first.price_ticks), np.unique(second.price_ticks))
