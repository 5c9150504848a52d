"""Zero intelligence plus: traders that learn a margin from what others shout.

Cliff (1997): Minimal-intelligence agents for bargaining behaviors in market-based environments, HP Laboratories
HPL-97-91. Three things differ, all since a slot's market is not Smith's:

- margins count in units of the spread retail - feed-in, price = value +- margin x spread, and so does the absolute
  step (0.05): Cliff's margin is relative to the value, which may be zero or negative here;
- a round, not a shout, is the unit of time: the traders see the trades of the last round, then the best bid and the
  best ask that met nobody. Who shouted the price of a trade is not public, so a trade counts for both sides;
- each component of an agent (firm demand, PV, a device) keeps its own margin.
"""

from __future__ import annotations

import numpy as np

from marketsim.agents.params import ZipParams
from marketsim.agents.strategies.assemble import assemble
from marketsim.agents.strategies.orders import Legs
from marketsim.agents.strategies.zip_kernel import ASK_OPEN, BID_OPEN, MOMENTUM, TRADED, learn
from marketsim.core.arrays import FloatArray, IntArray, KeyArray
from marketsim.core.build import BuildContext
from marketsim.core.ports import Strategy
from marketsim.core.records import NO_PRICE_TICKS, Observations, Quotes, Side
from marketsim.core.rng import mix, uniforms

TAPE = 64
"""Trades of a round, its last ones, that a trader listens to."""


class ZeroIntelligencePlus:
    """Margins of every agent, side and component, kept from slot to slot.

    Sees nothing beyond the tariffs when a slot opens; in each round the public tape, the best open quotes and its own
    orders.
    """

    sees: tuple[str, ...] = ()

    def __init__(self, params: ZipParams, keys: KeyArray, n_fleets: int) -> None:
        self._params = params
        shape = (2, n_fleets + 2, len(keys))
        counters = 2 + np.arange(shape[0] * shape[1]).reshape(*shape[:2], 1)
        self._margin = _between(params.initial_margin, uniforms(keys, counters))
        self._momentum = np.zeros(shape)
        self._rate = _between(params.learning_rate, uniforms(keys, 0))
        self._inertia = _between(params.momentum, uniforms(keys, 1))

    def choose(self, seen: Observations, legs: Legs) -> tuple[Legs, IntArray]:
        """All legs at their margins."""
        return legs, _ticks(legs, self._prices(seen, legs))

    def again(self, seen: Observations, legs: Legs, quotes: Quotes) -> IntArray:
        """All legs at the margins learnt from the last round."""
        cell, spread = _cell(legs), _spread(seen, legs)
        price = self._prices(seen, legs)
        memory = np.stack((self._rate[legs.agent], self._inertia[legs.agent], self._momentum[cell]))
        active = (quotes.open_wh > 0).astype(np.int64)
        limits = np.sort(np.stack((legs.value_ticks, legs.bound_ticks)), axis=0).astype(np.float64)
        learn(
            quotes.market, legs.side, active, price, limits, memory, self._steps(legs, quotes, spread), *_shouts(quotes)
        )
        self._momentum[cell] = memory[MOMENTUM]
        away = np.abs(price - legs.value_ticks)
        self._margin[cell] = np.divide(away, spread, out=self._margin[cell], where=spread > 0)
        return _ticks(legs, price)

    def _prices(self, seen: Observations, legs: Legs) -> FloatArray:
        """Price of each leg [ticks], at most at its bound."""
        room = (legs.bound_ticks - legs.value_ticks).astype(np.float64)
        step = self._margin[_cell(legs)] * _spread(seen, legs)
        return np.asarray(legs.value_ticks + np.sign(room) * np.minimum(step, np.abs(room)))

    def _steps(self, legs: Legs, quotes: Quotes, spread: FloatArray) -> FloatArray:
        """Relative and absolute distance of this round's targets from what is shouted [2, n]."""
        first, second = (uniforms(quotes.keys, 2 * _place(legs) + draw) for draw in (0, 1))
        return np.stack((self._params.relative_step * first, self._params.absolute_step * spread * second))


def _between(bounds: tuple[float, float], uniform: FloatArray) -> FloatArray:
    return bounds[0] + (bounds[1] - bounds[0]) * uniform


def _cell(legs: Legs) -> tuple[IntArray, IntArray, IntArray]:
    """Where the margin of each leg is kept."""
    return (legs.side > 0).astype(np.int64), legs.component + 2, legs.agent


def _place(legs: Legs) -> IntArray:
    """A number for the leg among those of its agent, whatever else is offered."""
    return 2 * (legs.component + 2) + (legs.side > 0)


def _spread(seen: Observations, legs: Legs) -> FloatArray:
    return (seen.retail_ticks - seen.feed_in_ticks)[legs.agent].astype(np.float64)


def _ticks(legs: Legs, price: FloatArray) -> IntArray:
    """Whole ticks on the owner's side of the price."""
    return np.where(legs.side == Side.BUY, np.floor(price), np.ceil(price)).astype(np.int64)


def _shouts(quotes: Quotes) -> tuple[IntArray, FloatArray, IntArray]:
    """Market, price and kind of what was heard in the last round: trades, then the best bids, then the best asks."""
    by_market = np.argsort(quotes.trade_market, kind="stable")
    market = quotes.trade_market[by_market]
    from_end = np.searchsorted(market, market, side="right") - np.arange(len(market))
    heard = by_market[from_end <= TAPE]
    bids, asks = (np.flatnonzero(best != NO_PRICE_TICKS) for best in (quotes.best_bid_ticks, quotes.best_ask_ticks))
    prices = (quotes.trade_price_ticks[heard], quotes.best_bid_ticks[bids], quotes.best_ask_ticks[asks])
    kind = np.repeat(np.array([TRADED, BID_OPEN, ASK_OPEN]), [len(heard), len(bids), len(asks)])
    return np.concatenate((quotes.trade_market[heard], bids, asks)), np.concatenate(prices).astype(np.float64), kind


def build(params: ZipParams, context: BuildContext) -> Strategy:
    """ZIP traders; meant for 20 rounds a slot and more.

    Sees the tariffs and its own load, PV and device ranges, what its device plans see, and the quotes of each round.
    """
    rows = np.arange(context.community.n_agents) if context.rows is None else context.rows
    keys = mix(context.streams.keys("zip")[context.community.market[rows]], context.community.connection[rows])
    pricing = ZeroIntelligencePlus(params, keys, len(context.device_names))
    return assemble(pricing, params.storage, params.deferrable, context)
