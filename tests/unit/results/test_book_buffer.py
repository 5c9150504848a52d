"""Depth of the order book."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.records import UTILITY_ONLY_TICKS, Orders, Side
from marketsim.results.book_buffer import book_of, level_prices
from marketsim.results.table_columns import BOOK_LEVELS

LOW, HIGH = 80_000, 300_000
rows = st.lists(
    st.tuples(st.sampled_from([Side.BUY, Side.SELL]), st.integers(LOW - 9, HIGH + 9), st.integers(1, 10**6)),
    max_size=30,
)


def book(listed, prices, limits=None):
    side, price, energy = (np.array([row[column] for row in listed], dtype=np.int64) for column in range(3))
    none = np.zeros(len(listed), dtype=np.int64)
    limit = price if limits is None else np.array(limits)
    return book_of(Orders(none, none, none, side, price, energy, none, none, none, limit), prices, 0)


@given(rows)
def test_levels_add_up_to_the_curves(listed):
    """Bids from a level on are all that would buy at its price, asks up to it all that would sell: exactly."""
    prices = level_prices(LOW, HIGH)
    bid, ask = book(listed, prices)
    for level, price in enumerate(prices.tolist()):
        buyers = sum(energy for side, limit, energy in listed if side == Side.BUY and limit >= price)
        sellers = sum(energy for side, limit, energy in listed if side == Side.SELL and limit <= price)
        assert bid[level:].sum() == buyers
        assert ask[: level + 1].sum() == sellers


def test_levels_run_from_feed_in_to_retail():
    prices = level_prices(LOW, HIGH)
    assert (prices[0], prices[-1], len(prices)) == (LOW, HIGH, BOOK_LEVELS)
    assert np.ptp(np.diff(prices)) <= 1


def test_tariffs_without_a_gap_have_one_price():
    """Everything that may trade stands where the curves expect it."""
    prices = level_prices(100, 100)
    bid, ask = book([(Side.BUY, 100, 5), (Side.SELL, 100, 7)], prices)
    assert bid[-1] == 5
    assert ask[0] == 7


def test_orders_for_the_utility_alone_are_not_in_the_book():
    bid, ask = book(
        [(Side.BUY, 200_000, 5), (Side.SELL, 100_000, 7)], level_prices(LOW, HIGH), limits=[UTILITY_ONLY_TICKS, 100_000]
    )
    assert bid.sum() == 0
    assert ask.sum() == 7


def test_the_table_is_the_orders_of_the_run(simulated, hours):
    """With one round and truthful agents the book holds all firm demand at retail; what is traded was offered."""
    run = simulated("scenarios/ieee141.yaml", hours)
    table = run.frame("book", raw=True)
    assert len(table) == 24 * BOOK_LEVELS
    offered = table.groupby("slot").ask_wh.sum().to_numpy()
    traded = run.frame("trades", raw=True).groupby("slot").energy_wh.sum().reindex(range(24), fill_value=0).to_numpy()
    assert (offered >= traded).all()
    assert not simulated("scenarios/ieee141.yaml", {**hours, "output.book": False}).has_table("book")
