"""Fairness measures on hand-computed numbers."""

import math

import numpy as np
import pytest

from marketsim.fairness import measures as of

RETAIL, FEED_IN = 300_000, 80_000


def ints(*values):
    return np.array(values, dtype=np.int64)


def floats(*values):
    return np.array(values, dtype=np.float64)


def test_ftg_is_traded_over_tradable():
    assert of.fairness_to_grid(30, 120) == 0.25


def test_ftg_is_undefined_where_nothing_could_be_traded():
    assert math.isnan(of.fairness_to_grid(0, 0))


def test_ftg_of_trade_beyond_the_potential_is_one():
    assert of.fairness_to_grid(130, 120) == 1.0


def test_the_potential_is_the_short_side():
    assert of.tradable(ints(70, 0, 20), ints(0, 50, 0)) == 50
    assert of.tradable(ints(70, 0, 20), ints(0, 500, 0)) == 90


def test_the_potential_leaves_out_trade_with_oneself():
    assert of.tradable(ints(70), ints(50)) == 0
    assert of.tradable(ints(70, 10), ints(50, 0)) == 10
    assert of.tradable(ints(70, 10), ints(50, 60)) == 70


def test_fbs_compares_fill_rates_weighted_by_availability():
    """f = 1/2: deviation |100 - 50| + |100 - 150| = 100 of at most 2 x 1/2 x 1/2 x 400 = 200."""
    assert of.fairness_by_deviation(ints(100, 300), ints(100, 100)) == pytest.approx(0.5)


def test_fbs_of_equal_fill_rates_is_one():
    assert of.fairness_by_deviation(ints(100, 300), ints(50, 150)) == 1.0


def test_fbs_of_all_or_nothing_is_zero():
    assert of.fairness_by_deviation(ints(100, 100), ints(100, 0)) == 0.0
    assert of.fairness_by_deviation(ints(10, 10, 10, 70), ints(10, 10, 10, 0)) == pytest.approx(0.0)


def test_fbs_of_sold_out_sellers_is_one():
    assert of.fairness_by_deviation(ints(100, 300), ints(100, 300)) == 1.0


def test_fbs_is_undefined_without_trade_or_without_a_second_seller():
    assert math.isnan(of.fairness_by_deviation(ints(100, 300), ints(0, 0)))
    assert math.isnan(of.fairness_by_deviation(ints(100, 0), ints(50, 0)))
    assert math.isnan(of.fairness_by_deviation(ints(), ints()))


def test_fbs_leaves_out_trade_beyond_availability():
    assert of.fairness_by_deviation(ints(100, 100, 0), ints(150, 100, 80)) == 1.0


def test_fbs_by_the_range_of_fill_rates():
    assert of.fairness_between_range(ints(100, 200, 0), ints(80, 60, 0)) == pytest.approx(0.5)


def test_fbs_by_the_range_of_shares():
    assert of.fairness_between_share_range(ints(100, 200, 0), ints(60, 20, 0)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "measure", [of.fairness_between_range, of.fairness_between_share_range, of.jain_fill], ids=lambda f: f.__name__
)
def test_variants_are_undefined_where_fbs_is(measure):
    assert math.isnan(measure(ints(100, 300), ints(0, 0)))
    assert math.isnan(measure(ints(100, 0), ints(50, 0)))


def test_fpp_is_one_without_spread():
    assert of.fairness_of_pricing(ints(150_000, 150_000), ints(1, 5), RETAIL, FEED_IN) == 1.0


def test_fpp_of_the_widest_spread_is_zero():
    assert of.fairness_of_pricing(ints(FEED_IN, RETAIL), ints(7, 7), RETAIL, FEED_IN) == pytest.approx(0.0)


def test_fpp_weighs_the_spread_by_energy():
    """Mean 175,000; variance (75,000^2 + 3 x 25,000^2) / 4."""
    deviation = math.sqrt((75_000**2 + 3 * 25_000**2) / 4)
    score = of.fairness_of_pricing(ints(100_000, 200_000), ints(1, 3), RETAIL, FEED_IN)
    assert score == pytest.approx(1 - 2 * deviation / 220_000)


def test_fpp_by_the_range():
    score = of.fairness_of_pricing_range(ints(100_000, 155_000), ints(1, 8), RETAIL, FEED_IN)
    assert score == pytest.approx(0.75)


def test_neutrality_is_one_in_the_middle_and_zero_at_a_tariff():
    assert of.price_neutrality(ints(190_000), ints(5), RETAIL, FEED_IN) == 1.0
    assert of.price_neutrality(ints(FEED_IN, FEED_IN), ints(5, 1), RETAIL, FEED_IN) == 0.0
    assert of.price_neutrality(ints(135_000), ints(5), RETAIL, FEED_IN) == pytest.approx(0.5)


def test_prices_are_undefined_without_a_trade_or_between_equal_tariffs():
    for prices, energy, retail in ((ints(), ints(), RETAIL), (ints(FEED_IN), ints(3), FEED_IN)):
        assert math.isnan(of.fairness_of_pricing(prices, energy, retail, FEED_IN))
        assert math.isnan(of.fairness_of_pricing_range(prices, energy, retail, FEED_IN))
        assert math.isnan(of.price_neutrality(prices, energy, retail, FEED_IN))


def test_jain_of_k_equal_shares_among_n_is_k_over_n():
    assert of.jain_index(floats(3, 3, 0, 0)) == pytest.approx(0.5)
    assert of.jain_fill(ints(100, 200, 50, 50), ints(50, 100, 0, 0)) == pytest.approx(0.5)


def test_jain_of_nothing_is_undefined():
    assert math.isnan(of.jain_index(floats(0, 0)))
    assert math.isnan(of.jain_index(floats()))


def test_the_worst_off_is_the_one_who_saves_least_of_its_turnover():
    saving = of.worst_off_saving(floats(8, 5), floats(10, 5.5), floats(10, 10))
    assert saving == pytest.approx(0.05)


def test_a_net_earner_can_be_the_worst_off():
    assert of.worst_off_saving(floats(8, -4), floats(10, -5), floats(10, 5)) == pytest.approx(-0.2)


def test_who_had_no_turnover_has_no_saving():
    assert math.isnan(of.worst_off_saving(floats(0), floats(0), floats(0)))
