"""Every built-in strategy, with every storage policy, keeps the contract that plugins are held to."""

from __future__ import annotations

from marketsim.agents.params import (
    CoordinatedParams,
    FixedMarginParams,
    LpParams,
    PriceResponseParams,
    SetpointsParams,
    StorageChoice,
    ThresholdsParams,
    TruthfulParams,
    UtilityOnlyParams,
    ZeroIntelligenceParams,
    ZipParams,
)
from marketsim.agents.setpoints import rules
from marketsim.agents.strategies import (
    coordinated,
    fixed_margin,
    price_response,
    truthful,
    utility_only,
    zero_intelligence,
)
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


class TestPriceResponse(StrategyContract):
    build = staticmethod(price_response.build)
    params = PriceResponseParams()


class TestPriceResponseThatHolds(StrategyContract):
    build = staticmethod(price_response.build)
    params = PriceResponseParams(
        measure="price",
        shiftable=ThresholdsParams(above=(0.1, 0.25), below=0.1),
        curtailable=ThresholdsParams(above=0.2, below=(0.1, 0.2)),
        return_within_h=2.0,
        storage=LP,
    )


class TestFixedMargin(StrategyContract):
    build = staticmethod(fixed_margin.build)
    params = FixedMarginParams(margin=0.4)


class TestZeroIntelligence(StrategyContract):
    build = staticmethod(zero_intelligence.build)
    params = ZeroIntelligenceParams()


class TestCoordinated(StrategyContract):
    build = staticmethod(coordinated.build)
    params = CoordinatedParams(horizon_slots=8, replan_slots=1)


class TestZip(StrategyContract):
    build = staticmethod(zip_plus.build)
    params = ZipParams(storage="idle")


class TestZipWithTrade(StrategyContract):
    build = staticmethod(zip_plus.build)
    params = ZipParams()
