"""What the scenarios of the repository cost, shared by every rule."""

from __future__ import annotations

import pytest

import marketsim as ms
from marketsim.app.compared_sharing import compare_rules
from marketsim.app.shared_run import SharedRun
from marketsim.builtin import built_in_registry
from marketsim.core.errors import InputError
from marketsim.sharing.stability import MOST_LISTED
from tests.conftest import HOURS, SHIPPED

RULES = built_in_registry().names("sharing")
LISTS_GROUPS = ("least_core", "nucleolus")
INCOMES = {"choice": [1000, 2200, 4500]}
DAY = 96


@pytest.fixture(scope="module", params=SHIPPED, ids=lambda path: path.parent.name + "/" + path.stem)
def run(request):
    """A shipped scenario, at most a day of it, whose agents have incomes."""
    plain = ms.load_scenario(request.param)
    groups = {f"agents[{agent.group}].income": INCOMES for agent in plain.agents}
    days = {"clock.slots": DAY} if plain.model.clock.slots > DAY else {}
    return ms.simulate(ms.load_scenario(request.param, {**groups, **days}))


def test_every_rule_shares_what_was_paid_to_the_last_unit(run):
    """Or says among how many it shares, and what to choose instead."""
    shared = SharedRun(run, 1, trust=False)
    paid = sum(run.table("agents", columns=["paid_money"])["paid_money"].to_pylist())
    for rule in RULES:
        if rule in LISTS_GROUPS and shared.game.n > MOST_LISTED:
            with pytest.raises(InputError, match=r"(?s)among at most 14 members.*slot_prices"):
                shared.divided(rule, {})
            continue
        money = shared.divided(rule, {}).money
        assert sum(money.tolist()) == paid, rule


def test_prices_of_the_slot_ask_no_group_for_more_than_what_all_paid_beyond_one_meter(run):
    """Owen 1975: what is left of an excess is the group's equal part of that."""
    shared = SharedRun(run, 1, trust=False)
    money = shared.divided("slot_prices", {}).money
    worst = shared.worst(money.astype(float), 20.0)
    if worst is not None:
        beyond = max(shared.game.beyond_money, 0) * worst.members.sum() / shared.game.n
        assert worst.excess <= beyond + shared.game.n


def test_shapley_is_flagged_and_the_group_named(root):
    """On a community that ships and trades all it can: it is outside of the core, where prices of the slot are."""
    strategies = {f"agents[{group}].strategy": "truthful" for group in (0, 1)}
    changes = {**HOURS, **strategies, "market.engine": "mid_market_rate"}
    run = ms.simulate(ms.load_scenario(root / "scenarios" / "community.yaml", changes))
    found = {each.label: each for each in compare_rules(run, seconds=20.0).rules}
    assert found["shapley"].in_core is False
    assert found["slot_prices"].in_core is True
    assert found["shapley"].shares.worst_by == "programme"
    assert len(found["shapley"].shares.worst_coalition) > 1
    assert found["shapley"].price_of_equity > 0
