"""Compiled kernels against plain Python that was written from their definitions, agent by agent."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.core import columns_kernel, slot_kernel
from marketsim.core.compiled import kernel
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.records import FIRM, PV, UTILITY_ONLY_TICKS, Fallback, LedgerLine, OrderBatch, Orders, Side
from marketsim.fairness.totals_kernel import add_scores
from marketsim.market.double_auction import DoubleAuction
from marketsim.market.rank_kernel import rank_orders
from marketsim.market.rank_set_kernel import enter_book, leave_book, new_book, next_rank
from marketsim.market.settlement import settle
from marketsim.metrics.snapshot_kernel import measure_grid
from marketsim.metrics.tally_kernel import tally_energy, tally_laws, tally_money
from marketsim.testing.engine_kit import orders_of, tariffs_of
from marketsim.testing.random_records import random_record
from marketsim.testing.worlds import clock, community

BUY, SELL, KEEP, UTILITY = int(Side.BUY), int(Side.SELL), int(Fallback.KEEP), int(Fallback.UTILITY)
DAY = clock(6)
seeds = st.integers(0, 2**32)
PLAIN = settings(max_examples=40)


def drawn(seed, n_markets=2, n_devices=2, n_nodes=0):
    people = community(5, n_markets)
    return people, random_record(people, DAY, 0, n_devices=n_devices, n_nodes=n_nodes, seed=seed)


@PLAIN
@given(seeds)
def test_the_ledger_books_every_trade_and_exchange(seed):
    """Peers at the hub, charges apart to the operator, the utility at its tariffs; all in exact integers."""
    people, record = drawn(seed)
    tariffs = record.inputs.tariffs._replace(retail_ticks=np.array([310_000, 290_000]))
    ledger = settle(people, record.trades, record.orders, record.exchange, tariffs)
    owed, utility, operator = defaultdict(int), defaultdict(int), defaultdict(int)
    for buy, sell, wh, price, pays, gets, _ in zip(*(column.tolist() for column in record.trades), strict=True):
        buyer, seller = record.orders.agent[buy], record.orders.agent[sell]
        owed[LedgerLine.PEER_PURCHASES, buyer] += wh * price
        owed[LedgerLine.PEER_SALES, seller] -= wh * price
        owed[LedgerLine.NETWORK_CHARGES, buyer] += wh * (pays - price)
        owed[LedgerLine.NETWORK_CHARGES, seller] += wh * (price - gets)
        operator[people.market[buyer]] -= wh * (pays - gets)
    for agent, market in enumerate(people.market):
        owed[LedgerLine.IMPORTS, agent] = int(record.exchange.import_wh[agent] * tariffs.retail_ticks[market])
        owed[LedgerLine.EXPORTS, agent] = -int(record.exchange.export_wh[agent] * tariffs.feed_in_ticks[market])
        utility[market] -= owed[LedgerLine.IMPORTS, agent] + owed[LedgerLine.EXPORTS, agent]
    assert all(ledger.money[line, agent] == owed[line, agent] for line in LedgerLine for agent in range(10))
    assert ledger.utility.tolist() == [utility[0], utility[1]]
    assert ledger.operator.tolist() == [operator[0], operator[1]]


@PLAIN
@given(seeds, st.lists(st.booleans(), min_size=2, max_size=2))
def test_energies_and_what_peers_met_of_the_demand(seed, stores):
    """d: load and what non-stores draw; o: PV and what devices give; peers meet min(b, max(d - o, 0))."""
    people, record = drawn(seed)
    own, exchange, inputs = record.energy, record.exchange, record.inputs
    demand = met = 0
    for agent in range(people.n_agents):
        flows = own.device_wh[:, agent].tolist()
        consumed = int(inputs.load_wh[agent]) - sum(
            wh for wh, store in zip(flows, stores, strict=True) if wh < 0 and not store
        )
        supplied = int(own.pv_used_wh[agent]) + sum(wh for wh in flows if wh > 0)
        demand += consumed
        met += min(int(own.bought_wh[agent]), max(consumed - supplied, 0))
    found = tally_energy(
        inputs.load_wh, own.device_wh, np.array(stores), own.pv_used_wh, own.bought_wh, exchange.import_wh,
        exchange.export_wh, exchange.curtailed_wh,
    )  # fmt: skip
    sums = (own.pv_used_wh, exchange.import_wh, exchange.export_wh, exchange.curtailed_wh)
    assert found == (demand, met, *(int(column.sum()) for column in sums))


@PLAIN
@given(seeds)
def test_bills_by_kind_of_agent_and_bulk_energy(seed):
    people, record = drawn(seed)
    wholesale = np.array([55_000, -10_000])
    exchange, paid = record.exchange, record.ledger.money.sum(axis=0)
    found = tally_money(
        record.ledger.money, people.is_prosumer, exchange.import_wh, exchange.export_wh, people.market, wholesale
    )
    bulk = ((exchange.import_wh - exchange.export_wh) * wholesale[people.market]).sum()
    assert found == (paid[~people.is_prosumer].sum(), paid[people.is_prosumer].sum(), bulk)


@PLAIN
@given(seeds)
def test_every_missing_wh_and_payment_is_an_imbalance(seed):
    """A record that nobody simulated does not balance; the sum of all its faults is counted, each without sign."""
    people, record = drawn(seed)
    own, exchange, inputs, money = record.energy, record.exchange, record.inputs, record.ledger.money
    drawn_wh = np.zeros(2, dtype=np.int64)
    tariffs = inputs.tariffs
    found = tally_laws(
        inputs.load_wh, own[:], exchange[:], money, tariffs.retail_ticks, tariffs.feed_in_ticks, people.market, drawn_wh
    )
    meter = exchange.export_wh + own.sold_wh - exchange.import_wh - own.bought_wh
    made = own.pv_used_wh - inputs.load_wh + own.device_wh.sum(axis=0)
    energy = np.abs(own.net_wh - meter).sum() + np.abs(made - meter).sum() + abs((own.bought_wh - own.sold_wh).sum())
    unexplained = np.abs(money[LedgerLine.IMPORTS] - exchange.import_wh * 300_000).sum()
    unexplained += np.abs(money[LedgerLine.EXPORTS] + exchange.export_wh * 80_000).sum()
    assert found == (energy, money.sum(), unexplained)
    assert drawn_wh.tolist() == [(exchange.import_wh - exchange.export_wh)[people.market == m].sum() for m in (0, 1)]


grid_values = st.one_of(st.floats(0.8, 1.2), st.just(math.nan))


@PLAIN
@given(st.integers(1, 3), st.integers(1, 5), st.data())
def test_voltages_and_loadings_are_counted_bus_by_bus(n_markets, n_nodes, data):
    """The source is left out, NaN is nothing; caused: out now and in before; a market is broken by any limit."""

    def table(columns):
        rows = st.lists(
            st.lists(grid_values, min_size=columns, max_size=columns), min_size=n_markets, max_size=n_markets
        )
        return np.array(data.draw(rows)).reshape(n_markets, columns)

    v, firm, loading, firm_loading = table(n_nodes), table(n_nodes), table(2), table(2)
    low, high = np.full(n_nodes, 0.95), np.full(n_nodes, 1.05)
    buses = outside = caused = broken = firm_broken = 0
    depth, seen = 0.0, []
    for m in range(n_markets):
        bad = firm_bad = False
        for now, had in zip(v[m, 1:].tolist(), firm[m, 1:].tolist(), strict=True):
            was_out = had < 0.95 or had > 1.05
            firm_bad |= was_out
            if not math.isnan(now):
                buses += 1
                seen.append(now)
                if not 0.95 <= now <= 1.05:
                    outside, bad, depth = outside + 1, True, depth + max(0.95 - now, now - 1.05)
                    caused += not was_out
        broken += bad or any(value > 1.0 for value in loading[m])
        firm_broken += firm_bad or any(value > 1.0 for value in firm_loading[m])
    found = measure_grid(v, firm, loading, firm_loading, low, high, 1.0)
    known = [value for value in loading.ravel() if not math.isnan(value)]
    assert found[:3] == (min(seen, default=math.inf), max(seen, default=-math.inf), max(known, default=-math.inf))
    assert found[3] == pytest.approx(depth)
    assert found[4:] == (buses, outside, caused, broken, firm_broken)


@PLAIN
@given(st.lists(st.tuples(grid_values, grid_values, st.integers(0, 9)), min_size=1, max_size=4))
def test_means_of_scores_are_weighted_and_leave_the_undefined_out(columns):
    one, other, weight = (np.array(column) for column in zip(*columns, strict=True))
    scores, weights = np.array([one, other]), weight.astype(np.int64)
    total, mean, seen, known = np.zeros(2), np.zeros(2), np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64)
    add_scores(scores, weights, total, seen, known, mean)
    for row, values in enumerate((one, other)):
        defined = [(value, w) for value, w in zip(values, weight, strict=True) if not math.isnan(value)]
        heavy = sum(w for _, w in defined)
        assert (known[row], seen[row]) == (len(defined), heavy)
        if heavy:
            assert mean[row] == pytest.approx(sum(value * w for value, w in defined) / heavy)
        else:
            assert math.isnan(mean[row])


# --- the slot's own bookkeeping ---------------------------------------------------------------------------------------


@st.composite
def standings(draw):
    """One agent's load, PV, and two devices with ranges, dispatch and whether they store."""
    wh = st.integers(0, 40)
    ranges = [(-draw(wh), draw(wh)) for _ in range(2)]
    return (
        draw(wh),
        draw(wh),
        ranges,
        [draw(st.integers(-60, 60)) for _ in range(2)],
        [draw(st.booleans()) for _ in "ab"],
    )


@settings(max_examples=300)
@given(standings())
def test_a_position_is_feasible_whatever_trades(case):
    """Dispatch in range; a store gives unasked only to its owner's own need; demand, must-run and surplus add up."""
    load, pv, ranges, wanted, stores = case
    low, high = (np.array([[reach[side]] for reach in ranges]) for side in (0, 1))
    columns = slot_kernel.stand(
        np.array([load]), np.array([pv]), np.array(wanted)[:, None], low, high, np.array(stores)
    )
    dispatch, up, down = (columns[row][:, 0] for row in (0, 5, 6))
    demand, must_run, surplus, own_use = (int(column[0]) for column in columns[1:5])
    assert ((dispatch >= low[:, 0]) & (dispatch <= high[:, 0])).all()
    assert load + must_run + surplus - pv - demand == dispatch.sum()
    assert min(demand, must_run) == min(demand, surplus) == 0
    assert own_use + surplus == pv
    for fleet, given_ in enumerate(dispatch.tolist()):
        assert 0 <= up[fleet] <= max(high[fleet, 0], 0) - max(given_, 0)
        assert 0 <= down[fleet] <= min(given_, 0) - min(low[fleet, 0], 0)
        if stores[fleet] and given_ > 0:
            others = sum(-wh for wh in dispatch.tolist() if wh < 0) + load
            assert given_ <= others, "stored energy is never pushed out unasked"
    clipped = np.clip(wanted, low[:, 0], high[:, 0])
    assert all(d == c for d, c, store in zip(dispatch, clipped, stores, strict=True) if not store or c <= 0)


@st.composite
def books(draw):
    """Orders of three agents for any component, and what their positions cover."""
    wh = st.integers(0, 30)
    size = draw(st.integers(0, 12))
    rows = [
        (
            draw(st.integers(0, 2)),
            draw(st.sampled_from([BUY, SELL])),
            draw(st.sampled_from([FIRM, PV, 0, 1])),
            draw(st.integers(-5, 40)),
        )
        for _ in range(size)
    ]
    positions = [np.array([draw(wh) for _ in range(3)]) for _ in range(3)]
    fleets = [np.array([[draw(wh) for _ in range(3)] for _ in range(2)]) for _ in range(2)]
    return rows, positions, fleets, [draw(st.booleans()) for _ in range(2)]


@settings(max_examples=200)
@given(books())
def test_orders_draw_on_their_agents_position_one_after_the_other(case):
    rows, (demand, must_run, surplus), (up, down), stores = case
    agent, side, component, energy = np.array(rows, dtype=np.int64).reshape(-1, 4).T.copy()
    zeros = np.zeros(len(rows), dtype=np.int64)
    batch = OrderBatch(agent, side, zeros, energy, component, zeros)
    orders, beyond, wrong = slot_kernel.hold(
        np.arange(len(rows)),
        batch[:],
        np.zeros(3, dtype=np.int64),
        np.arange(3),
        (demand, must_run, surplus),
        up,
        down,
        np.array(stores),
    )
    held = orders[columns_kernel.ORDER_ENERGY_WH]
    left, modes = {}, {}
    for a in range(3):
        left[a, SELL, FIRM], left[a, SELL, PV], left[a, BUY, FIRM], left[a, BUY, PV] = (
            must_run[a], surplus[a], demand[a], 0,
        )  # fmt: skip
        for fleet in range(2):
            left[a, SELL, fleet], left[a, BUY, fleet] = up[fleet, a], down[fleet, a]
    for row, (a, s, c, wh) in enumerate(rows):
        second_mode = c >= 0 and stores[c] and modes.setdefault((a, c), s) != s
        expected = 0 if second_mode else min(max(wh, 0), left[a, s, c])
        left[a, s, c] -= expected
        assert (held[row], wrong[row]) == (expected, second_mode)
        assert beyond[row] == max(wh, 0) - expected


@settings(max_examples=150)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([FIRM, PV, 0]), st.integers(0, 9), st.integers(0, 9),
    st.sampled_from([KEEP, UTILITY]), st.sampled_from([UTILITY_ONLY_TICKS, -1, 79, 80, 81, 299, 300, 301])), max_size=8))  # fmt: skip
def test_the_utility_takes_what_owners_leave_to_it(rows):
    """Exports first; by right without asking; else by fallback, or where the limit admits the tariff."""
    n = len(rows)
    buys, component, energy, firm, fallback, limit = np.array(rows, dtype=np.int64).reshape(-1, 6).T.copy()
    zeros = np.zeros(n, dtype=np.int64)
    gate = FreeGate(1, np.zeros(max(n, 1), dtype=np.int64))
    side = np.where(buys, BUY, SELL)
    orders = Orders(zeros, zeros, np.arange(n), side, limit, energy, firm, component, fallback, limit)
    *residual, _, refused = slot_kernel.leave_to_utility(
        *gate.kernel, orders[:], zeros, np.array([300]), np.array([80])
    )
    assert refused == 0
    for row, (buy, part, wh, granted, leaves, price) in enumerate(rows):
        flows = min(granted, wh) if not buy and part != FIRM else 0
        willing = leaves == UTILITY or (price >= 300 if buy else UTILITY_ONLY_TICKS < price <= 80)
        asked = wh - flows if part != FIRM and willing else 0
        assert [part[row] for part in residual] == [asked if buy else 0, 0 if buy else asked, flows]


# --- the order book ----------------------------------------------------------------------------------------------------


@kernel()
def ranked(is_bid, key, rank, at_rank, first, end):
    rank_orders(is_bid, key, rank, at_rank, first, end)


@settings(max_examples=60)
@given(seeds, st.integers(0, 400), st.sampled_from([1, 3, 10**6, 2**62]))
def test_orders_are_ranked_by_distance_from_the_best_of_their_side(seed, n, spread):
    """Both sides in one numbering, ties by arrival; few by insertion, many by digits."""
    rng = np.random.default_rng(seed)
    is_bid, key = rng.random(n + 2) < 0.5, rng.integers(-spread, spread, n + 2)
    rank, at_rank = np.zeros((2, n + 2), dtype=np.uint32)
    ranked(is_bid, key, rank, at_rank, 1, n + 1)
    inside = range(1, n + 1)
    best = {side: min((int(key[i]) for i in inside if is_bid[i] == side), default=0) for side in (True, False)}
    expected = sorted(inside, key=lambda i: (int(key[i]) - best[bool(is_bid[i])], i))
    assert at_rank[1 : n + 1].tolist() == expected
    assert [int(rank[i]) for i in expected] == list(range(n))


@kernel()
def churned(n, side, rank, enters, start, key, at_rank):
    """Enter and leave one after the other; best rank and key of both sides, next ranks of both, after each step."""
    book, answer = new_book(n), np.zeros((6, len(rank)), dtype=np.int64)
    for step in range(len(rank)):
        if enters[step]:
            enter_book(book, side[step], rank[step], key[rank[step]])
        else:
            leave_book(book, side[step], rank[step], key, at_rank, 0)
        for row in range(2):
            answer[row, step], answer[2 + row, step] = book.best[row], book.best_key[row]
            answer[4 + row, step] = next_rank(book, row, start[step])
    return answer


@settings(max_examples=40)
@given(seeds, st.sampled_from([1, 64, 65, 4_096, 4_097, 20_000]))
def test_a_book_is_a_set_of_ranks(seed, n):
    """Entering, leaving and looking for the next one, over the boundaries of its words, as a Python set does."""
    rng = np.random.default_rng(seed)
    spots = rng.choice([0, 1, 62, 63, 64, 65, 127, 128, 4_095, 4_096, n - 1, n // 2], 80) % n
    side, start = rng.integers(0, 2, 80), rng.integers(0, n, 80)
    resting = (set(), set())
    enters, expected = [], []
    for row, rank, begin in zip(side.tolist(), spots.tolist(), start.tolist(), strict=True):
        enters.append(rank not in resting[row])
        (resting[row].add if enters[-1] else resting[row].remove)(rank)
        best = [min(ranks, default=-1) for ranks in resting]
        keys = [7 * rank if rank >= 0 else np.iinfo(np.int64).max for rank in best]
        expected.append([*best, *keys, *(min((r for r in ranks if r >= begin), default=-1) for ranks in resting)])
    key, at_rank = np.arange(n) * 7, np.arange(n, dtype=np.uint32)
    assert churned(n, side, spots, np.array(enters), start, key, at_rank).T.tolist() == expected


def heap_book(rows):
    """Trades of one market by a sorted scan of all that rests: no ranks, no bits."""
    resting, trades = [], []
    for place, (agent, side, price, wh) in enumerate(rows):
        left = wh
        while left:
            facing = [
                (-other[2] * other[1] if other[1] == BUY else other[2], k)
                for k, other in enumerate(resting)
                if other[1] != side and other[0] != agent and other[3] > 0 and (price - other[2]) * side >= 0
            ]
            if not facing:
                break
            other = resting[min(facing)[1]]
            wanted = min(left, other[3])
            trades.append((place, other[4], wanted, other[2]) if side == BUY else (other[4], place, wanted, other[2]))
            left -= wanted
            other[3] -= wanted
        if left:
            resting.append([agent, side, price, left, place])
    return trades


@pytest.mark.parametrize(("n", "prices"), [(700, 5), (700, 100_000), (65, 3)])
def test_a_large_market_trades_as_a_scan_of_the_whole_book(n, prices):
    """Hundreds of orders in one market, where orders are ranked by digits and the book has many words."""
    rng = np.random.default_rng(n + prices)
    rows = list(
        zip(
            rng.integers(0, 40, n).tolist(),
            rng.choice([BUY, SELL], n).tolist(),
            (100_000 + rng.integers(0, prices, n)).tolist(),
            rng.integers(0, 900, n).tolist(),
            strict=True,
        )
    )
    trades, rejects = DoubleAuction().match(orders_of(rows), FreeGate(1), tariffs_of())
    columns = (trades.buy_order, trades.sell_order, trades.energy_wh, trades.price_ticks)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == heap_book(rows)
    assert rejects.size == 0
