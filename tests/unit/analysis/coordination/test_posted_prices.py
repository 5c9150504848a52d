"""Prices that an operator posts for a scenario: they reach the plan's cost, and make bills more equal only where they may cost something."""

from __future__ import annotations

import json

import numpy as np
import pytest

import marketsim as ms
from marketsim.analysis.coordination.days import days_in_a_row
from marketsim.analysis.coordination.homes import Homes, homes_of
from marketsim.analysis.coordination.price_families import Posted, by_home, within_tariffs
from marketsim.analysis.coordination.prices import (
    ALONE,
    BY_HOME,
    DUALS,
    MONEY,
    UNTOLD,
    WITHIN,
    as_json,
    post_prices,
    rows_of,
)
from marketsim.app.dispatch_game import PlannedPool
from marketsim.core.errors import InputError
from marketsim.optimise.posted import PricedMembers
from marketsim.sharing.coalitions import alone_costs, whole_cost
from marketsim.sharing.dispatch import DispatchGame
from marketsim.sharing.rawls import least_worst
from tests.unit.sharing.pools import FLEETS, pool

HOURLY = {"clock.slot_minutes": 60, "clock.slots": 24}
STREET = {
    "name": "street",
    "clock": {"start": "2016-07-12", "slots": 24, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
    "profiles": {"source": "synthetic", "cloudiness": 0.3},
    "agents": [
        {"name": "villa", "kind": "prosumer", "count": 3, "income": 4500, "load": {"annual_kwh": 4000}, "pv_kw": 8,
         "battery": {"energy_kwh": 8, "power_kw": 4}},
        {"name": "flat", "kind": "consumer", "count": 3, "income": 1000, "load": {"annual_kwh": 3000}},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def ready():
    return ms.load_scenario("scenarios/mixed_income.yaml", HOURLY)


@pytest.fixture(scope="module")
def found(ready):
    return post_prices(ready, days_in_a_row(ready, 2, 90))


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    path = tmp_path_factory.mktemp("street") / "street.json"
    path.write_text(json.dumps(STREET))
    return path


def of(found, way, part=None):
    return next(row for row in rows_of(found) if (row["way"], row["part"]) == (way, part))


def test_posted_prices_reach_the_cost_of_the_common_plan_and_nobody_is_above_alone(ready, found):
    """The least that all can pay, to 1e-6; what was proposed is a best answer to 1e-6.

    A pool in the market plans the same days, but for what waits, and what is in store, at noon from the morning.
    """
    posted, alone = of(found, DUALS), of(found, ALONE)
    variants = [ready.variant(day.overrides(ready)) for day in found.days]
    games = [PlannedPool(variant, begins=12).game for variant in variants]
    assert posted["cost"] == pytest.approx(sum(map(whole_cost, games)), rel=1e-6)
    assert alone["cost"] == pytest.approx(sum(alone_costs(game).sum() for game in games), rel=1e-6)
    planned = (
        ms.coordinate(ready, objectives=["cost"], days=2, every=90).query("way == 'pool: cost'").planned_cost.sum()
    )
    assert posted["cost"] == pytest.approx(planned, rel=1e-2)
    assert posted["left"] == pytest.approx(0.0, abs=1e-6)
    assert (posted["regret"] <= 1e-6, posted["above_alone"]) == (True, 0)
    assert posted["cost"] < alone["cost"]
    assert found.ways[1].costs.sum() == pytest.approx(posted["cost"], rel=1e-6)


def test_untold_the_operator_is_short(found):
    """Members pay the same, and the pool pays more than they do."""
    untold, posted = of(found, UNTOLD), of(found, DUALS)
    assert untold["left"] < -1e-3
    assert untold["cost"] == pytest.approx(posted["cost"] - untold["left"], rel=1e-6)
    assert untold["burden_gini"] == pytest.approx(posted["burden_gini"], abs=1e-6)


def test_money_moves_burdens_further_than_prices_at_no_cost(found):
    """And nobody is above alone; by prices the pool pays no less than it can."""
    money, duals = of(found, MONEY, 1.0), of(found, DUALS)
    assert money["cost"] == duals["cost"]
    for row in rows_of(found):
        assert row["cost"] >= duals["cost"] - 1e-6
        assert row["above_alone"] == 0 or row["way"] == BY_HOME
        assert row["way"] == UNTOLD or row["left"] == pytest.approx(0.0, abs=1e-6)
        if row["way"] in (WITHIN, BY_HOME):
            assert money["burden_gini"] < row["burden_gini"] < duals["burden_gini"]
            assert money["burden_worst"] < row["burden_worst"] < duals["burden_worst"]
            assert row["regret"] <= 1e-6


def test_money_moved_in_full_is_the_rule_rawls_ir(ready, found):
    """Of the homes: the least worst burden while nobody pays more than alone."""
    borne = found.ways[-1].borne
    shares = ms.share(
        lambda members: np.where(members.sum(axis=1) == 1, members @ found.ways[0].borne, borne.sum()),
        len(borne),
        "rawls_ir",
        incomes=found.homes.incomes,
    ).shares
    assert borne == pytest.approx(shares, abs=1e-6)


def test_where_homes_have_stores_prices_by_income_cost_the_pool_something(street):
    """Between a dearer buying and a cheaper selling price villas keep to themselves; money moved leaves the plan as it is."""
    ready = ms.load_scenario(street)
    study = post_prices(ready, days_in_a_row(ready, 1, 1))
    prices = [row for row in rows_of(study) if row["way"] == WITHIN]
    assert [row["part"] for row in prices] == [0.25, 0.5, 1.0]
    assert 0.0 < prices[0]["dearer"] < 0.02 < 0.15 < prices[-1]["dearer"]
    assert all(row["above_alone"] == 0 for row in prices)
    assert of(study, MONEY, 1.0)["dearer"] == 0.0
    assert of(study, MONEY, 1.0)["burden_worst"] < min(row["burden_worst"] for row in prices)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(1, 6))])
@pytest.mark.parametrize("fleets", [FLEETS, FLEETS[5:]], ids=["all devices", "shiftable load"])
def test_no_prices_leave_a_lighter_heaviest_burden_than_money(fleets, seed):
    """Of random homes: prices that leave nobody above alone divide no less than the plan costs, money just that.

    Buying and selling prices that differ cost at once, and may bring less than that. A price a home costs nothing while load alone
    can wait.
    """
    own = pool(6, seed, fleets)
    homes = Homes(np.arange(6), np.array([1000.0, 1000, 1500, 2200, 2200, 4500]), np.eye(6))
    posted = Posted.of(PricedMembers(own))
    alone = alone_costs(DispatchGame(own))
    paid = posted.plan.costs(posted.open_to_all)
    least = least_worst(alone, homes.incomes, float(paid.sum()))
    tried = [within_tariffs(posted, homes, part) for part in (0.1, 1.0)]
    tried += [by_home(posted, homes, paid + part * (least - paid)) for part in (0.1, 1.0)]
    balanced = [books for books in tried if books is not None]
    assert fleets is FLEETS or (tried[2] and tried[3])
    for books in balanced:
        assert books.left == pytest.approx(0.0, abs=1e-6)
        assert books.regret <= 1e-6
        assert books.costs.sum() >= paid.sum() - 1e-6
    assert fleets is FLEETS or all(books.costs.sum() <= paid.sum() + 1e-6 for books in filter(None, tried[2:]))
    for books in filter(None, tried[:2]):
        assert (books.costs <= alone + 1e-6).all()
        assert (books.costs / homes.incomes).max() >= (least / homes.incomes).max() - 1e-9


def test_without_incomes_there_are_prices_and_no_burdens(street):
    ready = ms.load_scenario(street, {f"agents[{group}].income": None for group in range(2)})
    study = post_prices(ready, days_in_a_row(ready, 1, 1), peak_price=0.2)
    assert [row["way"] for row in rows_of(study)] == [ALONE, DUALS, UNTOLD]
    assert of(study, DUALS)["left"] == pytest.approx(0.0, abs=1e-6)
    assert {(row["burden_gini"], row["burden_worst"], row["above_alone"]) for row in rows_of(study)} == {
        (None, None, 0)
    }


def test_rows_and_json_say_the_same(found):
    document = as_json(found)
    assert "NaN" not in json.dumps(document)
    assert [
        {name: way[name] for name in row} for way, row in zip(document["ways"], rows_of(found), strict=True)
    ] == rows_of(found)
    assert [len(price) for price in document["prices"]] == [24, 24]


def test_owners_bear_the_bill_of_an_asset(ready):
    """The shared battery is owned by all homes in equal parts, and so it is borne where it names none; or by the class it names."""
    unowned = ready.variant({"market.sharing": "none", "agents[6].owners": None})
    for agents in (ready.agents, unowned.agents):
        homes = homes_of(agents)
        assert len(homes.rows) == 20
        assert homes.bears.sum(axis=0) == pytest.approx(np.ones(21))
        assert homes.bears[:, 20] == pytest.approx(np.full(20, 1 / 20))
        assert homes.helped[[0, 7, 8, 19]] == pytest.approx([1.0, 1.0, 0.0, 0.0])
    owned = ready.variant({"agents[6].owners": {"class": "low"}})
    assert homes_of(owned.agents).bears[:, 20] == pytest.approx(np.repeat([1 / 8, 0.0], [8, 12]))


def test_a_home_without_an_income_is_refused(ready):
    with pytest.raises(InputError, match=r"agents\[1\].income: consumer-1 has no income, and others have one"):
        post_prices(ready.variant({"agents[1].income": None}), days_in_a_row(ready, 1, 1))


def test_a_device_with_a_yes_or_no_is_refused(street):
    ready = ms.load_scenario(street, {"agents[1].appliance": {"power_kw": 1}})
    with pytest.raises(InputError, match="(?s)no prices to post: a plan with a yes or no.*leave out appliances"):
        post_prices(ready, days_in_a_row(ready, 1, 1))


def test_python_answers_with_a_row_for_each_way(street):
    frame = ms.post_prices(str(street), peak_price=0.1)
    assert frame.way.tolist()[:3] == [ALONE, DUALS, UNTOLD]
    assert frame.left[1] == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(InputError, match="asked for in two ways"):
        ms.post_prices(str(street), year=True, days=2)
