"""Money: exact, complete, and to whom it is due."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.errors import LawBroken
from marketsim.core.records import Exchange, Ledger, LedgerLine, Trades
from marketsim.market.settlement import check, imbalance, settle
from marketsim.testing.engine_kit import FEED_IN, RETAIL, orders_of, tariffs_of
from marketsim.testing.worlds import community

BUY, SELL = 1, -1


def exchange(imports, exports):
    columns = np.asarray(imports, dtype=np.int64), np.asarray(exports, dtype=np.int64)
    return Exchange(*columns, np.zeros(len(imports), dtype=np.int64), np.zeros((0, len(imports)), dtype=np.int64))


def trades_of(rows):
    table = np.array(rows, dtype=np.int64).reshape(-1, 6)
    return Trades(*table.T, np.zeros(len(table), dtype=np.int64))


def test_a_bill_line_by_line():
    orders = orders_of([(0, BUY, 0, 0), (1, SELL, 0, 0)])
    trades = trades_of([(0, 1, 500, 100, 120, 90)])
    ledger = settle(community(2), trades, orders, exchange([200, 0], [0, 300]), tariffs_of())
    assert ledger.money[:, 0].tolist() == [50_000, 0, 10_000, 200 * RETAIL, 0, 0]
    assert ledger.money[:, 1].tolist() == [0, -50_000, 5_000, 0, -300 * FEED_IN, 0]
    assert ledger.operator.tolist() == [-15_000]
    assert ledger.utility.tolist() == [300 * FEED_IN - 200 * RETAIL]


def test_a_counter_flow_earns_and_the_operator_pays():
    orders = orders_of([(0, BUY, 0, 0), (1, SELL, 0, 0)])
    ledger = settle(community(2), trades_of([(0, 1, 10, 100, 95, 103)]), orders, exchange([0, 0], [0, 0]), tariffs_of())
    assert ledger.money[LedgerLine.NETWORK_CHARGES].tolist() == [-50, -30]
    assert ledger.operator.tolist() == [80]


amounts = st.integers(0, 10**9)


@given(
    st.lists(st.tuples(amounts, *[st.integers(-(10**6), 10**6)] * 3), max_size=9),
    st.lists(st.tuples(amounts, amounts), min_size=6, max_size=6),
)
def test_payments_sum_to_zero_in_every_market(deals, exchanged):
    people = community(3, 2)
    rows = [(agent, side, 0, 0) for agent in range(6) for side in (BUY, SELL)]
    orders = orders_of(rows, np.repeat([0, 1], 6).tolist())
    table = [(2 * (k % 6), 2 * ((k + 1) % 3 + 3 * (k % 6 // 3)) + 1, *deal) for k, deal in enumerate(deals)]
    ledger = settle(people, trades_of(table), orders, exchange(*zip(*exchanged, strict=True)), tariffs_of(2))
    assert imbalance(ledger) == 0
    for market in range(2):
        mine = ledger.money[:, people.market == market]
        assert sum(mine.ravel().tolist()) + int(ledger.utility[market]) + int(ledger.operator[market]) == 0


any_amount = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(*[any_amount] * 5), max_size=20), any_amount, any_amount)
def test_sums_do_not_wrap(lines, utility, operator):
    """Payments whose sum is beyond 64 bits are summed like Python's integers."""
    money = np.array(lines, dtype=np.int64).reshape(-1, 5).T.copy()
    ledger = Ledger(money, np.array([utility]), np.array([operator]))
    assert imbalance(ledger) == sum(map(sum, lines)) + utility + operator


@pytest.mark.parametrize("off", [1, -1, 2**62])
def test_a_ledger_that_is_off_breaks_the_law(off):
    money = np.zeros((5, 2), dtype=np.int64)
    money[0, 0] = off
    with pytest.raises(LawBroken, match=f"off by {off}"):
        check(Ledger(money, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)))


def test_a_sum_that_wraps_to_zero_is_no_balance():
    money = np.full((4, 1), 2**62)
    assert int(money.sum()) == 0
    with pytest.raises(LawBroken, match="fault of the program"):
        check(Ledger(money, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)))
