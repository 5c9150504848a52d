"""Agreement of a critic with the rule, and what it is worth: against scipy, by hand, and on slots that were made up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from marketsim.analysis.critics.agreement import agreements, rank_correlation, verdict
from marketsim.analysis.critics.audit_cases import made_cases
from marketsim.analysis.critics.made_slots import deviation_fbs, levelled_pair, rule_of
from marketsim.fairness.measures_kernel import between

SCORE = st.integers(0, 12).map(lambda value: value / 12)


@settings(max_examples=200)
@given(st.lists(st.tuples(SCORE, SCORE), min_size=2, max_size=40))
def test_the_rank_correlation_is_spearman_s(pairs):
    ours, theirs = np.array(pairs).T
    found = rank_correlation(ours, theirs)
    if len(set(ours)) < 2 or len(set(theirs)) < 2:
        assert found is None
    else:
        assert found == pytest.approx(spearmanr(ours, theirs).statistic, abs=1e-6)


def test_an_agreement_by_hand():
    """Undefined and unanswered slots are left out; the best constant is the rule's median."""
    nan = np.nan
    critic = np.array([[0.8, nan, 0.5], [0.8, 0.4, 0.5], [0.2, 0.6, nan], [nan, 0.9, 0.5]])
    rule = np.array([[1.0, 0.1, 0.5], [0.6, 0.2, 0.7], [0.2, nan, 0.1], [0.4, 0.3, 0.9]])
    ftg, fbs, fpp = agreements("made up", critic, rule)
    assert (ftg.slots, fbs.slots, fpp.slots) == (3, 2, 3)
    assert ftg.error == pytest.approx((0.2 + 0.2 + 0.0) / 3, abs=1e-6)
    assert ftg.constant_error == pytest.approx((0.4 + 0.0 + 0.4) / 3, abs=1e-6)
    assert (ftg.commonest, ftg.commonest_share) == (0.8, pytest.approx(2 / 3, abs=1e-6))
    assert (fbs.error, fbs.rank) == (pytest.approx(0.4), 1.0)
    assert fpp.rank is None


def test_a_judge_who_reverses_the_rule_is_not_saved_by_a_small_error():
    """Near the middle and the wrong way round."""
    rule = np.linspace(0.0, 1.0, 60)[:, None].repeat(3, axis=1)
    rows = agreements("made up", 0.55 - 0.1 * rule, rule)
    assert verdict(rows, 60, 60, 0.0).startswith("worse than a constant")
    wavering = agreements("made up", np.clip(rule + np.tile([0.3, -0.2, 0.0], 20)[:, None] * (rule < 0.99), 0, 1), rule)
    assert verdict(wavering, 60, 60, 0.0).startswith("follows the rule")
    assert "minds the order of participants (by 0.300)" in verdict(wavering, 60, 60, 0.3)
    assert verdict(wavering, 29, 60, 0.0).startswith("too few answers: 29 of 60")
    assert verdict(wavering, 9, 9, 0.0).startswith("too few answers: 9 of 9")


def test_made_up_slots_differ_in_every_score_and_are_physical():
    """No seller sells more than it has, all that was sold was bought, and every score spreads over most of its range."""
    cases = made_cases(1, 300)
    rules = np.array([case.rule for case in cases], dtype=float)
    assert np.isfinite(rules).all()
    assert (np.percentile(rules, 95, axis=0) - np.percentile(rules, 5, axis=0) > 0.5).all()
    for case in cases:
        sellers, buyers = case.view.sellers, case.view.buyers
        assert (sellers.traded_wh <= sellers.available_wh).all()
        assert (buyers.traded_wh <= buyers.available_wh).all()
        assert sellers.traded_wh.sum() == buyers.traded_wh.sum()
    assert [case.rule for case in made_cases(1, 5)] == [case.rule for case in made_cases(1, 300)][:5]


@settings(max_examples=60)
@given(st.integers(0, 10**6))
def test_a_pair_has_equal_deviation_and_one_slot_in_which_all_got_less(seed):
    """By the measure itself; by entitlement the fuller slot is the fairer one."""
    pair = levelled_pair(np.random.default_rng(seed))
    full, levelled = pair.full.sellers, pair.levelled.sellers
    assert np.array_equal(full.available_wh, levelled.available_wh)
    assert np.array_equal(pair.full.buyers.available_wh, pair.levelled.buyers.available_wh)
    assert (levelled.traded_wh < full.traded_wh).all()
    forms = [between(side.available_wh, side.traded_wh)[0] for side in (full, levelled)]
    assert forms[0] == pytest.approx(forms[1], abs=1.1e-3)
    assert forms == pytest.approx([deviation_fbs(view) for view in pair], abs=1e-9)
    assert rule_of(pair.full)[1] >= rule_of(pair.levelled)[1] + 0.05 - 1e-9
