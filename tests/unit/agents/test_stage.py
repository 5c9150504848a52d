"""The slot that agents of a simple strategy share."""

from __future__ import annotations

import numpy as np

from marketsim.agents.params import TruthfulParams
from marketsim.agents.stage import Stage
from marketsim.agents.strategies import truthful
from marketsim.agents.strategies.plan import Fixed
from marketsim.testing.strategy_kit import FEED_IN, RETAIL, battery, observed, reach, strategy_context


class Counting:
    """A forecast that counts how often it is asked."""

    def __init__(self):
        self.asked = 0

    def series(self, name, horizon):
        self.asked += 1
        return np.ones((horizon, 2))

    def tariffs(self, horizon):
        self.asked += 1
        return np.full((horizon, 2), RETAIL), np.full((horizon, 2), FEED_IN)


def staged():
    """A stage of two agents with batteries, the number of plans made so far, and its forecast."""
    context = strategy_context([{"battery": battery()}] * 2)
    trader = truthful.build(TruthfulParams(), context)
    forecast = Counting()
    ranges = [reach([-4_000] * 2, [0] * 2, [4_000] * 2, [0.5] * 2)]
    seen = observed(context, [500, 500], [2_000, 2_000], ranges)._replace(forecast=forecast)
    plans = []

    def follow(wanted_wh, fixed):
        plans.append(fixed.copy())
        plan = trader.plan(seen, Fixed(fixed, wanted_wh))
        return plan, trader.standing(seen, plan)

    first = trader.plan(seen)
    return Stage(seen, first, follow, trader.standing(seen, first)), plans, forecast


def test_nothing_is_planned_anew_until_somebody_dispatches():
    stage, plans, _ = staged()
    stage.now()
    assert plans == []


def test_a_dispatch_is_followed_when_somebody_looks():
    """Several dispatches are one new plan; who dispatched nothing keeps the old one."""
    stage, plans, _ = staged()
    stage.fix(0, 0, 0)
    stage.fix(0, 0, -300)
    plan, standing = stage.now()
    stage.now()
    assert len(plans) == 1
    assert plan.dispatch_wh.tolist() == [[-300, -1_500]]
    assert standing.surplus_wh.tolist() == [1_200, 0]


def test_forecasts_are_asked_for_once():
    """All agents of the strategy share one answer for each series and horizon."""
    stage, _, forecast = staged()
    for _ in range(3):
        assert stage.series("load_kw", 4).shape == (4, 2)
        assert stage.prices(4)[0].tolist() == [[0.3, 0.3]] * 4
    assert forecast.asked == 2
    stage.series("load_kw", 5)
    assert forecast.asked == 3
