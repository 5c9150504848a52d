"""The central optimum: who trades how much is planned at once for the most gains of peers, under the AC limits of the grid.

A yardstick, no market design: it takes the limit prices of orders for values and costs, as a planner who knew them
would, so it belongs to truthful traders. Without grid limits that is the merit order. Where the gate's limits bind,
successive linear programmes on AC sensitivities (``optimise.welfare``) plan the quantities. Every pair is then admitted by
the gate like any other trade, in passes, so that what solvers see differently costs a few Wh and never a limit.

A pair pays the middle of its two limits; prices do not matter for gains.

Peers gain by trading rather than leaving it to the utility. What agents and utility get together is another question: it hangs
on what flows, exports included, which is decided before matching (allocation ``planned``).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core import records
from marketsim.core.arrays import BoolArray, IntArray, joined
from marketsim.core.build import BuildContext
from marketsim.core.grid_model import GridModel
from marketsim.core.ports import Gate
from marketsim.core.records import Orders, Rejects, Side, Tariffs, Trades
from marketsim.market.common_factor import share
from marketsim.market.params import CentralOptimumParams
from marketsim.market.pool import Clearing, floor_mean, market_by_market, pair_up
from marketsim.optimise.welfare import WelfareLegs, admissible, constrained_optimum

PASSES: Final = 3
"""How often pairs that the gate cut are asked again: a later pair may free what an earlier one needs."""


class CentralOptimum:
    """Port ``Engine``."""

    name = "central_optimum"
    rounds = 1

    def __init__(self, steps: int = 12, grid: GridModel | None = None) -> None:
        """``steps``: linear programmes a slot and market at most. ``grid`` None: no limits are planned with."""
        self._steps, self._grid = steps, grid

    def match(
        self,
        orders: Orders,
        gate: Gate,
        tariffs: Tariffs,  # noqa: ARG002 - part of the port
        pair_ticks: IntArray | None = None,
    ) -> tuple[Trades, Rejects]:
        """Trades and refusals, market after market."""
        if pair_ticks is not None:
            raise ValueError("the central optimum has one price a pair and cannot take charges between pairs")
        if self._grid is not None:
            self._grid.open_state(gate.close())

        def cleared(market: int, rows: IntArray) -> tuple[Trades, Rejects] | None:
            clearing = _clearing(orders, rows, self._planned(orders, rows, market))
            return None if clearing is None else _commit(orders, gate, market, clearing)

        return market_by_market(orders, cleared)

    def _planned(self, orders: Orders, rows: IntArray, market: int) -> IntArray:
        """What each order trades [Wh] [len(rows)]; the two sides may differ by a few Wh."""
        merit = merit_order(orders, rows)
        if self._grid is None or not len(rows):
            return merit
        legs, order_of_leg = _legs(orders, rows)
        firm = np.minimum(merit, orders.firm_wh[rows])
        start_wh = np.concatenate((firm, merit - firm))[_kept(orders, rows)].astype(np.float64)
        if admissible(self._grid, market, legs.net_wh(start_wh)):
            return merit
        best = constrained_optimum(legs, self._grid, market, start_wh, self._steps)
        planned = np.zeros(len(rows))
        np.add.at(planned, order_of_leg, best)
        return np.minimum(np.rint(planned).astype(np.int64), orders.energy_wh[rows])


def merit_order(orders: Orders, rows: IntArray) -> IntArray:
    """What each order trades without a grid: bids from the highest, asks from the lowest, ties by arrival [Wh]."""
    price, energy = orders.price_ticks[rows], orders.energy_wh[rows]
    buys, sells = (np.flatnonzero(orders.side[rows] == side) for side in (Side.BUY, Side.SELL))
    traded = np.zeros(len(rows), dtype=np.int64)
    if not len(buys) or not len(sells):
        return traded
    buys = buys[np.argsort(-price[buys], kind="stable")]
    sells = sells[np.argsort(price[sells], kind="stable")]
    bought, sold = np.cumsum(energy[buys]), np.cumsum(energy[sells])
    steps = np.unique(np.concatenate((bought, sold)))
    steps = steps[steps <= min(bought[-1], sold[-1])]
    bids = price[buys[np.searchsorted(bought, steps, side="left")]]
    asks = price[sells[np.searchsorted(sold, steps, side="left")]]
    total = int(steps[bids >= asks].max(initial=0))
    for side, ends in ((buys, bought), (sells, sold)):
        traded[side] = np.clip(total - (ends - energy[side]), 0, energy[side])
    return traded


def _kept(orders: Orders, rows: IntArray) -> IntArray:
    """Which of the firm and the deferrable legs of all orders hold anything."""
    firm = np.minimum(orders.firm_wh[rows], orders.energy_wh[rows])
    return np.flatnonzero(np.concatenate((firm, orders.energy_wh[rows] - firm)))


def _legs(orders: Orders, rows: IntArray) -> tuple[WelfareLegs, IntArray]:
    """A leg for the firm part of each order, which moves nothing, and one for the rest; and the order of each leg."""
    kept, n = _kept(orders, rows), len(rows)
    firm = np.minimum(orders.firm_wh[rows], orders.energy_wh[rows])
    cap_wh = np.concatenate((firm, orders.energy_wh[rows] - firm))[kept]
    own = rows[kept % n]
    legs = WelfareLegs(
        connection=orders.connection[own],
        sells=orders.side[own] == Side.SELL,
        value_ticks=orders.price_ticks[own],
        cap_wh=cap_wh,
        moves=kept >= n,
        base_wh=np.zeros(int(orders.connection.max()) + 1, dtype=np.int64),
    )
    return legs, kept % n


def _clearing(orders: Orders, rows: IntArray, planned: IntArray) -> Clearing | None:
    """Both sides from the dearest on, which lets every buyer meet an ask within its limit if any pairing does."""
    lists, energies = [], []
    total = min(int(planned[orders.side[rows] == side].sum()) for side in (Side.BUY, Side.SELL))
    if total == 0:
        return None
    for side in (Side.BUY, Side.SELL):
        own = np.flatnonzero((orders.side[rows] == side) & (planned > 0))
        own = own[np.argsort(-orders.price_ticks[rows[own]], kind="stable")]
        lists.append(rows[own])
        energies.append(share(total, planned[own]))
    return Clearing(lists[0], energies[0], lists[1], energies[1], orders.limit_ticks[lists[0]])


def _commit(orders: Orders, gate: Gate, market: int, clearing: Clearing) -> tuple[Trades, Rejects]:
    """Admit the pairs that gain, each as far as the gate takes it, in passes; cut pairs that can exchange partners."""
    pairs = pair_up(orders, clearing)
    buy, sell = clearing.buy[pairs.buyer], clearing.sell[pairs.seller]
    gain = orders.price_ticks[buy] >= orders.price_ticks[sell]
    asked = _Asked(buy, sell, pairs.wh, pairs.moves, gain)
    done, code, element = _admit(orders, gate, market, asked)
    trades = [_traded(orders, asked, done)]
    left = asked._replace(wh=asked.wh - done)
    exchanged = _exchanged(orders, left)
    if exchanged is not None:
        done, code, element = _admit(orders, gate, market, exchanged)
        trades.append(_traded(orders, exchanged, done))
        left = exchanged._replace(wh=exchanged.wh - done)
    short = np.flatnonzero((code > 0) & (left.wh > 0))
    both = np.full(len(short), records.BOTH, dtype=np.int64)
    rejects = Rejects(
        left.buy[short], left.sell[short], left.wh[short], code[short] & ~records.BLAMES_SINK, element[short], both
    )
    return joined(trades), rejects


class _Asked(NamedTuple):
    """Pairs of orders that the gate is asked about."""

    buy: IntArray
    sell: IntArray
    wh: IntArray
    moves: IntArray
    gain: BoolArray
    """Whether the two limits meet; other pairs do not trade."""


def _traded(orders: Orders, asked: _Asked, done: IntArray) -> Trades:
    some = np.flatnonzero(done)
    buy, sell = asked.buy[some], asked.sell[some]
    price = floor_mean(orders.price_ticks[buy], orders.price_ticks[sell])
    return Trades(buy, sell, done[some], price, price, price, asked.moves[some])


def _exchanged(orders: Orders, left: _Asked) -> _Asked | None:
    """What was cut, with partners exchanged between pairs that move opposite ends; None where no two can.

    A firm buyer with a seller that moves, and a buyer that moves with a firm seller, may each break a limit that they do
    not break together: the firm ones then trade without moving anything, and the others as one pair.
    """
    wh, price, agent = left.wh.tolist(), orders.price_ticks, orders.agent
    firm_buyers, firm_sellers = (
        np.flatnonzero(left.gain & (left.wh > 0) & (left.moves == moves)).tolist()
        for moves in (records.MOVES_SOURCE, records.MOVES_SINK)
    )
    firm: list[tuple[int, int, int, int, bool]] = []
    moving: list[tuple[int, int, int, int, bool]] = []
    for one in firm_buyers:
        for other in firm_sellers:
            part = min(wh[one], wh[other])
            new = ((left.buy[one], left.sell[other]), (left.buy[other], left.sell[one]))
            if part and all(price[buy] >= price[sell] and agent[buy] != agent[sell] for buy, sell in new):
                wh[one] -= part
                wh[other] -= part
                firm.append((*map(int, new[0]), part, 0, True))
                moving.append((*map(int, new[1]), part, records.MOVES_SOURCE | records.MOVES_SINK, True))
    if not firm:
        return None
    kept = [
        (int(buy), int(sell), part, int(moves), bool(gain))
        for buy, sell, part, moves, gain in zip(left.buy, left.sell, wh, left.moves, left.gain, strict=True)
        if part
    ]
    columns = zip(*firm, *kept, *moving, strict=True)
    buy, sell, energy, moves, gain = (np.array(column) for column in columns)
    return _Asked(buy, sell, energy, moves, gain)


def _admit(orders: Orders, gate: Gate, market: int, asked: _Asked) -> tuple[IntArray, IntArray, IntArray]:
    """(admitted Wh, code, element) of each pair. An order's firm energy goes first: what moves waits for it."""
    done, code, element = np.zeros((3, len(asked.wh)), dtype=np.int64)
    source = np.where(asked.moves & records.MOVES_SOURCE, orders.connection[asked.sell], records.NOWHERE).tolist()
    sink = np.where(asked.moves & records.MOVES_SINK, orders.connection[asked.buy], records.NOWHERE).tolist()
    for _ in range(PASSES):
        before, waits = int(done.sum()), set[int]()  # orders whose firm energy is not all traded yet
        for row in np.flatnonzero(done < asked.wh).tolist():
            ends = ((int(asked.buy[row]), sink[row]), (int(asked.sell[row]), source[row]))
            left, admitted = int(asked.wh[row] - done[row]), 0
            if asked.gain[row] and not any(order in waits and node != records.NOWHERE for order, node in ends):
                if source[row] == records.NOWHERE == sink[row]:
                    admitted = left
                else:
                    admitted, code[row], element[row] = gate.admit(market, source[row], sink[row], left)
            done[row] += admitted
            if admitted < left:
                waits |= {order for order, node in ends if node == records.NOWHERE}
        if int(done.sum()) == before:
            break
    return done, code, element


def build(params: CentralOptimumParams, context: BuildContext) -> CentralOptimum:
    """The engine, planning with the limits of the gate."""
    return CentralOptimum(params.steps, None if context.grid is None else context.grid.model)
