"""Laws that a market obeys whatever it trades: of units, of bystanders, of order, and of both sides being alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.records import Side
from marketsim.market import call_auction, huang, mid_market_rate, pro_rata, supply_demand_ratio
from marketsim.market.double_auction import DoubleAuction
from marketsim.market.params import (
    CallAuctionParams,
    HuangParams,
    MidMarketRateParams,
    ProRataParams,
    SupplyDemandRatioParams,
)
from marketsim.testing.engine_kit import FEED_IN, RETAIL, filled, orders_of, tariffs_of
from marketsim.testing.worlds import build_context

RESTING, MIDPOINT = DoubleAuction(), DoubleAuction(midpoint=True)
AUCTIONS = {
    "resting": RESTING,
    "midpoint": MIDPOINT,
    "uniform": call_auction.build(CallAuctionParams(), build_context()),
    "pay as bid": call_auction.build(CallAuctionParams(pricing="pay_as_bid"), build_context()),
    "huang": huang.build(HuangParams(), build_context()),
}
"""Engines whose prices come from the orders."""
POOLS = {
    "mid-market rate": mid_market_rate.build(MidMarketRateParams(), build_context()),
    "supply-demand ratio": supply_demand_ratio.build(SupplyDemandRatioParams(), build_context()),
    "pro rata": pro_rata.build(ProRataParams(), build_context()),
}
"""Engines whose prices come from the tariffs."""
LAW = settings(max_examples=60)


def books(distinct: bool = False):
    """2 to 14 orders of as many agents, prices within the tariffs; ``distinct``: no two of the same price."""
    row = st.tuples(st.sampled_from([1, -1]), st.integers(FEED_IN, RETAIL), st.integers(1, 9_999))
    rows = st.lists(row, min_size=2, max_size=14, unique_by=(lambda each: each[1]) if distinct else None)
    return rows.map(lambda found: [(agent, *each) for agent, each in enumerate(found)])


def match(engine, rows, retail=RETAIL, feed_in=FEED_IN):
    """Orders, and the trades that an engine makes of them where nothing refuses."""
    orders = orders_of(rows)
    trades, rejects = engine.match(orders, FreeGate(1), tariffs_of(1, retail, feed_in))
    assert rejects.size == 0
    return orders, trades


def paid(orders, trades):
    """What each agent pays [Wh x ticks], receipts negative."""
    money = np.zeros(len(orders.agent), dtype=np.int64)
    np.add.at(money, orders.agent[trades.buy_order], trades.energy_wh * trades.buyer_ticks)
    np.add.at(money, orders.agent[trades.sell_order], -trades.energy_wh * trades.seller_ticks)
    return money


@pytest.mark.parametrize("engine", AUCTIONS.values(), ids=AUCTIONS)
@LAW
@given(rows=books(), factor=st.integers(2, 50))
def test_the_unit_of_energy_does_not_matter(engine, rows, factor):
    """Every energy times k: the same prices; every fill times k, but for the Wh in which a margin is shared."""
    orders, trades = match(engine, rows)
    larger, many = match(engine, [(*row[:3], row[3] * factor) for row in rows])
    off = filled(larger, many) - factor * filled(orders, trades)
    exact = engine in (RESTING, MIDPOINT)
    assert np.abs(off).max() <= (0 if exact else factor)
    if exact:
        assert many.price_ticks.tolist() == trades.price_ticks.tolist()
    assert set(many.price_ticks.tolist()) >= set(trades.price_ticks.tolist())


@pytest.mark.parametrize("engine", {**AUCTIONS, **POOLS}.values(), ids={**AUCTIONS, **POOLS})
@LAW
@given(rows=books(), factor=st.integers(2, 50))
def test_the_unit_of_money_does_not_matter(engine, rows, factor):
    """Every price times k: the same trades, and every price times k to the tick at which it is rounded down."""
    orders, trades = match(engine, rows)
    dearer = [(agent, side, price * factor, wh) for agent, side, price, wh in rows]
    _, same = match(engine, dearer, RETAIL * factor, FEED_IN * factor)
    assert [column.tolist() for column in same[:3]] == [column.tolist() for column in trades[:3]]
    off = same.price_ticks - factor * trades.price_ticks
    assert ((off >= 0) & (off < factor)).all()
    assert orders.size == len(rows)


@pytest.mark.parametrize("engine", AUCTIONS.values(), ids=AUCTIONS)
@LAW
@given(rows=books(), at=st.integers(0, 14), side=st.sampled_from([1, -1]), energy=st.integers(1, 9_999))
def test_who_cannot_trade_changes_nothing_for_others(engine, rows, at, side, energy):
    """An ask above every bid, or a bid below every ask, anywhere among the others."""
    orders, trades = match(engine, rows)
    hopeless = (len(rows), side, FEED_IN - 1 if side == Side.BUY else RETAIL + 1, energy)
    where = min(at, len(rows))
    more, same = match(engine, [*rows[:where], hopeless, *rows[where:]])
    assert filled(more, same)[where] == 0
    assert np.delete(filled(more, same), where).tolist() == filled(orders, trades).tolist()
    assert [column.tolist() for column in same[2:6]] == [column.tolist() for column in trades[2:6]]


@pytest.mark.parametrize("engine", {**AUCTIONS, **POOLS}.values(), ids={**AUCTIONS, **POOLS})
@LAW
@given(rows=books(), at=st.integers(0, 14), side=st.sampled_from([1, -1]))
def test_who_has_nothing_changes_nothing_for_others(engine, rows, at, side):
    """An order of no energy, at the best of prices."""
    orders, trades = match(engine, rows)
    where = min(at, len(rows))
    empty = (len(rows), side, RETAIL if side == Side.BUY else FEED_IN, 0)
    more, same = match(engine, [*rows[:where], empty, *rows[where:]])
    assert np.delete(filled(more, same), where).tolist() == filled(orders, trades).tolist()
    assert same.price_ticks.tolist() == trades.price_ticks.tolist()


@pytest.mark.parametrize(
    "engine", [AUCTIONS["uniform"], AUCTIONS["huang"], *POOLS.values()], ids=lambda each: each.name
)
@LAW
@given(rows=books(distinct=True), data=st.data())
def test_where_all_is_cleared_at_once_it_does_not_matter_who_came_first(engine, rows, data):
    """Prices apart no order is before another: all fills are the same, to the Wh that cannot be divided."""
    turned = data.draw(st.permutations(rows))
    orders, trades = match(engine, rows)
    others, again = match(engine, turned)
    fills = dict(zip(orders.agent.tolist(), filled(orders, trades).tolist(), strict=True))
    for agent, wh in zip(others.agent.tolist(), filled(others, again).tolist(), strict=True):
        assert abs(wh - fills[agent]) <= 1
    assert set(again.price_ticks.tolist()) == set(trades.price_ticks.tolist())


@LAW
@given(rows=books())
def test_buyers_and_sellers_are_alike(rows):
    """Sides exchanged and prices mirrored, the auction makes the same trades at the mirrored prices."""
    orders, trades = match(RESTING, rows)
    mirrored = [(agent, -side, RETAIL + FEED_IN - price, wh) for agent, side, price, wh in rows]
    others, same = match(RESTING, mirrored)
    assert same.buy_order.tolist() == trades.sell_order.tolist()
    assert same.sell_order.tolist() == trades.buy_order.tolist()
    assert filled(others, same).tolist() == filled(orders, trades).tolist()
    assert same.price_ticks.tolist() == (RETAIL + FEED_IN - trades.price_ticks).tolist()


@pytest.mark.parametrize("engine", {**AUCTIONS, **POOLS}.values(), ids={**AUCTIONS, **POOLS})
@LAW
@given(rows=books())
def test_nobody_loses_and_no_money_appears(engine, rows):
    """Payments sum to what the mechanism keeps, never below zero; nobody pays more, or gets less, than the own limit."""
    orders, trades = match(engine, rows)
    money = paid(orders, trades)
    assert money.sum() >= 0
    if engine.name != "huang":
        assert money.sum() == 0
    worth = filled(orders, trades) * orders.limit_ticks * orders.side
    assert (money <= worth).all()


@pytest.mark.parametrize("engine", AUCTIONS.values(), ids=AUCTIONS)
@LAW
@given(rows=books())
def test_what_is_left_does_not_cross(engine, rows):
    """After a continuous or a call auction no open bid reaches an open ask; under Huang only the marginal pair may."""
    orders, trades = match(engine, rows)
    left = orders.energy_wh > filled(orders, trades)
    bids = np.sort(orders.price_ticks[left & (orders.side == Side.BUY)])[::-1]
    asks = np.sort(orders.price_ticks[left & (orders.side == Side.SELL)])
    if engine.name != "huang" and len(bids) and len(asks):
        assert bids[0] < asks[0]
    if engine.name == "huang" and trades.size:
        assert trades.buyer_ticks.min() >= trades.seller_ticks.max()
