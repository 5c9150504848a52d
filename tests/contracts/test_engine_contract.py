"""Every built-in engine keeps the contract that plugins are held to."""

from __future__ import annotations

from marketsim.market import (
    call_auction,
    central,
    double_auction,
    huang,
    mid_market_rate,
    pro_rata,
    supply_demand_ratio,
)
from marketsim.market.params import (
    CallAuctionParams,
    CentralOptimumParams,
    DoubleAuctionParams,
    HuangParams,
    MidMarketRateParams,
    ProRataParams,
    SupplyDemandRatioParams,
)
from marketsim.testing.engine_kit import EngineContract


class TestDoubleAuction(EngineContract):
    engine = double_auction.build(DoubleAuctionParams())


class TestDoubleAuctionAtMidpoint(EngineContract):
    engine = double_auction.build(DoubleAuctionParams(price_rule="midpoint"))


class TestDoubleAuctionWithoutRetries(EngineContract):
    engine = double_auction.build(DoubleAuctionParams(), retry_passes=0)


class TestUniformCallAuction(EngineContract):
    engine = call_auction.build(CallAuctionParams())


class TestPayAsBidCallAuction(EngineContract):
    engine = call_auction.build(CallAuctionParams(pricing="pay_as_bid"))


class TestHuang(EngineContract):
    engine = huang.build(HuangParams())


class TestMidMarketRate(EngineContract):
    engine = mid_market_rate.build(MidMarketRateParams())


class TestSupplyDemandRatio(EngineContract):
    engine = supply_demand_ratio.build(SupplyDemandRatioParams())


class TestProRata(EngineContract):
    engine = pro_rata.build(ProRataParams(position=0.25))


class TestCentralOptimum(EngineContract):
    engine = central.build(CentralOptimumParams())
