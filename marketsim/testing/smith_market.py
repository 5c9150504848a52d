"""Smith's induced-value market: unit traders with given values and costs, in rounds, for statistical tests.

Smith (1962): An experimental study of competitive market behavior, Journal of Political Economy 70(2), 111-137,
doi 10.1086/258609. A day is a slot: everybody may trade one unit, in as many rounds as there are, and starts afresh the
next day. Buyers are agents with a curtailable load worth their value, sellers agents with a generator at their
cost, so that the strategies under test run as they do in any simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.ports import Engine, RevisingStrategy, Strategy
from marketsim.core.records import Observations, OrderBatch, Orders, Side, Tariffs
from marketsim.core.rng import uniforms
from marketsim.core.units import TICKS_PER_CURRENCY
from marketsim.testing.strategy_kit import FEED_IN, RETAIL, observed, priced, quotes_of, reach, strategy_context

UNIT_WH = 1_000


class Day(NamedTuple):
    """Trades of one day, in order of execution."""

    gain: FloatArray
    """Value less cost of each trade [currency]."""
    price: FloatArray
    """[currency/kWh]."""


class SmithMarket:
    """Traders with ``values`` and ``costs`` [currency/kWh] within the tariffs, and the strategy under test."""

    def __init__(
        self,
        values: Sequence[float],
        costs: Sequence[float],
        build: Callable[[Any, BuildContext], Strategy],
        params: Any,
        engine: Engine,
        seed: int,
    ) -> None:
        self._limits = np.array([*values, *costs])
        buyers = [{"curtailable_load": priced(value)} for value in values]
        sellers = [{"generator": priced(cost)} for cost in costs]
        self._context = strategy_context([*buyers, *sellers], (seed,), slots=96)
        self._strategy, self._engine = build(params, self._context), engine
        buys = np.arange(len(self._limits)) < len(values)
        nothing = np.zeros(len(buys), dtype=np.int64)
        self._ranges = (
            reach(np.where(buys, -UNIT_WH, 0), nothing, nothing),
            reach(nothing, nothing, np.where(buys, 0, UNIT_WH)),
        )

    @property
    def most_gain(self) -> float:
        """The largest sum of gains: best value with least cost, and so on while it pays."""
        n_buyers = int(np.count_nonzero(self._ranges[0].lo_wh))
        values, costs = np.sort(self._limits[:n_buyers])[::-1], np.sort(self._limits[n_buyers:])
        n = min(len(values), len(costs))
        return float(np.maximum(values[:n] - costs[:n], 0.0).sum())

    def day(self, day: int, rounds: int) -> Day:
        """One day of ``rounds`` rounds."""
        nothing = np.zeros(len(self._limits), dtype=np.int64)
        seen = observed(self._context, nothing, nothing, self._ranges, slot=day)
        batch = self._strategy.decide(seen).orders
        open_wh, gains, prices = batch.energy_wh.copy(), [np.zeros(0)], [np.zeros(0)]
        for round_ in range(rounds):
            arrival = self._arrival(batch, day, round_)
            standing = arrival[open_wh[arrival] > 0]
            pairs, ticks = self._trade(batch, open_wh, standing)
            gains.append(self._limits[batch.agent[pairs[0]]] - self._limits[batch.agent[pairs[1]]])
            prices.append(ticks / TICKS_PER_CURRENCY)
            batch = self._revised(seen, batch, open_wh, arrival, ticks, round_ + 1)
        return Day(np.concatenate(gains), np.concatenate(prices))

    def _arrival(self, batch: OrderBatch, day: int, round_: int) -> IntArray:
        keys = self._context.streams.keys("arrival", day, round_)
        return np.argsort(uniforms(keys, batch.agent), kind="stable")

    def _trade(self, batch: OrderBatch, open_wh: IntArray, standing: IntArray) -> tuple[IntArray, IntArray]:
        """Match the orders ``standing`` and take what is traded from ``open_wh``: (buy, sell) rows, and prices."""
        agent, price, zero = batch.agent[standing], batch.price_ticks[standing], np.zeros_like(standing)
        side, component, fallback = batch.side[standing], batch.component[standing], batch.fallback[standing]
        orders = Orders(zero, agent, agent, side, price, open_wh[standing], zero, component, fallback, price)
        tariffs = Tariffs(np.array([RETAIL]), np.array([FEED_IN]), None)
        trades, _ = self._engine.match(orders, FreeGate(1), tariffs)
        pairs = standing[np.stack((trades.buy_order, trades.sell_order))]
        for row in pairs:
            np.subtract.at(open_wh, row, trades.energy_wh)
        return pairs, trades.price_ticks

    def _revised(
        self, seen: Observations, batch: OrderBatch, open_wh: IntArray, arrival: IntArray, ticks: IntArray, round_: int
    ) -> OrderBatch:
        if not isinstance(self._strategy, RevisingStrategy):
            return batch
        quotes = quotes_of(
            self._context,
            batch,
            arrival,
            round_=round_,
            slot=seen.time.slot,
            open_wh=open_wh[arrival],
            trade_market=np.zeros_like(ticks),
            trade_price_ticks=ticks,
            best_bid_ticks=_best(batch, open_wh, Side.BUY),
            best_ask_ticks=_best(batch, open_wh, Side.SELL),
        )
        price = batch.price_ticks.copy()
        price[arrival] = self._strategy.revise(seen, quotes)
        return batch._replace(price_ticks=price)


def symmetric(n: int, low: float = 0.09, high: float = 0.29) -> tuple[FloatArray, FloatArray]:
    """Values and costs of ``n`` buyers and sellers, evenly from ``low`` to ``high``: equilibrium half-way."""
    steps = np.linspace(low, high, n)
    return steps[::-1].copy(), steps


def _best(batch: OrderBatch, open_wh: IntArray, side: Side) -> IntArray:
    standing = batch.price_ticks[(batch.side == side) & (open_wh > 0)]
    return np.array([-1 if not standing.size else int((standing * int(side)).max()) * int(side)])
