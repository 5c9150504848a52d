"""``ms.explain``: bills that add up, counterfactuals that are exact, and what is wrong with a question."""

from __future__ import annotations

import numpy as np
import pytest

import marketsim as ms
from marketsim.core.errors import InputError

VILLAGE = {
    "name": "village",
    "clock": {"start": "2016-06-21", "slots": 48, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "profiles": {"source": "synthetic"},
    "market": {"engine": "mid_market_rate"},
    "agents": [
        {"name": "store", "kind": "prosumer", "pv_kw": 6, "load": {"annual_kwh": 4000}, "income": 2200,
         "battery": {"energy_kwh": 8, "power_kw": 3}},
        {"name": "roof", "kind": "prosumer", "pv_kw": 5, "load": {"annual_kwh": 3000}, "income": 4500},
        {"name": "car", "kind": "consumer", "load": {"annual_kwh": 3500}, "income": 2200,
         "ev": {"power_kw": 7, "daily_kwh": 8}},
        {"name": "flat", "count": 2, "kind": "consumer", "load": {"annual_kwh": 2500}, "income": 1000},
    ],
}  # fmt: skip
COSTLY_NOON = {
    "time_of_use": {
        "windows": [
            {"from_hour": 11, "to_hour": 15, "retail": 0.20, "feed_in": -0.05},
            {"from_hour": 15, "to_hour": 11, "retail": 0.30},
        ],
        "wholesale": 0.02,
    }
}
NAMES = ("store", "roof", "car", "flat-1", "flat-2")
RULES = (
    "slot_prices",
    "shapley",
    "weighted_shapley",
    "proportional",
    "equal_gain",
    "least_core",
    "nucleolus",
    "rawls_ir",
)


@pytest.fixture(scope="module", params=["plain", "costly noon"])
def run(request):
    changes = {"tariff": COSTLY_NOON} if request.param == "costly noon" else {}
    return ms.simulate(ms.load_scenario({**VILLAGE, **changes}))


@pytest.fixture(scope="module")
def plain():
    return ms.simulate(ms.load_scenario(VILLAGE))


@pytest.mark.parametrize("name", NAMES)
def test_the_bill_by_prices_is_the_share_by_slot_prices_to_the_last_unit(run, name):
    found = ms.explain(run, name)
    assert found.rule == "slot_prices"
    assert found.priced_money == found.share_money
    assert found.priced_money == sum(line.money for line in found.bill) + found.beyond_money
    agents = run.frame("agents", raw=True).query("name == @name")
    assert sum(line.energy_wh for line in found.bill) == agents.net_wh.sum()
    assert found.paid_money == agents.paid_money.sum()


def test_bills_of_all_sum_to_what_was_paid(run):
    found = [ms.explain(run, name) for name in NAMES]
    assert sum(each.priced_money for each in found) == run.frame("agents", raw=True).paid_money.sum()


@pytest.mark.parametrize("rule", RULES)
def test_taking_away_what_one_has_not_changes_nothing_at_all(run, rule):
    found = ms.explain(run, "flat-1", rule)
    assert [each.change for each in found.counterfactuals if not each.has] == [
        "without pv",
        "without battery",
        "without ev",
    ]
    assert all(each.difference_money == 0 for each in found.counterfactuals if not each.has)
    assert all(each.share_money == found.share_money for each in found.counterfactuals if not each.has)


def test_without_pv_the_meter_shows_what_else_there_is(plain):
    """Alone, by hand: a household without its roof buys its whole load."""
    alone = {**VILLAGE, "agents": [VILLAGE["agents"][1]]}
    run = ms.simulate(ms.load_scenario(alone))
    found = ms.explain(run, "roof", "equal_gain")
    load_wh = int(run.frame("agents", raw=True).load_wh.sum())
    (without,) = [each for each in found.counterfactuals if each.change == "without pv"]
    assert without.share_money == load_wh * 300_000
    assert without.difference_money == load_wh * 300_000 - found.share_money
    assert found.partner_alone is None


def test_a_car_less_is_less_to_pay_and_a_roof_less_is_more(plain):
    by_name = {each.change: each for each in ms.explain(plain, "car").counterfactuals}
    assert by_name["without ev"].difference_money < 0
    by_name = {each.change: each for each in ms.explain(plain, "store").counterfactuals}
    assert by_name["without pv"].difference_money > 0
    assert by_name["without battery"].has


def test_places_average_to_the_shapley_share(plain):
    """Of five members three places are told; of three agents all, and their mean is the share less its part of what was beyond."""
    few = ms.simulate(ms.load_scenario({**VILLAGE, "agents": VILLAGE["agents"][:3]}))
    for name in NAMES[:3]:
        found = ms.explain(few, name, "shapley")
        mean = np.mean(found.joining[:3])
        assert mean == pytest.approx((found.share_money - found.beyond_money) / 1e9, abs=1e-8)


def test_the_partner_is_the_one_that_saves_most(plain):
    found = ms.explain(plain, "flat-1")
    assert found.partner_alone.name in ("roof", "store")
    assert found.partner_alone.saving > 0


def test_sampled_rules_have_an_error_and_answer_the_same_again(plain):
    asked = {"exact_up_to": 0, "orders": 20}
    found = ms.explain(plain, "roof", "shapley", seed=4, **asked)
    assert found.standard_error > 0
    assert found == ms.explain(plain, "roof", "shapley", seed=4, **asked)


def test_an_agent_by_its_number(plain):
    assert ms.explain(plain, 1).agent == "roof"


class Everything:
    """The first pays for all."""

    def share(self, period):
        first = np.arange(period.community.n_agents) == 0
        return np.where(first, period.paid_money.sum(), 0)


def test_a_rule_of_ones_own_is_asked_again(plain):
    found = ms.explain(plain, "store", Everything())
    assert found.rule == "Everything"
    assert found.share_money == plain.frame("agents", raw=True).paid_money.sum()
    (without,) = [each for each in found.counterfactuals if each.change == "without pv"]
    assert without.difference_money > 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("rof",), "no such agent.*did you mean roof"),
        ((5,), "numbered from 0 to 4"),
        ((True,), "no such agent"),
        (("roof", "none"), "cannot be asked again.*slot_prices"),
        (("roof", "shaply"), "did you mean 'shapley'"),
    ],
)
def test_what_is_wrong_is_said(plain, asked, said):
    with pytest.raises(InputError, match=f"(?s){said}"):
        ms.explain(plain, *asked)


def test_a_path_is_no_run_and_is_told_who_opens_it():
    with pytest.raises(InputError, match="must be a run .got 'runs/mine'") as error:
        ms.explain("runs/mine", "villa-1")
    assert "ms.open_run" in error.value.problems[0].hint
