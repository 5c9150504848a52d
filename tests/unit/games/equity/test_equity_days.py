"""Days played again under other weights are those of runs, and only who pays what depends on weights."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marketsim as ms
from marketsim.app.game import build_game
from marketsim.core.errors import InputError
from marketsim.core.learner import GameNeeds
from marketsim.core.member_weights import MemberWeights
from marketsim.core.standing import MemberStanding
from marketsim.core.weight_params import MemberWeightsParams

NEEDS = GameNeeds(1, True, lambda agents, slots: 4, alike=True)
LOAD = {"load": {"annual_kwh": 3500}}
SELLS = {"truthful": {"storage": {"trade": {"buys": False}}}}
STREET = {
    "name": "street",
    "clock": {"start": "2016-04-11", "slots": 120, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "profiles": {"source": "synthetic"},
    "market": {"engine": "equity_pool", "sharing": "dividend"},
    "agents": [
        {"name": "rich", "count": 2, "kind": "prosumer", "pv_kw": 4, "income": 4500, "income_class": "high", **LOAD},
        {"name": "poor", "count": 3, "kind": "consumer", "income": 1000, "income_class": "low", **LOAD},
        {
            "name": "roof",
            "kind": "prosumer",
            "pv_kw": 5,
            "owners": "equal",
            "load": {"annual_kwh": 0},
            "battery": {"energy_kwh": 8, "power_kw": 3},
            "strategy": SELLS,
        },
    ],
    "learning": {"game": "equity", "learner": {"ppo": {"policies": "alike"}}},
}


def weighted(rule):
    return {"market.engine": {"equity_pool": {"weights": rule}}, "market.sharing": {"dividend": {"weights": rule}}}


def game_of(scenario=STREET, markets=1, **more):
    return build_game(ms.load_scenario(scenario, more), needs=NEEDS, markets=markets)


def ended(game, rule):
    """Where everybody stands after all days under a rule."""
    standing = MemberStanding.nothing(game.days.n_agents)
    for day in range(len(game.days)):
        weights, rule = rule.of_day(standing)
        standing = game.days.after(day, weights, standing)
    return standing


def by_name(game, name):
    return MemberWeights(MemberWeightsParams(weights=name), game.incomes, game.market)


@pytest.fixture(scope="module")
def street():
    return game_of()


@pytest.mark.parametrize("rule", ["equal", "income", "rank", "feedback"])
def test_bills_and_imports_are_those_of_a_run_to_the_last_unit(rule, street):
    """Whatever the rule of the scenario whose slots were played once."""
    run = ms.simulate(ms.load_scenario(STREET, weighted(rule)))
    table = run.table("agents", columns=["paid_money", "import_wh"])
    paid, imported = (table[name].to_numpy().reshape(-1, 6).sum(axis=0) for name in ("paid_money", "import_wh"))
    for game in (street, game_of(**weighted("rank"))):
        standing = ended(game, by_name(game, rule))
        assert standing.paid_money.tolist() == paid.tolist()
        assert standing.imported_wh.tolist() == imported.tolist()
        assert standing.hours == 120.0


@cache
def street_of_all():
    """For properties, which share no fixture of a test."""
    return game_of()


@settings(max_examples=25)
@given(st.lists(st.floats(-8, 8), min_size=6, max_size=6), st.integers(0, 4))
def test_weights_change_who_pays_and_not_what_all_pay(logs, day):
    """Nor the energy that all take from the utility; a shared asset keeps nothing."""
    game = street_of_all()
    nothing = MemberStanding.nothing(6)
    equal, other = (game.days.after(day, weights, nothing) for weights in (np.ones(6), np.exp(np.array(logs))))
    assert equal.paid_money.sum() == other.paid_money.sum()
    assert equal.imported_wh.sum() == other.imported_wh.sum()
    assert equal.used_wh.tolist() == other.used_wh.tolist()
    assert other.paid_money[5] == 0


def test_two_seeds_are_two_communities_and_one_is_itself_again():
    first, again, other = (ended(game, by_name(game, "feedback")) for game in map(seeded, (3, 3, 4)))
    assert first.paid_money.tolist() == again.paid_money.tolist()
    assert first.paid_money.tolist() != other.paid_money.tolist()


def seeded(seed):
    return game_of(seed=seed)


BUYS = [*STREET["agents"][:2], {key: value for key, value in STREET["agents"][2].items() if key != "strategy"}]
FLAT = {"market.charges": {"flat": {"per_kwh": 0.01}}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"agents": BUYS}, "what this agent draws depends on what it is given"),
        (FLAT, "bills hold more than energy"),
        ({"market.engine": "mid_market_rate", "market.sharing": "none", "agents": STREET["agents"][:2]}, "equity_pool"),
        ({"market.sharing_period": "run"}, "day by day"),
        ({"clock.slots": 100}, "day by day"),
        ({"market.sharing": "none", "agents": STREET["agents"][:2]}, "shares dividends"),
        ({"agents": [*STREET["agents"], {"name": "guest", "kind": "consumer"}]}, "all with an income"),
    ],
)
def test_what_cannot_be_played_again_is_refused(change, said):
    with pytest.raises(InputError, match=said):
        game_of(**change)


def test_policies_that_know_their_agent_are_refused():
    ready = ms.load_scenario(STREET)
    with pytest.raises(InputError, match="does not know for whom"):
        build_game(ready, needs=NEEDS._replace(alike=False), markets=1)


def test_the_reward_is_what_equal_weights_would_have_had_less_what_is(street):
    """Nothing for no change; the same for all members; its parts add up."""
    street.reset(0)
    still = street.step(np.full((1, 5, 1), 2))
    assert still.reward.tolist() == [[0.0] * 5]
    for _ in range(3):
        step = street.step(np.array([[[0], [0], [4], [4], [4]]]))
    parts = step.parts
    assert step.reward == pytest.approx(parts["burden"] + parts["access"] + parts["cost"])
    assert parts["burden"][0, 0] == pytest.approx((parts["burden_gini_equal"] - parts["burden_gini"])[0])
    assert len(set(step.reward[0].tolist())) == 1
    assert parts["burden"][0, 0] > 0
    assert parts["cost"].tolist() == [[0.0] * 5]
