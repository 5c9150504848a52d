"""What a slot's scores would be without one agent's strategy: its orders replaced by its truthful ones.

Each market is copied once for each learning agent and once as it is, and all copies are matched in one call of the
engine, in the market's own order of arrival. Positions are the same in all copies: what an agent did behind its meter
is not undone.

Where the engine has several rounds, so have the copies, with the market's own arrivals of each: learning agents begin at the
prices of their actions and concede as they did in the slot (``agents.game.actions.conceded``); orders of agents that do
not learn stand at their last limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import numpy as np

from marketsim.agents.game.actions import Opening, conceded
from marketsim.agents.strategies.orders import Legs
from marketsim.core.arrays import BoolArray, FloatArray, IntArray, joined
from marketsim.core.errors import LawBroken
from marketsim.core.exchange import filled_wh
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.matching import arrival_rank, match_rounds
from marketsim.core.matching_kernel import open_orders
from marketsim.core.ports import Engine
from marketsim.core.potential import availability
from marketsim.core.records import (
    FIRM,
    UTILITY_ONLY_TICKS,
    Decisions,
    Fallback,
    Observations,
    Orders,
    Quotes,
    SlotRecord,
    Tariffs,
    Trades,
)
from marketsim.core.world import Role, World
from marketsim.fairness.critic import Scores
from marketsim.fairness.measures_kernel import Inputs
from marketsim.games.market import copies_kernel
from marketsim.games.market.copies_kernel import Offers


class FormulaCritic(Protocol):
    """A critic that is a formula: it scores any markets from what the measures depend on."""

    def judge(self, inputs: Inputs) -> Scores:
        """Scores of each market."""
        ...


class Rounds(NamedTuple):
    """How the copies of a slot go on after their first round."""

    number: int
    """Of all rounds."""
    value_ticks: IntArray
    """Where the limit of each order moves to [n_orders]."""
    arrival: Callable[[int], IntArray]
    """Of a round: its orders [n_orders], positions in order of arrival, copies ascending."""


class Matcher(Protocol):
    """Matches the books of copies."""

    every: bool
    """Whether copies of all markets are wanted, needed or not."""

    def match(self, orders: Orders, tariffs: Tariffs, record: SlotRecord, rounds: Rounds) -> Trades:
        """Trades of all copies, round by round, copies ascending in each."""
        ...


class WithoutWires:
    """Matches as if there was no grid: what an agent's orders do to the market, whatever the wires take of it."""

    every = False

    def __init__(self, engine: Engine, n_copies: int) -> None:
        self._engine, self._gate = engine, FreeGate(n_copies)

    def match(self, orders: Orders, tariffs: Tariffs, record: SlotRecord, rounds: Rounds) -> Trades:  # noqa: ARG002
        """Everything is admitted, and nothing charged."""
        done = [self._engine.match(orders, self._gate, tariffs)[0]]
        filled = filled_wh(orders, done[0])
        for turn in range(1, rounds.number):
            index = rounds.arrival(turn)
            index = index[orders.energy_wh[index] > filled[index]]
            limit = conceded(orders.side, orders.limit_ticks, rounds.value_ticks, turn, rounds.number)
            again = orders._replace(price_ticks=limit, limit_ticks=limit)
            found, _ = self._engine.match(Orders(*open_orders(index, filled, again[:])), self._gate, tariffs)
            done.append(found._replace(buy_order=index[found.buy_order], sell_order=index[found.sell_order]))
            filled = filled + filled_wh(orders, done[-1])
        return joined(done)


class _Conceding:
    """Strategy of all agents of all copies: from the first limits on to the values, and nothing else."""

    sees: tuple[str, ...] = ()

    def __init__(self, orders: Orders, value_ticks: IntArray) -> None:
        self._orders, self._value_ticks = orders, value_ticks

    def decide(self, seen: Observations) -> Decisions:  # noqa: ARG002 - the port's signature
        """Never asked: its orders stand already."""
        raise AssertionError("copies of a slot begin with their orders")

    def revise(self, seen: Observations, quotes: Quotes) -> IntArray:  # noqa: ARG002 - the port's signature
        """Limits of all orders, which come as they stand in the book."""
        return conceded(self._orders.side, self._orders.limit_ticks, self._value_ticks, quotes.round, quotes.rounds)


class OnGrid:
    """Matches through a gate of each copy's own, opened as that of its market was."""

    every = True

    def __init__(self, copies: World, original: IntArray) -> None:
        self._world, self._original = copies, original

    def match(self, orders: Orders, tariffs: Tariffs, record: SlotRecord, rounds: Rounds) -> Trades:
        """Charges, allocation, gate and engine as in the slot."""
        everybody = np.arange(len(self._original))
        cast = (Role(_Conceding(orders, rounds.value_ticks), everybody),) if rounds.number > 1 else ()
        world, place = replace(self._world, cast=cast, rounds=rounds.number), record.positions
        firm_wh = (place.must_run_wh - place.firm_demand_wh)[self._original]
        world.gate.open(firm_wh, record.opened_kvar[self._original])
        inputs = record.inputs._replace(tariffs=tariffs, series={})
        orders, _ = world.allocation.grant(orders, world.gate, tariffs)
        seen = (_NOTHING_SEEN,) * len(cast)
        return match_rounds(world, inputs, seen, orders, world.charges.at(inputs, world.gate))[1]


_NOTHING_SEEN: Any = None
"""What agents of copies observe."""


class MarketSizes(NamedTuple):
    """M markets of n agents, of which A learn."""

    markets: int
    agents: int
    learners: IntArray
    """Their positions in a market [A]."""

    @property
    def copies(self) -> int:
        """Of each market: one a learner, and the last as it is."""
        return len(self.learners) + 1

    @property
    def original(self) -> IntArray:
        """Row of the flat axis of each agent of all copies [M * copies * n]."""
        rows = np.arange(self.markets * self.agents).reshape(self.markets, 1, self.agents)
        return np.broadcast_to(rows, (self.markets, self.copies, self.agents)).reshape(-1)


def _limits(world: World, orders: Orders, opening: Opening) -> tuple[IntArray, IntArray]:
    """First limit of each order of the slot, and where it moved to [n_orders]; what is not of the learners stands still.

    A slot's record has the limits of its last round. Orders of an agent stand in the sequence of its legs.
    """
    if world.rounds == 1:
        return orders.limit_ticks, orders.limit_ticks
    learns = np.zeros(world.community.n_agents, dtype=np.bool_)
    learns[world.cast[0].rows] = True
    own = np.flatnonzero(learns[orders.agent] & (orders.limit_ticks > UTILITY_ONLY_TICKS))
    own = own[np.argsort(orders.agent[own], kind="stable")]
    if not np.array_equal(orders.agent[own], opening.legs.agent):
        raise LawBroken("the orders of a slot are not those that its learning agents offered")
    first, value = orders.limit_ticks.copy(), orders.limit_ticks.copy()
    first[own], value[own] = opening.limit_ticks, opening.legs.value_ticks
    return first, value


class Counterfactual:
    """Differences that single agents' orders make to the scores of a slot."""

    def __init__(self, sizes: MarketSizes, judge: FormulaCritic, matcher: Matcher) -> None:
        self._sizes, self._judge, self._matcher = sizes, judge, matcher
        self._learner_of = np.full(sizes.agents, -1, dtype=np.int64)
        self._learner_of[sizes.learners] = np.arange(len(sizes.learners))

    def differences(
        self, world: World, record: SlotRecord, truthful: Legs, opening: Opening, relevant: BoolArray
    ) -> FloatArray:
        """Scores as they are less those with one agent truthful [M, A, 3]; NaN where either is undefined.

        ``truthful`` are the legs of the learning agents, ``opening`` what they offered in the first round, both numbered as
        the flat axis is. Markets that are not ``relevant`` [M] are NaN.
        """
        sizes = self._sizes
        found = np.full((sizes.markets, sizes.copies, 3), np.nan)
        copied = np.ones_like(relevant) if self._matcher.every else relevant
        if not relevant.any():
            return found[:, :-1]
        market = np.repeat(np.flatnonzero(copied), sizes.copies)
        first_ticks, value_ticks = _limits(world, record.orders, opening)
        orders, values = self._orders(world, record, truthful, (first_ticks, value_ticks), copied)
        prices = record.inputs.tariffs
        tariffs = Tariffs(prices.retail_ticks[market], prices.feed_in_ticks[market], None)
        rounds = Rounds(world.rounds, values, lambda turn: self._arrival(world, record, orders, market, turn))
        trades = self._matcher.match(orders, tariffs, record, rounds)
        scores = self._judge.judge(self._inputs(world, record, orders, trades, tariffs, market))
        found[copied] = np.stack(scores, axis=1).reshape(-1, sizes.copies, 3)
        found[~relevant] = np.nan
        return np.asarray(found[:, -1:] - found[:, :-1])

    def _arrival(self, world: World, record: SlotRecord, orders: Orders, market: IntArray, turn: int) -> IntArray:
        """Orders of all copies as their agents arrive in a round; ``market`` is that of each copy."""
        rank = arrival_rank(world, record.inputs.time.slot, turn)
        row = market[orders.market] * self._sizes.agents + orders.connection
        return np.lexsort((rank[row], orders.market))

    def _orders(
        self,
        world: World,
        record: SlotRecord,
        truthful: Legs,
        limits: tuple[IntArray, IntArray],
        copied: BoolArray,
    ) -> tuple[Orders, IntArray]:
        """Books of all copies, and the values of their orders; ``limits``: first limit and value of the slot's own orders."""
        n_agents = self._sizes.markets * self._sizes.agents
        orders = record.orders
        arrival = np.argsort(arrival_rank(world, record.inputs.time.slot, 0))
        firm_wh = np.where(truthful.component == FIRM, truthful.energy_wh, 0)
        value = truthful.value_ticks
        legs = Offers(truthful.side, value, value, truthful.energy_wh, firm_wh, truthful.component)
        own = Offers(orders.side, *limits, orders.energy_wh, orders.firm_wh, orders.component)
        own_rows, leg_rows = (copies_kernel.first_of(agent, n_agents) for agent in (orders.agent, truthful.agent))
        retail, feed_in, _ = record.inputs.tariffs
        book = copies_kernel.copied_books(
            arrival, copied, self._learner_of, self._sizes.copies, own_rows, own, leg_rows, legs, retail, feed_in
        )
        copy, connection = book[copies_kernel.COPY], book[copies_kernel.CONNECTION]
        books = Orders(
            market=copy,
            agent=copy * self._sizes.agents + connection,
            connection=connection,
            side=book[copies_kernel.SIDE],
            price_ticks=book[copies_kernel.LIMIT],
            energy_wh=book[copies_kernel.ENERGY],
            firm_wh=book[copies_kernel.FIRM_ENERGY],
            component=book[copies_kernel.COMPONENT],
            fallback=np.full_like(copy, int(Fallback.KEEP)),
            limit_ticks=book[copies_kernel.LIMIT],
        )
        return books, book[copies_kernel.VALUE]

    def _inputs(
        self, world: World, record: SlotRecord, orders: Orders, trades: Trades, tariffs: Tariffs, market: IntArray
    ) -> Inputs:
        """What the scores of all copies depend on; what the grid refuses is left out."""
        n = self._sizes.agents
        n_agents = len(market) * n
        moved = copies_kernel.moved_by(orders.agent, trades.buy_order, trades.sell_order, trades.energy_wh, n_agents)
        available = availability(record.positions, record.inputs.tariffs, world.community)
        supply, demand = (each.reshape(-1, n)[market].reshape(-1) for each in available)
        trade_market = orders.market[trades.buy_order]
        by_copy = np.argsort(trade_market, kind="stable")
        return Inputs(
            market=np.repeat(np.arange(len(market)), n),
            supply_wh=supply,
            refused_wh=np.zeros(n_agents, dtype=np.int64),
            demand_wh=demand,
            sold_wh=moved[copies_kernel.SOLD],
            bought_wh=moved[copies_kernel.BOUGHT],
            trade_market=trade_market[by_copy],
            price_ticks=trades.price_ticks[by_copy],
            energy_wh=trades.energy_wh[by_copy],
            retail_ticks=tariffs.retail_ticks,
            feed_in_ticks=tariffs.feed_in_ticks,
        )
