"""What a slot's scores would be without one agent's strategy: its orders replaced by its truthful ones.

Each market is copied once for each learning agent and once as it is, and all copies are matched in one call of the
engine. A copy draws its order of arrival from its market's seed, so it differs from the market by one agent's orders
alone. Positions are the same: what an agent did behind its meter is not undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from marketsim.agents.strategies.orders import Legs
from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.exchange import filled_wh
from marketsim.core.records import OrderBatch, Positions, SlotInputs, SlotRecord, Tariffs
from marketsim.core.slot import Traded, trade
from marketsim.core.world import World


class Copies(NamedTuple):
    """A world of copies: of each market R = A + 1, the last of them the market as it is."""

    world: World
    critic: Any
    """Scores copies by the formulas of the scenario's critic."""
    learners: IntArray
    """Positions of the A learning agents in their market."""


def copies_of(seeds: Sequence[int], n_learners: int) -> tuple[int, ...]:
    """Seeds of the copies of markets with these seeds."""
    return tuple(seed for seed in seeds for _ in range(n_learners + 1))


class Counterfactual:
    """Scores of all copies of a slot."""

    def __init__(self, copies: Copies, n_markets: int) -> None:
        self._world, self._critic = copies.world, copies.critic
        self._m, self._r = n_markets, len(copies.learners) + 1
        self._n = copies.world.community.n_agents // (self._m * self._r)
        self._learner_of = np.full(self._n, -1, dtype=np.int64)
        self._learner_of[copies.learners] = np.arange(len(copies.learners))
        agents = np.arange(self._m * self._n).reshape(self._m, 1, self._n)
        self._original = np.broadcast_to(agents, (self._m, self._r, self._n)).reshape(-1)

    def differences(self, record: SlotRecord, truthful: Legs, relevant: BoolArray) -> FloatArray:
        """Scores as they are less those with one agent truthful [M, A, 3]; NaN where either is undefined.

        ``truthful`` are the legs of the learning agents, numbered as the flat axis is; only markets that are ``relevant``
        [M] are matched.
        """
        if not relevant.any():
            return np.full((self._m, self._r - 1, 3), np.nan)
        batch = self._orders(record, truthful, relevant)
        inputs, place = self._inputs(record.inputs), self._positions(record.positions)
        traded = trade(self._world, inputs, inputs, place, batch, ())
        scores = np.stack(self._critic.review(self._record(record, inputs, place, traded)), axis=1)
        scores = scores.reshape(self._m, self._r, 3)
        scores[~relevant] = np.nan
        return np.asarray(scores[:, -1:] - scores[:, :-1])

    def _orders(self, record: SlotRecord, truthful: Legs, relevant: BoolArray) -> OrderBatch:
        """Orders of all copies; those that never enter a book are left out."""
        orders, n, r = record.orders, self._n, self._r
        bookable = np.flatnonzero(relevant[orders.market] & (orders.limit_ticks >= 0))
        own = self._learner_of[orders.connection[bookable]]
        row, copy = np.repeat(bookable, r), np.tile(np.arange(r), len(bookable))
        kept = np.repeat(own, r) != copy
        row, copy = row[kept], copy[kept]
        market, connection = np.divmod(truthful.agent, n)
        legs = np.flatnonzero(relevant[market])
        copied = (
            (orders.market[row] * r + copy) * n + orders.connection[row],
            *(column[row] for column in (orders.side, orders.limit_ticks, orders.energy_wh)),
            *(column[row] for column in (orders.component, orders.fallback)),
        )
        replaced = (
            (market * r + self._learner_of[connection])[legs] * n + connection[legs],
            *(column[legs] for column in (truthful.side, truthful.value_ticks, truthful.energy_wh)),
            *(column[legs] for column in (truthful.component, truthful.fallback)),
        )
        return OrderBatch(*(np.concatenate(columns) for columns in zip(copied, replaced, strict=True)))

    def _inputs(self, inputs: SlotInputs) -> SlotInputs:
        prices = (None if price is None else np.repeat(price, self._r) for price in inputs.tariffs)
        return inputs._replace(
            load_wh=inputs.load_wh[self._original],
            pv_wh=inputs.pv_wh[self._original],
            series={},
            tariffs=Tariffs(*prices),  # type: ignore[arg-type]  # retail and feed-in are never None
        )

    def _positions(self, place: Positions) -> Positions:
        columns: list[Any] = [np.ascontiguousarray(column[..., self._original]) for column in place]
        return Positions(*columns)

    def _record(self, record: SlotRecord, inputs: SlotInputs, place: Positions, traded: Traded) -> SlotRecord:
        """The record of all copies, as far as positions, orders and trades go; the rest stays that of the slot."""
        orders, trades = traded.orders, traded.trades
        filled = filled_wh(orders, trades)
        n_agents = self._world.community.n_agents
        buying = orders.side > 0
        bought, sold = (
            np.bincount(orders.agent[side], filled[side], n_agents).astype(np.int64) for side in (buying, ~buying)
        )
        return record._replace(
            inputs=inputs,
            positions=place,
            orders=orders,
            trades=trades,
            rejects=traded.refused,
            energy=record.energy._replace(bought_wh=bought, sold_wh=sold),
        )
