"""What a scenario may say about engines, network charges and allocation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from marketsim.core.params import Params
from marketsim.core.weight_params import MemberWeightsParams

Price = Annotated[float, Field(ge=0, le=1_000)]


class DoubleAuctionParams(Params):
    """Continuous double auction."""

    price_rule: Literal["resting", "midpoint"] = "resting"
    """A trade's price: the resting order's limit, or the floor of the mean of both limits."""
    rounds: int = Field(default=1, ge=1, le=1_000)
    """How often agents may quote within a slot. Adaptive traders need 20 or more."""
    tranches: int = Field(default=1, ge=1, le=100)
    """Parts in which each order arrives, all first parts before all second ones: evens out who happens to come first."""
    ties: Literal["time", "pro_rata"] = "time"
    """At one price the earliest resting order trades first, or an arriving one is shared in proportion to what rests."""


class CallAuctionParams(Params):
    """Periodic call auction."""

    pricing: Literal["uniform", "pay_as_bid"] = "uniform"
    """One price at the middle of the marginal pair, or each trade at its buyer's bid."""


class HuangParams(Params):
    """Truthful double auction for quantities (Huang, Scheller-Wolf, Sycara 2002)."""


class MidMarketRateParams(Params):
    """Pool at the middle of retail price and feed-in tariff."""


class SupplyDemandRatioParams(Params):
    """Pool at the price by the ratio of supply to demand (Liu et al. 2017)."""


class ProRataParams(Params):
    """Pool at a fixed place between feed-in tariff and retail price."""

    position: float = Field(default=0.5, ge=0, le=1)
    """0: at the feed-in tariff, 1: at the retail price, 0.5: at the midpoint."""


class EquityPoolParams(MemberWeightsParams):
    """Pool at one price, whose scarce energy is filled by weights of members; see ``core.member_weights``.

    Agents need an income but for ``weights: equal``.
    """

    position: float = Field(default=0.5, ge=0, le=1)
    """Place of the price: 0 at the feed-in tariff, 1 at the retail price [-]."""


class CentralOptimumParams(Params):
    """A planner that knows all limit prices: most gains of peers under the grid's limits. A yardstick for truthful traders.

    What agents and utility get together it plans with the allocation ``planned``.
    """

    steps: int = Field(default=12, ge=0, le=100)
    """Linear programmes a slot and market at most, where the merit order breaks a limit."""


class NoChargesParams(Params):
    """Trade between peers is free of network charges."""


class FlatChargesParams(Params):
    """The same network charge on every kWh."""

    per_kwh: Price = 0.02
    """Charge on a traded kWh, both sides together [currency/kWh]."""
    buyer_share: float = Field(default=0.5, ge=0, le=1)
    """Share that the buyer pays; the rest is the seller's."""


class NodalChargesParams(Params):
    """Signed charges by voltage sensitivity before the slot: who relieves the tightest bus earns.

    No price leaves the tariffs: a buyer pays at least the feed-in tariff, a seller gets at most retail, all included.
    """

    largest_per_kwh: Price = 0.02
    """Charge where the sensitivity is largest in absolute value [currency/kWh]."""


class DistanceChargesParams(Params):
    """Charges by the electrical distance between buyer and seller, paid by the buyer."""

    per_kwh_ohm: Price = 0.01
    """Charge for each ohm of impedance on the path [currency/kWh/ohm]."""


class PayAsAgreedParams(Params):
    """Every trade is paid at the price that was agreed, imports and exports at the utility's tariffs."""


class ArrivalParams(Params):
    """First come, first served."""


class ProportionalParams(Params):
    """One factor for all sellers of the slot."""


class MeritParams(Params):
    """Capacity to who gains most for each unit of the binding limit."""


class PlannedParams(Params):
    """Capacity as a planner gives it who knows the AC limits: the least energy from upstream. A yardstick."""

    steps: int = Field(default=12, ge=0, le=100)
    """Linear programmes a slot and market at most, where not all surplus can flow; 0: the best of simple rules."""
