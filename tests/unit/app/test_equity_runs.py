"""Runs by weights of members: who gets scarce energy and dividends, and what the metric ``equity`` says of it."""

from __future__ import annotations

import numpy as np
import pytest

import marketsim as ms
from marketsim.core.errors import InputError

LOAD = {"load": {"annual_kwh": 3500}}
VILLAGE = {
    "name": "village",
    "clock": {"start": "2016-04-11", "slots": 96, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "profiles": {"source": "synthetic"},
    "market": {"engine": {"equity_pool": {"weights": "feedback"}}, "sharing": "dividend"},
    "metrics": ["equity"],
    "agents": [
        {"name": "rich", "count": 2, "kind": "prosumer", "pv_kw": 4, "income": 4500, "income_class": "high", **LOAD},
        {"name": "poor", "count": 3, "kind": "consumer", "income": 1000, "income_class": "low", **LOAD},
        {"name": "plant", "kind": "prosumer", "pv_kw": 6, "owners": "equal", "load": {"annual_kwh": 0}},
    ],
}


def ran(rule="feedback", **more):
    weights = {"market.engine": {"equity_pool": {"weights": rule}}, "market.sharing": {"dividend": {"weights": rule}}}
    return ms.simulate(ms.load_scenario(VILLAGE, {**weights, **more}))


def shared_by_day(run):
    """Money of sharing of each agent [days, agents]."""
    money = run.table("agents", columns=["sharing_money"])["sharing_money"].to_numpy().reshape(-1, 24, 6)
    assert not money[:, :-1].any()
    return money[:, -1]


def test_a_shared_plant_keeps_nothing_and_its_owners_have_it_all():
    run = ran("equal")
    moved = shared_by_day(run)
    paid = run.table("agents", columns=["paid_money"])["paid_money"].to_numpy().reshape(-1, 6)
    assert not moved.sum(axis=1).any()
    assert paid[:, 5].sum() == 0
    assert np.ptp(moved[:, :5], axis=1).max() <= 1
    assert (moved[:, :5] < 0).all()


def test_feedback_pays_those_more_who_bear_more_from_the_second_day_on():
    """And lowers the Gini coefficient of burdens and the worst burden against equal weights at the same day."""
    equal, feedback = ran("equal"), ran("feedback")
    first, second = shared_by_day(feedback)[:2]
    assert np.ptp(first[:5]) <= 1
    assert (second[2:5] < second[:2].min()).all()
    one, other = equal.summary, feedback.summary
    assert other["burden_gini"] < one["burden_gini"]
    assert other["burden_worst"] < one["burden_worst"]
    assert sum(run_paid(equal)) == sum(run_paid(feedback))


def run_paid(run):
    return run.table("agents", columns=["paid_money"])["paid_money"].to_numpy().tolist()


@pytest.mark.parametrize("rule", ["income", "rank"])
def test_other_rules_prefer_the_poor_too(rule):
    moved = shared_by_day(ran(rule))
    assert (moved[1:, 2:5].max(axis=1) < moved[1:, :2].min(axis=1)).all()


@pytest.mark.parametrize("owners", [{"class": "low"}, {"poor-1": 1, "poor-2": 1, "poor-3": 1}])
def test_owners_are_a_class_or_named(owners):
    agents = [*VILLAGE["agents"][:2], {**VILLAGE["agents"][2], "owners": owners}]
    moved = shared_by_day(ran("equal", agents=agents))
    assert not moved[:, :2].any()
    assert np.ptp(moved[:, 2:5], axis=1).max() <= 1


def test_the_metric_is_of_members_with_twins_of_the_reference():
    """By hand from the table of agents; classes are totals."""
    run = ran()
    table = run.table("agents", columns=["paid_money", "load_wh", "import_wh"])
    paid, load, bought = (table[name].to_numpy().reshape(-1, 6).sum(axis=0)[:5] for name in table.column_names)
    income = np.array([4500, 4500, 1000, 1000, 1000]) * (96 / (8760 / 12))
    found = run.summary
    assert found["burden_worst"] == pytest.approx((paid / 1e9 / income).max())
    assert found["burden_low"] == pytest.approx(paid[2:].sum() / 1e9 / income[2:].sum())
    assert found["access_low"] == pytest.approx(1 - bought[2:].sum() / load[2:].sum())
    assert found["access_low_grid_only"] == 0.0
    assert found["burden_low"] < found["burden_low_grid_only"]
    assert 0 < found["access_gini"] < found["access_gini_grid_only"]


def test_without_incomes_burdens_are_undefined_and_access_is_not():
    agents = [{key: value for key, value in agent.items() if "income" not in key} for agent in VILLAGE["agents"]]
    found = ran("equal", agents=agents).summary
    assert (found["burden_gini"], found["burden_worst"], found["burden_gini_grid_only"]) == (None, None, None)
    assert found["access_gini"] > 0


def test_a_run_that_is_not_asked_has_no_such_kpi():
    assert "burden_gini" not in ran(metrics=[]).summary


def test_the_same_scenario_is_the_same_run():
    assert run_paid(ran()) == run_paid(ran())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"market.sharing": "none"}, "needs a rule of sharing that pays owners"),
        ({"agents": VILLAGE["agents"][:2]}, "no agent has owners"),
        (
            {"agents": [*VILLAGE["agents"], {"name": "guest", "kind": "consumer"}]},
            "weights: equity_pool.*, and guest",
        ),
        (
            {"agents": [*VILLAGE["agents"][:2], {**VILLAGE["agents"][2], "owners": {"class": "middle"}}]},
            "owned by nobody",
        ),
        (
            {"agents": [*VILLAGE["agents"][:2], {**VILLAGE["agents"][2], "owners": {"lord": 1}}]},
            "owned by nobody of this name",
        ),
        ({"agents": [*VILLAGE["agents"][:2], {**VILLAGE["agents"][2], "owners": {"poor-1": 0}}]}, "must be equal, "),
        ({"agents": [*VILLAGE["agents"][:2], {**VILLAGE["agents"][2], "owners": "all"}]}, "must be equal, "),
        ({"market.engine": {"equity_pool": {"weights": "incom"}}}, "weights"),
    ],
)
def test_what_is_wrong_is_said(change, said):
    with pytest.raises(InputError, match=said):
        ms.simulate(ms.load_scenario(VILLAGE, change))


def test_owners_survive_the_resolved_scenario():
    """A run is read again by what it wrote."""
    for owners in ("equal", {"class": "low"}, {"poor-1": 1.5}):
        agents = [*VILLAGE["agents"][:2], {**VILLAGE["agents"][2], "owners": owners}]
        run = ran("equal", agents=agents)
        again = ms.load_scenario(run.scenario_text)
        assert again.agents[-1].owners == ms.load_scenario(VILLAGE, {"agents": agents}).agents[-1].owners
