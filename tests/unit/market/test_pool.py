"""Pairing, legs, and the common factor of clearings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core import records
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.records import MOVES_SINK, MOVES_SOURCE, Reason
from marketsim.market.common_factor import share
from marketsim.market.pool import Clearing, PoolEngine, execute, floor_mean, pair_up
from marketsim.testing.engine_kit import filled, moved, orders_of, tariffs_of
from marketsim.testing.gates_kernel import capacity_gate, head_gate

BUY, SELL = 1, -1


def clearing_of(orders, buys, sells, price=10):
    return Clearing(
        buy=np.array(buys),
        buy_wh=orders.energy_wh[buys],
        sell=np.array(sells),
        sell_wh=orders.energy_wh[sells],
        buyer_ticks=np.full(len(buys), price),
    )


def rows(pairs):
    return list(zip(*(column.tolist() for column in pairs), strict=True))


BOTH = MOVES_SINK | MOVES_SOURCE


def test_pairs_are_made_from_the_top_of_both_lists():
    orders = orders_of([(0, BUY, 10, 5), (1, BUY, 10, 3), (2, SELL, 10, 2), (3, SELL, 10, 6)])
    assert rows(pair_up(orders, clearing_of(orders, [0, 1], [2, 3]))) == [
        (0, 0, 2, BOTH),
        (0, 1, 3, BOTH),
        (1, 1, 3, BOTH),
    ]


def test_pairs_are_cut_where_a_firm_leg_ends():
    orders = orders_of([(0, BUY, 10, 6, 4), (1, SELL, 10, 6, 1)])
    assert rows(pair_up(orders, clearing_of(orders, [0], [1]))) == [
        (0, 0, 1, 0),
        (0, 0, 3, MOVES_SOURCE),
        (0, 0, 2, BOTH),
    ]


def test_an_agents_own_pair_swaps_partners():
    orders = orders_of([(0, BUY, 10, 5), (1, BUY, 10, 5), (0, SELL, 10, 5), (2, SELL, 10, 5)])
    assert rows(pair_up(orders, clearing_of(orders, [0, 1], [2, 3]))) == [(0, 1, 5, BOTH), (1, 0, 5, BOTH)]


def test_what_could_trade_only_with_itself_is_left_out_and_firm_energy_still_comes_first():
    orders = orders_of([(0, BUY, 10, 8, 3), (0, SELL, 10, 7, 0), (1, SELL, 10, 1, 0)])
    assert rows(pair_up(orders, clearing_of(orders, [0], [1, 2]))) == [(0, 1, 1, MOVES_SOURCE)]


energies = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=6)


@given(energies, energies)
def test_pairs_use_up_the_shorter_side_unless_somebody_would_trade_with_itself(bids, asks):
    total = min(sum(bid[1] for bid in bids), sum(ask[1] for ask in asks))
    table = [(a, BUY, 10, e, min(f, e)) for a, e, f in bids] + [(a, SELL, 10, e, min(f, e)) for a, e, f in asks]
    orders = orders_of(table)
    engine = PoolEngine("all", lambda orders, buys, sells, *prices: _all(orders, buys, sells, total))
    trades, _ = engine.match(orders, FreeGate(1), tariffs_of())
    assert (filled(orders, trades) <= orders.energy_wh).all()
    assert (orders.agent[trades.buy_order] != orders.agent[trades.sell_order]).all()
    both = {bid[0] for bid in bids} & {ask[0] for ask in asks}
    stuck = max(sum(row[1] for row in bids + asks if row[0] == agent) - total for agent in range(4))
    balanced = sum(bid[1] for bid in bids) == sum(ask[1] for ask in asks)
    if not both or (balanced and stuck <= 0):  # an agent's energy on both sides beyond the total finds no partners
        assert trades.energy_wh.sum() == total


def _all(orders, buys, sells, total):
    return Clearing(
        buys, share(total, orders.energy_wh[buys]), sells, share(total, orders.energy_wh[sells]), np.full(len(buys), 10)
    )


@pytest.mark.parametrize("compiled", [True, False])
def test_under_a_limit_every_order_gives_up_the_same_share_and_prices_stay(compiled):
    orders = orders_of([(0, BUY, 10, 60, 60), (1, BUY, 10, 40, 40), (2, SELL, 10, 70), (3, SELL, 10, 30)])
    gate = head_gate(50, 5, compiled=compiled)
    trades, rejects = execute(orders, gate, 0, clearing_of(orders, [0, 1], [2, 3]))
    assert filled(orders, trades).tolist() == [30, 20, 35, 15]
    assert (trades.price_ticks == 10).all()
    assert rejects.energy_wh.sum() == 50
    assert set(rejects.reason.tolist()) == {Reason.HEAD_EXPORT}
    assert (gate.net_wh == moved(orders, trades, 1, 5)).all()


def test_refused_energy_counts_once_and_names_both_orders():
    orders = orders_of([(0, BUY, 10, 10, 10), (1, SELL, 10, 10)])
    _, rejects = execute(orders, capacity_gate([9, 4]), 0, clearing_of(orders, [0], [1]))
    assert rows(rejects) == [(0, 1, 6, Reason.CONNECTION_EXPORT, 1, records.BOTH)]


def test_a_pool_takes_no_charges_between_pairs():
    engine = PoolEngine("some", lambda *_: None)
    with pytest.raises(ValueError, match="some has one pool for all"):
        engine.match(orders_of([]), FreeGate(1), tariffs_of(), np.zeros((1, 1, 1), dtype=np.int64))


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_the_mean_is_rounded_down_without_overflow(one, other):
    assert int(floor_mean(np.array([one]), np.array([other]))[0]) == (one + other) // 2
