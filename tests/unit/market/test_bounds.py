"""Orders outside the tariffs are rejected with the reason, not moved; no price of a trade leaves the tariffs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.builtin import built_in_registry
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.records import UTILITY_ONLY_TICKS, Reason, Tariffs
from marketsim.market.bounds import WithinTariffs, within_bounds
from marketsim.market.double_auction import DoubleAuction
from marketsim.testing.engine_kit import FEED_IN, RETAIL, orders_of, tariffs_of
from marketsim.testing.worlds import build_context

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
    keep, rejects = within_bounds(orders_of([(0, BUY, UTILITY_ONLY_TICKS, 5)]), tariffs_of())
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


def charged(orders, charge):
    """The orders at the hub: an agent pays ``charge`` for each kWh that it buys and earns it for one that it sells."""
    own = np.asarray(charge)[orders.agent]
    return orders._replace(price_ticks=orders.limit_ticks - own)


def all_in(orders, trades):
    """What each buyer pays and each seller gets, charges included."""
    own = orders.limit_ticks - orders.price_ticks
    return trades.buyer_ticks + own[trades.buy_order], trades.seller_ticks + own[trades.sell_order]


@pytest.mark.parametrize(
    ("limits", "charge", "pays", "gets"),
    [
        pytest.param((FEED_IN + 20, RETAIL), (5, -7), FEED_IN + 8, FEED_IN + 20, id="inside the buyer earns in full"),
        pytest.param((FEED_IN, RETAIL), (5, -7), FEED_IN, FEED_IN + 12, id="beyond the feed-in tariff the seller does"),
        pytest.param((FEED_IN, RETAIL), (-5, 7), FEED_IN + 12, FEED_IN, id="charges that cost are all paid"),
        pytest.param((FEED_IN, RETAIL), (0, -400_000), FEED_IN, RETAIL, id="beyond both the operator keeps it"),
    ],
)
def test_what_a_counter_flow_earns_is_shared_within_the_tariffs(limits, charge, pays, gets):
    """A resting ask and a bid: the price is the ask's at the hub, moved where the buyer would pay too little."""
    orders = charged(orders_of([(0, SELL, limits[0], 5), (1, BUY, limits[1], 5)]), charge)
    trades, _ = WithinTariffs(DoubleAuction()).match(orders, FreeGate(1), tariffs_of())
    found = all_in(orders, trades)
    assert (int(found[0][0]), int(found[1][0])) == (pays, gets)


def test_what_a_seller_would_get_beyond_retail_is_its_buyer_s():
    """A resting bid at retail: the seller would get 12 more than retail."""
    orders = charged(orders_of([(0, BUY, RETAIL, 5), (1, SELL, FEED_IN, 5)]), (-7, 5))
    trades, _ = WithinTariffs(DoubleAuction()).match(orders, FreeGate(1), tariffs_of())
    found = all_in(orders, trades)
    assert (int(found[0][0]), int(found[1][0])) == (RETAIL - 12, RETAIL)


SIGNED = st.integers(-300_000, 300_000)
REGISTRY = built_in_registry()
ENGINES = [
    REGISTRY.builder("engine", name)(REGISTRY.params("engine", name)(), build_context(6))
    for name in REGISTRY.names("engine")
]


@st.composite
def charged_orders(draw):
    """Orders of 2 to 6 agents, every agent with a charge of either sign that may exceed the spread."""
    n_agents = draw(st.integers(2, 6))
    charge = draw(st.lists(SIGNED, min_size=n_agents, max_size=n_agents))
    side, energy = st.sampled_from([BUY, SELL]), st.integers(1, 5_000)
    row = st.tuples(st.integers(0, n_agents - 1), side, st.integers(FEED_IN, RETAIL), energy)
    return charged(orders_of(draw(st.lists(row, min_size=2, max_size=12))), charge)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@given(orders=charged_orders())
def test_under_any_charges_and_engine_all_in_prices_stay_within_the_tariffs(engine, orders):
    """Both ends of every trade; who trades how much is what the engine says alone."""
    held, refused = WithinTariffs(engine).match(orders, FreeGate(1), tariffs_of())
    free, the_same = engine.match(orders, FreeGate(1), tariffs_of())
    for price in all_in(orders, held):
        assert ((price >= FEED_IN) & (price <= RETAIL)).all()
    assert all((one == other).all() for one, other in zip(held[:3], free[:3], strict=True))
    assert all((one == other).all() for one, other in zip(refused, the_same, strict=True))


@given(orders=charged_orders())
def test_limits_hold_and_the_operator_never_pays_more_than_the_charges_ask_for(orders):
    """Nobody trades beyond the own limit; what a pair loses of its earnings stays with the operator."""
    held, _ = WithinTariffs(DoubleAuction()).match(orders, FreeGate(1), tariffs_of())
    free, _ = DoubleAuction().match(orders, FreeGate(1), tariffs_of())
    pays, gets = all_in(orders, held)
    assert (pays <= orders.limit_ticks[held.buy_order]).all()
    assert (gets >= orders.limit_ticks[held.sell_order]).all()
    cut = (held.buyer_ticks - held.seller_ticks) - (free.buyer_ticks - free.seller_ticks)
    assert (cut >= 0).all()
    assert not cut[(pays > FEED_IN) | (gets < RETAIL)].any()
