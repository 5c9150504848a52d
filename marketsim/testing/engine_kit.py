"""Contract kit for engines: inherit, give the engine, get the contract tested.

::

    class TestMyEngine(EngineContract):
        engine = my_engine.build(MyParams())

Plain asserts; a test runner collects the ``test_`` methods.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.ports import Engine, Gate
from marketsim.core.records import FIRM, MOVES_SINK, MOVES_SOURCE, PV, Fallback, Orders, Rejects, Side, Tariffs, Trades
from marketsim.testing.gates_kernel import KitGate, fickle_gate

RETAIL, FEED_IN = 300_000, 80_000
QuoteRow = tuple[int, int, int, int] | tuple[int, int, int, int, int]
"""agent, side, price_ticks, energy_wh, and firm_wh where it is not 0."""


def orders_of(rows: Sequence[QuoteRow], market: Sequence[int] | None = None) -> Orders:
    """Orders from rows of plain numbers; an agent's connection is its number."""
    table = np.array([(*row, 0)[:5] for row in rows], dtype=np.int64).reshape(-1, 5)
    agent, side, price, energy, firm = (np.ascontiguousarray(column) for column in table.T)
    return Orders(
        market=np.zeros(len(table), dtype=np.int64) if market is None else np.asarray(market, dtype=np.int64),
        agent=agent,
        connection=agent,
        side=side,
        price_ticks=price,
        energy_wh=energy,
        firm_wh=firm,
        component=np.where(firm > 0, FIRM, PV),
        fallback=np.full(len(table), int(Fallback.KEEP)),
        limit_ticks=price,
    )


def tariffs_of(n_markets: int = 1, retail_ticks: int = RETAIL, feed_in_ticks: int = FEED_IN) -> Tariffs:
    """The same tariffs in every market."""
    return Tariffs(np.full(n_markets, retail_ticks), np.full(n_markets, feed_in_ticks), None)


def random_orders(seed: int, n_orders: int = 400, n_markets: int = 20, n_agents: int = 7) -> Orders:
    """Orders with many ties, own orders on both sides, firm legs and empty ones; few agents a market.

    Agents are numbered within their market, as connections are, so that each market looks the same alone.
    """
    rng = np.random.default_rng(seed)
    agent = rng.integers(0, n_agents, n_orders)
    energy = rng.integers(0, 9, n_orders) * rng.choice((1, 100), n_orders)
    firm = np.where(rng.random(n_orders) < 0.5, 0, rng.integers(0, energy + 1))
    price = FEED_IN + rng.integers(0, 12, n_orders) * 20_000
    rows = zip(*(c.tolist() for c in (agent, rng.choice((1, -1), n_orders), price, energy, firm)), strict=True)
    return orders_of(list(rows), np.sort(rng.integers(0, n_markets, n_orders)).tolist())


def filled(orders: Orders, trades: Trades) -> IntArray:
    """Traded energy of each order [n_orders]."""
    total = np.zeros(orders.size, dtype=np.int64)
    np.add.at(total, trades.buy_order, trades.energy_wh)
    np.add.at(total, trades.sell_order, trades.energy_wh)
    return total


def moved(orders: Orders, trades: Trades, n_markets: int, n_connections: int) -> IntArray:
    """Net energy that trades moved at each connection [n_markets, n_connections]."""
    net = np.zeros((n_markets, n_connections), dtype=np.int64)
    for order, bit, sign in ((trades.sell_order, MOVES_SOURCE, 1), (trades.buy_order, MOVES_SINK, -1)):
        row = (trades.moves & bit) > 0
        np.add.at(net, (orders.market[order][row], orders.connection[order][row]), sign * trades.energy_wh[row])
    return net


class EngineContract:
    """What every engine keeps to."""

    engine: Engine
    n_markets = 20
    n_agents = 7

    def run(self, orders: Orders, gate: Gate | None = None) -> tuple[Trades, Rejects]:
        """The engine under test, without a grid by default."""
        return self.engine.match(orders, gate or FreeGate(self.n_markets), tariffs_of(self.n_markets))

    def gates(self, seed: int) -> tuple[Gate, KitGate, KitGate]:
        """No grid, a fickle one compiled and the same in plain Python."""
        compiled, plain = (fickle_gate(self.n_markets, self.n_agents, kind, seed) for kind in (True, False))
        return FreeGate(self.n_markets), compiled, plain

    def runs(self) -> Iterator[tuple[Orders, Trades, Rejects]]:
        """Random orders through each of the gates: the orders, and what came of them."""
        for seed in range(5):
            orders = random_orders(seed)
            for gate in self.gates(seed):
                yield orders, *self.run(orders, gate)

    def test_who_trades_with_whom(self) -> None:
        """A trade joins a bid and an ask of one market and of two different agents."""
        for orders, trades, _ in self.runs():
            buy, sell = trades.buy_order, trades.sell_order
            assert (orders.side[buy] == Side.BUY).all()
            assert (orders.side[sell] == Side.SELL).all()
            assert (orders.market[buy] == orders.market[sell]).all()
            assert (orders.agent[buy] != orders.agent[sell]).all()

    def test_limits_hold(self) -> None:
        """Nobody pays more or gets less than its limit, and the operator pays nothing."""
        for orders, trades, _ in self.runs():
            assert (trades.buyer_ticks <= orders.price_ticks[trades.buy_order]).all()
            assert (trades.seller_ticks >= orders.price_ticks[trades.sell_order]).all()
            assert (trades.buyer_ticks >= trades.seller_ticks).all()

    def test_energy_is_bounded(self) -> None:
        """No order trades more than its energy, and no row is empty."""
        for orders, trades, _ in self.runs():
            assert (trades.energy_wh > 0).all()
            assert (filled(orders, trades) <= orders.energy_wh).all()

    def test_gate_and_trades_agree(self) -> None:
        """What the gate committed is what trades moved."""
        for seed in range(5):
            orders = random_orders(seed)
            for gate in self.gates(seed)[1:]:
                trades, _ = self.run(orders, gate)
                assert (gate.net_wh == moved(orders, trades, self.n_markets, self.n_agents)).all()

    def test_firm_energy_first(self) -> None:
        """Firm energy fills first and moves nothing."""
        for seed in range(5):
            orders = random_orders(seed)
            trades, _ = self.run(orders, fickle_gate(self.n_markets, self.n_agents, seed=seed))
            for order, bit in ((trades.sell_order, MOVES_SOURCE), (trades.buy_order, MOVES_SINK)):
                still = np.zeros(orders.size, dtype=np.int64)
                np.add.at(still, order, np.where(trades.moves & bit, 0, trades.energy_wh))
                total = np.zeros(orders.size, dtype=np.int64)
                np.add.at(total, order, trades.energy_wh)
                assert (still == np.minimum(total, orders.firm_wh)).all()

    def test_rejects_are_true(self) -> None:
        """Rejected energy is open at the end and has a reason."""
        for orders, trades, rejects in self.runs():
            left = np.append(orders.energy_wh - filled(orders, trades), 0)
            assert (rejects.energy_wh > 0).all()
            assert (rejects.energy_wh <= np.maximum(left[rejects.buy_order], left[rejects.sell_order])).all()
            assert (rejects.reason > 0).all()

    def test_free_gate_rejects_nothing(self) -> None:
        """Where the gate admits everything, nothing is rejected."""
        assert self.run(random_orders(1))[1].size == 0

    def test_plain_gate_equals_compiled(self) -> None:
        """A gate gives the same trades and rejects, compiled or in plain Python."""
        for seed in range(5):
            orders = random_orders(seed)
            _, compiled, plain = self.gates(seed)
            for one, other in zip(self.run(orders, compiled), self.run(orders, plain), strict=True):
                assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))

    def test_batch_equals_alone(self) -> None:
        """A market in a batch equals the market alone."""
        orders = random_orders(3)
        trades, _ = self.run(orders)
        for market in np.unique(orders.market):
            here = np.flatnonzero(orders.market == market)
            alone, _ = self.run(Orders(*(column[here] for column in orders)))
            rows = orders.market[trades.buy_order] == market
            assert np.array_equal(here[alone.buy_order], trades.buy_order[rows])
            assert np.array_equal(here[alone.sell_order], trades.sell_order[rows])
            assert np.array_equal(alone.energy_wh, trades.energy_wh[rows])
            assert np.array_equal(alone.buyer_ticks, trades.buyer_ticks[rows])

    def test_orders_are_left_alone(self) -> None:
        """Orders may be read-only, and are as they were afterwards."""
        orders = random_orders(4)
        kept = Orders(*(column.copy() for column in orders))
        for column in orders:
            column.flags.writeable = False
        self.run(orders)
        assert all(np.array_equal(a, b) for a, b in zip(orders, kept, strict=True))

    def test_no_orders(self) -> None:
        """No orders, no trades."""
        trades, rejects = self.run(orders_of([]))
        assert trades.size == rejects.size == 0

    def test_one_side_alone(self) -> None:
        """One side alone, or without energy, does not trade."""
        for rows in ([(0, 1, RETAIL, 5)], [(0, -1, FEED_IN, 5)], [(0, 1, RETAIL, 0), (1, -1, FEED_IN, 5)]):
            assert self.run(orders_of(rows))[0].size == 0

    def test_agent_alone(self) -> None:
        """An agent alone with itself does not trade."""
        rows = [(0, side, price, 5) for price in (FEED_IN, RETAIL) for side in (1, -1)]
        assert self.run(orders_of(rows))[0].size == 0
