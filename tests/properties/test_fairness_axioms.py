"""Axioms of the fairness measures over random slots; docs/kpis.md names each with its test."""

import numpy as np
import pytest

import marketsim as ms
from marketsim.fairness import measures as of

RETAIL, FEED_IN = 0.30, 0.08
SLOTS = 10_000
ROUNDING = 1e-9


def proportional_by_hand(available, traded, other):
    """FBS and FTB as in the definition, in plain Python."""
    total = sum(available)
    if sum(amount > 0 for amount in available) < 2 or not 0 < other < total:
        return None
    short = sum(max(amount * other / total - got, 0.0) for amount, got in zip(available, traded, strict=True))
    return max(0.0, 1.0 - short / other / (1.0 - max(available) / total))


def random_slot(rng):
    """Availability of sellers and buyers, and feasible trades [Wh]: sides of one to eight agents, of every scarcity."""
    supply, demand = (rng.integers(0, 10 ** int(rng.integers(1, 7)), size=rng.integers(1, 9)) for _ in range(2))
    supply[rng.random(len(supply)) < 0.1] = 0
    volume = int(min(supply.sum(), demand.sum()) * rng.choice([0.0, 0.3, 0.8, 1.0]))
    return supply, demand, dealt(rng, supply, volume), dealt(rng, demand, volume)


def dealt(rng, available, volume):
    """``volume`` given out in random portions, to nobody more than is available."""
    got = np.zeros_like(available)
    for place in rng.permutation(len(available)):
        left = volume - int(got.sum())
        got[place] = min(int(available[place]), left if rng.random() < 0.3 else int(rng.integers(0, left + 1)))
    for place in rng.permutation(len(available)):
        got[place] += min(int(available[place] - got[place]), volume - int(got.sum()))
    return got


def scores(supply, demand, sold, bought):
    return (
        of.fairness_to_grid(int(sold.sum()), of.tradable(*sides(supply, demand))),
        of.fairness_of_rationing(supply, sold, int(demand.sum())),
        of.fairness_of_rationing(demand, bought, int(supply.sum())),
    )


def sides(supply, demand):
    """Supply and demand of all agents: sellers first, then buyers."""
    return np.append(supply, np.zeros_like(demand)), np.append(np.zeros_like(supply), demand)


@pytest.fixture(scope="module")
def slots():
    rng = np.random.default_rng(20_260_801)
    return [random_slot(rng) for _ in range(SLOTS)]


def test_who_gets_more_while_nobody_gets_less_never_lowers_a_score(slots):
    """No levelling down, FTG, FBS and FTB; the older form of FBS breaks it, so the slots tell them apart."""
    rng = np.random.default_rng(1)
    tried = older = 0
    for supply, demand, sold, bought in slots:
        open_sales, open_purchases = np.flatnonzero(sold < supply), np.flatnonzero(bought < demand)
        if not len(open_sales) or not len(open_purchases):
            continue
        seller, buyer = rng.choice(open_sales), rng.choice(open_purchases)
        more = int(rng.integers(1, min(supply[seller] - sold[seller], demand[buyer] - bought[buyer]) + 1))
        more_sold, more_bought = sold.copy(), bought.copy()
        more_sold[seller] += more
        more_bought[buyer] += more
        before, after = scores(supply, demand, sold, bought), scores(supply, demand, more_sold, more_bought)
        for was, now in zip(before, after, strict=True):
            assert np.isnan(was) == np.isnan(now)
            assert np.isnan(was) or now >= was
        older += of.fairness_by_deviation(supply, more_sold) < of.fairness_by_deviation(supply, sold) - ROUNDING
        tried += 1
    assert tried > SLOTS // 2
    assert older > tried // 5


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_trading_less_in_proportion_never_raises_fbs(slots, part):
    """At the same supply and demand; the older form does not mind, and rewards what is added to it by rounding alone."""
    for supply, demand, sold, _ in slots:
        less = np.floor(sold * part).astype(np.int64)
        was, now = (of.fairness_of_rationing(supply, each, int(demand.sum())) for each in (sold, less))
        assert np.isnan(was) == np.isnan(now)
        assert np.isnan(was) or now <= was


def test_fbs_and_ftb_are_their_definition(slots):
    for supply, demand, sold, bought in slots:
        _, fbs, ftb = scores(supply, demand, sold, bought)
        for found, wanted in (
            (fbs, proportional_by_hand(supply.tolist(), sold.tolist(), int(demand.sum()))),
            (ftb, proportional_by_hand(demand.tolist(), bought.tolist(), int(supply.sum()))),
        ):
            assert np.isnan(found) if wanted is None else abs(found - wanted) <= ROUNDING


def test_all_scores_are_in_the_unit_interval_or_undefined(slots):
    for slot in slots:
        for score in scores(*slot):
            assert np.isnan(score) or 0.0 <= score <= 1.0


def test_every_score_of_a_slot_is_in_the_unit_interval_or_none(slots):
    """All that ``fairness_scores`` tells, at prices between and beyond the tariffs."""
    rng = np.random.default_rng(2)
    for supply, demand, sold, bought in slots[:: SLOTS // 1000]:
        n = len(supply) + len(demand)
        table = {
            "agent": [f"a{row}" for row in range(n)],
            "side": ["sell"] * len(supply) + ["buy"] * len(demand),
            "available_kwh": [*(supply / 1000), *(demand / 1000)],
            "traded_kwh": [*(sold / 1000), *(bought / 1000)],
            "price": rng.uniform(0.0, 0.4, n).tolist(),
        }
        for name, score in ms.fairness_scores(table, retail=RETAIL, feed_in=FEED_IN).items():
            assert score is None or 0.0 <= score <= 1.0, name


def test_scores_do_not_depend_on_who_is_who(slots):
    """Anonymity."""
    for supply, demand, sold, bought in slots:
        turned = scores(supply[::-1], demand[::-1], sold[::-1], bought[::-1])
        np.testing.assert_allclose(scores(supply, demand, sold, bought), turned, atol=ROUNDING)


def test_scores_do_not_depend_on_the_unit_of_energy(slots):
    """Scale."""
    for slot in slots:
        np.testing.assert_allclose(scores(*slot), scores(*(7 * energy for energy in slot)), atol=ROUNDING)


@pytest.mark.parametrize("sellers", [2, 4, 10])
@pytest.mark.parametrize("scarcity", [0.01, 0.5, 1.0])
def test_one_takes_all_is_zero_and_proportional_shares_are_one(sellers, scarcity):
    """At any number of sellers and any demand, here as a share of one seller's supply."""
    supply, demand = [9.0] * sellers, 9.0 * scarcity
    for sold, wanted in (([demand, *[0.0] * (sellers - 1)], 0.0), ([demand / sellers] * sellers, 1.0)):
        table = {
            "agent": [f"seller {place}" for place in range(sellers)] + ["buyer"],
            "side": ["sell"] * sellers + ["buy"],
            "available_kwh": [*supply, demand],
            "traded_kwh": [*sold, demand],
            "price": [0.19] * (sellers + 1),
        }
        assert ms.fairness_scores(table, retail=RETAIL, feed_in=FEED_IN)["fbs"] == pytest.approx(wanted, abs=1e-8)


def test_fpp_does_not_depend_on_the_unit_of_energy():
    rng = np.random.default_rng(2)
    for _ in range(SLOTS):
        n = int(rng.integers(1, 9))
        price, energy = rng.integers(80_000, 300_001, size=n), rng.integers(1, 10**6, size=n)
        one, other = (of.fairness_of_pricing(price, each, 300_000, 80_000) for each in (energy, 1000 * energy))
        assert abs(one - other) <= ROUNDING


def test_scores_of_prices_do_not_depend_on_where_zero_lies():
    """All prices and both tariffs less by the same, to zero and below: the same FPP and neutrality."""
    rng = np.random.default_rng(3)
    for _ in range(SLOTS):
        n = int(rng.integers(1, 9))
        price, energy = rng.integers(80_000, 300_001, size=n), rng.integers(1, 10**4, size=n)
        lower = int(rng.integers(80_000, 700_000))
        for score in (of.fairness_of_pricing, of.fairness_of_pricing_range, of.price_neutrality):
            one, other = (
                score(price, energy, 300_000, 80_000),
                score(price - lower, energy, 300_000 - lower, 80_000 - lower),
            )
            assert abs(one - other) <= 1e-9


def test_a_day_is_served_alike_where_luck_takes_turns():
    """Each of two equal sellers sells all in every other slot: 0 a slot, 1 over both."""
    supply, first, second = (np.array(values) for values in ([10, 10], [10, 0], [0, 10]))
    assert of.fairness_of_rationing(supply, first, 10) == of.fairness_of_rationing(supply, second, 10) == 0.0
    assert of.fairness_of_rationing_over(np.array([10.0, 10.0]), (first + second).astype(float)) == 1.0
