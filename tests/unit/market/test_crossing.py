"""Where supply meets demand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.records import Side
from marketsim.market.crossing import cross
from marketsim.testing.engine_kit import orders_of

BUY, SELL = 1, -1
tables = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from((BUY, SELL)), st.integers(0, 8), st.integers(1, 9)),
    min_size=2,
    max_size=12,
).filter(lambda rows: {row[1] for row in rows} == {BUY, SELL})


def crossed(orders):
    return cross(orders, *(np.flatnonzero(orders.side == side) for side in (Side.BUY, Side.SELL)))


def test_the_last_pair_is_the_marginal_one():
    orders = orders_of([(0, BUY, 30, 4), (1, SELL, 10, 3), (2, BUY, 20, 4), (3, SELL, 20, 9), (4, SELL, 40, 1)])
    found = crossed(orders)
    assert (found.energy_wh, found.last_buy, found.last_sell) == (8, 1, 1)
    assert (found.buys.tolist(), found.sells.tolist()) == ([0, 2], [1, 3, 4])


def test_nothing_crosses_where_every_bid_is_below_every_ask():
    assert crossed(orders_of([(0, BUY, 1, 4), (1, SELL, 2, 4)])) is None


@given(tables)
def test_the_volume_is_the_most_that_any_price_can_clear(rows):
    orders = orders_of(rows)
    volumes = [
        min(
            sum(energy for _, side, limit, energy in rows if side == BUY and limit >= price),
            sum(energy for _, side, limit, energy in rows if side == SELL and limit <= price),
        )
        for price in range(9)
    ]
    found = crossed(orders)
    assert (found.energy_wh if found else 0) == max(volumes)
