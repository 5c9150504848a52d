"""Fairness measures for any slot: bounds, monotony, invariance."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from marketsim.core.equity import gini_with_negatives
from marketsim.fairness import measures as of
from marketsim.fairness.measures_kernel import SCORE_NAMES
from marketsim.fairness.slot import measure
from marketsim.testing.records import Deal, Fleet, Prices, slot_record
from marketsim.testing.worlds import community

RETAIL, FEED_IN = 300_000, 80_000
BETWEEN = (of.fairness_by_deviation, of.fairness_between_range, of.fairness_between_share_range, of.jain_fill)


def close(a, b):
    return (np.isnan(a) and np.isnan(b)) or abs(a - b) <= 1e-9


@st.composite
def sellers(draw):
    """Availability and what was sold of it."""
    available = draw(st.lists(st.integers(0, 10**7), min_size=1, max_size=8))
    sold = [draw(st.integers(0, most)) for most in available]
    return np.array(available), np.array(sold)


@st.composite
def prices(draw):
    """Prices between the tariffs, and energies."""
    n = draw(st.integers(1, 8))
    price = draw(st.lists(st.integers(FEED_IN, RETAIL), min_size=n, max_size=n))
    energy = draw(st.lists(st.integers(1, 10**7), min_size=n, max_size=n))
    return np.array(price), np.array(energy)


@st.composite
def slots(draw):
    """A slot of up to six agents with devices and arbitrary trades, as (arguments of slot_record)."""
    n = draw(st.integers(2, 6))

    def amounts(low, high):
        return st.lists(st.integers(low, high), min_size=n, max_size=n)

    load, pv = draw(amounts(0, 900)), draw(amounts(0, 900))
    fleet = Fleet(draw(amounts(-400, 0)), draw(amounts(0, 400)), draw(amounts(-1, 350_000)))
    need = np.maximum(np.array(load) - pv, 0)
    left = np.maximum(np.array(pv) - load, 0)
    deals = []
    for _ in range(draw(st.integers(0, 6))):
        buyer, seller = draw(st.integers(0, n - 1)), draw(st.integers(0, n - 1))
        most = min(int(need[buyer]), int(left[seller]))
        if buyer != seller and most:
            energy = draw(st.integers(1, most))
            need[buyer] -= energy
            left[seller] -= energy
            deals.append(Deal(buyer, seller, energy, draw(st.integers(FEED_IN, RETAIL))))
    return load, pv, fleet, deals


@given(sellers())
def test_scores_between_agents_are_in_the_unit_interval(case):
    for measure_ in BETWEEN:
        score = measure_(*case)
        assert np.isnan(score) or 0.0 <= score <= 1.0


@given(sellers(), st.randoms(use_true_random=False))
def test_scores_between_agents_do_not_depend_on_their_order(case, random):
    order = list(range(len(case[0])))
    random.shuffle(order)
    for measure_ in BETWEEN:
        assert close(measure_(*case), measure_(case[0][order], case[1][order]))


@given(sellers(), st.integers(2, 1000))
def test_scores_between_agents_do_not_depend_on_the_unit(case, factor):
    for measure_ in BETWEEN:
        assert close(measure_(*case), measure_(case[0] * factor, case[1] * factor))


@given(sellers(), st.integers(2, 5))
def test_the_scale_of_fbs_does_not_depend_on_the_number_of_agents(case, copies):
    assume((case[0] > 0).sum() >= 2)
    assert close(
        of.fairness_by_deviation(*case), of.fairness_by_deviation(*(np.tile(values, copies) for values in case))
    )


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=8), st.data())
def test_fbs_reaches_zero_at_every_scarcity(available, data):
    """Some sell all, the others nothing: the worst case for its fill rate, whatever that is."""
    lucky = data.draw(st.integers(1, len(available) - 1))
    sold = np.array(available) * (np.arange(len(available)) < lucky)
    assert of.fairness_by_deviation(np.array(available), sold) <= 1e-9


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=8), st.integers(1, 9))
def test_fbs_is_one_where_all_fill_alike(available, tenths):
    assume(sum(amount > 0 for amount in available) >= 2)
    offered = np.array(available) * 10
    assert of.fairness_by_deviation(offered, np.array(available) * tenths) >= 1.0 - 1e-9


@given(prices())
def test_scores_of_prices_are_in_the_unit_interval(case):
    assert 0.0 <= of.fairness_of_pricing(*case, RETAIL, FEED_IN) <= 1.0
    assert 0.0 <= of.fairness_of_pricing_range(*case, RETAIL, FEED_IN) <= 1.0
    assert 0.0 <= of.price_neutrality(*case, RETAIL, FEED_IN) <= 1.0


@given(prices(), st.integers(1, 100), st.integers(0, 50_000))
def test_fpp_does_not_depend_on_the_unit_or_the_level_of_money(case, factor, shift):
    price, energy = case
    score = of.fairness_of_pricing(price, energy, RETAIL, FEED_IN)
    other = of.fairness_of_pricing(
        (price + shift) * factor, energy, (RETAIL + shift) * factor, (FEED_IN + shift) * factor
    )
    assert abs(score - other) <= 1e-6


@given(st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=9), st.integers(1, 1000))
def test_gini_is_in_the_unit_interval_and_free_of_unit_and_order(values, factor):
    gini = gini_with_negatives(np.array(values, dtype=float))
    assume(not np.isnan(gini))
    assert 0.0 <= gini <= 1.0
    assert abs(gini - gini_with_negatives(np.array(values[::-1], dtype=float) * factor)) <= 1e-9


@settings(max_examples=60)
@given(slots())
def test_all_scores_of_a_slot_are_in_the_unit_interval_or_undefined(case):
    load, pv, fleet, deals = case
    people = community(len(load))
    found = measure(slot_record(people, load, pv, fleets=[fleet], deals=deals), people)
    known = found.scores[~np.isnan(found.scores)]
    assert ((known >= 0.0) & (known <= 1.0)).all()
    assert (found.tradable_wh[0] > 0) or np.isnan(found.scores).all()


@settings(max_examples=60)
@given(slots(), st.data())
def test_ftg_never_rises_when_less_is_traded(case, data):
    load, pv, fleet, deals = case
    assume(deals)
    people = community(len(load))
    fewer = [deal._replace(energy_wh=data.draw(st.integers(1, deal.energy_wh))) for deal in deals]
    fewer = fewer[: data.draw(st.integers(0, len(fewer)))]
    before, after = (
        measure(slot_record(people, load, pv, fleets=[fleet], deals=these), people).score("ftg")[0]
        for these in (deals, fewer)
    )
    assert (np.isnan(before) and np.isnan(after)) or after <= before


@settings(max_examples=40)
@given(slots())
def test_what_is_withheld_from_the_market_stays_available(case):
    """Orders are no input of availability: offering less cannot raise FTG."""
    load, pv, fleet, deals = case
    people = community(len(load))
    record = slot_record(people, load, pv, fleets=[fleet], deals=deals)
    shy = record._replace(orders=record.orders._replace(energy_wh=record.orders.energy_wh // 2))
    assert np.array_equal(measure(record, people).scores, measure(shy, people).scores, equal_nan=True)


@settings(max_examples=40)
@given(slots(), slots())
def test_markets_side_by_side_score_as_alone(one, two):
    size = min(len(one[0]), len(two[0]))
    people, pair = community(size), community(size, 2)
    parts = []
    for load, pv, fleet, deals in (one, two):
        kept = [deal for deal in deals if max(deal.buyer, deal.seller) < size]
        cut = Fleet(*(values[:size] for values in fleet[:3]))
        parts.append((load[:size], pv[:size], cut, kept))
    alone = [
        measure(slot_record(people, load, pv, fleets=[fleet], deals=deals), people).scores
        for load, pv, fleet, deals in parts
    ]
    moved = [deal._replace(buyer=deal.buyer + size, seller=deal.seller + size) for deal in parts[1][3]]
    joined = Fleet(*(a + b for a, b in zip(parts[0][2][:3], parts[1][2][:3], strict=True)))
    record = slot_record(
        pair, parts[0][0] + parts[1][0], parts[0][1] + parts[1][1], fleets=[joined], deals=moved + parts[0][3]
    )
    together = measure(record, pair).scores
    assert together.shape == (len(SCORE_NAMES), 2)
    assert np.allclose(together, np.concatenate(alone, axis=1), rtol=0, atol=1e-9, equal_nan=True)


def test_prices_of_the_tariffs_are_inclusive():
    people = community(2)
    record = slot_record(people, [0, 9], [9, 0], deals=[Deal(1, 0, 9, FEED_IN)], prices=Prices(RETAIL, FEED_IN))
    assert measure(record, people).score("price_neutrality")[0] == 0.0
