"""Price by the ratio of supply to demand (Liu et al. 2017).

Liu, Yu, Wang, Li, Ma, Lei, Energy-sharing model with price-based demand response for microgrids of peer-to-peer
prosumers, IEEE Trans. Power Systems 32(5), 2017, 3569-3583, doi 10.1109/TPWRS.2017.2649558. With R = S/D, retail b and
feed-in s:

    0 <= R <= 1: p_sell = s b / ((b - s) R + s),  p_buy = p_sell R + b (1 - R)
    R > 1:       p_sell = p_buy = s

p_buy is an average that already contains what comes from the utility at b. So min(S, D) is booked in proportion at
p_sell, rounded down to a tick, and the rest with the utility: the bills are then the published averages. S and D are
the energies of all orders of the slot; orders whose limits do not accept the price do not trade. Where b = s there is no
trade. The formula divides by s, and has no meaning where s is zero or less: such tariffs are refused.
"""

from __future__ import annotations

from typing import Final

from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import OrderError, Problem, ScenarioError
from marketsim.core.records import Orders
from marketsim.core.units import TICKS_PER_CURRENCY
from marketsim.market.administrative import pool_at
from marketsim.market.params import SupplyDemandRatioParams
from marketsim.market.pool import Clearing, PoolEngine


def sell_price(supply_wh: int, demand_wh: int, retail_ticks: int, feed_in_ticks: int) -> int:
    """p_sell [ticks], rounded down, in exact integers; both energies positive, retail above feed-in above 0."""
    if supply_wh > demand_wh:
        return feed_in_ticks
    spread = retail_ticks - feed_in_ticks
    return feed_in_ticks * retail_ticks * demand_wh // (spread * supply_wh + feed_in_ticks * demand_wh)


_REASON: Final = "supply_demand_ratio divides by the feed-in tariff: its price is defined above zero only"
_HINT: Final = "choose another engine, such as mid_market_rate, which takes prices of either sign"


def clear(orders: Orders, buys: IntArray, sells: IntArray, retail_ticks: int, feed_in_ticks: int) -> Clearing | None:
    """Clear one market; OrderError for a feed-in tariff of zero or less."""
    if feed_in_ticks <= 0:
        raise OrderError([Problem(_REASON, "feed_in", f"{feed_in_ticks / TICKS_PER_CURRENCY:g}", _HINT)])
    if retail_ticks <= feed_in_ticks:
        return None
    supply, demand = int(orders.energy_wh[sells].sum()), int(orders.energy_wh[buys].sum())
    return pool_at(orders, buys, sells, sell_price(supply, demand, retail_ticks, feed_in_ticks))


def _demand_positive(context: BuildContext) -> None:
    """ScenarioError with the first slot of the run whose feed-in tariff is zero or less."""
    if context.tariff is None:
        return
    for slot in range(context.clock.slots):
        time = context.clock.at(slot)
        least = int(context.tariff.at(time).feed_in_ticks.min())
        if least <= 0:
            seen = f"feed_in {least / TICKS_PER_CURRENCY:g} in slot {slot} ({time.begins:%Y-%m-%d %H:%M})"
            raise ScenarioError([Problem(_REASON, value=seen, hint=_HINT)])


def build(params: SupplyDemandRatioParams, context: BuildContext) -> PoolEngine:  # noqa: ARG001 - part of the port
    """The engine; ScenarioError where a slot of the run has a feed-in tariff of zero or less."""
    _demand_positive(context)
    return PoolEngine("supply_demand_ratio", clear)
