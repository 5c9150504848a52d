"""Laws of the continuous double auction on any stream of orders."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.records import MOVES_SINK, MOVES_SOURCE, Exchange, Side
from marketsim.market.double_auction import DoubleAuction
from marketsim.market.settlement import imbalance, settle
from marketsim.testing.engine_kit import filled, orders_of, tariffs_of
from marketsim.testing.gates_kernel import capacity_gate, fickle_gate
from marketsim.testing.worlds import community

N_AGENTS = 5
row = st.tuples(
    st.integers(0, N_AGENTS - 1), st.sampled_from((1, -1)), st.integers(0, 6), st.integers(0, 9), st.integers(0, 9)
)
streams = st.lists(row.map(lambda r: (*r[:4], min(r[4], r[3]))), max_size=25)


class Plainly:
    """A gate in plain Python that admits everything."""

    kernel = None

    def admit(self, market, source, sink, wh):
        return wh, 0, -1


engines = st.builds(
    DoubleAuction,
    midpoint=st.booleans(),
    retry_passes=st.integers(0, 3),
    tranches=st.sampled_from((1, 2, 3, 7)),
    pro_rata=st.booleans(),
)


def match(rows, gate=None, engine=None):
    orders = orders_of(rows)
    return orders, *(engine or DoubleAuction()).match(orders, gate or FreeGate(1), tariffs_of())


@given(streams, engines)
def test_no_crossed_book_is_left(rows, engine):
    orders, trades, _ = match(rows, engine=engine)
    left = orders.energy_wh - filled(orders, trades)
    for bid in np.flatnonzero((orders.side == Side.BUY) & (left > 0)):
        asks = (orders.side == Side.SELL) & (left > 0) & (orders.agent != orders.agent[bid])
        assert (orders.price_ticks[asks] > orders.price_ticks[bid]).all()


@given(streams)
def test_every_trade_is_with_the_best_and_then_earliest_order_that_rests(rows):
    orders, trades, _ = match(rows)
    left = orders.energy_wh.copy()
    for buy, sell, wh in zip(trades.buy_order, trades.sell_order, trades.energy_wh, strict=True):
        arriving, resting = max(buy, sell), min(buy, sell)
        worth = -orders.price_ticks * int(orders.side[resting])
        rivals = np.flatnonzero(
            (orders.side == orders.side[resting]) & (left > 0) & (orders.agent != orders.agent[arriving])
        )
        ahead = [(worth[other], other) for other in rivals.tolist() if other < arriving]
        assert min(ahead)[1] == resting
        left[[buy, sell]] -= wh


@given(streams)
def test_a_trade_is_at_the_limit_of_the_order_that_came_first(rows):
    orders, trades, _ = match(rows)
    assert (trades.price_ticks == orders.price_ticks[np.minimum(trades.buy_order, trades.sell_order)]).all()


@given(streams, st.integers(-(10**12), 10**12), engines)
def test_the_level_of_prices_does_not_matter(rows, shift, engine):
    _, trades, _ = match(rows, engine=engine)
    _, moved, _ = match([(a, side, price + shift, *rest) for a, side, price, *rest in rows], engine=engine)
    assert (moved.price_ticks - trades.price_ticks == shift).all()
    assert (moved.energy_wh == trades.energy_wh).all()


@given(streams, st.permutations(range(N_AGENTS)), engines)
def test_names_of_agents_do_not_matter(rows, names, engine):
    _, trades, _ = match(rows, engine=engine)
    _, renamed, _ = match([(names[agent], *rest) for agent, *rest in rows], engine=engine)
    assert (renamed.buy_order.tolist(), renamed.sell_order.tolist()) == (
        trades.buy_order.tolist(),
        trades.sell_order.tolist(),
    )


@given(streams, engines, st.integers(1, 100))
def test_money_balances_whatever_the_gate_refuses(rows, engine, seed):
    orders, trades, _ = match(rows, fickle_gate(1, N_AGENTS, seed=seed), engine)
    none = np.zeros(N_AGENTS, dtype=np.int64)
    exchange = Exchange(none, none, none, none.reshape(1, -1))
    ledger = settle(community(N_AGENTS), trades, orders, exchange, tariffs_of())
    assert imbalance(ledger) == 0
    assert not ledger.operator.any()


@given(streams, st.lists(st.integers(0, 30), min_size=N_AGENTS, max_size=N_AGENTS), engines)
def test_what_is_rejected_counts_no_energy_of_a_parked_order_twice(rows, limits, engine):
    orders, trades, rejects = match(rows, capacity_gate(limits), engine)
    left = orders.energy_wh - filled(orders, trades)
    assert len(set(rejects.sell_order.tolist())) == rejects.size  # this gate never blames the sink
    assert (rejects.energy_wh <= left[rejects.sell_order]).all()


@given(streams, st.lists(st.integers(0, 30), min_size=N_AGENTS, max_size=N_AGENTS))
def test_more_retry_passes_never_trade_less(rows, limits):
    traded = [
        int(match(rows, capacity_gate(limits), DoubleAuction(retry_passes=passes))[1].energy_wh.sum())
        for passes in range(4)
    ]
    assert traded == sorted(traded)


@given(streams, engines, st.integers(1, 100))
def test_no_order_trades_more_than_it_has_or_beyond_its_limit_or_with_its_own_agent(rows, engine, seed):
    orders, trades, _ = match(rows, fickle_gate(1, N_AGENTS, seed=seed), engine)
    buy, sell = trades.buy_order, trades.sell_order
    assert (trades.energy_wh > 0).all()
    assert (filled(orders, trades) <= orders.energy_wh).all()
    assert (orders.price_ticks[sell] <= trades.price_ticks).all()
    assert (trades.price_ticks <= orders.price_ticks[buy]).all()
    assert (orders.agent[buy] != orders.agent[sell]).all()


@given(streams, engines)
def test_firm_energy_of_an_order_fills_first_whichever_part_trades(rows, engine):
    orders, trades, _ = match(rows, engine=engine)
    for of, moving in ((trades.buy_order, MOVES_SINK), (trades.sell_order, MOVES_SOURCE)):
        for order in np.unique(of).tolist():
            own = of == order
            still = trades.energy_wh[own & (trades.moves & moving == 0)].sum()
            assert still == min(orders.firm_wh[order], trades.energy_wh[own].sum())


@given(
    st.integers(2, 6),
    st.integers(1, 40),
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
    st.integers(1, 12),
    st.randoms(use_true_random=False),
)
def test_at_one_price_equal_sellers_are_never_further_apart_than_one_part(n_sellers, energy, wanted, tranches, random):
    rows = [(agent, -1, 5, energy) for agent in range(n_sellers)]
    rows += [(n_sellers + agent, 1, 5, wh) for agent, wh in enumerate(wanted)]
    random.shuffle(rows)
    orders, trades, _ = match(rows, FreeGate(1), DoubleAuction(tranches=tranches))
    sold = filled(orders, trades)[orders.side == Side.SELL]
    assert sold.max() - sold.min() <= -(-energy // tranches)
    assert sold.sum() == min(n_sellers * energy, sum(wanted))


@given(st.lists(st.integers(1, 10**12), min_size=2, max_size=8), st.integers(1, 10**13), st.booleans())
def test_who_rests_at_one_price_is_shared_among_to_the_wh(open_wh, asked, compiled):
    rows = [(agent, -1, 5, wh) for agent, wh in enumerate(open_wh)] + [(len(open_wh), 1, 5, asked)]
    gate = FreeGate(1) if compiled else Plainly()
    orders, trades, _ = match(rows, gate, DoubleAuction(pro_rata=True))
    got, total = filled(orders, trades)[:-1].tolist(), sum(open_wh)
    taken = min(asked, total)
    assert sum(got) == taken
    exact = [Fraction(taken * wh, total) for wh in open_wh]
    assert all(abs(wh - share) < 1 for wh, share in zip(got, exact, strict=True))
    up = sorted((share - int(share), -at) for at, share in enumerate(exact) if got[at] > share)
    down = sorted((share - int(share), -at) for at, share in enumerate(exact) if share - got[at] > 0)
    assert not up or not down or up[0] > down[-1]  # the largest remainders, of equal ones the earliest
