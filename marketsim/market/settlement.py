"""Settlement: who pays what, in exact integers.

Money is energy [Wh] x price [ticks]. Peers pay each other the price at the hub. What a buyer pays beyond it and a
seller gets less than it are network charges (under ``huang`` also the mechanism's surplus); the operator receives them.
The utility sells imports at retail and buys exports at the feed-in tariff.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import whole_column
from marketsim.core.build import BuildContext
from marketsim.core.errors import LawBroken, RunError
from marketsim.core.ports import Settlement
from marketsim.core.records import Community, Exchange, Ledger, Orders, Tariffs, Trades
from marketsim.market import settlement_kernel
from marketsim.market.params import PayAsAgreedParams


def settle(community: Community, trades: Trades, orders: Orders, exchange: Exchange, tariffs: Tariffs) -> Ledger:
    """The ledger of a slot; its payments sum to zero exactly, or LawBroken is raised."""
    columns = [
        *map(whole_column, trades[:-1]),
        orders.agent,
        community.market,
        exchange.import_wh,
        exchange.export_wh,
        tariffs.retail_ticks,
        tariffs.feed_in_ticks,
    ]
    ledger = Ledger(*settlement_kernel.book(*columns))
    check(ledger)
    return ledger


def build(params: PayAsAgreedParams, context: BuildContext) -> Settlement:  # noqa: ARG001 - no parameters
    """The settlement ``pay_as_agreed``."""
    return settle


def balanced(settlement: Settlement, whose: str) -> Settlement:
    """A settlement of others, held to the law; RunError names it where its ledger is none, or does not sum to zero."""

    def settled(community: Community, trades: Trades, orders: Orders, exchange: Exchange, tariffs: Tariffs) -> Ledger:
        ledger: object = settlement(community, trades, orders, exchange, tariffs)
        if not isinstance(ledger, Ledger):
            raise RunError(f"{whose} returned {type(ledger).__name__} in place of a Ledger")
        ours = settle(community, trades, orders, exchange, tariffs)
        for name, column, expected in zip(Ledger._fields, ledger, ours, strict=True):
            if not isinstance(column, np.ndarray) or column.dtype != np.int64 or column.shape != expected.shape:
                raise RunError(f"{whose}: {name} must be whole money, an int64 array of shape {expected.shape}")
        off = imbalance(ledger)
        if off != 0:
            raise RunError(f"{whose}: the payments of a slot sum to {off} x 1e-9 currency, and must sum to zero")
        return ledger

    return settled


def imbalance(ledger: Ledger) -> int:
    """Sum of all payments [1e-9 currency] as a Python integer, which cannot wrap; zero by law."""
    high, low = settlement_kernel.sum_halves(*ledger)
    return (high << 32) + low


def check(ledger: Ledger) -> None:
    """Raise LawBroken unless the payments sum to zero exactly."""
    off = imbalance(ledger)
    if off != 0:
        raise LawBroken(f"the ledger is off by {off} x 1e-9 currency; this is a fault of the program")
