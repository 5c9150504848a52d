"""Truthful double auction for quantities."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.free_gate_kernel import FreeGate
from marketsim.market.huang import build, equal_burden
from marketsim.market.params import HuangParams
from marketsim.testing.engine_kit import filled, orders_of, tariffs_of
from marketsim.testing.worlds import build_context

BUY, SELL = 1, -1
ENGINE = build(HuangParams(), build_context())


def match(rows):
    orders = orders_of(rows)
    return orders, ENGINE.match(orders, FreeGate(1), tariffs_of())[0]


def gain(rows, values, trader):
    """What a trader gains at its true value, whatever it reported."""
    _, trades = match(rows)
    if rows[trader][1] == BUY:
        mine = trades.buy_order == trader
        return int((trades.energy_wh * (values[trader] - trades.buyer_ticks))[mine].sum())
    mine = trades.sell_order == trader
    return int((trades.energy_wh * (trades.seller_ticks - values[trader]))[mine].sum())


def test_the_marginal_pair_sets_the_prices_and_does_not_trade():
    rows = [(0, BUY, 50, 5), (1, BUY, 40, 5), (2, BUY, 30, 5), (3, SELL, 10, 5), (4, SELL, 20, 5), (5, SELL, 25, 5)]
    orders, trades = match(rows)
    assert filled(orders, trades).tolist() == [5, 5, 0, 5, 5, 0]
    assert set(trades.buyer_ticks.tolist()) == {30}
    assert set(trades.seller_ticks.tolist()) == {25}
    assert set(trades.price_ticks.tolist()) == {27}


def test_no_trade_where_one_side_has_only_its_marginal_order():
    assert match([(0, BUY, 50, 5), (1, SELL, 10, 3), (2, SELL, 20, 3)])[1].size == 0


def test_the_longer_side_bears_its_excess_in_equal_parts():
    rows = [(0, BUY, 50, 9), (1, BUY, 50, 5), (2, BUY, 40, 9), (3, SELL, 10, 10), (4, SELL, 20, 9)]
    orders, trades = match(rows)
    assert filled(orders, trades).tolist() == [7, 3, 0, 10, 0]


@pytest.mark.parametrize(
    ("energy", "total", "expected"),
    [([9, 5], 10, [7, 3]), ([9, 1], 6, [6, 0]), ([3, 3, 3], 8, [3, 3, 2]), ([4, 4], 0, [0, 0]), ([2, 2], 4, [2, 2])],
)
def test_equal_burden_by_hand(energy, total, expected):
    assert equal_burden(np.array(energy), total).tolist() == expected


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=8), st.floats(0, 1))
def test_equal_burden_sums_to_the_total_and_spreads_no_wider_than_one(energies, part):
    energy = np.array(energies)
    total = int(part * sum(energies))
    left = equal_burden(energy, total)
    assert left.sum() == total
    assert ((left >= 0) & (left <= energy)).all()
    borne = (energy - left)[left > 0]
    assert borne.size == 0 or borne.max() - borne.min() <= 1
    assert borne.size == 0 or (energy[left == 0] <= borne.max() + 1).all()


PRICES = range(0, 70, 5)


@pytest.mark.parametrize("seed", range(8))
def test_no_unilateral_misreport_of_the_price_gains(seed):
    """Exhaustive over a grid finer than the values' own, for every trader of random markets."""
    rng = np.random.default_rng(seed)
    n = 7
    side = np.concatenate(([BUY, BUY, SELL, SELL], rng.choice((BUY, SELL), n - 4)))
    values = np.where(side == BUY, rng.integers(3, 7, n) * 10, rng.integers(0, 5, n) * 10).tolist()
    energy = rng.integers(1, 9, n).tolist()
    truth = [(k, int(side[k]), values[k], energy[k]) for k in range(n)]
    for trader, report in product(range(n), PRICES):
        lie = list(truth)
        lie[trader] = (trader, int(side[trader]), report, energy[trader])
        assert gain(lie, values, trader) <= gain(truth, values, trader)


def test_the_operator_never_pays():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        rows = [(k, int(rng.choice((1, -1))), int(rng.integers(0, 9)), int(rng.integers(1, 9))) for k in range(10)]
        _, trades = match(rows)
        assert (trades.buyer_ticks >= trades.seller_ticks).all()
