"""The slot's own bookkeeping, compiled: orders held to positions, residual exchange, energy by agent.

Gates in plain Python run the same code uncompiled (``py_func``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core import columns_kernel as column
from marketsim.core.compiled import ADMIT_POINTER, kernel
from marketsim.core.records import (
    BLAMES_SINK,
    FIRM,
    PV,
    UTILITY_ONLY_TICKS,
    Energy,
    Fallback,
    Ledger,
    LedgerLine,
    OrderBatch,
    Orders,
    Reason,
    Rejects,
    Side,
)
from marketsim.core.records_kernel import B1, BATCH, ENERGY, F1, F2, I1, I2, LEDGER, ORDERS, REJECTS

_BUY, _SELL, _UTILITY, _FIRM, _PV = int(Side.BUY), int(Side.SELL), int(Fallback.UTILITY), int(FIRM), int(PV)
_FIRST_FLOW, _LAST_FLOW = int(Reason.UNDERVOLTAGE), int(Reason.DIVERGED)
_ROLLED_BACK = int(Reason.ROLLED_BACK)
_UTILITY_ONLY = int(UTILITY_ONLY_TICKS)
_SHARING = int(LedgerLine.SHARING)
_OFFSET = 2
"""Components count from PV = -2."""
_THREE = types.UniTuple(I1, 3)  # type: ignore[no-untyped-call]
_PAIR = types.UniTuple(I2, 2)  # type: ignore[no-untyped-call]


@kernel((I1, I1, I2, I2, I2, B1))
def stand(load_wh: Any, pv_wh: Any, dispatch_wh: Any, lo_wh: Any, hi_wh: Any, stores: Any) -> Any:
    """Feasible dispatch, firm demand, must-run, surplus, own use, up and down; see ``limits.stand``."""
    n_devices, n_agents = lo_wh.shape
    dispatch = np.empty((n_devices, n_agents), dtype=np.int64)
    up, down = np.zeros(dispatch.shape, dtype=np.int64), np.zeros(dispatch.shape, dtype=np.int64)
    firm_demand, must_run = np.zeros(n_agents, dtype=np.int64), np.zeros(n_agents, dtype=np.int64)
    surplus, own_use = np.zeros(n_agents, dtype=np.int64), np.zeros(n_agents, dtype=np.int64)
    for a in range(n_agents):
        base = -load_wh[a]
        for c in range(n_devices):
            dispatch[c, a] = min(max(dispatch_wh[c, a], lo_wh[c, a]), hi_wh[c, a])
            base += dispatch[c, a]
        for c in range(n_devices):
            if stores[c] and dispatch[c, a] > 0:
                held = min(dispatch[c, a], max(dispatch[c, a] - base, 0))
                base += held - dispatch[c, a]
                dispatch[c, a] = held
            if dispatch[c, a] >= 0:
                up[c, a] = max(hi_wh[c, a], 0) - dispatch[c, a]
            if dispatch[c, a] <= 0:
                down[c, a] = dispatch[c, a] - min(lo_wh[c, a], 0)
        own_use[a] = min(pv_wh[a], max(-base, 0))
        firm_demand[a] = max(-base - pv_wh[a], 0)
        must_run[a] = max(base, 0)
        surplus[a] = pv_wh[a] - own_use[a]
    return dispatch, firm_demand, must_run, surplus, own_use, up, down


@kernel((I1, BATCH, I1, I1, _THREE, I2, I2, B1))
def hold(
    arrival: Any, batch: Any, market: Any, connection: Any, covered: Any, up_wh: Any, down_wh: Any, stores: Any
) -> Any:
    """Orders in order of arrival, each held to what its agent's position covers; rows of ``Orders`` [10, n_orders].

    Orders draw on a position one after the other; what is left of it covers the next. ``covered``: firm demand, must-run
    energy and surplus [n_agents]. Returns also what was asked beyond [Wh], and whether the order was its store's second
    mode, each [n_orders].
    """
    batch = OrderBatch(*batch)
    firm_demand_wh, must_run_wh, surplus_wh = covered
    n_devices, n_agents = up_wh.shape
    sell_left = np.zeros((n_devices + _OFFSET, n_agents), dtype=np.int64)
    buy_left = np.zeros((n_devices + _OFFSET, n_agents), dtype=np.int64)
    for a in range(n_agents):
        sell_left[_PV + _OFFSET, a], sell_left[_FIRM + _OFFSET, a] = surplus_wh[a], must_run_wh[a]
        buy_left[_FIRM + _OFFSET, a] = firm_demand_wh[a]
        for c in range(n_devices):
            sell_left[c + _OFFSET, a], buy_left[c + _OFFSET, a] = up_wh[c, a], down_wh[c, a]
    mode = np.zeros((n_devices, n_agents), dtype=np.int64)
    orders = np.empty((column.N_ORDER, len(arrival)), dtype=np.int64)
    beyond = np.empty(len(arrival), dtype=np.int64)
    wrong = np.zeros(len(arrival), dtype=np.bool_)
    for i in range(len(arrival)):
        row = arrival[i]
        a, c, turn, asked = batch.agent[row], batch.component[row], batch.side[row], max(batch.energy_wh[row], 0)
        if c >= 0 and stores[c]:
            if mode[c, a] == 0:
                mode[c, a] = turn
            wrong[i] = mode[c, a] != turn
        left = sell_left if turn == _SELL else buy_left
        held = 0 if wrong[i] else min(asked, left[c + _OFFSET, a])
        left[c + _OFFSET, a] -= held
        beyond[i] = asked - held
        orders[column.ORDER_MARKET, i] = market[a]
        orders[column.ORDER_AGENT, i] = a
        orders[column.ORDER_CONNECTION, i] = connection[a]
        orders[column.ORDER_SIDE, i] = turn
        orders[column.ORDER_PRICE_TICKS, i] = orders[column.ORDER_LIMIT_TICKS, i] = batch.price_ticks[row]
        orders[column.ORDER_ENERGY_WH, i] = held
        orders[column.ORDER_FIRM_WH, i] = held if c == _FIRM else 0
        orders[column.ORDER_COMPONENT, i] = c
        orders[column.ORDER_FALLBACK, i] = batch.fallback[row]
    return orders, beyond, wrong


@kernel((I1, I1, I1, types.int64))
def fill(buy_order: Any, sell_order: Any, energy_wh: Any, n_orders: Any) -> Any:
    """Traded energy of each order [n_orders]."""
    filled = np.zeros(n_orders, dtype=np.int64)
    for row in range(len(energy_wh)):
        filled[buy_order[row]] += energy_wh[row]
        filled[sell_order[row]] += energy_wh[row]
    return filled


@kernel((ADMIT_POINTER, types.int64[:, :, ::1], types.float64[:, :, ::1], ORDERS, I1, I1, I1))
def leave_to_utility(
    admit: Any, ints: Any, floats: Any, orders: Any, filled: Any, retail_ticks: Any, feed_in_ticks: Any
) -> Any:
    """Ask the gate for what owners leave to the utility: all exports, then all imports, order after order.

    Granted surplus that was not traded flows by right, without asking. Where the feed-in tariff is negative PV is not
    exported, and a device's energy only at its owner's limit price. Returns the fields of ``Residual``, each [n_orders],
    and rows of ``Rejects`` in order of the orders [6, n_orders], the number of them that count.
    """
    orders = Orders(*orders)
    n_orders = len(orders.side)
    imports, exports, by_right = np.zeros((3, n_orders), dtype=np.int64)
    short, code, element = np.zeros((3, n_orders), dtype=np.int64)
    for turn in (_SELL, _BUY):
        for i in range(n_orders):
            still_open, limit = orders.energy_wh[i] - filled[i], orders.limit_ticks[i]
            if orders.side[i] != turn or orders.component[i] == _FIRM or still_open <= 0:
                continue
            m, end = orders.market[i], orders.connection[i]
            price = feed_in_ticks[m] if turn == _SELL else retail_ticks[m]
            by_right[i] = min(max(orders.firm_wh[i] - filled[i], 0), still_open) if turn == _SELL else 0
            worthwhile = limit > _UTILITY_ONLY and (limit - price) * turn >= 0
            asked, costs = still_open - by_right[i], turn == _SELL and price < 0
            if asked == 0 or (costs and orders.component[i] == _PV):
                continue
            if not worthwhile and (costs or orders.fallback[i] != _UTILITY):
                continue
            source, sink = (end, -1) if turn == _SELL else (-1, end)
            wh, code[i], element[i] = admit(ints[m], floats[m], source, sink, asked)
            if turn == _SELL:
                exports[i] = wh
            else:
                imports[i] = wh
            short[i] = asked - wh
    refused, count = np.empty((column.N_REJECT, n_orders), dtype=np.int64), 0
    for i in range(n_orders):
        if short[i] > 0:
            buys = orders.side[i] == _BUY
            refused[column.REJECT_BUY_ORDER, count] = i if buys else -1
            refused[column.REJECT_SELL_ORDER, count] = -1 if buys else i
            refused[column.REJECT_ENERGY_WH, count] = short[i]
            refused[column.REJECT_REASON, count] = code[i] & ~BLAMES_SINK
            refused[column.REJECT_ELEMENT, count] = element[i]
            refused[column.REJECT_SIDE, count] = orders.side[i]
            count += 1
    return imports, exports, by_right, refused, count


@kernel(part=True)
def absorb(left: Any, executed: Any, lo_wh: Any, stores: Any, allowed: Any) -> Any:
    """PV left over into own stores that do not discharge, as far as they have room; writes into both arguments.

    Returns what each fleet took [n_devices, n_agents].
    """
    taken = np.zeros(executed.shape, dtype=np.int64)
    for c in range(len(executed)):
        if not stores[c]:
            continue
        for a in range(len(left)):
            if allowed[a] and left[a] > 0 and executed[c, a] <= 0:
                taken[c, a] = min(left[a], max(executed[c, a] - lo_wh[c, a], 0))
                left[a] -= taken[c, a]
                executed[c, a] -= taken[c, a]
    return taken


@kernel((_THREE, I1, I1, I1, _THREE, I2, I2, B1, B1))
def tally(
    ordered: Any, filled: Any, imports: Any, exports: Any, covered: Any,
    dispatch_wh: Any, lo_wh: Any, stores: Any, absorbs: Any,
) -> Any:  # fmt: skip
    """Imports, exports, PV left over [n_agents], executed energy of fleets [n_devices, n_agents], bought, sold; and the
    PV that went into own stores after the market [n_devices, n_agents].

    ``ordered``: agent, side and component of each order; ``covered``: firm demand, must-run energy and surplus.
    """
    agent, side, component = ordered
    firm_demand_wh, must_run_wh, surplus_wh = covered
    imported, exported, left = firm_demand_wh.copy(), must_run_wh.copy(), surplus_wh.copy()
    executed = dispatch_wh.copy()
    bought, sold = np.zeros(len(left), dtype=np.int64), np.zeros(len(left), dtype=np.int64)
    for i in range(len(filled)):
        a, c = agent[i], component[i]
        imported[a] += imports[i]
        exported[a] += exports[i]
        if side[i] == _BUY:
            bought[a] += filled[i]
        else:
            sold[a] += filled[i]
        if c == _FIRM:
            if side[i] == _BUY:
                imported[a] -= filled[i]
            else:
                exported[a] -= filled[i]
        elif c == _PV:
            left[a] -= filled[i] + exports[i]
        else:
            executed[c, a] -= side[i] * (filled[i] + imports[i] + exports[i])
    return imported, exported, left, executed, bought, sold, absorb(left, executed, lo_wh, stores, absorbs)


@kernel((REJECTS, types.int64, I1, I1, I1, I1))
def standing(rejects: Any, cuts: Any, market: Any, order_side: Any, fallback: Any, left: Any) -> Any:
    """Energy of each refusal that stands when the slot is over [n_rejects]; see ``matching.standing_refusals``.

    The first ``cuts`` rows were taken from sell orders before the market; ``left`` [n_orders] is open at the end.
    """
    rejects = Rejects(*rejects)
    wanted = np.zeros(market[-1] + 1, dtype=np.int64)
    for i in range(len(left)):
        if order_side[i] == _BUY:
            wanted[market[i]] += left[i]
    stands, untold = rejects.energy_wh.copy(), left.copy()
    for row in range(len(stands) - 1, -1, -1):
        b, s, reason, side = rejects.buy_order[row], rejects.sell_order[row], rejects.reason[row], rejects.side[row]
        if row < cuts:
            if untold[s] > 0:
                stands[row] = 0
            elif fallback[s] != _UTILITY:
                stands[row] = min(stands[row], wanted[market[s]])
            continue
        grid = _FIRST_FLOW <= reason <= _LAST_FLOW
        refused = (b if side != _SELL else -1, s if side != _BUY else -1)
        for order in refused:
            if order >= 0 and grid:
                stands[row] = min(stands[row], untold[order])
        for order in refused:
            if order >= 0 and (grid or reason == _ROLLED_BACK):
                untold[order] = max(untold[order] - stands[row], 0)
    return stands


@kernel((*(I1,) * 4, REJECTS, _THREE, I1, types.int64))
def memory(
    market: Any, agent: Any, energy_wh: Any, filled: Any,
    rejects: Any, traded: Any, last_price_ticks: Any, n_agents: Any,
) -> Any:  # fmt: skip
    """What the next slot knows of this one: filled and refused share of each agent's offers, mean price a market.

    ``traded``: buying order, energy and price of each trade.
    """
    rejects = Rejects(*rejects)
    buyer, trade_wh, price_ticks = traded
    offered, sold = np.zeros(n_agents, dtype=np.int64), np.zeros(n_agents, dtype=np.int64)
    refused = np.zeros(n_agents, dtype=np.int64)
    for i in range(len(filled)):
        offered[agent[i]] += energy_wh[i]
        sold[agent[i]] += filled[i]
    for row in range(len(rejects.energy_wh)):
        b, s, side = rejects.buy_order[row], rejects.sell_order[row], rejects.side[row]
        if b >= 0 and side != _SELL:
            refused[agent[b]] += rejects.energy_wh[row]
        if s >= 0 and side != _BUY:
            refused[agent[s]] += rejects.energy_wh[row]
    fill_share, refused_share = np.zeros(n_agents), np.zeros(n_agents)
    for a in range(n_agents):
        if offered[a] > 0:
            fill_share[a] = sold[a] / offered[a]
            refused_share[a] = min(refused[a] / offered[a], 1.0)
    price = last_price_ticks.copy()
    energy, value = np.zeros(len(price), dtype=np.int64), np.zeros(len(price), dtype=np.int64)
    for row in range(len(trade_wh)):
        m, wh = market[buyer[row]], trade_wh[row]
        energy[m] += wh
        value[m] += wh * price_ticks[row]
    for m in range(len(price)):
        if energy[m] > 0:
            price[m] = value[m] // energy[m]
    return fill_share, refused_share, price


@kernel((I1, I1, F1, F2, F2))
def own_grid(market: Any, node: Any, opened_kvar: Any, kvar: Any, v_pu: Any) -> Any:
    """Reactive injection of each agent, and its bus voltage [n_agents].

    The injection is that of the open slot plus an equal share of what the agent's node moved since.
    """
    n_agents = len(market)
    neighbours, opened = np.zeros(kvar.shape), np.zeros(kvar.shape)
    for a in range(n_agents):
        if node[a] >= 0:
            neighbours[market[a], node[a]] += 1.0
            opened[market[a], node[a]] += opened_kvar[a]
    own, voltage = opened_kvar.copy(), np.full(n_agents, np.nan)
    for a in range(n_agents):
        m, n = market[a], node[a]
        if n >= 0:
            own[a] += (kvar[m, n] - opened[m, n]) / neighbours[m, n]
            voltage[a] = v_pu[m, n]
    return own, voltage


@kernel(part=True)
def agents_in_balance(load: Any, pv: Any, energy: Any, exchange: Any, lo_wh: Any, hi_wh: Any) -> bool:
    """Whether energy balances for every agent, none is negative, and every device kept its range."""
    executed, bought, sold = energy.device_wh, energy.bought_wh, energy.sold_wh
    imported, exported, curtailed = exchange
    net, pv_used = energy.net_wh, energy.pv_used_wh
    for a in range(len(load)):
        devices, inside = 0, True
        for c in range(len(executed)):
            devices += executed[c, a]
            inside = inside and lo_wh[c, a] <= executed[c, a] <= hi_wh[c, a]
        brought = pv[a] - curtailed[a] + devices + bought[a] + imported[a]
        if not inside or brought != load[a] + sold[a] + exported[a]:
            return False
        if net[a] != exported[a] + sold[a] - imported[a] - bought[a]:
            return False
        if min(min(imported[a], exported[a]), min(curtailed[a], pv_used[a])) < 0:
            return False
    return True


@kernel(part=True)
def moves_within_markets(home: Any, moved: Any) -> bool:
    """Whether what moves between agents sums to zero in each market; ``home`` is the market of each, ascending."""
    rest, market = 0, -1
    for a in range(len(home)):
        if home[a] != market:
            if rest != 0:
                return False
            market = home[a]
        rest += moved[a]
    return rest == 0


@kernel(types.boolean(I1, I1, _PAIR, ENERGY, _THREE, _THREE, I1, I1, I1, LEDGER))
def laws_hold(
    load: Any, pv: Any, reach: Any, energy: Any, exchange: Any, traded: Any, agent: Any, market: Any, home: Any, ledger: Any
) -> bool:  # fmt: skip
    """Whether every law of ``laws`` holds; which one does not, they find out.

    ``reach``: least and most of each fleet; ``exchange``: imports, exports, curtailment; ``traded``: buying and selling
    order and energy of each trade.
    """
    if not agents_in_balance(load, pv, Energy(*energy), exchange, *reach):
        return False
    buy, sell, trade_wh = traded
    for row in range(len(trade_wh)):
        b, s = buy[row], sell[row]
        if trade_wh[row] <= 0 or agent[b] == agent[s] or market[b] != market[s]:
            return False
    paid, ledger = 0, Ledger(*ledger)
    for m in range(len(ledger.utility)):
        paid += ledger.utility[m] + ledger.operator[m]
    for line in range(len(ledger.money)):
        for a in range(len(load)):
            paid += ledger.money[line, a]
    return paid == 0 and moves_within_markets(home, ledger.money[_SHARING])
