"""From decisions to trades: arrival, hub prices, rounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketsim.core import matching_kernel, slot_kernel
from marketsim.core.arrays import BoolArray, IntArray, joined, whole_column
from marketsim.core.exchange import Residual, filled_wh
from marketsim.core.laws import check_limits
from marketsim.core.ports import ChargeTable, RevisingStrategy
from marketsim.core.records import (
    NO_PRICE_TICKS,
    UTILITY_ONLY_TICKS,
    Observations,
    Orders,
    Quotes,
    Rejects,
    Side,
    SlotInputs,
    Trades,
    empty_rejects,
    empty_trades,
)
from marketsim.core.rng import mix
from marketsim.core.world import World

_LOWEST_BITS = np.uint64(11)
"""Not part of the number in [0, 1) that decides who comes first."""


def arrival_rank(world: World, slot: int, round_: int) -> IntArray:
    """Place of each agent in the order of arrival, markets one after the other [n_agents]."""
    community = world.community
    drawn = world.streams.agent_keys("arrival", (slot, round_), community.market, community.connection) >> _LOWEST_BITS
    rank = np.empty(community.n_agents, dtype=np.int64)
    rank[np.lexsort((drawn, community.market))] = np.arange(community.n_agents)
    return rank


def join_rejects(parts: Sequence[Rejects]) -> Rejects:
    """One table of several, in order."""
    parts = [part for part in parts if part.size]
    return joined(parts) if parts else empty_rejects()


def _at_hub(orders: Orders, charges: ChargeTable) -> IntArray:
    price = np.empty(orders.size, dtype=np.int64)
    matching_kernel.at_hub(orders.side, orders.agent, orders.limit_ticks, charges.buy_ticks, charges.sell_ticks, price)
    return price


def _mapped(rejects: Rejects, index: IntArray) -> Rejects:
    if rejects.size == 0:
        return rejects
    lookup = np.append(index, -1)
    return rejects._replace(buy_order=lookup[rejects.buy_order], sell_order=lookup[rejects.sell_order])


def match_rounds(
    world: World, inputs: SlotInputs, seen: Sequence[Observations], orders: Orders, charges: ChargeTable
) -> tuple[Orders, Trades, Rejects]:
    """Match in ``world.rounds`` rounds; between them revising strategies quote anew and agents arrive in a new order.

    Returns the orders with their last limits, all trades, and what was refused and never traded.
    """
    filled = np.zeros(orders.size, dtype=np.int64)
    done: list[Trades] = []
    refused: list[Rejects] = []
    for round_ in range(world.rounds):
        orders = orders._replace(price_ticks=_at_hub(orders, charges))
        inside, outside = world.bounds(orders, inputs.tariffs)
        index = _candidates(world, inputs, orders, inside & (orders.energy_wh > filled), round_)
        trades, rejects = empty_trades(), outside
        if len(index):
            trades, rejects, filled = _matched(world, inputs, orders, filled, index, charges)
            rejects = join_rejects((outside, rejects))
        done.append(trades)
        refused.append(rejects)
        if round_ + 1 < world.rounds:
            orders = _revised(world, inputs, seen, orders, filled, trades, round_ + 1)
    return orders, joined(done), _still_refused(refused, orders.energy_wh - filled)


def _matched(
    world: World, inputs: SlotInputs, orders: Orders, filled: IntArray, index: IntArray, charges: ChargeTable
) -> tuple[Trades, Rejects, IntArray]:
    """Trades and refusals of one round among the orders ``index``, in positions of the full table, and all filled."""
    book = Orders(*matching_kernel.open_orders(index, filled, orders[:]))
    found, rejects = world.engine.match(book, world.gate, inputs.tariffs, charges.pair_ticks)
    columns, filled = tuple(map(whole_column, found)), filled.copy()
    trades, status = matching_kernel.take_trades(
        columns, index, orders.agent, orders.limit_ticks, charges.buy_ticks, charges.sell_ticks, filled
    )
    check_limits(inputs.time.slot, status)
    return Trades(*trades), _mapped(rejects, index), filled


def _candidates(world: World, inputs: SlotInputs, orders: Orders, bookable: BoolArray, round_: int) -> IntArray:
    index = np.flatnonzero(bookable)
    if round_ == 0:  # orders stand in the order of arrival of the first round already
        return index
    rank = arrival_rank(world, inputs.time.slot, round_)
    return np.asarray(index[np.argsort(rank[orders.agent[index]], kind="stable")])


def _still_refused(rounds: Sequence[Rejects], open_wh: IntArray) -> Rejects:
    """The last word on each refused order, or pair held together, as far as its energy is still open."""
    if len(rounds) == 1:
        return rounds[0]
    table = join_rejects(rounds)
    n_orders = len(open_wh) + 1
    buy = np.where(table.side == Side.SELL, -1, table.buy_order)
    sell = np.where(table.side == Side.BUY, -1, table.sell_order)
    refused = (buy + 1) * n_orders + sell + 1
    _, last = np.unique(refused[::-1], return_index=True)
    keep = np.sort(len(refused) - 1 - last)
    table, buy, sell = Rejects(*(column[keep] for column in table)), buy[keep], sell[keep]
    still_open = np.append(open_wh, np.iinfo(np.int64).max)
    return _with_energy(table, np.minimum(table.energy_wh, np.minimum(still_open[buy], still_open[sell])))


def _with_energy(table: Rejects, energy_wh: IntArray) -> Rejects:
    """The rows with this energy, where there is any."""
    return Rejects(*(column[energy_wh > 0] for column in table._replace(energy_wh=energy_wh)))


def standing_refusals(orders: Orders, trades: Trades, residual: Residual, cut: Rejects, asked: Rejects) -> Rejects:
    """What the grid refused and nothing later made good: no order's energy is counted twice.

    ``cut`` was taken from orders before the market. It stands where what was granted flowed or was refused too, who
    could have sold more of that lost nothing; and what the utility would not have taken stands as far as peers still
    wanted it. ``asked`` was refused in the market, on the way to or from the utility, or rolled back. It stands as far
    as the order that was refused has it open at the end, the last word first. What prices refused is left as it is.
    """
    table = join_rejects((cut, asked))
    if table.size == 0:
        return table
    table = Rejects(*map(whole_column, table))
    left = orders.energy_wh - filled_wh(orders, trades) - residual.imports - residual.exports - residual.by_right
    return _with_energy(
        table, slot_kernel.standing(table[:], cut.size, orders.market, orders.side, orders.fallback, left)
    )


def _best(orders: Orders, open_: BoolArray, side: Side, n_markets: int) -> IntArray:
    """Best open price of one side a market, NO_PRICE_TICKS where there is none [n_markets]."""
    rows = np.flatnonzero(open_ & (orders.side == side))
    signed = orders.price_ticks[rows] * int(side)
    best = np.full(n_markets, np.iinfo(np.int64).min)
    np.maximum.at(best, orders.market[rows], signed)
    found = best != np.iinfo(np.int64).min
    return np.where(found, best * int(side), NO_PRICE_TICKS)


def _revised(
    world: World,
    inputs: SlotInputs,
    seen: Sequence[Observations],
    orders: Orders,
    filled: IntArray,
    last: Trades,
    round_: int,
) -> Orders:
    """Orders with the new limits of strategies that revise; those that only the utility meets stay out of the market."""
    limit = orders.limit_ticks.copy()
    n_markets = world.community.n_markets
    open_wh = orders.energy_wh - filled
    priced = limit > UTILITY_ONLY_TICKS
    bookable = (open_wh > 0) & priced
    in_round = filled_wh(orders, last)
    keys = world.streams.keys("strategies", inputs.time.slot, round_)
    best_bid = _best(orders, bookable, Side.BUY, n_markets)
    best_ask = _best(orders, bookable, Side.SELL, n_markets)
    for role, view in zip(world.cast, seen, strict=True):
        if not isinstance(role.strategy, RevisingStrategy):
            continue
        place = np.full(world.community.n_agents, -1, dtype=np.int64)
        place[role.rows] = np.arange(len(role.rows))
        own = np.flatnonzero((place[orders.agent] >= 0) & priced)
        agent = orders.agent[own]
        limit[own] = role.strategy.revise(
            view,
            Quotes(
                round=round_,
                rounds=world.rounds,
                agent=place[agent],
                side=orders.side[own],
                price_ticks=limit[own],
                open_wh=open_wh[own],
                market=orders.market[own],
                filled_wh=in_round[own],
                trade_market=orders.market[last.buy_order],
                trade_price_ticks=last.price_ticks,
                best_bid_ticks=best_bid,
                best_ask_ticks=best_ask,
                keys=mix(keys[orders.market[own]], world.community.connection[agent]),
            ),
        )
    return orders._replace(limit_ticks=limit)
