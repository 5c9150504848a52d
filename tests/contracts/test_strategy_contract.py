"""Every built-in strategy, with every storage policy, keeps the contract that plugins are held to."""

from __future__ import annotations

from marketsim.agents.params import (
    FixedMarginParams,
    LpParams,
    SetpointsParams,
    StorageChoice,
    TruthfulParams,
    UtilityOnlyParams,
    ZeroIntelligenceParams,
    ZipParams,
)
from marketsim.agents.setpoints import rules
from marketsim.agents.strategies import fixed_margin, truthful, utility_only, zero_intelligence
from marketsim.agents.strategies import zip as zip_plus
from marketsim.testing.strategy_kit import StrategyContract

LP = StorageChoice(lp=LpParams(horizon_slots=8, every=1))


class TestUtilityOnly(StrategyContract):
    build = staticmethod(utility_only.build)
    params = UtilityOnlyParams()


class TestUtilityOnlyWithLp(StrategyContract):
    build = staticmethod(utility_only.build)
    params = UtilityOnlyParams(storage=LP)


class TestSetpoints(StrategyContract):
    build = staticmethod(rules.build)
    params = SetpointsParams()


class TestTruthful(StrategyContract):
    build = staticmethod(truthful.build)
    params = TruthfulParams()


class TestTruthfulWithLp(StrategyContract):
    build = staticmethod(truthful.build)
    params = TruthfulParams(storage=LP)


class TestTruthfulSelfConsumption(StrategyContract):
    build = staticmethod(truthful.build)
    params = TruthfulParams(storage="self_consumption", deferrable="on_arrival")


class TestFixedMargin(StrategyContract):
    build = staticmethod(fixed_margin.build)
    params = FixedMarginParams(margin=0.4)


class TestZeroIntelligence(StrategyContract):
    build = staticmethod(zero_intelligence.build)
    params = ZeroIntelligenceParams()


class TestZip(StrategyContract):
    build = staticmethod(zip_plus.build)
    params = ZipParams(storage="idle")


class TestZipWithTrade(StrategyContract):
    build = staticmethod(zip_plus.build)
    params = ZipParams()
