"""Plans of stores at negative prices: against every combination of modes, each a linear programme of its own."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from marketsim.agents.strategies.linear_programme import Outlook, Stores, plan_stores
from marketsim.agents.strategies.signed_programme import SignedStore, plan_signed, two_modes_pay

HOURS = 3


def store(need, retail, feed_in, *, wear=0.0, efficiency=0.9, stored=1.0, pv=None):
    need = np.array(need, dtype=np.float64)
    spare = np.maximum(-need, 0.0) if pv is None else np.clip(-need, 0.0, pv)
    prices = np.array(retail, dtype=np.float64), np.array(feed_in, dtype=np.float64)
    return SignedStore(2.0, 1.0, efficiency, efficiency, wear, stored, need, spare, *prices, 0.0)


def cost_of(asked, net):
    """What a plan costs, by the meter alone: import at retail, surplus curtailed or exported, whichever is cheaper."""
    through = asked.need_kwh - net
    drawn, left = np.maximum(through, 0.0), np.maximum(-through, 0.0)
    curtailed = np.where(asked.feed_in < 0, np.minimum(left, asked.spare_kwh), 0.0)
    money = asked.retail * drawn - asked.feed_in * (left - curtailed) + asked.wear * np.abs(net)
    return float(money.sum())


def stored_after(asked, net):
    charged, given_back = np.maximum(-net, 0.0), np.maximum(net, 0.0)
    return asked.stored_kwh + np.cumsum(charged * asked.charge_efficiency - given_back / asked.discharge_efficiency)


def least_cost(asked):
    """The best of all combinations of charging or discharging, importing, curtailing or exporting, hour by hour."""
    best, horizon = np.inf, len(asked.need_kwh)
    for states in product(product((0, 1), (0, 1, 2)), repeat=horizon):
        rows, room, bounds, cost, offset = [], [], [], [], 0.0
        level = np.zeros((horizon, horizon))
        for hour, (charging, zone) in enumerate(states):
            need, spare = asked.need_kwh[hour], asked.spare_kwh[hour] if asked.feed_in[hour] < 0 else 0.0
            price = (asked.retail[hour], 0.0, asked.feed_in[hour])[zone]
            offset += price * need + (price * spare if zone == 2 else 0.0)
            low, high = ((0.0, np.inf), (-spare, 0.0), (-np.inf, -spare))[zone]
            sign = -1.0 if charging else 1.0  # of the net delivered by x >= 0
            cost.append(asked.wear - price * sign)
            bounds.append((0.0, asked.power_kwh))
            row = np.zeros(horizon)
            row[hour] = sign
            for limit, side in ((need - low, 1.0), (high - need, -1.0)):
                if np.isfinite(limit):
                    rows.append(side * row)
                    room.append(limit)
            level[hour:, hour] = asked.charge_efficiency if charging else -1.0 / asked.discharge_efficiency
        rows += [*level, *-level]
        room += [*np.full(horizon, asked.capacity_kwh - asked.stored_kwh), *np.full(horizon, asked.stored_kwh)]
        found = linprog(cost, A_ub=np.array(rows), b_ub=np.array(room), bounds=bounds, method="highs")
        if found.status == 0:
            best = min(best, found.fun + offset)
    return best


PRICE = st.integers(-10, 10).map(lambda tens: tens / 20)


@st.composite
def outlooks(draw):
    high = draw(st.lists(PRICE, min_size=HOURS, max_size=HOURS))
    low = [price - draw(st.integers(0, 8)) / 20 for price in high]
    need = draw(st.lists(st.integers(-3, 3).map(float), min_size=HOURS, max_size=HOURS))
    return store(
        need, high, low,
        wear=draw(st.sampled_from([0.0, 0.02])), stored=draw(st.sampled_from([0.0, 1.0, 2.0])),
        pv=draw(st.sampled_from([None, 1.0])),
    )  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(outlooks())
def test_no_combination_of_modes_is_cheaper_and_the_plan_can_be_kept(asked):
    """The cost at the meter equals the least over all combinations; the store stays within its capacity on the net alone."""
    net, _ = plan_signed(asked)
    assert cost_of(asked, net) == pytest.approx(least_cost(asked), abs=1e-6)
    level = stored_after(asked, net)
    assert level.min() >= -1e-6
    assert level.max() <= asked.capacity_kwh + 1e-6
    assert np.abs(net).max() <= asked.power_kwh + 1e-6


def test_energy_is_not_burnt_by_two_modes_at_once():
    """A full store at a price of -0.5 could only draw by giving back in the same hour: it rests instead."""
    asked = store([0.0], [-0.5], [-0.5], stored=2.0)
    assert two_modes_pay(asked.feed_in, asked.wear, 0.9, 0.9).all()
    net, _ = plan_signed(asked)
    assert net.tolist() == pytest.approx([0.0])


@pytest.mark.parametrize(
    ("price", "wear", "pays"), [(-0.05, 0.0, True), (-0.05, 0.01, False), (-0.5, 0.01, True), (0.0, 0.0, False)]
)
def test_the_rule_that_says_when_two_modes_pay(price, wear, pays):
    """-p (1 - 0.81) against w (1 + 0.81): 0.0095 and 0.095 against 0 and 0.0181."""
    assert bool(two_modes_pay(np.array([price]), wear, 0.9, 0.9)[0]) is pays


def test_surplus_behind_the_meter_comes_before_being_paid_for_import():
    """Retail -0.5 and own surplus of 1 kWh: charging it earns nothing, so a store that wears does not charge for its own sake."""
    worn = store([-1.0], [-0.5], [-0.5], wear=0.02, stored=0.0)
    assert plan_signed(worn)[0].tolist() == pytest.approx([0.0])
    short = store([0.0], [-0.5], [-0.5], wear=0.02, stored=0.0)
    assert plan_signed(short)[0].tolist() == pytest.approx([-1.0])


def test_the_store_is_emptied_at_a_cost_to_be_paid_more():
    """Giving 1 kWh away at 0.05 makes room for drawing at 0.5 an hour later."""
    asked = store([0.0, 0.0], [0.3, -0.5], [-0.05, -0.6], efficiency=1.0, stored=2.0)
    net, _ = plan_signed(asked)
    assert net.tolist() == pytest.approx([1.0, -1.0])


def test_one_negative_price_is_enough_and_agents_stay_independent():
    """``plan_stores`` takes the signed programme for all agents of a market where the horizon has a negative price."""
    need = np.array([[0.0, -2.0], [1.0, 1.0]])
    feed_in, retail = np.array([[-0.1, -0.1], [0.05, 0.05]]), np.array([[0.1, 0.1], [0.3, 0.3]])
    two = Stores(*(np.full(2, value) for value in (2.0, 1.0, 1.0, 1.0, 0.0)))
    spare = np.maximum(-need, 0.0)
    together = plan_stores(two, Outlook(need, retail, feed_in, np.zeros(2), 1.0, spare), np.zeros(2))
    for agent in range(2):
        rows = np.array([agent])
        outlook = Outlook(need, retail, feed_in, np.zeros(2), 1.0, spare).of(rows)
        alone = plan_stores(two.of(rows), outlook, np.zeros(1))
        assert together.net_kwh[:, agent] == pytest.approx(alone.net_kwh[:, 0])
    assert together.net_kwh[:, 1].tolist() == pytest.approx([-1.0, 1.0])  # charged from what would be curtailed
