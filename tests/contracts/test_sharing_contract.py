"""Every built-in rule of cost sharing keeps the contract that plugins are held to, and so does one of one's own."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from marketsim.core.build import AgentSpec, Choice, LoadSpec
from marketsim.core.params import Params
from marketsim.core.rule_terms import Wrong
from marketsim.sharing import by_income, divided, params, rules
from marketsim.sharing.params import NoSharingParams, ProportionalSharingParams
from marketsim.testing.periods import random_period
from marketsim.testing.sharing_kit import SharingContract

OWN = Path(__file__).resolve().parent.parent / "parts" / "own_sharing.py"


def own_rule(params, context):
    """The rule of the file, as a plugin brings it."""
    spec = importlib.util.spec_from_file_location("own_sharing", OWN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (entry,) = module.marketsim_parts()
    return entry.build(params, context)


class TestNone(SharingContract):
    build = staticmethod(rules.build_none)
    params = NoSharingParams()


class TestProportional(SharingContract):
    build = staticmethod(rules.build_proportional)
    params = ProportionalSharingParams()


class TestEqualGain(SharingContract):
    build = staticmethod(divided.build_equal_gain)
    params = params.EqualGainParams()


class TestShapley(SharingContract):
    build = staticmethod(divided.build_shapley)
    params = params.ShapleyParams()


class TestWeightedShapley(SharingContract):
    build = staticmethod(by_income.build_weighted)
    params = params.WeightedShapleyParams(weights={})


def with_incomes(context):
    """The same members, of three incomes."""
    names = context.community.names[: context.community.n_agents // context.community.n_markets]
    nothing = Choice("", Params())
    specs = [AgentSpec(name, "consumer", 0, None, LoadSpec(), 0.0, None, {}, nothing) for name in names]
    return replace(context, agents=tuple(replace(each, income=1000.0 + row % 3) for row, each in enumerate(specs)))


class TestWeightedByIncome(SharingContract):
    build = staticmethod(lambda params, context: by_income.build_weighted(params, with_incomes(context)))
    params = params.WeightedShapleyParams(power=2)


class TestLeastWorstBurden(SharingContract):
    build = staticmethod(lambda params, context: by_income.build_rawls(params, with_incomes(context)))
    params = params.RawlsParams()


class TestLeastGini(SharingContract):
    build = staticmethod(lambda params, context: by_income.build_rawls(params, with_incomes(context)))
    params = params.RawlsParams(least="gini")
    periods = 10


class TestSlotPrices(SharingContract):
    build = staticmethod(divided.build_slot_prices)
    params = params.SlotPricesParams()


class TestLeastCore(SharingContract):
    build = staticmethod(divided.build_least_core)
    params = params.LeastCoreParams()
    periods = 10


class TestNucleolus(SharingContract):
    build = staticmethod(divided.build_nucleolus)
    params = params.NucleolusParams()
    periods = 10


class TestOneOfOnesOwn(SharingContract):
    build = staticmethod(own_rule)


KITS = [kit for kit in SharingContract.__subclasses__() if kit.__module__ == __name__]
MOST = 9
"""Members of a random community; rules that list all groups take a second for more."""


@pytest.mark.full
@pytest.mark.parametrize("kit", KITS)
def test_a_thousand_random_communities_pay_what_was_paid_to_the_last_unit(kit):
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, MOST + 1))
        period = random_period(rng, n)
        assert sum(kit().rule(n).share(period).tolist()) == sum(period.paid_money.tolist()), seed


class Off:
    """Everybody's bill, and one unit too much."""

    def share(self, period):
        return period.paid_money + (np.arange(period.community.n_agents) == 0)


class Mixing:
    """All markets' money in one pot."""

    def share(self, period):
        paid = period.paid_money
        paid[-1] = paid.sum() - paid[:-1].sum()
        return np.roll(paid, 1)


class Forgetful:
    """Another one wins each time."""

    def __init__(self):
        self.times = 0

    def share(self, period):
        self.times += 1
        paid = period.paid_money
        paid[0] += self.times % 3
        paid[-1] -= self.times % 3
        return paid


@pytest.mark.parametrize(
    ("rule", "law"),
    [
        (Off, "test_shares_are_whole_money_and_sum_to_what_was_paid"),
        (Off, "test_one_agent_alone_keeps_its_bill"),
        (Mixing, "test_markets_know_nothing_of_each_other"),
        (Forgetful, "test_the_same_period_is_shared_alike"),
    ],
)
def test_the_kit_finds_what_breaks_its_laws(rule, law):
    """A kit that nothing fails tests nothing."""
    kit = SharingContract()
    kit.build = lambda params, context: rule()
    with pytest.raises((AssertionError, Wrong)):
        getattr(kit, law)()
