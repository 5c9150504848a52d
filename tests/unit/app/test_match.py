"""``match`` on tables of orders."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from marketsim.app.match import match
from marketsim.core.errors import OrderError
from marketsim.market.double_auction import DoubleAuction

ORDERS = {
    "agent": ["ann", "bob", "cid"],
    "side": ["sell", "buy", "buy"],
    "price": [0.10, 0.20, 0.15],
    "energy_kwh": [1.5, 1.0, 2.0],
}


def broken(**columns):
    with pytest.raises(OrderError) as caught:
        match({**ORDERS, **columns})
    return [str(problem) for problem in caught.value.problems]


def test_a_mapping_in_gives_arrays_out():
    trades, rejects = match(ORDERS)
    assert trades["buyer"].tolist() == ["bob", "cid"]
    assert trades["seller"].tolist() == ["ann", "ann"]
    assert trades["energy_kwh"].tolist() == [1.0, 0.5]
    assert trades["price"].tolist() == [0.1, 0.1]
    assert trades["buyer_price"].tolist() == trades["seller_price"].tolist() == [0.1, 0.1]
    assert (trades["buy_order"].tolist(), trades["sell_order"].tolist()) == ([1, 2], [0, 0])
    assert all(len(column) == 0 for column in rejects.values())


def test_a_frame_in_gives_frames_out_with_the_same_columns_whatever_its_index():
    frame = pd.DataFrame(ORDERS, index=[7, 5, 9])
    trades, rejects = match(frame)
    expected, _ = match(ORDERS)
    assert isinstance(rejects, pd.DataFrame)
    pd.testing.assert_frame_equal(trades, pd.DataFrame(expected))


def test_each_quantity_stands_there_once():
    """In kWh and currency/kWh, or with ``raw`` as the market counted it; under the names that tables of runs have."""
    orders = {**ORDERS, "price": [0.10, 0.50, 0.15]}
    (daily, refused), (raw, refused_raw) = (match(orders, retail=0.3, feed_in=0.0, raw=raw) for raw in (False, True))
    for shown, told in ((daily, refused), (raw, refused_raw)):
        assert sum("energy" in name for name in shown) == sum("energy" in name for name in told) == 1
    assert list(daily) == [
        *("buyer", "seller", "energy_kwh", "price"),
        *("buyer_price", "seller_price", "buy_order", "sell_order"),
    ]
    assert raw["energy_wh"].tolist() == [1500]
    assert [raw[f"{side}price_ticks"].tolist() for side in ("", "buyer_", "seller_")] == [[100_000]] * 3
    assert (refused["energy_kwh"].tolist(), refused_raw["energy_wh"].tolist()) == ([1.0], [1000])


@pytest.mark.parametrize("side", [[-1, 1, 1], [-1.0, 1.0, 1.0], np.array([-1, 1, 1]), [-1, "buy", 1]])
def test_sides_may_be_numbers(side):
    assert match({**ORDERS, "side": side})[0]["energy_kwh"].tolist() == [1.0, 0.5]


@pytest.mark.parametrize("agents", [[4, 4, 6], ["x", "x", "y"], [(1, 2), (1, 2), (3, 4)], [-4, -4, 6]])
def test_agents_are_compared_by_whatever_names_them(agents):
    column = np.empty(3, dtype=object)
    column[:] = agents
    trades, _ = match({**ORDERS, "agent": column})
    assert trades["buy_order"].tolist() == [2]
    assert trades["buyer"].tolist() == [agents[2]]


def test_every_problem_is_told_with_row_column_and_value():
    problems = broken(side=["sell", "hold", 0], price=[float("nan"), -2e6, "x"], energy_kwh=[-1.0, float("inf"), 1e99])
    assert problems == [
        'side: row 1: is no side; use "buy", "sell", 1 or -1 (got \'hold\')',
        'side: row 2: is no side; use "buy", "sell", 1 or -1 (got 0)',
        "price: row 0: is no finite number (got nan)",
        "price: row 2: is no finite number (got 'x')",
        "price: row 1: is too small, the least is -1e+06 (got -2000000.0)",
        "energy_kwh: row 1: is no finite number (got inf)",
        "energy_kwh: row 0: is negative (got -1.0)",
        "energy_kwh: row 2: is too large, the most is 1e+09 (got 1e+99)",
    ]


@pytest.mark.parametrize("engine", ["double_auction", "call_auction", "mid_market_rate", "pro_rata"])
def test_prices_have_both_signs(engine):
    """A seller who pays up to 0.05 to be rid of it and a buyer who pays nothing meet below zero, and within the tariffs."""
    orders = {"agent": ["s", "b"], "side": ["sell", "buy"], "price": [-0.05, -0.01], "energy_kwh": [2.0, 3.0]}
    trades, _ = match(orders, engine, retail=0.0, feed_in=-0.08)
    assert trades["energy_kwh"].tolist() == [2.0]
    assert -0.05 <= trades["price"].item() <= -0.01


def test_the_ratio_of_supply_and_demand_says_what_it_cannot_divide_by():
    orders = {"agent": ["s", "b"], "side": ["sell", "buy"], "price": [0.0, 0.2], "energy_kwh": [2.0, 3.0]}
    with pytest.raises(OrderError, match="divides by the feed-in tariff"):
        match(orders, "supply_demand_ratio", retail=0.3, feed_in=0.0)


def test_many_problems_of_a_kind_are_counted():
    n = 250
    with pytest.raises(OrderError, match="and 150 more rows: is negative") as caught:
        match({"agent": range(n), "side": [1] * n, "price": [1.0] * n, "energy_kwh": [-1.0] * n})
    assert len(caught.value.problems) == 101


def test_missing_columns_are_all_named():
    with pytest.raises(OrderError) as caught:
        match({"agent": [1]})
    assert [problem.path for problem in caught.value.problems] == ["side", "price", "energy_kwh"]


@pytest.mark.parametrize("price", [[0.1], [[0.1, 0.2, 0.3]]])
def test_columns_of_different_lengths_are_refused(price):
    assert "columns must be of one length" in broken(price=price)[0]


def test_an_unknown_engine_gets_a_hint():
    with pytest.raises(OrderError, match="did you mean 'double_auction'"):
        match(ORDERS, "doubleauction")
    with pytest.raises(OrderError, match="choose one of double_auction"):
        match(ORDERS, "xyz")


def test_parameters_are_those_of_the_engine():
    assert match(ORDERS, price_rule="midpoint")[0]["price"].tolist() == [0.15, 0.125]
    with pytest.raises(OrderError, match="pricerule"):
        match(ORDERS, pricerule="midpoint")


def test_an_engine_of_ones_own():
    trades, _ = match(ORDERS, DoubleAuction(midpoint=True))
    assert trades["price"].tolist() == [0.15, 0.125]
    with pytest.raises(OrderError, match="takes no parameters here"):
        match(ORDERS, DoubleAuction(), rounds=2)


@pytest.mark.parametrize("engine", ["call_auction", "huang", "mid_market_rate", "supply_demand_ratio", "pro_rata"])
def test_every_engine_by_its_name(engine):
    trades, rejects = match(ORDERS, engine, retail=0.3, feed_in=0.1)
    assert set(trades) == set(match(ORDERS)[0])
    assert len(rejects["reason"]) == 0


@pytest.mark.parametrize("engine", ["mid_market_rate", "supply_demand_ratio", "pro_rata"])
def test_engines_that_need_the_tariffs_say_so(engine):
    with pytest.raises(OrderError, match="give retail and feed_in"):
        match(ORDERS, engine)


@pytest.mark.parametrize("tariffs", [{"retail": 0.3}, {"feed_in": 0.1}, {"retail": 0.1, "feed_in": 0.2}])
def test_tariffs_come_together_and_in_order(tariffs):
    with pytest.raises(OrderError, match="feed_in"):
        match(ORDERS, **tariffs)


def test_with_tariffs_orders_outside_them_are_rejected_and_positions_stay():
    trades, rejects = match({**ORDERS, "price": [0.05, 0.20, 0.15]}, retail=0.18, feed_in=0.05)
    assert trades["buy_order"].tolist() == [2]
    assert rejects["buyer"].tolist() == ["bob"]
    assert rejects["seller"].tolist() == [None]
    assert rejects["reason"].tolist() == ["price_above_retail"]
    assert (rejects["buy_order"].tolist(), rejects["sell_order"].tolist()) == ([1], [-1])


def test_no_orders_no_trades():
    trades, rejects = match({name: [] for name in ORDERS})
    assert len(trades["price"]) == len(rejects["reason"]) == 0


def test_values_are_rounded_half_to_even():
    trades, _ = match({**ORDERS, "price": [0.1000005, 0.2, 0.2], "energy_kwh": [0.0025, 1, 1]}, raw=True)
    assert (trades["price_ticks"].tolist(), trades["energy_wh"].tolist()) == ([100_000], [2])


@pytest.mark.parametrize(
    ("orders", "given", "message"),
    [
        (None, {}, "^orders must be a table with columns agent, side, price, energy_kwh, got NoneType$"),
        ([{"agent": "a"}], {}, "^orders must be a table .* got list$"),
        (ORDERS, {"engine": 3}, "^engine must be a name or an engine, got 3, which has no match, name, rounds$"),
        ({**ORDERS, "agent": [None] * len(ORDERS["agent"])}, {}, r"^agent: row 0: names nobody \(got None\)"),
        (ORDERS, {"rounds": 0}, r"^rounds: engine double_auction: should be greater than or equal to 1 \(got 0\)$"),
        (ORDERS, {"pricerule": "midpoint"}, "^pricerule: engine double_auction has no such parameter\n.*'price_rule'"),
        (ORDERS, {"engine": "huang", "fee": 1}, "^fee: engine huang has no such parameter\n *choose one of none$"),
    ],
)
def test_misuse_is_told_in_plain_words(orders, given, message):
    """What was expected and what was given, without a library's own message."""
    with pytest.raises(OrderError, match=message):
        match(orders, **given)
