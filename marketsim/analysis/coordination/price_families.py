"""Families of posted prices that favour low incomes, each balanced by what others pay.

**Within the tariffs.** Where p is the posted price, r retail and f feed-in, a home of low income gets a price either way, or
refuses it and keeps p; the others, on their way to what they would have alone, pay and are paid

    low: p - t g (p - f),    buying: p + k (r - p),    selling: p - k (p - f),

with g = 1 for the least income and 0 from the mean on. All of that lies within the tariffs, so that nobody pays more than alone.
Of the two numbers k is as asked and t what balances the books, or t = 1 and k less.

**By home.** A price ``p + d_i`` in all slots of home i, with d_i such that at the common plan it would pay what a division of the
cost says. It moves money between homes and leaves alone what a home decides by differences of prices between slots.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.coordination.homes import Homes
from marketsim.core.arrays import FloatArray
from marketsim.optimise.balanced import Books, PriceOffers, PricesAt
from marketsim.optimise.posted import MemberAnswers, PostedPrices, PricedMembers

_LEAST_KWH: Final = 1e-6
"""Who draws no more than this in all gets no price of its own."""
_MOST_ASKED: Final = 2.0
"""Payers are asked for at most so many times what the division says, where answers differ from the common plan."""


class Posted(NamedTuple):
    """The common plan, and what is posted for it."""

    members: PricedMembers
    price: FloatArray
    """[currency/kWh] [slots]."""
    plan: MemberAnswers
    open_to_all: PostedPrices

    @classmethod
    def of(cls, members: PricedMembers) -> Posted:
        """By the duals of the plan of least cost."""
        price, plan = members.plan()
        return cls(members, price, plan, PostedPrices.of_all(price, members.members.n))


def within_tariffs(posted: Posted, homes: Homes, asked: float) -> Books | None:
    """Prices of the first family with k = ``asked``, in [0, 1]; None where no t balances them."""
    n, pool = posted.members.members.n, posted.members.members
    helped, others = np.zeros(n), np.zeros(n)
    helped[homes.rows] = homes.helped
    others[homes.rows] = homes.helped == 0.0
    price = posted.price[:, None]
    above = np.maximum(pool.retail[:, None] - price, 0.0)  # with a peak price p may lie above retail
    below = price - pool.feed_in[:, None]

    def at(off: float, on: float) -> PostedPrices:
        less = price - off * helped * below
        return PostedPrices(less + on * others * above, less - on * others * below)

    offers = PriceOffers(posted.members, posted.open_to_all, helped > 0.0)
    found = offers.balanced(lambda z: at(z, asked))
    return found if found is not None else offers.balanced(lambda z: at(1.0, z * asked))


def by_home(posted: Posted, homes: Homes, shares: FloatArray) -> Books | None:
    """Prices of the second family at which homes would pay ``shares`` [n_homes] of the common plan; None where none balance.

    No price falls below zero, so that not all of a division may be reached; what receivers do not get, payers are not asked for.
    """
    drawn = -posted.plan.net_kwh.sum(axis=0)[homes.rows]
    moved = shares - homes.costs(posted.plan.costs(posted.open_to_all))
    most = float(posted.price.min()) * np.abs(drawn)  # what a price of zero in the cheapest slot moves
    lowers = moved * drawn < 0.0
    moved = np.where(np.abs(drawn) <= _LEAST_KWH, 0.0, np.where(lowers, np.clip(moved, -most, most), moved))
    paid, given = np.maximum(moved, 0.0), np.maximum(-moved, 0.0)
    level = min(float(paid.sum()), float(given.sum()))
    offers = PriceOffers(posted.members, posted.open_to_all, np.zeros(posted.members.members.n, dtype=bool))
    if level <= 0.0:
        return offers.books(0.0, posted.open_to_all)
    return offers.balanced(_levels(posted, homes, drawn, paid * (level / paid.sum()), given * (level / given.sum())))


def _levels(posted: Posted, homes: Homes, drawn: FloatArray, paid: FloatArray, given: FloatArray) -> PricesAt:
    each = np.where(np.abs(drawn) <= _LEAST_KWH, np.inf, drawn)

    def at(z: float) -> PostedPrices:
        level = np.zeros(posted.members.members.n)
        level[homes.rows] = (_MOST_ASKED * z * paid - given) / each
        own = np.maximum(posted.price[:, None] + level, 0.0)
        return PostedPrices(own, own)

    return at
