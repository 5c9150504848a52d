"""Settlement: who pays what, in exact integers.

Money is energy [Wh] x price [ticks]. Peers pay each other the price at the hub. What a buyer pays beyond it and a
seller gets less than it are network charges (under ``huang`` also the mechanism's surplus); the operator receives them.
The utility sells imports at retail and buys exports at the feed-in tariff.
"""

from __future__ import annotations

from marketsim.core.arrays import IntArray
from marketsim.core.errors import LawBroken
from marketsim.core.records import Community, Exchange, Ledger, Orders, Tariffs, Trades
from marketsim.market import settlement_kernel

_HALF = 32
_LOW = (1 << _HALF) - 1


def settle(community: Community, trades: Trades, orders: Orders, exchange: Exchange, tariffs: Tariffs) -> Ledger:
    """The ledger of a slot; its payments sum to zero exactly, or LawBroken is raised."""
    paid = settlement_kernel.book(
        orders.agent[trades.buy_order],
        orders.agent[trades.sell_order],
        trades.energy_wh,
        trades.price_ticks,
        trades.buyer_ticks,
        trades.seller_ticks,
        community.market,
        exchange.import_wh,
        exchange.export_wh,
        tariffs.retail_ticks,
        tariffs.feed_in_ticks,
    )
    ledger = Ledger(*paid)
    check(ledger)
    return ledger


def exact_sum(amounts: IntArray) -> int:
    """Sum of int64 as a Python integer, which cannot wrap."""
    flat = amounts.reshape(-1)
    return (int((flat >> _HALF).sum()) << _HALF) + int((flat & _LOW).sum())


def imbalance(ledger: Ledger) -> int:
    """Sum of all payments [1e-9 currency]; zero by law."""
    return sum(exact_sum(amounts) for amounts in ledger)


def check(ledger: Ledger) -> None:
    """Raise LawBroken unless the payments sum to zero exactly."""
    off = imbalance(ledger)
    if off != 0:
        raise LawBroken(f"the ledger is off by {off} x 1e-9 currency; this is a fault of the program")
