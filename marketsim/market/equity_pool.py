"""A pool whose scarce local energy is filled by weights of members, which follow from bills and local energy so far.

All pay and get one price. What is sold comes from all sellers in proportion; what is scarce goes to buyers by
``core.filling``: served up to their demand, those of more weight first. Weights are those of the day, so that what a slot trades
depends on its orders and the gate alone. It moves who gets local energy, never how much there is.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.filling import fill
from marketsim.core.member_weights import MemberWeights, member_weights
from marketsim.core.records import Orders
from marketsim.core.standing import MemberStanding
from marketsim.market.common_factor import share
from marketsim.market.params import EquityPoolParams
from marketsim.market.pool import Clearing, PoolEngine


class EquityPool(PoolEngine):
    """Port ``DailyEngine``."""

    def __init__(self, position: float, rule: MemberWeights, weights: FloatArray) -> None:
        super().__init__("equity_pool", self._clear)
        self._position, self._rule = position, rule
        self.weights = weights
        """Of the day [n_agents]."""

    def of_day(self, standing: MemberStanding) -> EquityPool:
        """The engine of a day that begins at this standing."""
        return EquityPool(self._position, self._rule, self._rule.of(standing))

    def _clear(
        self, orders: Orders, buys: IntArray, sells: IntArray, retail_ticks: int, feed_in_ticks: int
    ) -> Clearing | None:
        price = feed_in_ticks + round(self._position * (retail_ticks - feed_in_ticks))
        buys = buys[orders.price_ticks[buys] >= price]
        sells = sells[orders.price_ticks[sells] <= price]
        demand, supply = orders.energy_wh[buys], orders.energy_wh[sells]
        total = min(int(demand.sum()), int(supply.sum()))
        if total == 0:
            return None
        filled = fill(self.weights[orders.agent[buys]], demand, total)
        return Clearing(buys, filled, sells, share(total, supply), np.full(len(buys), price))


def build(params: EquityPoolParams, context: BuildContext) -> EquityPool:
    """The engine of the first day; InputError where weights need incomes that agents have not."""
    rule = member_weights(params, context, "equity_pool")
    return EquityPool(params.position, rule, rule.of(MemberStanding.nothing(context.community.n_agents)))
