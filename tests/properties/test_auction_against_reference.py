"""The auction against a plain order book, written here with lists alone; it takes the gate as a function."""

from __future__ import annotations

from fractions import Fraction
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
    """One market. Every step searches a list of all parts of orders; nothing is sorted or indexed beforehand."""

    def __init__(self, columns, rows, admit, midpoint, charge, tranches=1, share=False):
        agent, end, buys, limit, energy, self.firm = columns
        self.admit, self.midpoint, self.charge, self.share = admit, midpoint, charge, share
        self.of = [row for turn in range(tranches) for row in rows if energy[row] > turn or tranches == 1]
        turns = [turn for turn in range(tranches) for row in rows if energy[row] > turn or tranches == 1]
        self.left = [(energy[row] + tranches - 1 - turn) // tranches for row, turn in zip(self.of, turns, strict=True)]
        self.agent, self.end, self.buys, self.limit = ([c[row] for row in self.of] for c in (agent, end, buys, limit))
        self.resting, self.parked = [], []
        self.trades, self.refusals = [], []

    def run(self):
        self.arrive(range(len(self.of)))
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
                others = self.best_for(row)
                if not others:
                    break
                for other, wanted in self.dealt(row, others):
                    if row not in self.parked:
                        self.meet(row, other, wanted)
            if self.left[row] and row not in self.parked:
                self.resting.append(row)

    def dealt(self, row, others):
        """Who gets how much: the earliest what it can take; or all in proportion, rest by rest to whoever is furthest behind."""
        if not self.share:
            return [(others[0], min(self.left[row], self.left[others[0]]))]
        total = sum(self.left[other] for other in others)
        given = {other: Fraction(min(self.left[row], total) * self.left[other], total) for other in others}
        whole = {other: int(exact) for other, exact in given.items()}
        while sum(whole.values()) < min(self.left[row], total):
            whole[max(others, key=lambda other: (given[other] - whole[other], -other))] += 1
        return [(other, whole[other]) for other in others if whole[other]]

    def cost(self, buy, sell):
        return 0 if self.charge is None else int(self.charge[self.end[buy], self.end[sell]])

    def best_for(self, row):
        """All who leave most between the prices, in order of arrival."""
        best = {}
        for other in self.resting:
            if self.buys[other] == self.buys[row] or self.agent[other] == self.agent[row]:
                continue
            buy, sell = (row, other) if self.buys[row] else (other, row)
            gain = self.limit[buy] - self.cost(buy, sell) - self.limit[sell]
            if gain >= 0:
                best.setdefault(gain, []).append(other)
        return sorted(best[max(best)]) if best else []

    def meet(self, row, other, wanted):
        buy, sell = (row, other) if self.buys[row] else (other, row)
        bought, sold = self.of[buy], self.of[sell]
        bid = self.limit[buy] - self.cost(buy, sell)
        price = (bid + self.limit[sell]) // 2 if self.midpoint else bid if other == buy else self.limit[sell]
        while wanted:
            leg = min(amount for amount in (wanted, self.firm[bought], self.firm[sold]) if amount)
            source = self.end[sell] if self.firm[sold] == 0 else NOWHERE
            sink = self.end[buy] if self.firm[bought] == 0 else NOWHERE
            got, code, element = (leg, 0, -1) if source == sink == NOWHERE else self.admit(source, sink, leg)
            if got:
                moves = (MOVES_SOURCE if source >= 0 else 0) + (MOVES_SINK if sink >= 0 else 0)
                self.trades.append((bought, sold, got, price, moves))
                wanted -= got
                for part in (buy, sell):
                    self.left[part] -= got
                    self.firm[self.of[part]] -= min(self.firm[self.of[part]], got)
            if got < leg:
                parked = buy if code >= BLAMES_SINK else sell
                self.refusals.append((parked, buy, sell, wanted, code % BLAMES_SINK, element))
                self.parked.append(parked)
                break
        if other in self.resting and (self.left[other] == 0 or other in self.parked):
            self.resting.remove(other)

    def kept(self):
        """The last refusal of each part as far as it is open; added up by order, at the place of the order's last."""
        last = {refusal[0]: place for place, refusal in enumerate(self.refusals)}
        rows = {}
        for place, (part, buy, sell, wanted, reason, element) in enumerate(self.refusals):
            energy = min(wanted, self.left[part])
            if last[part] == place and energy:
                before = rows.pop(self.of[part], [0, 0, 0])[2]
                side = int(Side.BUY if self.buys[part] else Side.SELL)
                rows[self.of[part]] = (self.of[buy], self.of[sell], before + energy, reason, element, side)
        return list(rows.values())


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


def plain(orders: Orders, gate, midpoint=False, charges=None, **ways):
    ends, energy = (orders.agent.tolist(), orders.connection.tolist()), orders.energy_wh.tolist()
    buys = (orders.side == Side.BUY).tolist()
    columns = (*ends, buys, orders.price_ticks.tolist(), energy, orders.firm_wh.tolist())
    trades, rejects = [], []
    for first, last in pairwise(np.flatnonzero(np.diff(orders.market, prepend=-1, append=-2)).tolist()):
        market = int(orders.market[first])
        charge = None if charges is None else charges[market]
        admit = lambda *ask, m=market: gate.admit(m, *ask)  # noqa: E731
        book = PlainBook(columns, range(first, last), admit, midpoint, charge, **ways)
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


WAYS = [(1, True), (2, False), (3, True), (5, False), (20, True)]


@pytest.mark.parametrize(("tranches", "share"), WAYS)
@pytest.mark.parametrize("compiled", [True, False])
def test_streams_in_tranches_and_shared_with_a_gate_that_refuses(tranches, share, compiled):
    n = 2_000
    orders, gate = streams(7 + tranches, range(3), n), fickle_gate(n, N_AGENTS, compiled=compiled, seed=9)
    found = DoubleAuction(True, tranches=tranches, pro_rata=share).match(orders, gate, tariffs_of(n))
    expected = plain(orders, fickle_gate(n, N_AGENTS, seed=9), True, tranches=tranches, share=share)
    assert rows_of(*found) == expected
    assert gate.short_calls > n / 10


@pytest.mark.parametrize(("tranches", "share"), WAYS)
@pytest.mark.parametrize("compiled", [True, False])
def test_streams_in_tranches_and_shared_with_charges_between_pairs(tranches, share, compiled):
    n = 1_000
    charges = np.random.default_rng(5).integers(-1, 4, (n, N_AGENTS, N_AGENTS))
    orders, gate = streams(5, range(8), n), fickle_gate(n, N_AGENTS, compiled)
    found = DoubleAuction(tranches=tranches, pro_rata=share).match(orders, gate, tariffs_of(n), charges)
    assert rows_of(*found) == plain(orders, fickle_gate(n, N_AGENTS), charges=charges, tranches=tranches, share=share)


def test_one_tranche_is_the_order_whole():
    orders = streams(8, range(4), 1_000)
    gates = fickle_gate(1_000, N_AGENTS), fickle_gate(1_000, N_AGENTS)
    today, one = (
        rows_of(*engine.match(orders, gate, tariffs_of(1_000)))
        for engine, gate in zip((DoubleAuction(), DoubleAuction(tranches=1)), gates, strict=True)
    )
    assert today == one
