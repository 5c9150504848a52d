"""The linear programme of stores, on cases with known answers and against a plain dynamic programme."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.agents.strategies.linear_programme import Outlook, StorePlan, Stores, plan_stores
from marketsim.core.errors import RunError

RETAIL, FEED_IN = 0.30, 0.08


def stores(k=1, capacity=10.0, power=5.0, efficiency=1.0, wear=0.0):
    """``k`` equal stores."""
    columns = (capacity, power, efficiency, efficiency, wear)
    return Stores(*(np.full(k, float(value)) for value in columns))


def outlook(need, retail=RETAIL, feed_in=FEED_IN, end_value=0.0):
    """Expectations of one agent; prices a number or one a slot."""
    need = np.array(need, dtype=float).reshape(-1, 1)
    prices = (np.broadcast_to(np.asarray(price, dtype=float).reshape(-1, 1), need.shape) for price in (retail, feed_in))
    return Outlook(need, *prices, np.array([end_value]), 1.0, np.maximum(-need, 0.0))


def bill(need, net, retail=RETAIL, feed_in=FEED_IN):
    """What the utility is paid [currency]."""
    drawn = np.asarray(need) - net
    return float(np.sum(np.where(drawn > 0, np.asarray(retail) * drawn, np.asarray(feed_in) * drawn)))


def test_surplus_is_kept_for_need():
    """3 kWh of surplus now, 2 kWh of need later: charge at least 2, deliver exactly 2."""
    plan = plan_stores(stores(), outlook([-3.0, 2.0]), np.array([0.0]))
    assert plan.net_kwh[:, 0].tolist() == pytest.approx([-2.0, 2.0])


def test_a_stored_kwh_is_worth_what_it_saves():
    """With need beyond the store each kWh saves retail; with nothing to save it is worth the feed-in tariff."""
    assert plan_stores(stores(), outlook([0.0, 5.0]), np.array([1.0])).value[0, 0] == pytest.approx(RETAIL)
    assert plan_stores(stores(), outlook([0.0, 0.0]), np.array([1.0])).value[0, 0] == pytest.approx(FEED_IN)


def test_losses_count_in_the_value():
    """A kWh stored delivers 0.9: it saves 0.9 x retail."""
    plan = plan_stores(stores(efficiency=0.9), outlook([0.0, 5.0]), np.array([1.0]))
    assert plan.value[0, 0] == pytest.approx(0.9 * RETAIL)


def test_the_store_buys_when_energy_is_cheap():
    """At 0.10 now and 0.30 later, need later is bought now, as far as the power goes."""
    plan = plan_stores(stores(power=3.0), outlook([0.0, 5.0], [0.10, 0.30], 0.05), np.array([0.0]))
    assert plan.net_kwh[:, 0].tolist() == pytest.approx([-3.0, 3.0])


def test_wear_prevents_what_does_not_pay():
    """A round trip that gains 0.05 with a wear of 0.03 each way is left out."""
    dear = plan_stores(stores(wear=0.03), outlook([0.0, 5.0], [0.25, 0.30]), np.array([0.0]))
    cheap = plan_stores(stores(wear=0.02), outlook([0.0, 5.0], [0.25, 0.30]), np.array([0.0]))
    assert dear.net_kwh[:, 0].tolist() == pytest.approx([0.0, 0.0])
    assert cheap.net_kwh[:, 0].tolist() == pytest.approx([-5.0, 5.0])


def test_the_worth_of_the_end_keeps_energy():
    """Who values the end at more than the feed-in tariff does not sell out."""
    kept = plan_stores(stores(), outlook([0.0, 0.0], end_value=0.1), np.array([4.0]))
    sold = plan_stores(stores(), outlook([0.0, 0.0]), np.array([4.0]))
    assert kept.net_kwh.sum() == pytest.approx(0.0)
    assert sold.net_kwh.sum() == pytest.approx(4.0)


def test_agents_do_not_mix():
    """Solved together, each agent has the bill that it has alone."""
    rng = np.random.default_rng(1)
    need = rng.uniform(-2, 2, (12, 3))
    flat = np.full((12, 3), RETAIL), np.full((12, 3), FEED_IN)
    together = plan_stores(
        stores(3, efficiency=0.9),
        Outlook(need, *flat, np.zeros(3), 1.0, np.maximum(-need, 0.0)),
        np.array([1.0, 2.0, 0.0]),
    )
    for agent, stored in enumerate((1.0, 2.0, 0.0)):
        alone = plan_stores(stores(1, efficiency=0.9), outlook(need[:, agent]), np.array([stored]))
        assert bill(need[:, agent], together.net_kwh[:, agent]) == pytest.approx(
            bill(need[:, agent], alone.net_kwh[:, 0])
        )


@pytest.mark.parametrize("seed", range(5))
def test_no_plan_on_a_grid_is_cheaper(seed):
    """A dynamic programme over whole kWh finds no lower bill, and the programme's is lower by its fractions at most."""
    rng = np.random.default_rng(seed)
    need, retail = rng.integers(-3, 4, 8).astype(float), rng.uniform(0.15, 0.4, 8)
    plan = plan_stores(stores(capacity=4.0, power=2.0), outlook(need, retail), np.array([2.0]))
    best = np.full(5, np.inf)
    best[2] = 0.0
    for slot in range(8):
        step = np.array([[bill(need[slot], had - has, retail[slot]) for had in range(5)] for has in range(5)])
        step[np.abs(np.subtract.outer(np.arange(5), np.arange(5))) > 2] = np.inf
        best = np.min(step + best[None, :], axis=1)
    assert bill(need, plan.net_kwh[:, 0], retail) == pytest.approx(best.min())


def test_what_is_stored_beyond_the_capacity_counts_as_full():
    """Float noise behind the meter does not make the programme infeasible."""
    plan = plan_stores(stores(capacity=4.0), outlook([5.0]), np.array([4.0 + 1e-9]))
    assert plan.net_kwh[0, 0] == pytest.approx(4.0)


def test_an_impossible_programme_stops_the_run():
    with pytest.raises(RunError, match="storage plan of 1 agents over 1 slots: HiGHS stopped with"):
        plan_stores(stores(power=-1.0), outlook([0.0]), np.array([0.0]))


def test_an_empty_plan_does_nothing():
    plan = StorePlan.none(3, 2)
    assert plan.net_kwh.shape == plan.value.shape == (2, 3)
    assert not plan.net_kwh.any()
