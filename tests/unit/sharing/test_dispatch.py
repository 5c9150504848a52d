"""The game of plans: what groups would pay for a plan of their own, prices that none can improve on, and the worst group."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.cost_game import PricedGame
from marketsim.core.errors import InputError
from marketsim.optimise.day import Ends, MeteredDay
from marketsim.optimise.highs import optimum
from marketsim.optimise.members import PooledMembers
from marketsim.optimise.pool import Aims, plan_day
from marketsim.sharing import dispatch
from marketsim.sharing.coalitions import all_costs
from marketsim.sharing.dispatch import DispatchGame
from marketsim.sharing.shapley import shapley
from marketsim.sharing.stability import least_core, worst_of_all
from marketsim.sharing.worst_dispatch import worst_planning_group
from tests.unit.sharing.pools import APPLIANCES, FLEETS, pool

full, nightly = pytest.mark.full, pytest.mark.nightly
SEEDS = [0, *(pytest.param(seed, marks=full) for seed in range(1, 3))]


def planned(own, members):
    """What the day programme says a group pays that is a pool of its own."""
    inside = np.flatnonzero(members)
    blocks = [block for block, whose in zip(own.blocks, own.owner, strict=True) if members[whose]]
    together = (each[:, inside].sum(axis=1, keepdims=True) for each in (own.need_kwh, own.spare_kwh))
    day = MeteredDay(*together, own.retail[:, None], own.feed_in[:, None], own.hours, np.zeros(1, dtype=np.int64))
    return plan_day(blocks, day, Ends(-1), Aims("cost", peak_price=own.peak_price)).cost


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("terms", [{}, {"peak_price": 0.3}, {"feed_in": -0.05}])
def test_a_group_pays_what_it_would_pay_as_a_pool_of_its_own(seed, terms):
    own = pool(5, seed, **terms)
    game = DispatchGame(own)
    groups = np.random.default_rng(seed).random((6, 5)) < 0.5
    groups[:, 2] = True
    assert game.cost(groups) == pytest.approx([planned(own, group) for group in groups], abs=1e-7)


@pytest.mark.parametrize("fleets", [FLEETS[:1], (FLEETS[0], FLEETS[4]), (*FLEETS[:2], *APPLIANCES)])
def test_devices_that_are_alike_cost_what_they_cost_one_by_one(fleets, monkeypatch):
    """Batteries of one make are one of as many times the size, but for programmes with a yes or no; vehicles are not alike."""
    solved = []
    monkeypatch.setattr(
        dispatch,
        "optimum",
        lambda programme, *own, **how: solved.append(len(programme.cost)) or optimum(programme, *own, **how),
    )
    own = pool(8, 3, fleets)
    game = DispatchGame(own)
    groups = np.random.default_rng(1).random((5, 8)) < 0.6
    groups[0] = True
    assert game.cost(groups) == pytest.approx([planned(own, group) for group in groups], abs=1e-7)
    one_by_one = [len(game.programme_of(group)[1]) for group in groups]
    if APPLIANCES[0] in fleets:
        assert solved == one_by_one
    else:
        assert solved[0] < one_by_one[0] / 2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("terms", [{}, {"peak_price": 0.3}, {"feed_in": -0.001}])
def test_at_dual_prices_no_group_would_pay_less_by_itself(seed, terms):
    """Nor at any other rule's: the least core of this game has no excess above 0. Shapley values are outside the core."""
    game = DispatchGame(pool(6, seed, **terms))
    costs, shares = all_costs(game), game.price_shares().shares
    assert shares.sum() == pytest.approx(costs[-1], abs=1e-8)
    assert worst_of_all(costs, shares).excess <= 1e-6
    assert worst_of_all(costs, least_core(game).shares).excess <= 1e-6


@nightly
@pytest.mark.parametrize("seed", range(2))
def test_of_twelve_members_all_4096_groups_are_planned(seed):
    game = DispatchGame(pool(12, seed, peak_price=0.1))
    costs, shares = all_costs(game), game.price_shares().shares
    assert shares.sum() == pytest.approx(costs[-1], abs=1e-7)
    assert worst_of_all(costs, shares).excess <= 1e-6
    assert worst_of_all(costs, shapley(game).shares).excess > 0.01


@pytest.mark.parametrize(
    ("n", "seed", "terms"),
    [
        (5, 0, {}),
        (5, 1, {"feed_in": -0.05, "peak_price": 0.2}),
        pytest.param(8, 0, {"peak_price": 0.3}, marks=full),
        *(pytest.param(10, seed, terms, marks=nightly) for seed in range(2) for terms in ({}, {"peak_price": 0.3})),
    ],
)
def test_the_programme_finds_the_worst_of_all_groups(n, seed, terms):
    """Of shares in proportion to what each would pay alone."""
    game = DispatchGame(pool(n, seed, **terms))
    costs = all_costs(game)
    alone = np.abs(game.cost(np.eye(n, dtype=bool)))
    shares = costs[-1] * alone / alone.sum()
    worst, found = worst_of_all(costs, shares), worst_planning_group(game, shares, 60.0)
    assert found.excess == pytest.approx(worst.excess, abs=1e-6)
    assert found.gap <= 1e-5
    assert not found.members.all()
    assert found.members.any()


def test_of_one_member_there_is_no_group():
    game = DispatchGame(pool(1, 0))
    assert worst_planning_group(game, np.zeros(1), 1.0) is None


def test_a_member_that_has_nothing_pays_nothing():
    """Neither load nor devices: every group pays the same with it and without it."""
    own = pool(4, 2)
    nothing = np.zeros((24, 1))
    need, spare = (np.column_stack((each, nothing)) for each in (own.need_kwh, own.spare_kwh))
    game = DispatchGame(PooledMembers(own.blocks, own.owner, need, spare, own.retail, own.feed_in, own.hours))
    assert game.price_shares().shares[-1] == 0.0
    assert shapley(game).shares[-1] == pytest.approx(0.0, abs=1e-9)


def test_energy_that_no_plan_can_serve_is_no_part_of_the_cost():
    """Vehicles that ask for more than their chargers give until they leave: shares are of what is paid."""
    game = DispatchGame(pool(5, 1, FLEETS[:2], late=True))
    assert game.missed_cost().sum() > 0
    costs, shares = all_costs(game), game.price_shares().shares
    assert shares.sum() == pytest.approx(costs[-1], abs=1e-7)
    assert worst_of_all(costs, shares).excess <= 1e-6
    assert worst_planning_group(game, shares + np.array([1.0, 0, 0, 0, -1.0]), 30.0).excess == pytest.approx(
        worst_of_all(costs, shares + np.array([1.0, 0, 0, 0, -1.0])).excess, abs=1e-6
    )


def test_a_plan_with_a_yes_or_no_has_costs_and_no_prices():
    game = DispatchGame(pool(3, 1, APPLIANCES))
    assert isinstance(game, PricedGame)
    assert np.isfinite(all_costs(game)).all()
    with pytest.raises(InputError, match="yes or no"):
        game.price_shares()


def test_retail_below_zero_is_refused():
    own = pool(2, 0)
    with pytest.raises(InputError, match="retail prices of 0 and more"):
        DispatchGame(own._replace(retail=own.retail - 0.5, feed_in=own.feed_in - 0.6))


def test_more_plans_than_can_be_made_are_refused_before_any_is_made(monkeypatch):
    """Those of groups that are known count once."""
    game = DispatchGame(pool(3, 0))
    monkeypatch.setattr("marketsim.sharing.dispatch.MOST_CELLS", 24 * 12)
    first = all_costs(game)
    assert all_costs(game).tolist() == first.tolist()
    with pytest.raises(InputError, match="(?s)more plans than can be made.*slot_prices needs one"):
        all_costs(DispatchGame(pool(4, 0)))
