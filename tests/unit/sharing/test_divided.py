"""Rules of games at work on periods: to the last unit, whoever is how many."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from marketsim.core.errors import InputError
from marketsim.sharing import by_income, divided
from marketsim.sharing.params import (
    EqualGainParams,
    LeastCoreParams,
    NucleolusParams,
    RawlsParams,
    ShapleyParams,
    SlotPricesParams,
    WeightedShapleyParams,
)
from marketsim.testing.periods import period_of, random_period
from marketsim.testing.worlds import build_context, community

MWH = 1_000_000_000
"""What a MWh costs at 1 tick more [1e-9 currency]."""


def period(paid):
    """A seller of 3 kWh in the one slot and buyers of 1 and 4 kWh; retail 0.30 and feed-in 0.08."""
    return period_of(community(3), [[3_000, -1_000, -4_000]], paid)


ALONE = [-240_000_000, 300_000_000, 1_200_000_000]
TOGETHER = 600_000_000
"""2 kWh at retail."""


def with_incomes(context, incomes=None):
    names = context.community.names
    incomes = np.ones(len(names)) if incomes is None else incomes
    pairs = zip(names, incomes, strict=True)
    agents = tuple(SimpleNamespace(name=name, income=income, income_class=None) for name, income in pairs)
    return replace(context, agents=agents)


def shares(build, params, paid):
    return build(params, build_context(3)).share(period(paid)).tolist()


def test_equal_gains_by_hand():
    """1.26 alone, 0.60 together: 0.22 each."""
    found = shares(divided.build_equal_gain, EqualGainParams(), [-500_000_000, 300_000_000, 800_000_000])
    assert found == [each - 220_000_000 for each in ALONE]


def test_prices_of_the_slot_by_hand():
    """All together are short: each kWh costs retail, also the seller's."""
    assert shares(divided.build_slot_prices, SlotPricesParams(), [0, 0, TOGETHER]) == [
        -900_000_000,
        300_000_000,
        1_200_000_000,
    ]


def test_what_was_paid_beyond_one_meter_is_shared_equally():
    found = shares(divided.build_slot_prices, SlotPricesParams(), [0, 0, TOGETHER + 100])
    assert found == [-900_000_000 + 34, 300_000_000 + 33, 1_200_000_000 + 33]


def test_shapley_by_hand():
    """A seller and the small buyer save 0.22, with the large one 0.66, all three 0.66: 0.3667, 0.0367 and 0.2567 each."""
    saved = [0.22 / 2 / 3 + 0.66 / 2 / 3 + 0.66 / 3, 0.22 / 6, 0.66 / 6 + (0.66 - 0.22) / 3]
    found = shares(divided.build_shapley, ShapleyParams(), [0, 0, TOGETHER])
    assert found == pytest.approx([alone - each * 1e9 for alone, each in zip(ALONE, saved, strict=True)], abs=1)
    assert sum(found) == TOGETHER


def test_weights_move_what_is_saved_together_by_agent_and_by_class():
    """Of a pair's saving the heavier has more; an agent's own weight counts before that of its class."""
    people = build_context(3)
    classes = tuple(SimpleNamespace(income_class=name) for name in ("low", "high", None))
    people = divided.BuildContext(people.clock, people.streams, people.community, classes)
    names = people.community.names
    plain = np.array(shares(divided.build_shapley, ShapleyParams(), [0, 0, TOGETHER]))
    by_class = by_income.build_weighted(WeightedShapleyParams(weights={"low": 3.0}), people).share(
        period([0, 0, TOGETHER])
    )
    own = by_income.build_weighted(WeightedShapleyParams(weights={"low": 3.0, names[0]: 1.0}), people)
    assert by_class[0] < plain[0]
    assert own.share(period([0, 0, TOGETHER])).tolist() == pytest.approx(plain.tolist(), abs=1)


def test_weights_of_nobody_are_refused_with_names_that_there_are():
    with pytest.raises(InputError, match=r"weights\.nobody.*no such agent or income class"):
        by_income.build_weighted(WeightedShapleyParams(weights={"nobody": 2.0}), build_context(3))


@pytest.mark.parametrize(
    ("build", "params"),
    [(divided.build_least_core, LeastCoreParams()), (divided.build_nucleolus, NucleolusParams())],
)
def test_rules_that_list_all_groups_refuse_many_members_with_a_hint(build, params):
    build(params, build_context(14))
    with pytest.raises(InputError, match=r"at most 14 members.*\n.*slot_prices"):
        build(params, build_context(15))


def test_rules_that_draw_orders_refuse_more_than_a_thousand_with_a_hint():
    params = WeightedShapleyParams(weights={})
    for build, asked in ((divided.build_shapley, ShapleyParams()), (by_income.build_weighted, params)):
        build(asked, build_context(1000))
        with pytest.raises(InputError, match=r"at most 1000 members.*\n.*slot_prices"):
            build(asked, build_context(1001))


def test_pairs_of_burdens_are_compared_of_a_hundred_members_at_most():
    build = by_income.build_rawls
    with pytest.raises(InputError, match=r"at most 100 members.*\n.*least: worst"):
        build(RawlsParams(least="gini"), with_incomes(build_context(101)))
    assert build(RawlsParams(), with_incomes(build_context(101)))


def test_rules_by_income_refuse_who_has_none_and_say_who():
    whole = with_incomes(build_context(3))
    agents = (*whole.agents[:2], SimpleNamespace(name="a2", income=None, income_class=None))
    for build, asked in ((by_income.build_rawls, RawlsParams()), (by_income.build_weighted, WeightedShapleyParams())):
        with pytest.raises(InputError, match=r"a2 has none.*\n.*income: \{choice"):
            build(asked, replace(whole, agents=agents))
        with pytest.raises(InputError, match="nobody has one"):
            build(asked, build_context(3))


def test_weights_by_income_are_those_numbers():
    """Incomes of 1, 2 and 4 weigh 7/3, 7/6 and 7/12; to the power 0 all are alike."""
    context = with_incomes(build_context(3), (1.0, 2.0, 4.0))
    names = context.community.names
    weights = dict(zip(names, (7 / 3, 7 / 6, 7 / 12), strict=True))
    by_name = by_income.build_weighted(WeightedShapleyParams(weights=weights), context)
    paid = period([0, 0, TOGETHER])
    assert (
        by_income.build_weighted(WeightedShapleyParams(), context).share(paid).tolist() == by_name.share(paid).tolist()
    )
    alike = by_income.build_weighted(WeightedShapleyParams(power=0), context).share(paid)
    assert alike.tolist() == shares(divided.build_shapley, ShapleyParams(), [0, 0, TOGETHER])


def test_least_worst_burden_by_hand():
    """Alone -0.24, 0.30 and 1.20 of incomes 1, 1 and 4; 0.60 together: all 0.66 saved bring 0.30 and 0.30 down to 0.168."""
    context = with_incomes(build_context(3), (1.0, 1.0, 4.0))
    found = by_income.build_rawls(RawlsParams(), context).share(period([0, 0, TOGETHER]))
    assert found.tolist() == [-240_000_000, 168_000_000, 672_000_000]


@pytest.mark.parametrize("n", [1, 2, 15, 30])
def test_sampled_shares_sum_to_the_last_unit_and_are_the_same_again(n):
    for seed in range(5):
        drawn = random_period(np.random.default_rng(seed), n, 1)
        rule = divided.build_shapley(ShapleyParams(exact_up_to=0, orders=5), build_context(n))
        first = rule.share(drawn)
        assert drawn.of_markets(first) == drawn.of_markets(drawn.paid_money)
        assert first.tolist() == rule.share(drawn).tolist()
