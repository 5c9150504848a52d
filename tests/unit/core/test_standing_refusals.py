"""What the grid refused and nothing later made good."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.core.arrays import whole_column
from marketsim.core.exchange import Residual
from marketsim.core.matching import standing_refusals
from marketsim.core.records import BOTH, PV, Fallback, Orders, Reason, Rejects, Side, Trades, empty_trades
from marketsim.core.slot_kernel import memory
from marketsim.testing.worlds import batch

BUY, SELL = int(Side.BUY), int(Side.SELL)
KEEP, UTILITY = int(Fallback.KEEP), int(Fallback.UTILITY)
GRID = [reason for reason in Reason if Reason.UNDERVOLTAGE <= reason <= Reason.DIVERGED]


def orders_of(*rows):
    """Orders of one market from (side, Wh, fallback), an agent each."""
    columns = batch([(agent, side, 100, wh, PV, fallback) for agent, (side, wh, fallback) in enumerate(rows)])
    zeros = np.zeros(len(rows), dtype=np.int64)
    return Orders(
        zeros,
        columns.agent,
        columns.agent,
        columns.side,
        columns.price_ticks,
        columns.energy_wh,
        zeros,
        columns.component,
        columns.fallback,
        columns.price_ticks,
    )


def rejects_of(*rows):
    """Rejects from (buy, sell, Wh, reason, side)."""
    buy, sell, wh, reason, side = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    return Rejects(*map(whole_column, (buy, sell, wh, reason, np.full(len(rows), 7), side)))


def trades_of(*rows):
    """Trades from (buy, sell, Wh)."""
    buy, sell, wh = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    price = np.full(len(rows), 100)
    return Trades(buy, sell, wh, price, price, price, price)


def no_exchange(orders):
    return Residual(*np.zeros((3, orders.size), dtype=np.int64))


def told(orders, cut=(), asked=(), trades=None, residual=None):
    """Rows (buy, sell, Wh) that stand."""
    table = standing_refusals(
        orders, trades or empty_trades(), residual or no_exchange(orders), rejects_of(*cut), rejects_of(*asked)
    )
    assert (table.element == 7).all()
    return list(zip(table.buy_order.tolist(), table.sell_order.tolist(), table.energy_wh.tolist(), strict=True))


ONE_EACH = orders_of((BUY, 100, KEEP), (SELL, 80, UTILITY))


def test_energy_refused_by_a_peer_and_by_the_utility_counts_once():
    """PV that neither a buyer nor the utility got through the grid stands once, with its last refusal."""
    asked = [(0, 1, 80, Reason.OVERVOLTAGE, SELL), (-1, 1, 80, Reason.OVERVOLTAGE, SELL)]
    assert told(ONE_EACH, asked=asked) == [(-1, 1, 80)]


def test_what_the_utility_took_was_not_refused():
    """Of 80 Wh refused for a buyer 50 were exported: 30 stand."""
    exported = no_exchange(ONE_EACH)._replace(exports=np.array([0, 50]))
    assert told(ONE_EACH, asked=[(0, 1, 80, Reason.OVERVOLTAGE, SELL)], residual=exported) == [(0, 1, 30)]


def test_a_seller_was_refused_whoever_served_the_buyer_instead():
    """What another seller delivered does not make good what this one could not; nor does the partner's export."""
    orders = orders_of((BUY, 100, KEEP), (SELL, 80, KEEP), (SELL, 90, KEEP))
    asked = [(0, 1, 80, Reason.LINE_LOADING, SELL)]
    assert told(orders, asked=asked, trades=trades_of((0, 2, 90))) == [(0, 1, 80)]
    exported = no_exchange(orders)._replace(exports=np.array([0, 80, 0]))
    asked = [(0, 1, 80, Reason.UNDERVOLTAGE, BUY)]
    assert told(orders, asked=asked, residual=exported) == [(0, 1, 80)]


def test_each_seller_that_a_buyer_could_not_be_served_by_is_told():
    """Two sellers refused for one buyer: what each of them lost stands, for each has it left."""
    orders = orders_of((BUY, 50, KEEP), (SELL, 80, KEEP), (SELL, 90, KEEP))
    asked = [(0, 1, 50, Reason.LINE_LOADING, SELL), (0, 2, 50, Reason.LINE_LOADING, SELL)]
    assert told(orders, asked=asked) == [(0, 1, 50), (0, 2, 50)]


def test_rolled_back_energy_is_told_whole_and_uses_up_the_order():
    """After 50 of 80 Wh were rolled back, no more than 30 can have been refused before."""
    asked = [(0, 1, 80, Reason.OVERVOLTAGE, SELL), (-1, 1, 50, Reason.ROLLED_BACK, SELL)]
    assert told(ONE_EACH, asked=asked) == [(0, 1, 30), (-1, 1, 50)]


def test_a_price_outside_the_tariffs_is_told_whatever_became_of_the_energy():
    """The rejection stands though the utility took the energy."""
    exported = no_exchange(ONE_EACH)._replace(exports=np.array([0, 80]))
    asked = [(-1, 1, 80, Reason.PRICE_BELOW_FEED_IN, SELL)]
    assert told(ONE_EACH, asked=asked, residual=exported) == asked_rows(asked)


def asked_rows(asked):
    return [tuple(int(number) for number in row[:3]) for row in asked]


@pytest.mark.parametrize(
    ("sold", "fallback", "wanted", "stands"),
    [
        (80, UTILITY, 0, 40),  # all that was granted flowed: more would have
        (70, UTILITY, 0, 0),  # it had more to offer than anybody took
        (80, KEEP, 0, 0),  # nobody would have had it
        (80, KEEP, 25, 25),
    ],
)
def test_an_allocation_refuses_what_would_have_flowed(sold, fallback, wanted, stands):
    """40 Wh were taken from a seller before the market, which left it 80."""
    orders = orders_of((BUY, 80 + wanted, KEEP), (SELL, 80, fallback))
    found = told(orders, cut=[(-1, 1, 40, Reason.ALLOCATION, SELL)], trades=trades_of((0, 1, sold)))
    assert found == ([(-1, 1, stands)] if stands else [])


def test_an_allocation_stands_where_the_grid_refused_the_rest_too():
    """What was granted and refused after all adds to what was never granted."""
    orders = orders_of((BUY, 50, KEEP), (SELL, 80, UTILITY))
    cut, asked = [(-1, 1, 40, Reason.ALLOCATION, SELL)], [(-1, 1, 80, Reason.OVERVOLTAGE, SELL)]
    assert told(orders, cut=cut, asked=asked) == [(-1, 1, 40), (-1, 1, 80)]


@st.composite
def refusals(draw):
    """Orders, what is open of them, and refusals of the grid, each for pairs or alone."""
    sides = draw(st.lists(st.sampled_from([BUY, SELL]), min_size=2, max_size=6))
    orders = orders_of(*((side, draw(st.integers(0, 50)), KEEP) for side in sides))
    buys = [-1, *np.flatnonzero(orders.side == BUY).tolist()]
    sells = [-1, *np.flatnonzero(orders.side == SELL).tolist()]
    rows = []
    for _ in range(draw(st.integers(0, 8))):
        buy, sell = draw(st.sampled_from(buys)), draw(st.sampled_from(sells))
        if buy < 0 and sell < 0:
            continue
        own = [side for side, order in ((BUY, buy), (SELL, sell)) if order >= 0]
        side = draw(st.sampled_from([*own, BOTH] if len(own) == 2 else own))
        rows.append((buy, sell, draw(st.integers(1, 60)), draw(st.sampled_from(GRID)), side))
    return orders, rows


@given(refusals())
@settings(max_examples=150)
def test_no_orders_energy_is_refused_twice(case):
    """What stands is part of what was told, and together no more than the refused orders have open."""
    orders, rows = case
    before = {}
    for buy, sell, wh, *_ in rows:
        before.setdefault((buy, sell), []).append(wh)
    table = standing_refusals(orders, empty_trades(), no_exchange(orders), rejects_of(), rejects_of(*rows))
    refused = np.zeros(orders.size + 1, dtype=np.int64)
    for buy, sell, wh, side in zip(table.buy_order, table.sell_order, table.energy_wh, table.side, strict=True):
        assert 0 < wh <= max(before[buy, sell])
        refused[buy if side != SELL else -1] += wh
        refused[sell if side != BUY else -1] += wh
    assert (refused[:-1] <= orders.energy_wh).all()


@given(refusals())
@settings(max_examples=100)
def test_the_last_word_stands(case):
    """The last refusal stands with all that the order it refused has open."""
    orders, rows = case
    if rows:
        buy, sell, wh, _, side = rows[-1]
        refused = [order for order, other in ((buy, SELL), (sell, BUY)) if side != other and order >= 0]
        most = min([wh, *orders.energy_wh[refused].tolist()])
        assert most == 0 or told(orders, asked=rows)[-1] == (buy, sell, most)


@pytest.mark.parametrize(("side", "shares"), [(BUY, [0.5, 0.0]), (SELL, [0.0, 0.25]), (BOTH, [0.5, 0.25])])
def test_only_whose_order_was_refused_remembers_it(side, shares):
    """The agent that was parked sees its refused share in the next slot; the other one kept price and place."""
    orders, rejects = orders_of((BUY, 50, KEEP), (SELL, 100, KEEP)), rejects_of((0, 1, 25, Reason.OVERVOLTAGE, side))
    _, refused, _ = memory(
        orders.market,
        orders.agent,
        orders.energy_wh,
        np.zeros(2, dtype=np.int64),
        rejects[:],
        empty_trades()[:3],
        np.array([-1]),
        2,
    )
    assert refused.tolist() == shares
