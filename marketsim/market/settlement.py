"""Settlement: who pays what, in exact integers.

Money is energy [Wh] x price [ticks]. Peers pay each other the price at the hub. What a buyer pays beyond it and a
seller gets less than it are network charges (under ``huang`` also the mechanism's surplus); the operator receives them.
The utility sells imports at retail and buys exports at the feed-in tariff.
"""

from __future__ import annotations

from marketsim.core.arrays import whole_column
from marketsim.core.build import BuildContext
from marketsim.core.errors import BY_LAW, LawBroken
from marketsim.core.ports import Settlement
from marketsim.core.records import Community, Exchange, Ledger, Orders, Tariffs, Trades
from marketsim.market import settlement_kernel
from marketsim.market.params import PayAsAgreedParams


def settle(community: Community, trades: Trades, orders: Orders, exchange: Exchange, tariffs: Tariffs) -> Ledger:
    """The ledger of a slot; its payments sum to zero exactly, or LawBroken is raised."""
    booked = settlement_kernel.book(
        tuple(map(whole_column, trades)),
        orders.agent,
        community.market,
        exchange.import_wh,
        exchange.export_wh,
        tariffs.retail_ticks,
        tariffs.feed_in_ticks,
    )
    ledger = Ledger(*booked)
    check(ledger)
    return ledger


def build(params: PayAsAgreedParams, context: BuildContext) -> Settlement:  # noqa: ARG001 - no parameters
    """The settlement ``pay_as_agreed``."""
    return settle


def imbalance(ledger: Ledger) -> int:
    """Sum of all payments [1e-9 currency] as a Python integer, which cannot wrap; zero by law."""
    high, low = settlement_kernel.sum_halves(*ledger)
    return (high << 32) + low


def check(ledger: Ledger) -> None:
    """Raise LawBroken unless the payments sum to zero exactly."""
    off = imbalance(ledger)
    if off != 0:
        raise LawBroken(f"the ledger is off by {off} x 1e-9 currency{BY_LAW}")
