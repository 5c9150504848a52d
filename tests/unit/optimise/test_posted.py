"""Posted prices: by hand, against programmes written down anew, and on random communities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from marketsim.core.programme import BlockBuilder, StoreRatings, put_stores
from marketsim.optimise.balanced import PriceOffers
from marketsim.optimise.members import PooledMembers
from marketsim.optimise.posted import PostedPrices, PricedMembers
from marketsim.sharing.coalitions import alone_costs
from marketsim.sharing.dispatch import DispatchGame
from tests.unit.sharing.pools import APPLIANCES, FLEETS, pool

full = pytest.mark.full
SEEDS = [0, *(pytest.param(seed, marks=full) for seed in range(1, 8))]
TERMS = [{}, {"peak_price": 0.3}, {"feed_in": 0.0}]


def store(slots, capacity, power, efficiency=1.0, wear=0.0, starts=0.0):
    """The block of one battery."""
    block, one = BlockBuilder(slots, 1), np.ones(1)
    ratings = StoreRatings(capacity * one, power * one, efficiency * one, efficiency * one, wear * one)
    put_stores(block, np.zeros(1, dtype=np.int64), slots, ratings, starts * one)
    return block.done()


def members(need, retail, feed_in, stores=(), peak_price=0.0):
    """Homes of one-hour slots; ``stores``: (owner, block)."""
    need = np.array(need, dtype=float)
    prices = (np.broadcast_to(np.asarray(each, dtype=float), len(need)) for each in (retail, feed_in))
    owner = np.array([whose for whose, _ in stores], dtype=np.int64)
    return PooledMembers(
        tuple(block for _, block in stores), owner, need, np.maximum(-need, 0), *prices, 1.0, peak_price
    )


def test_two_members_by_hand():
    """The roof feeds in 2 kWh first, the home draws 1 kWh twice and stores half a kWh.

    First all together feed in, at 0.10, then they draw, at 0.30: the roof has 0.20, the home pays 1.5 x 0.10 + 0.5 x 0.30.
    """
    priced = PricedMembers(members([[-2, 1], [0, 1]], 0.3, 0.1, [(1, store(2, 0.5, 1.0))]))
    price, plan = priced.plan()
    assert price == pytest.approx([0.1, 0.3])
    posted = PostedPrices.of_all(price, 2)
    assert plan.costs(posted) == pytest.approx([-0.2, 0.3])
    assert priced.best(posted).worth == pytest.approx([-0.2, 0.3])
    assert priced.pool_cost(plan) == pytest.approx(0.1)
    assert priced.left(plan, posted) == pytest.approx(0.0, abs=1e-12)


def test_the_peak_price_is_in_the_price_of_the_slot_that_has_the_peak():
    """2 kWh at once cost 2 x 0.30 + 2 x 0.50, the next one 0.30: who draws in both slots pays 1.10, the other 0.80."""
    priced = PricedMembers(members([[1, 1], [1, 0]], 0.3, 0.1, peak_price=0.5))
    price, plan = priced.plan()
    assert price == pytest.approx([0.8, 0.3])
    assert plan.costs(PostedPrices.of_all(price, 2)) == pytest.approx([1.1, 0.8])
    assert priced.pool_cost(plan) == pytest.approx(1.9)


def test_what_members_do_untold_need_not_add_up():
    """Two stores of 1 kWh, and 1 kWh to spare: at the price at which one store is filled any filling is a best answer."""
    stores = [(0, store(2, 1.0, 1.0)), (1, store(2, 1.0, 1.0))]
    priced = PricedMembers(members([[-1, 0], [1, 0]], [0.3, 0.3], [0.1, 0.1], stores))
    posted = PostedPrices.of_all(np.array([0.2, 0.2]), 2)
    best = priced.best(posted)
    both = best.answers._replace(net_kwh=np.array([[0.0, -1.0], [0.0, 1.0]]))
    assert priced.worth(both, posted) == pytest.approx(best.worth)
    assert priced.left(both, posted) == pytest.approx(-0.2)  # they buy a kWh at 0.30 and sell it at 0.10
    kindest = priced.kindest(posted, best)
    assert priced.worth(kindest, posted) == pytest.approx(best.worth, abs=1e-6)
    assert priced.left(kindest, posted) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("terms", TERMS)
def test_at_the_duals_members_reach_the_cost_of_the_pool_and_nobody_is_above_alone(seed, terms):
    """Every member's own programme verifies the proposal to 1e-6; what they pay is their part of the dual solution."""
    own = pool(6, seed, **terms)
    priced, game = PricedMembers(own), DispatchGame(own)
    price, plan = priced.plan()
    posted = PostedPrices.of_all(price, 6)
    best, cost = priced.best(posted), priced.pool_cost(plan)
    assert best.worth.sum() == pytest.approx(cost, rel=1e-6)
    assert priced.left(plan, posted) == pytest.approx(0.0, abs=1e-9)
    assert (priced.worth(plan, posted) - best.worth).max() <= 1e-6
    assert (best.worth <= alone_costs(game) + 1e-6).all()
    assert cost == pytest.approx(game.cost(np.ones((1, 6), dtype=bool))[0], abs=1e-7)
    assert plan.costs(posted) == pytest.approx(game.price_shares().shares, abs=1e-6)
    assert priced.left(best.answers, posted) <= 1e-9
    kindest = priced.kindest(posted, best)
    assert priced.pool_cost(kindest) == pytest.approx(cost, rel=1e-6)
    assert (priced.worth(kindest, posted) - best.worth).max() <= 1e-6


def by_hand(need, batteries, retail, feed_in, peak_price, price=None):
    """Cost of homes with batteries by a dense programme: at one meter, or with ``price`` at that price either way."""
    slots, k = len(need), len(batteries)
    c, d, s = (np.arange(k * slots).reshape(k, slots) + place * k * slots for place in range(3))
    m, x, p = 3 * k * slots + np.arange(slots), 3 * k * slots + slots + np.arange(slots), 3 * k * slots + 2 * slots
    cost, upper = np.zeros(p + 1), np.full(p + 1, np.inf)
    cost[m], cost[x], cost[p] = (retail, -feed_in, peak_price) if price is None else (price, -price, 0.0)
    equal, right, below = [], [], []
    for i, (capacity, power, efficiency, wear) in enumerate(batteries):
        cost[c[i]] = cost[d[i]] = wear
        upper[c[i]] = upper[d[i]] = power
        upper[s[i]] = capacity
        for t in range(slots):
            row = np.zeros(p + 1)
            row[s[i, t]], row[c[i, t]], row[d[i, t]] = 1.0, -efficiency, 1 / efficiency
            if t:
                row[s[i, t - 1]] = -1.0
            equal.append(row)
            right.append(0.0)
    for t in range(slots):
        row = np.zeros(p + 1)
        row[m[t]], row[x[t]], row[c[:, t]], row[d[:, t]] = 1.0, -1.0, -1.0, 1.0
        equal.append(row)
        right.append(need[t])
        row = np.zeros(p + 1)
        row[m[t]], row[p] = 1.0, -1.0
        below.append(row)
    found = linprog(
        cost, np.array(below), np.zeros(slots), np.array(equal), right, list(zip(np.zeros(p + 1), upper, strict=True))
    )
    assert found.status == 0
    return found.fun


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("peak_price", [0.0, 0.4])
def test_against_programmes_written_down_anew(seed, peak_price):
    """The pool's cost, each member's at the price, and the price itself: C(need + d) >= C(need) + price d for any d."""
    rng = np.random.default_rng(seed)
    slots, n = 8, 4
    need = rng.normal(0.5, 1.5, (slots, n))
    batteries = [(rng.uniform(1, 4), 1.0, 0.95, 0.01) for _ in range(2)]
    retail, feed_in = rng.uniform(0.25, 0.4, slots), np.full(slots, 0.08)
    stores = [(home, store(slots, *each)) for home, each in enumerate(batteries)]
    priced = PricedMembers(members(need, retail, feed_in, stores, peak_price))
    price, plan = priced.plan()
    cost = by_hand(need.sum(axis=1), batteries, retail, feed_in, peak_price)
    assert priced.pool_cost(plan) == pytest.approx(cost, abs=1e-7)
    owned = [[batteries[home]] if home < 2 else [] for home in range(n)]
    answers = [by_hand(need[:, home], owned[home], None, None, 0.0, price) for home in range(n)]
    assert priced.best(PostedPrices.of_all(price, n)).worth == pytest.approx(answers, abs=1e-7)
    assert sum(answers) == pytest.approx(cost, rel=1e-6)
    for _ in range(10):
        change = rng.normal(0, rng.choice([0.01, 1.0]), slots)
        changed = by_hand(need.sum(axis=1) + change, batteries, retail, feed_in, peak_price)
        assert changed >= cost + price @ change - 1e-7


@pytest.mark.parametrize("seed", SEEDS)
def test_within_the_tariffs_nobody_pays_more_than_alone_and_the_books_balance(seed):
    """Three get a discount that balances what the others are asked for; what is told is a best answer of everybody."""
    own = pool(6, seed)
    priced = PricedMembers(own)
    price = priced.plan()[0][:, None]
    helped = np.array([1.0, 0.5, 1.0, 0.0, 0.0, 0.0])

    def at(z):
        less = price - z * helped * (price - own.feed_in[:, None])
        asked = 0.3 * (helped == 0)
        return PostedPrices(less + asked * (own.retail[:, None] - price), less - asked * (price - own.feed_in[:, None]))

    found = PriceOffers(priced, PostedPrices.of_all(price[:, 0], 6), helped > 0).balanced(at)
    if found is None:  # what others do at such prices costs the pool more than they bring
        short = PriceOffers(priced, PostedPrices.of_all(price[:, 0], 6), helped > 0).books(0.0, at(0.0))
        assert short.left < 0.0
        return
    assert found.left == pytest.approx(0.0, abs=1e-6)
    assert found.regret <= 1e-6
    assert (found.costs <= alone_costs(DispatchGame(own)) + 1e-6).all()
    assert found.costs.sum() == pytest.approx(priced.pool_cost(found.answers), abs=1e-6)
    assert priced.pool_cost(found.answers) >= priced.pool_cost(priced.plan()[1]) - 1e-6


def test_where_answers_jump_a_mixture_balances_the_books():
    """A store works at a spread above 0 and rests below, which it reaches at z = 0.5: 0.15 is left, then 0.05 is short.

    Three quarters of resting, a quarter of storing: all feed in 1.75 kWh, then draw 0.75.
    """
    priced = PricedMembers(members([[-2, 0], [1, 0]], 0.3, 0.1, [(1, store(2, 1.0, 1.0))]))

    def at(z):
        price = np.array([[0.1, 0.1], [0.25, 0.2 - 0.2 * z]])
        return PostedPrices(price, price)

    offers = PriceOffers(priced, at(0.0), np.zeros(2, dtype=bool))
    assert [offers.books(z, at(z)).left for z in (0.0, 0.4999, 0.5001)] == pytest.approx([0.05, 0.15, -0.05], abs=1e-3)
    found = offers.balanced(at)
    assert found.z == pytest.approx(0.5, abs=1e-6)
    assert found.left == pytest.approx(0.0, abs=1e-8)
    assert found.answers.net_kwh[:, 1] == pytest.approx([-0.25, 0.25], abs=1e-6)
    assert found.costs == pytest.approx([0.05, 0.0], abs=1e-6)


def test_books_that_no_price_of_a_family_balances_are_none():
    """Everybody is paid twice the feed-in tariff: the operator is short whatever z is."""
    priced = PricedMembers(members([[-2, -1], [-1, -1]], 0.3, 0.1))
    price = PostedPrices.of_all(np.array([0.2, 0.2]), 2)
    assert PriceOffers(priced, price, np.zeros(2, dtype=bool)).balanced(lambda z: price) is None


def test_what_has_no_prices_is_refused():
    with pytest.raises(ValueError, match="yes or no"):
        PricedMembers(pool(3, 1, APPLIANCES))
    with pytest.raises(ValueError, match="tariffs of 0 and more"):
        PricedMembers(pool(3, 1, feed_in=-0.05))


def test_energy_that_no_plan_can_serve_has_a_price_and_no_cost():
    """Vehicles that leave too soon: missed energy weighs when answers are compared, and is no part of what is paid."""
    own = pool(5, 1, FLEETS[:2], late=True)
    priced = PricedMembers(own)
    price, plan = priced.plan()
    posted = PostedPrices.of_all(price, 5)
    best = priced.best(posted)
    assert plan.missed_kwh.sum() > 1.0
    assert (priced.worth(plan, posted) - best.worth).max() <= 1e-6
    assert plan.costs(posted).sum() == pytest.approx(priced.pool_cost(plan), abs=1e-9)
    assert priced.pool_cost(plan) == pytest.approx(DispatchGame(own).cost(np.ones((1, 5), dtype=bool))[0], abs=1e-7)
