"""What holds for cost sharing whatever happened in a period."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.builtin import built_in_registry
from marketsim.core.build import AgentSpec, Choice, LoadSpec
from marketsim.core.errors import InputError
from marketsim.core.params import Params
from marketsim.core.period import Period
from marketsim.sharing.alone import alone_money
from marketsim.sharing.by_income import RawlsSharing
from marketsim.sharing.params import RawlsParams
from marketsim.sharing.portions import portions
from marketsim.sharing.rules import AsPaid, ProportionalSharing
from marketsim.sharing.stability import MOST_LISTED
from marketsim.testing.periods import random_period
from marketsim.testing.worlds import build_context

REGISTRY = built_in_registry()
LISTS_GROUPS = ("least_core", "nucleolus")

seeds = st.integers(0, 2**32)
sizes = st.integers(1, 8)
rules = st.sampled_from((AsPaid(), ProportionalSharing()))


def drawn(seed: int, size: int, n_markets: int = 1) -> Period:
    return random_period(np.random.default_rng(seed), size, n_markets)


@given(rules, seeds, sizes, st.integers(1, 3))
def test_shares_sum_to_what_was_paid(rule, seed, size, n_markets):
    """In each market, exactly."""
    period = drawn(seed, size, n_markets)
    assert period.of_markets(rule.share(period)) == period.of_markets(period.paid_money)


@settings(max_examples=100)
@given(seeds, st.integers(1, 20), st.integers(1, 2))
def test_every_rule_shares_what_was_paid(seed, size, n_markets):
    """Whatever was metered and paid, of either sign: in each market to the last unit; or says among how many it shares."""
    period, rng = drawn(seed, size, n_markets), np.random.default_rng(seed)
    nothing = Choice("", Params())
    specs = [
        AgentSpec(name, "consumer", 0, None, LoadSpec(), 0.0, None, {}, nothing) for name in period.community.names
    ]
    agents = tuple(replace(each, income=float(rng.choice((1000, 2200, 4500)))) for each in specs[:size])
    context = build_context(size, n_markets, agents=agents)
    for name in REGISTRY.names("sharing"):
        params, build = REGISTRY.params("sharing", name)(), REGISTRY.builder("sharing", name)
        if name in LISTS_GROUPS and size > MOST_LISTED:
            with pytest.raises(InputError, match="among at most 14 members"):
                build(params, context)
            continue
        rule = build(params, context)
        assert period.of_markets(rule.share(period)) == period.of_markets(period.paid_money), name


@settings(max_examples=100)
@given(seeds, sizes)
def test_nobody_pays_more_than_alone_by_incomes_unless_all_together_do(seed, size):
    """To the unit, under both readings of ``rawls_ir``."""
    period, rng = drawn(seed, size), np.random.default_rng(seed)
    alone = alone_money(period)
    gained = int(alone.sum() - period.paid_money.sum())
    for least in ("worst", "gini"):
        rule = RawlsSharing(RawlsParams(least=least), rng.choice((1000.0, 2200.0, 4500.0), size))
        assert (np.sign(alone - rule.share(period)) * np.sign(gained) >= 0).all()


@given(rules, seeds, sizes, st.randoms(use_true_random=False))
def test_who_stands_where_does_not_matter(rule, seed, size, random):
    """Agents in another order have the same shares, unit by unit."""
    period = drawn(seed, size)
    order = random.sample(range(size), size)
    who = period.community._replace(names=tuple(period.community.names[row] for row in order))
    moved = period._replace(
        community=who, net_wh=period.net_wh[:, order], load_wh=period.load_wh[:, order], pv_wh=period.pv_wh[:, order],
        bill_money=period.bill_money[:, order],
    )  # fmt: skip
    assert rule.share(moved).tolist() == rule.share(period)[order].tolist()


@given(rules, seeds)
def test_one_agent_alone_keeps_its_bill(rule, seed):
    """There is nobody to share with."""
    period = drawn(seed, 1)
    assert rule.share(period).tolist() == period.paid_money.tolist()


@given(seeds, sizes)
def test_nobody_pays_more_than_alone_unless_all_together_do(seed, size):
    """Under ``proportional`` gains are shared as gains and losses as losses, each less than a unit from its proportion."""
    period = drawn(seed, size)
    alone, shares = alone_money(period), ProportionalSharing().share(period)
    gained = int(alone.sum() - period.paid_money.sum())
    assert (np.sign(alone - shares) * np.sign(gained) >= 0).all()
    weights = np.abs(alone) if alone.any() else np.ones_like(alone)
    for gain, weight in zip((alone - shares).tolist(), weights.tolist(), strict=True):
        assert abs(gain * int(weights.sum()) - gained * weight) < weights.sum()


@given(seeds, sizes)
def test_who_would_all_pay_alone_pay_in_proportion(seed, size):
    """Without earners each share is its part of what was paid, C a / sum a, to less than a unit."""
    period = drawn(seed, size)
    period = period._replace(net_wh=-np.abs(period.net_wh))
    alone, shares, paid = alone_money(period), ProportionalSharing().share(period), int(period.paid_money.sum())
    if alone.sum() > 0:
        for share, own in zip(shares.tolist(), alone.tolist(), strict=True):
            assert abs(share * int(alone.sum()) - paid * own) < alone.sum()


@given(st.integers(-(2**62), 2**62), st.lists(st.integers(0, 2**58), min_size=1, max_size=8))
def test_portions_sum_to_the_whole_and_are_a_unit_from_exact(total, weights):
    """Also where weight times total has 120 bits."""
    if not any(weights):
        weights[0] = 1
    parts = portions(total, np.array(weights), [f"a{place}" for place in range(len(weights))]).tolist()
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)
