"""The continuous double auction against a plain order book on ``heapq``."""

from __future__ import annotations

import heapq

import numpy as np

from marketsim.analysis.bench.rows import BenchFailed, BenchRow, median_s
from marketsim.core.arrays import IntArray
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.records import Orders, Side, Tariffs
from marketsim.market.double_auction import DoubleAuction

N_ORDERS, SEED = 100_000, 1
TARIFFS = Tariffs(np.array([300_000]), np.array([80_000]), None)


def random_orders(n_orders: int, seed: int) -> Orders:
    """Half bids, half asks, uniform prices and quantities, each of another agent."""
    rng = np.random.default_rng(seed)
    every = np.arange(n_orders)
    zero = np.zeros(n_orders, dtype=np.int64)
    price = rng.integers(80_000, 300_001, n_orders)
    return Orders(
        market=zero,
        agent=every,
        connection=every,
        side=np.where(rng.random(n_orders) < 0.5, int(Side.BUY), int(Side.SELL)),
        price_ticks=price,
        energy_wh=rng.integers(1, 2_000, n_orders),
        firm_wh=zero,
        component=zero - 1,
        fallback=zero,
        limit_ticks=price,
    )


def heapq_book(side: list[int], price: list[int], energy: list[int]) -> list[tuple[int, int, int, int]]:
    """The plain order book: (buy, sell, Wh, price) of each trade; no gate, no self-trade rule."""
    bids: list[tuple[int, int]] = []
    asks: list[tuple[int, int]] = []
    left = list(energy)
    trades = []
    for order, limit in enumerate(price):
        buying = side[order] > 0
        book = asks if buying else bids
        while left[order] and book and (book[0][0] <= limit if buying else -book[0][0] >= limit):
            other = book[0][1]
            quantity = min(left[order], left[other])
            trades.append((order, other, quantity, price[other]) if buying else (other, order, quantity, price[other]))
            left[order] -= quantity
            left[other] -= quantity
            if not left[other]:
                heapq.heappop(book)
        if left[order]:
            heapq.heappush(bids if buying else asks, (-limit if buying else limit, order))
    return trades


def _check(found: IntArray, plain: list[tuple[int, int, int, int]]) -> None:
    if not np.array_equal(found, np.array(plain, dtype=np.int64)):
        raise BenchFailed("the auction and the plain book trade differently")


def rows() -> list[BenchRow]:
    """Ratios of the kernel and of the public engine call to the plain book."""
    orders = random_orders(N_ORDERS, SEED)
    lists = (orders.side.tolist(), orders.price_ticks.tolist(), orders.energy_wh.tolist())
    gate, engine = FreeGate(1), DoubleAuction()
    trades, _ = engine.match(orders, gate, TARIFFS)
    columns = (trades.buy_order, trades.sell_order, trades.energy_wh, trades.price_ticks)
    _check(np.stack(columns, axis=1), heapq_book(*lists))
    plain_s = median_s(lambda: heapq_book(*lists))
    kernel_s = median_s(lambda: engine.match_tables(orders, gate))
    engine_s = median_s(lambda: engine.match(orders, gate, TARIFFS))

    def detail(taken_s: float) -> str:
        rates = f"{N_ORDERS / taken_s / 1e6:.1f}M orders/s, plain {N_ORDERS / plain_s / 1e6:.2f}M orders/s"
        return f"{N_ORDERS:,} orders, seed {SEED}: {rates}"

    return [
        BenchRow("double auction kernel vs heapq book", plain_s / kernel_s, "x", 15, 20, True, detail(kernel_s)),
        BenchRow("double auction, records in and out", plain_s / engine_s, "x", 8, 15, True, detail(engine_s)),
    ]
