"""The slot's own bookkeeping, compiled: orders held to positions, residual exchange, energy by agent.

Gates in plain Python run the same code uncompiled (``py_func``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import ADMIT_POINTER, kernel
from marketsim.core.records import BLAMES_SINK, FIRM, PV, Fallback, LedgerLine, Reason, Side

_BUY, _SELL, _UTILITY, _FIRM, _PV = int(Side.BUY), int(Side.SELL), int(Fallback.UTILITY), int(FIRM), int(PV)
_FIRST_FLOW, _LAST_FLOW = int(Reason.UNDERVOLTAGE), int(Reason.DIVERGED)
_ROLLED_BACK = int(Reason.ROLLED_BACK)
_SHARING = int(LedgerLine.SHARING)
_OFFSET = 2
"""Components count from PV = -2."""
_I1 = types.Array(types.int64, 1, "C", readonly=True)
_I2 = types.Array(types.int64, 2, "C", readonly=True)
_F1 = types.Array(types.float64, 1, "C", readonly=True)
_F2 = types.Array(types.float64, 2, "C", readonly=True)
_B1 = types.Array(types.boolean, 1, "C", readonly=True)


@kernel((_I1, _I1, _I2, _I2, _I2, _B1))
def stand(load_wh: Any, pv_wh: Any, dispatch_wh: Any, lo_wh: Any, hi_wh: Any, stores: Any) -> Any:
    """Feasible dispatch, firm demand, must-run, surplus, own use, up and down; see ``limits.stand``."""
    n_devices, n_agents = lo_wh.shape
    dispatch = np.empty((n_devices, n_agents), dtype=np.int64)
    up, down = np.zeros_like(dispatch), np.zeros_like(dispatch)
    agents = np.zeros((4, n_agents), dtype=np.int64)
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
        own_use = min(pv_wh[a], max(-base, 0))
        agents[0, a] = max(-base - pv_wh[a], 0)
        agents[1, a] = max(base, 0)
        agents[2, a] = pv_wh[a] - own_use
        agents[3, a] = own_use
    return dispatch, agents[0], agents[1], agents[2], agents[3], up, down


@kernel((*(_I1,) * 12, _I2, _I2, _B1))
def hold(
    arrival: Any, agent: Any, side: Any, price: Any, energy_wh: Any, component: Any, fallback: Any,
    market: Any, connection: Any, firm_demand_wh: Any, must_run_wh: Any, surplus_wh: Any, up_wh: Any, down_wh: Any,
    stores: Any,
) -> Any:  # fmt: skip
    """Orders in order of arrival, each held to what its agent's position covers; rows of ``Orders`` [10, n_orders].

    Orders draw on a position one after the other; what is left of it covers the next. Returns also what was asked
    beyond [Wh], and whether the order was its store's second mode, each [n_orders].
    """
    n_devices, n_agents = up_wh.shape
    sell_left = np.zeros((n_devices + _OFFSET, n_agents), dtype=np.int64)
    buy_left = np.zeros((n_devices + _OFFSET, n_agents), dtype=np.int64)
    for a in range(n_agents):
        sell_left[_PV + _OFFSET, a], sell_left[_FIRM + _OFFSET, a] = surplus_wh[a], must_run_wh[a]
        buy_left[_FIRM + _OFFSET, a] = firm_demand_wh[a]
        for c in range(n_devices):
            sell_left[c + _OFFSET, a], buy_left[c + _OFFSET, a] = up_wh[c, a], down_wh[c, a]
    mode = np.zeros((n_devices, n_agents), dtype=np.int64)
    orders = np.empty((10, len(arrival)), dtype=np.int64)
    beyond = np.empty(len(arrival), dtype=np.int64)
    wrong = np.zeros(len(arrival), dtype=np.bool_)
    for i in range(len(arrival)):
        row = arrival[i]
        a, c, turn, asked = agent[row], component[row], side[row], max(energy_wh[row], 0)
        if c >= 0 and stores[c]:
            if mode[c, a] == 0:
                mode[c, a] = turn
            wrong[i] = mode[c, a] != turn
        left = sell_left if turn == _SELL else buy_left
        held = 0 if wrong[i] else min(asked, left[c + _OFFSET, a])
        left[c + _OFFSET, a] -= held
        beyond[i] = asked - held
        orders[0, i], orders[1, i], orders[2, i], orders[3, i] = market[a], a, connection[a], turn
        orders[4, i], orders[5, i], orders[6, i] = price[row], held, held if c == _FIRM else 0
        orders[7, i], orders[8, i], orders[9, i] = c, fallback[row], price[row]
    return orders, beyond, wrong


@kernel((_I1, _I1, _I1, types.int64))
def fill(buy_order: Any, sell_order: Any, energy_wh: Any, n_orders: Any) -> Any:
    """Traded energy of each order [n_orders]."""
    filled = np.zeros(n_orders, dtype=np.int64)
    for row in range(len(energy_wh)):
        filled[buy_order[row]] += energy_wh[row]
        filled[sell_order[row]] += energy_wh[row]
    return filled


@kernel((ADMIT_POINTER, types.int64[:, :, ::1], types.float64[:, :, ::1], *(_I1,) * 11))
def leave_to_utility(
    admit: Any, ints: Any, floats: Any,
    market: Any, connection: Any, side: Any, component: Any, fallback: Any, limit_ticks: Any,
    energy_wh: Any, firm_wh: Any, filled: Any, retail_ticks: Any, feed_in_ticks: Any,
) -> Any:  # fmt: skip
    """Ask the gate for what owners leave to the utility: all exports, then all imports, order after order.

    Granted surplus that was not traded flows by right, without asking. Returns rows of Wh imported, exported after
    asking and exported by right [3, n_orders], and rows of ``Rejects`` in order of the orders [6, n_orders], the number
    of them that count.
    """
    n_orders = len(side)
    residual = np.zeros((3, n_orders), dtype=np.int64)
    short, code, element = np.zeros((3, n_orders), dtype=np.int64)
    for turn in (_SELL, _BUY):
        for i in range(n_orders):
            still_open = energy_wh[i] - filled[i]
            if side[i] != turn or component[i] == _FIRM or still_open <= 0:
                continue
            m = market[i]
            price = feed_in_ticks[m] if turn == _SELL else retail_ticks[m]
            by_right = min(max(firm_wh[i] - filled[i], 0), still_open) if turn == _SELL else 0
            residual[2, i] = by_right
            worthwhile = limit_ticks[i] >= 0 and (limit_ticks[i] - price) * turn >= 0
            asked = still_open - by_right
            if asked == 0 or (fallback[i] != _UTILITY and not worthwhile):
                continue
            source, sink = (connection[i], -1) if turn == _SELL else (-1, connection[i])
            wh, code[i], element[i] = admit(ints[m], floats[m], source, sink, asked)
            residual[0 if turn == _BUY else 1, i] = wh
            short[i] = asked - wh
    refused, count = np.empty((6, n_orders), dtype=np.int64), 0
    for i in range(n_orders):
        if short[i] > 0:
            buys = side[i] == _BUY
            refused[0, count], refused[1, count] = (i, -1) if buys else (-1, i)
            refused[2, count], refused[3, count] = short[i], code[i] & ~BLAMES_SINK
            refused[4, count], refused[5, count] = element[i], side[i]
            count += 1
    return residual, refused, count


@kernel(part=True)
def absorb(left: Any, executed: Any, lo_wh: Any, stores: Any, allowed: Any) -> Any:
    """PV left over into own stores that do not discharge, as far as they have room; writes into both arguments.

    Returns what each fleet took [n_devices, n_agents].
    """
    taken = np.zeros_like(executed)
    for c in range(len(executed)):
        if not stores[c]:
            continue
        for a in range(len(left)):
            if allowed[a] and left[a] > 0 and executed[c, a] <= 0:
                taken[c, a] = min(left[a], max(executed[c, a] - lo_wh[c, a], 0))
                left[a] -= taken[c, a]
                executed[c, a] -= taken[c, a]
    return taken


@kernel((*(_I1,) * 9, _I2, _I2, _B1, _B1))
def tally(
    agent: Any, side: Any, component: Any, filled: Any, imports: Any, exports: Any,
    firm_demand_wh: Any, must_run_wh: Any, surplus_wh: Any, dispatch_wh: Any, lo_wh: Any, stores: Any, absorbs: Any,
) -> Any:  # fmt: skip
    """Imports, exports, PV left over [n_agents], executed energy of fleets [n_devices, n_agents], bought, sold; and the
    PV that went into own stores after the market [n_devices, n_agents].
    """
    imported, exported, left = firm_demand_wh.copy(), must_run_wh.copy(), surplus_wh.copy()
    executed = dispatch_wh.copy()
    bought, sold = np.zeros_like(imported), np.zeros_like(imported)
    for i in range(len(agent)):
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


@kernel((*(_I1,) * 5, types.int64, *(_I1,) * 4))
def standing(
    buy: Any, sell: Any, energy_wh: Any, reason: Any, side: Any, cuts: Any,
    market: Any, order_side: Any, fallback: Any, left: Any,
) -> Any:  # fmt: skip
    """Energy of each refusal that stands when the slot is over [n_rejects]; see ``matching.standing_refusals``.

    The first ``cuts`` rows were taken from sell orders before the market; ``left`` [n_orders] is open at the end.
    """
    wanted = np.zeros(market[-1] + 1, dtype=np.int64)
    for i in range(len(left)):
        if order_side[i] == _BUY:
            wanted[market[i]] += left[i]
    stands, untold = energy_wh.copy(), left.copy()
    for row in range(len(energy_wh) - 1, -1, -1):
        b, s = buy[row], sell[row]
        if row < cuts:
            if untold[s] > 0:
                stands[row] = 0
            elif fallback[s] != _UTILITY:
                stands[row] = min(stands[row], wanted[market[s]])
            continue
        grid = _FIRST_FLOW <= reason[row] <= _LAST_FLOW
        refused = (b if side[row] != _SELL else -1, s if side[row] != _BUY else -1)
        for order in refused:
            if order >= 0 and grid:
                stands[row] = min(stands[row], untold[order])
        for order in refused:
            if order >= 0 and (grid or reason[row] == _ROLLED_BACK):
                untold[order] = max(untold[order] - stands[row], 0)
    return stands


@kernel((*(_I1,) * 11, types.int64))
def memory(
    agent: Any, energy_wh: Any, filled: Any, refused_buy: Any, refused_sell: Any, refused_wh: Any, refused_side: Any,
    trade_market: Any, trade_wh: Any, price_ticks: Any, last_price_ticks: Any, n_agents: Any,
) -> Any:  # fmt: skip
    """What the next slot knows of this one: filled and refused share of each agent's offers, mean price a market."""
    offered, traded = np.zeros(n_agents, dtype=np.int64), np.zeros(n_agents, dtype=np.int64)
    refused = np.zeros(n_agents, dtype=np.int64)
    for i in range(len(agent)):
        offered[agent[i]] += energy_wh[i]
        traded[agent[i]] += filled[i]
    for row in range(len(refused_wh)):
        if refused_buy[row] >= 0 and refused_side[row] != _SELL:
            refused[agent[refused_buy[row]]] += refused_wh[row]
        if refused_sell[row] >= 0 and refused_side[row] != _BUY:
            refused[agent[refused_sell[row]]] += refused_wh[row]
    fill_share, refused_share = np.zeros(n_agents), np.zeros(n_agents)
    for a in range(n_agents):
        if offered[a] > 0:
            fill_share[a] = traded[a] / offered[a]
            refused_share[a] = min(refused[a] / offered[a], 1.0)
    price, energy = last_price_ticks.copy(), np.zeros_like(last_price_ticks)
    value = np.zeros_like(last_price_ticks)
    for row in range(len(trade_wh)):
        energy[trade_market[row]] += trade_wh[row]
        value[trade_market[row]] += trade_wh[row] * price_ticks[row]
    for m in range(len(price)):
        if energy[m] > 0:
            price[m] = value[m] // energy[m]
    return fill_share, refused_share, price


@kernel((_I1, _I1, _F1, _F2, _F2))
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
def agents_in_balance(
    load: Any, pv: Any, pv_used: Any, curtailed: Any, bought: Any, sold: Any, imported: Any, exported: Any, net: Any,
    executed: Any, lo_wh: Any, hi_wh: Any,
) -> bool:  # fmt: skip
    """Whether energy balances for every agent, none is negative, and every device kept its range."""
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


@kernel(types.boolean(*(_I1,) * 9, *(_I2,) * 3, *(_I1,) * 6, _I2, _I1, _I1))
def laws_hold(
    load: Any, pv: Any, pv_used: Any, curtailed: Any, bought: Any, sold: Any, imported: Any, exported: Any, net: Any,
    executed: Any, lo_wh: Any, hi_wh: Any,
    buy: Any, sell: Any, trade_wh: Any, agent: Any, market: Any, home: Any,
    money: Any, utility: Any, operator: Any,
) -> bool:  # fmt: skip
    """Whether every law of ``laws`` holds; which one does not, they find out."""
    if not agents_in_balance(
        load, pv, pv_used, curtailed, bought, sold, imported, exported, net, executed, lo_wh, hi_wh
    ):
        return False
    for row in range(len(buy)):
        b, s = buy[row], sell[row]
        if trade_wh[row] <= 0 or agent[b] == agent[s] or market[b] != market[s]:
            return False
    paid = 0
    for m in range(len(utility)):
        paid += utility[m] + operator[m]
    for line in range(len(money)):
        for a in range(len(load)):
            paid += money[line, a]
    return paid == 0 and moves_within_markets(home, money[_SHARING])
