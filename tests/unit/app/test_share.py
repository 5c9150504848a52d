"""``ms.share``: games of one's own, runs, and what is wrong with either."""

from __future__ import annotations

import numpy as np
import pytest

import marketsim as ms
from marketsim.core.cost_game import Division
from marketsim.core.errors import InputError

SMALL = {
    "name": "small",
    "clock": {"start": "2016-06-21", "slots": 24, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "profiles": {"source": "synthetic"},
    "agents": [
        {"name": "roof", "count": 2, "kind": "prosumer", "pv_kw": 5, "strategy": "truthful"},
        {"name": "flat", "count": 3, "kind": "consumer", "strategy": "truthful"},
    ],
}


def airport(members):
    """A runway as long as the largest aeroplane needs."""
    return (members * np.array([1.0, 2.0, 4.0])).max(axis=1)


@pytest.fixture(scope="module")
def run():
    return ms.simulate(ms.load_scenario(SMALL))


def test_a_game_of_ones_own():
    found = ms.share(airport, 3)
    assert found.shares == pytest.approx([1 / 3, 5 / 6, 17 / 6])
    assert found.alone.tolist() == [1.0, 2.0, 4.0]
    assert found.standard_errors is None
    assert found.worst_excess == pytest.approx(-1 / 3)
    assert found.worst_coalition == ("1", "2")


def test_parameters_are_those_of_a_scenario():
    found = ms.share(airport, 3, "shapley", exact_up_to=0, orders=50, seed=2)
    assert found.standard_errors.shape == (3,)
    assert found.shares.sum() == pytest.approx(4.0)


def test_the_group_that_would_leave_is_named():
    def cost(members):
        return -np.where(members.sum(axis=1) > 1, 1.0, 0.0)

    found = ms.share(cost, 3, "nucleolus")
    assert found.worst_excess == pytest.approx(1 / 3)
    assert len(found.worst_coalition) == 2


def test_of_many_members_no_group_is_looked_for():
    found = ms.share(lambda members: members.sum(axis=1).astype(float), 20, orders=5)
    assert found.shares == pytest.approx(np.ones(20))
    assert (found.worst_excess, found.worst_coalition) == (None, ())


@pytest.mark.parametrize(
    "rule", ["shapley", "proportional", "equal_gain", "slot_prices", "least_core", "nucleolus", "none"]
)
def test_a_run_is_shared_to_the_last_unit(run, rule):
    found = ms.share(run, rule=rule)
    paid = int(run.table("agents")["paid_money"].to_numpy().sum())
    assert int(found.shares_money.sum()) == paid
    assert found.names == ("roof-1", "roof-2", "flat-1", "flat-2", "flat-3")
    assert found.shares == pytest.approx(found.shares_money / 1e9)


def test_prices_of_the_slot_leave_no_group_better_off_where_all_was_traded(run):
    assert ms.share(run, rule="slot_prices").worst_excess <= 1e-9


def test_a_run_that_has_shared_is_shared_as_if_it_had_not(run):
    shared = ms.simulate(ms.load_scenario(SMALL, {"market.sharing": "equal_gain", "market.sharing_period": "run"}))
    assert ms.share(shared, rule="none").shares.tolist() == ms.share(run, rule="none").shares.tolist()
    own = shared.table("agents").group_by("agent").aggregate([("paid_money", "sum")])["paid_money_sum"].to_pylist()
    assert own == ms.share(run, rule="equal_gain").shares_money.tolist()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((airport,), "number of members"),
        ((airport, 0), "number of members"),
        ((airport, True), "number of members"),
        ((7, 3), "function of memberships"),
        ((lambda members: members, 3), "another shape"),
        ((lambda members: ["x"] * len(members), 3), "answer with numbers"),
        ((lambda members: np.full(len(members), np.nan), 3), r"not finite for the group \[0\]"),
        ((airport, 3, "shaply"), "did you mean 'shapley'"),
        ((airport, 3, "slot_prices"), "does not divide games.*choose .*shapley"),
        ((airport, 15, "nucleolus"), "at most 14 members"),
    ],
)
def test_what_is_wrong_is_said(arguments, said):
    with pytest.raises(InputError, match=f"(?s){said}"):
        ms.share(*arguments)


def test_unknown_and_wrong_parameters_are_refused():
    with pytest.raises(InputError, match="no such parameter"):
        ms.share(airport, 3, ordres=5)
    with pytest.raises(InputError, match="orders"):
        ms.share(airport, 3, orders=1)


@pytest.mark.parametrize("incomes", [[1.0, 2.0], [1.0, 2.0, 0.0], [1.0, 2.0, np.nan], "abc", 5.0])
def test_incomes_are_one_for_each_member(incomes):
    with pytest.raises(InputError, match="numbers"):
        ms.share(airport, 3, "rawls_ir", incomes=incomes)


def test_a_game_by_incomes():
    """All burdens can be the same without anybody paying more than alone: 4 of incomes of 60."""
    found = ms.share(airport, 3, "rawls_ir", incomes=[10.0, 10.0, 40.0])
    assert found.shares == pytest.approx([10 / 15, 10 / 15, 40 / 15])
    with pytest.raises(InputError, match="nobody has one"):
        ms.share(airport, 3, "rawls_ir")


def test_a_run_brings_its_own_agents(run):
    with pytest.raises(InputError, match="own agents"):
        ms.share(run, 3)


class Divides:
    """A rule of one's own that divides games."""

    def __init__(self, shares):
        self._shares = np.array(shares, dtype=float)

    def share(self, period):
        return period.paid_money

    def divide(self, game, rng):
        return Division(self._shares)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([1.0, 3.0], "a finite share for each"),
        ([1.0, 3.0, np.nan], "a finite share"),
        ([1.0, 1.0, 1.0], "sum to 3, not to 4"),
    ],
)
def test_a_division_of_ones_own_is_looked_at(shares, said):
    assert ms.share(airport, 3, Divides([1.0, 1.0, 2.0])).shares.tolist() == [1.0, 1.0, 2.0]
    with pytest.raises(InputError, match=said):
        ms.share(airport, 3, Divides(shares))


def test_of_a_larger_run_a_programme_finds_the_group(monkeypatch, run):
    """The same as looking at all."""
    listed = ms.share(run, rule="equal_gain")
    monkeypatch.setattr("marketsim.app.shared_run.MOST_ENUMERATED", 2)
    found = ms.share(run, rule="equal_gain")
    assert (listed.worst_by, found.worst_by) == ("all groups", "programme")
    assert found.worst_excess == pytest.approx(listed.worst_excess, abs=1e-6)


class Off:
    """Everybody's bill, and one unit too much."""

    def share(self, period):
        return period.paid_money + (np.arange(period.community.n_agents) == 0)


class Fractions:
    """No whole money."""

    def share(self, period):
        return period.paid_money / 2


def test_a_rule_of_ones_own_has_to_share_exactly_what_was_paid(run):
    with pytest.raises(InputError, match="sum to"):
        ms.share(run, rule=Off())
    with pytest.raises(InputError, match="int64"):
        ms.share(run, rule=Fractions())
    with pytest.raises(InputError, match="no parameters"):
        ms.share(run, rule=Off(), orders=3)


EMPTY = {"energy_kwh": 5, "power_kw": 3, "soc_min": 0, "soc_initial": 0}
LOAD = {"load": {"annual_kwh": 3000}}
HOMES = {
    **SMALL,
    "agents": [
        {
            "name": "roof",
            "kind": "prosumer",
            "pv_kw": 6,
            "battery": EMPTY,
            "income": 4000,
            **LOAD,
        },
        {"name": "flat", "count": 2, "kind": "consumer", "income": 1500, **LOAD},
        {"name": "idle", "kind": "consumer", "load": {"annual_kwh": 0}, "income": 2000},
    ],
}


def test_plans_are_shared_of_a_scenario_and_of_a_run():
    """The same of both: a plan knows the series and nothing of what was done. It costs no more than what was paid, and wear."""
    ready = ms.load_scenario(HOMES)
    run = ms.simulate(ready)
    found = ms.share(ready, rule="slot_prices")
    assert found.worst_excess <= 1e-6
    assert found.paid is None
    assert found.burdens.shape == (4,)
    assert found.shares.tolist() == ms.share(run, rule="slot_prices", game="dispatch").shares.tolist()
    table = run.table("agents", columns=["paid_money", "wear_money"])
    assert int(found.shares_money.sum()) <= sum(int(table[name].to_numpy().sum()) for name in table.column_names)
    assert found.shares.sum() < found.alone.sum()


@pytest.mark.parametrize("rule", ["shapley", "proportional", "equal_gain", "rawls_ir", "nucleolus", "slot_prices"])
def test_every_rule_shares_the_same_plan(rule):
    """To the last unit; who has neither load nor device pays nothing where a rule looks at what it adds."""
    found = ms.share(ms.load_scenario(HOMES), rule=rule)
    assert int(found.shares_money.sum()) == int(ms.share(ms.load_scenario(HOMES), rule="shapley").shares_money.sum())
    if rule in ("shapley", "nucleolus", "slot_prices"):
        assert found.shares[-1] == pytest.approx(0.0, abs=1e-6)


def test_a_group_of_a_larger_pool_is_found_by_programme(monkeypatch):
    ready = ms.load_scenario(HOMES)
    listed = ms.share(ready, rule="equal_gain")
    monkeypatch.setattr("marketsim.app.dispatch_game.MOST_LISTED", 2)
    found = ms.share(ready, rule="equal_gain")
    assert (listed.worst_by, found.worst_by) == ("all groups", "programme")
    assert found.worst_excess == pytest.approx(listed.worst_excess, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "game", "said"),
    [
        ((airport, 3), "dispatch", "for runs and scenarios"),
        ((HOMES,), "metered", "a scenario has metered nothing"),
        ((HOMES,), "dispach", "no such game"),
        (({**SMALL, "clock": {**SMALL["clock"], "slots": 24 * 400}},), "dispatch", "agents times slots"),
        (({**SMALL, "tariff": {"flat": {"retail": 0.1, "feed_in": -0.2}}},), None, None),
    ],
)
def test_what_is_wrong_with_a_game_is_said(arguments, game, said):
    of = ms.load_scenario(arguments[0]) if isinstance(arguments[0], dict) else arguments[0]
    if said is None:
        assert np.isfinite(ms.share(of, *arguments[1:], game=game).shares).all()
        return
    with pytest.raises(InputError, match=said):
        ms.share(of, *arguments[1:], game=game)
