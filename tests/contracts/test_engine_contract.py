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
from marketsim.testing.worlds import build_context


class TestDoubleAuction(EngineContract):
    engine = double_auction.build(DoubleAuctionParams(), build_context())


class TestDoubleAuctionAtMidpoint(EngineContract):
    engine = double_auction.build(DoubleAuctionParams(price_rule="midpoint"), build_context())


class TestDoubleAuctionWithoutRetries(EngineContract):
    engine = double_auction.build(DoubleAuctionParams(), build_context(retry_passes=0))


class TestDoubleAuctionInTranches(EngineContract):
    engine = double_auction.build(DoubleAuctionParams(tranches=4), build_context())


class TestDoubleAuctionProRata(EngineContract):
    engine = double_auction.build(DoubleAuctionParams(ties="pro_rata", price_rule="midpoint"), build_context())


class TestUniformCallAuction(EngineContract):
    engine = call_auction.build(CallAuctionParams(), build_context())


class TestPayAsBidCallAuction(EngineContract):
    engine = call_auction.build(CallAuctionParams(pricing="pay_as_bid"), build_context())


class TestHuang(EngineContract):
    engine = huang.build(HuangParams(), build_context())


class TestMidMarketRate(EngineContract):
    engine = mid_market_rate.build(MidMarketRateParams(), build_context())


class TestSupplyDemandRatio(EngineContract):
    engine = supply_demand_ratio.build(SupplyDemandRatioParams(), build_context())


class TestProRata(EngineContract):
    engine = pro_rata.build(ProRataParams(position=0.25), build_context())


class TestCentralOptimum(EngineContract):
    engine = central.build(CentralOptimumParams(), build_context())
