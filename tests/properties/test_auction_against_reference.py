"""The auction against a plain order book, written here with lists alone; it takes the gate as a function."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.records import BLAMES_SINK, MOVES_SINK, MOVES_SOURCE, NOWHERE, Orders, Side
from marketsim.market.double_auction import DoubleAuction
from marketsim.testing.engine_kit import orders_of, tariffs_of
from marketsim.testing.gates_kernel import fickle_gate

N_STREAMS, N_AGENTS, PASSES = 10_000, 6, 3
EXTREMES = (-(2**63), -(2**63) + 1, -1, 0, 1, 2**62, 2**63 - 2, 2**63 - 1)


class PlainBook:
    """One market. Every step searches a list of all orders; nothing is sorted or indexed beforehand."""

    def __init__(self, columns, rows, admit, midpoint, charge):
        self.rows, self.admit, self.midpoint, self.charge = rows, admit, midpoint, charge
        self.agent, self.end, self.buys, self.limit, self.left, self.firm = columns
        self.resting, self.parked = [], []
        self.trades, self.refusals = [], []

    def run(self):
        self.arrive(self.rows)
        for _ in range(PASSES):
            waiting, self.parked = sorted(self.parked), []
            n_trades = len(self.trades)
            self.arrive(waiting)
            if len(self.trades) == n_trades:
                break
        return self.trades, self.kept()

    def arrive(self, rows):
        for row in rows:
            while self.left[row] and row not in self.parked:
                other = self.best_for(row)
                if other is None:
                    break
                self.meet(row, other)
            if self.left[row] and row not in self.parked:
                self.resting.append(row)

    def cost(self, buy, sell):
        return 0 if self.charge is None else int(self.charge[self.end[buy], self.end[sell]])

    def best_for(self, row):
        best = None
        for other in self.resting:
            if self.buys[other] == self.buys[row] or self.agent[other] == self.agent[row]:
                continue
            buy, sell = (row, other) if self.buys[row] else (other, row)
            gain = self.limit[buy] - self.cost(buy, sell) - self.limit[sell]
            if gain >= 0 and (best is None or (-gain, other) < best):
                best = (-gain, other)
        return None if best is None else best[1]

    def meet(self, row, other):
        buy, sell = (row, other) if self.buys[row] else (other, row)
        bid = self.limit[buy] - self.cost(buy, sell)
        price = (bid + self.limit[sell]) // 2 if self.midpoint else bid if other == buy else self.limit[sell]
        wanted = min(self.left[buy], self.left[sell])
        while wanted:
            leg = min(amount for amount in (wanted, self.firm[buy], self.firm[sell]) if amount)
            source = self.end[sell] if self.firm[sell] == 0 else NOWHERE
            sink = self.end[buy] if self.firm[buy] == 0 else NOWHERE
            got, code, element = (leg, 0, -1) if source == sink == NOWHERE else self.admit(source, sink, leg)
            if got:
                moves = (MOVES_SOURCE if source >= 0 else 0) + (MOVES_SINK if sink >= 0 else 0)
                self.trades.append((buy, sell, got, price, moves))
                wanted -= got
                for order in (buy, sell):
                    self.left[order] -= got
                    self.firm[order] -= min(self.firm[order], got)
            if got < leg:
                parked = buy if code >= BLAMES_SINK else sell
                self.refusals.append((parked, buy, sell, wanted, code % BLAMES_SINK, element))
                self.parked.append(parked)
                break
        if other in self.resting and (self.left[other] == 0 or other in self.parked):
            self.resting.remove(other)

    def kept(self):
        last = {refusal[0]: place for place, refusal in enumerate(self.refusals)}
        rows = [
            (*r[1:3], min(r[3], self.left[r[0]]), *r[4:], int(Side.BUY if self.buys[r[0]] else Side.SELL))
            for p, r in enumerate(self.refusals)
            if last[r[0]] == p
        ]
        return [row for row in rows if row[2] > 0]


def streams(seed, prices, n_streams=N_STREAMS):
    """One stream a market: ties, own orders, partial fills, firm legs, empty orders."""
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 15, n_streams)
    market = np.repeat(np.arange(n_streams), n)
    energy = rng.integers(0, 9, len(market))
    rows = zip(
        rng.integers(0, N_AGENTS, len(market)).tolist(),
        rng.choice((1, -1), len(market)).tolist(),
        rng.choice(prices, len(market)).tolist(),
        energy.tolist(),
        np.where(rng.random(len(market)) < 0.6, 0, rng.integers(0, energy + 1)).tolist(),
        strict=True,
    )
    return orders_of(list(rows), market.tolist())


def plain(orders: Orders, gate, midpoint=False, charges=None):
    ends, energy = (orders.agent.tolist(), orders.connection.tolist()), orders.energy_wh.tolist()
    buys = (orders.side == Side.BUY).tolist()
    columns = (*ends, buys, orders.price_ticks.tolist(), energy, orders.firm_wh.tolist())
    trades, rejects = [], []
    for first, last in pairwise(np.flatnonzero(np.diff(orders.market, prepend=-1, append=-2)).tolist()):
        market = int(orders.market[first])
        charge = None if charges is None else charges[market]
        book = PlainBook(columns, range(first, last), lambda *ask, m=market: gate.admit(m, *ask), midpoint, charge)
        done, refused = book.run()
        trades += done
        rejects += refused
    return trades, rejects


def rows_of(trades, rejects):
    columns = (trades.buy_order, trades.sell_order, trades.energy_wh, trades.price_ticks, trades.moves)
    return tuple(list(zip(*(c.tolist() for c in table), strict=True)) for table in (columns, rejects))


@pytest.mark.parametrize("midpoint", [False, True])
@pytest.mark.parametrize("prices", [range(4), EXTREMES], ids=["ties", "extremes"])
def test_ten_thousand_streams_without_a_grid(prices, midpoint):
    orders = streams(1, prices)
    found = DoubleAuction(midpoint).match(orders, FreeGate(N_STREAMS), tariffs_of(N_STREAMS))
    assert rows_of(*found) == plain(orders, FreeGate(N_STREAMS), midpoint)


@pytest.mark.parametrize("seed", [2, 3])
def test_ten_thousand_streams_with_a_gate_that_refuses_at_random_partly_and_by_pair(seed):
    orders, gate = streams(seed, range(4)), fickle_gate(N_STREAMS, N_AGENTS, seed=seed)
    found = DoubleAuction(retry_passes=PASSES).match(orders, gate, tariffs_of(N_STREAMS))
    assert rows_of(*found) == plain(orders, fickle_gate(N_STREAMS, N_AGENTS, seed=seed))
    assert gate.short_calls > N_STREAMS  # the gate did refuse


def test_streams_with_a_gate_in_plain_python():
    orders = streams(4, range(4), 1_000)
    found = DoubleAuction().match(orders, fickle_gate(1_000, N_AGENTS, compiled=False), tariffs_of(1_000))
    assert rows_of(*found) == plain(orders, fickle_gate(1_000, N_AGENTS))


@pytest.mark.parametrize("compiled", [True, False])
def test_streams_with_charges_between_pairs(compiled):
    charges = np.random.default_rng(5).integers(-1, 4, (1_000, N_AGENTS, N_AGENTS))
    orders = streams(5, range(8), 1_000)
    gate = fickle_gate(1_000, N_AGENTS, compiled)
    trades, rejects = DoubleAuction().match(orders, gate, tariffs_of(1_000), charges)
    assert rows_of(trades, rejects) == plain(orders, fickle_gate(1_000, N_AGENTS), charges=charges)
    ends = orders.market[trades.buy_order], orders.connection[trades.buy_order], orders.connection[trades.sell_order]
    assert (trades.buyer_ticks == trades.price_ticks + charges[ends]).all()


@pytest.mark.parametrize("n_prices", [1, 50, 5_000])
def test_a_deep_book(n_prices):
    """Sorting and search work the same for one price level, for many, and for a book of thousands of words."""
    rng = np.random.default_rng(n_prices)
    n = 5_000
    table = (np.arange(n), rng.choice((1, -1), n), rng.integers(0, n_prices, n), rng.integers(1, 9, n))
    orders = orders_of(list(zip(*(column.tolist() for column in table), strict=True)))
    compiled, same = (DoubleAuction().match(orders, gate, tariffs_of()) for gate in (FreeGate(1), _Plainly()))
    assert rows_of(*compiled) == rows_of(*same)


class _Plainly:
    kernel = None

    def admit(self, market, source, sink, wh):
        return wh, 0, -1


def test_gate_calls_are_at_most_trades_plus_refusals():
    orders, gate = streams(6, range(4), 1_000), fickle_gate(1_000, N_AGENTS)
    trades, _ = DoubleAuction().match(orders, gate, tariffs_of(1_000))
    assert gate.calls <= trades.size + gate.short_calls
    assert gate.calls >= np.count_nonzero(trades.moves)
