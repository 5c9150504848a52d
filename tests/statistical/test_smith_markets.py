"""Traders of the literature on Smith's markets: known outcomes, with fixed seeds and stated confidence.

Ten or more independent markets each; a claim on a mean holds if its one-sided bound at confidence 1 - ALPHA does.
"""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.agents.params import TruthfulParams, ZeroIntelligenceParams, ZipParams
from marketsim.agents.strategies import truthful, zero_intelligence
from marketsim.agents.strategies import zip as zip_plus
from marketsim.market.double_auction import DoubleAuction
from marketsim.testing.smith_market import SmithMarket, symmetric

ALPHA = 0.01
Z = 2.326
"""Quantile of the normal distribution at 1 - ALPHA."""
LOW_MARKET, MIDDLE_MARKET, HIGH_MARKET = (
    symmetric(11, low, high) for low, high in ((0.08, 0.18), (0.09, 0.29), (0.2, 0.3))
)


def lower_bound(sample):
    """One-sided bound of the mean at confidence 1 - ALPHA."""
    return np.mean(sample) - Z * np.std(sample, ddof=1) / np.sqrt(len(sample))


def upper_bound(sample):
    return -lower_bound(-np.asarray(sample))


def efficiency(build, params, rounds, seeds):
    """Share of the possible gains that was realised on the first day, one number a market."""
    markets = [SmithMarket(*MIDDLE_MARKET, build, params, DoubleAuction(), seed) for seed in range(seeds)]
    return [market.day(0, rounds).gain.sum() / market.most_gain for market in markets]


def zip_days(market, days, rounds, seeds, params=None):
    """Days of ZIP traders, [seeds][days]."""
    markets = [
        SmithMarket(*market, zip_plus.build, params or ZipParams(), DoubleAuction(), seed) for seed in range(seeds)
    ]
    return [[one.day(day, rounds) for day in range(days)] for one in markets]


def test_zero_intelligence_is_efficient_in_fifty_rounds():
    """ZI-C realises at least 0.93 of the gains from trade (Gode, Sunder 1993) when it may quote fifty times."""
    assert lower_bound(efficiency(zero_intelligence.build, ZeroIntelligenceParams(), 50, 60)) >= 0.93


def test_zero_intelligence_needs_its_rounds():
    """With one quote each, less than 0.6 of the gains is realised."""
    assert upper_bound(efficiency(zero_intelligence.build, ZeroIntelligenceParams(), 1, 60)) <= 0.6


def test_zero_intelligence_does_not_learn():
    """The spread of ZI-C prices around the equilibrium is as large on the fifth day as on the first."""
    market = SmithMarket(*MIDDLE_MARKET, zero_intelligence.build, ZeroIntelligenceParams(), DoubleAuction(), 1)
    spread = [np.std(market.day(day, 50).price) for day in range(40)]
    assert np.mean(spread[20:]) == pytest.approx(np.mean(spread[:20]), rel=0.3)


@pytest.mark.parametrize("market", [LOW_MARKET, MIDDLE_MARKET, HIGH_MARKET], ids=["low", "middle", "high"])
def test_zip_converges_to_the_equilibrium_price(market):
    """In 20 rounds a day, ZIP prices end at the equilibrium wherever in the tariffs it lies.

    Smith's alpha, the root mean square distance of prices from the equilibrium relative to it, is below 0.05 on days 5
    to 8, and at most half of what it was on the first day; the mean price is within 2 % of the equilibrium.
    """
    equilibrium = float(np.mean(market[0]))
    days = zip_days(market, 8, 20, 20)
    alpha = np.array([[np.sqrt(np.mean((day.price / equilibrium - 1.0) ** 2)) for day in run] for run in days])
    late = alpha[:, 4:].mean(axis=1)
    assert upper_bound(late) <= 0.05
    assert upper_bound(late - 0.5 * alpha[:, 0]) <= 0.0
    price = [np.mean([day.price.mean() for day in run[4:]]) for run in days]
    assert upper_bound(np.abs(np.array(price) / equilibrium - 1.0)) <= 0.02


def test_zip_is_efficient():
    """ZIP realises at least 0.93 of the gains from trade from the second day on."""
    market = SmithMarket(*MIDDLE_MARKET, zip_plus.build, ZipParams(), DoubleAuction(), 0)
    gains = [[day.gain.sum() / market.most_gain for day in run[1:]] for run in zip_days(MIDDLE_MARKET, 6, 20, 20)]
    assert lower_bound(np.mean(gains, axis=1)) >= 0.93


def test_zip_without_learning_does_not_converge():
    """The control: with a learning rate of zero the prices stay where the first margins put them."""
    still = ZipParams(learning_rate=(0.0, 0.0))
    alpha = [[np.std(day.price) for day in run] for run in zip_days(MIDDLE_MARKET, 5, 20, 10, still)]
    assert np.mean([run[-1] for run in alpha]) == pytest.approx(np.mean([run[0] for run in alpha]), rel=0.35)


def test_truthful_traders_trade_once():
    """Truthful traders quote their value in each round: after the first nothing is left to trade."""
    market = SmithMarket(*MIDDLE_MARKET, truthful.build, TruthfulParams(), DoubleAuction(), 3)
    assert len(market.day(0, 5).price) == len(market.day(0, 1).price)
