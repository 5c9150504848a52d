"""A pool whose scarce local energy is filled by weights of members, which follow from bills and local energy so far.

All pay and get one price. What is sold comes from all sellers in proportion; what is scarce goes to buyers by
``core.filling``: served up to their demand, those of more weight first. Weights are those of the day, so that what a slot trades
depends on its orders and the gate alone. It moves who gets local energy, never how much there is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.filling import fill
from marketsim.core.member_weights import WeightRule, member_weights
from marketsim.core.records import Orders
from marketsim.core.standing import MemberStanding
from marketsim.market.common_factor import share
from marketsim.market.params import EquityPoolParams
from marketsim.market.pool import Clearing, PoolEngine


class AskedInPool(NamedTuple):
    """What a market's orders of a slot ask for."""

    price_ticks: int
    """Of all that trades."""
    buys: IntArray
    """Orders that would trade at it."""
    sells: IntArray
    total_wh: int
    """What trades, if nothing else limits it."""


class EquityPool(PoolEngine):
    """Port ``DailyEngine``."""

    def __init__(self, position: float, rule: WeightRule, weights: FloatArray) -> None:
        """``rule``: of the days to come; ``weights`` of the day [n_agents]."""
        super().__init__("equity_pool", self._clear)
        self._position, self._rule = position, rule
        self.weights = weights

    def of_day(self, standing: MemberStanding) -> EquityPool:
        """The engine of a day that begins at this standing, after the day that this one is of."""
        weights, rule = self._rule.of_day(standing)
        return EquityPool(self._position, rule, weights)

    def asked(
        self, orders: Orders, buys: IntArray, sells: IntArray, retail_ticks: int, feed_in_ticks: int
    ) -> AskedInPool:
        """What a slot's orders of one market ask for and offer, whatever the weights."""
        price = feed_in_ticks + round(self._position * (retail_ticks - feed_in_ticks))
        buys = buys[orders.price_ticks[buys] >= price]
        sells = sells[orders.price_ticks[sells] <= price]
        total = min(int(orders.energy_wh[buys].sum()), int(orders.energy_wh[sells].sum()))
        return AskedInPool(price, buys, sells, total)

    def _clear(
        self, orders: Orders, buys: IntArray, sells: IntArray, retail_ticks: int, feed_in_ticks: int
    ) -> Clearing | None:
        price, buys, sells, total = self.asked(orders, buys, sells, retail_ticks, feed_in_ticks)
        if total == 0:
            return None
        filled = fill(self.weights[orders.agent[buys]], orders.energy_wh[buys], total)
        return Clearing(buys, filled, sells, share(total, orders.energy_wh[sells]), np.full(len(buys), price))


def build(params: EquityPoolParams, context: BuildContext) -> EquityPool:
    """The engine of the first day; InputError where weights need incomes that agents have not."""
    rule = member_weights(params, context, "equity_pool")
    weights, _ = rule.of_day(MemberStanding.nothing(context.community.n_agents))
    return EquityPool(params.position, rule, weights)
