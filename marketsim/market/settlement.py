"""Settlement: who pays what, in exact integers.

Money is energy [Wh] x price [ticks]. Peers pay each other the price at the hub. What a buyer pays beyond it and a
seller gets less than it are network charges (under ``huang`` also the mechanism's surplus); the operator receives them.
The utility sells imports at retail and buys exports at the feed-in tariff.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.errors import LawBroken
from marketsim.core.records import Community, Exchange, Ledger, LedgerLine, Orders, Tariffs, Trades

_HALF = 32


def settle(community: Community, trades: Trades, orders: Orders, exchange: Exchange, tariffs: Tariffs) -> Ledger:
    """The ledger of a slot; its payments sum to zero exactly, or LawBroken is raised."""
    money = np.zeros((len(LedgerLine), community.n_agents), dtype=np.int64)
    buyer, seller = orders.agent[trades.buy_order], orders.agent[trades.sell_order]
    energy = trades.energy_wh
    np.add.at(money[LedgerLine.PEER_PURCHASES], buyer, energy * trades.price_ticks)
    np.add.at(money[LedgerLine.PEER_SALES], seller, -energy * trades.price_ticks)
    np.add.at(money[LedgerLine.NETWORK_CHARGES], buyer, energy * (trades.buyer_ticks - trades.price_ticks))
    np.add.at(money[LedgerLine.NETWORK_CHARGES], seller, energy * (trades.price_ticks - trades.seller_ticks))
    money[LedgerLine.IMPORTS] = exchange.import_wh * tariffs.retail_ticks[community.market]
    money[LedgerLine.EXPORTS] = -exchange.export_wh * tariffs.feed_in_ticks[community.market]
    operator, utility = np.zeros((2, community.n_markets), dtype=np.int64)
    kept = energy * (trades.buyer_ticks - trades.seller_ticks)
    np.add.at(operator, orders.market[trades.buy_order], -kept)
    np.add.at(utility, community.market, -money[LedgerLine.IMPORTS] - money[LedgerLine.EXPORTS])
    ledger = Ledger(money, utility, operator)
    check(ledger)
    return ledger


def exact_sum(amounts: IntArray) -> int:
    """Sum of int64 as a Python integer, which cannot wrap."""
    flat = amounts.reshape(-1)
    low = flat & ((1 << _HALF) - 1)
    return (int((flat >> _HALF).sum()) << _HALF) + int(low.sum())


def imbalance(ledger: Ledger) -> int:
    """Sum of all payments [1e-9 currency]; zero by law."""
    return sum(exact_sum(amounts) for amounts in ledger)


def check(ledger: Ledger) -> None:
    """Raise LawBroken unless the payments sum to zero exactly."""
    off = imbalance(ledger)
    if off != 0:
        raise LawBroken(f"the ledger is off by {off} x 1e-9 currency; this is a fault of the program")
