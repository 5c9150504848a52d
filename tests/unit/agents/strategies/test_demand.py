"""Demand that can wait, and devices with a price."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.agents.strategies.demand import Flexible, OnArrival, Priced
from marketsim.agents.strategies.fleets import own_fleets
from marketsim.agents.strategies.plan import NO_OFFER, Draft
from marketsim.core.records import UNDECLARED, Side
from marketsim.testing.strategy_kit import FEED_IN, RETAIL, ev, heat_pump, observed, priced, reach, strategy_context

SPREAD = RETAIL - FEED_IN


def planned(policy, name, params, one, load_wh=0, pv_wh=0, slot=0, minutes=60, tariffs=(RETAIL, FEED_IN)):
    """(dispatch, side, value) of one agent's device."""
    context = strategy_context([{name: params}], slot_minutes=minutes)
    retail, feed_in = (np.array([ticks]) for ticks in tariffs)
    seen = observed(context, [load_wh], [pv_wh], [one], slot=slot)._replace(retail_ticks=retail, feed_in_ticks=feed_in)
    draft = Draft.opened(seen)
    (fleet,) = own_fleets(context)
    policy(fleet).plan(seen, draft)
    return int(draft.dispatch_wh[0, 0]), int(draft.side[0, 0]), int(draft.value_ticks[0, 0])


def waiting(level, firm=0, lo=-2_000):
    return reach([lo], [firm], [firm], [level])


def test_on_arrival_draws_at_full_power():
    assert planned(OnArrival, "ev", ev(), waiting(0.5)) == (-2_000, NO_OFFER, UNDECLARED)


def test_flexible_demand_takes_own_surplus_and_bids_for_the_rest():
    dispatch, side, _ = planned(Flexible, "heat_pump", heat_pump(), waiting(0.5), pv_wh=700)
    assert (dispatch, side) == (-700, Side.BUY)
    assert planned(Flexible, "heat_pump", heat_pump(), waiting(0.5), pv_wh=3_000)[:2] == (-2_000, NO_OFFER)


@pytest.mark.parametrize(("level", "urgency"), [(1.0, 0.0), (0.75, 0.25), (0.25, 0.75)])
def test_a_buffer_bids_by_its_empty_share(level, urgency):
    value = planned(Flexible, "heat_pump", heat_pump(), waiting(level))[2]
    assert value == FEED_IN + int(SPREAD * urgency)


def test_an_empty_buffer_bids_less_than_retail():
    """The utility never fills a buffer that may wait."""
    assert planned(Flexible, "heat_pump", heat_pump(), waiting(0.0))[2] == RETAIL - 1


def test_a_vehicle_bids_by_the_time_that_it_needs_and_has():
    """9 kWh missing at 90 % efficiency and 10 kW take an hour: at 5 o'clock half of the time until 7."""
    car = ev(energy_kwh=18.0, power_kw=10.0)
    assert planned(Flexible, "ev", car, waiting(0.5, lo=-9_000), slot=5)[2] == FEED_IN + SPREAD // 2
    assert planned(Flexible, "ev", car, waiting(0.5, lo=-9_000), slot=3)[2] == FEED_IN + SPREAD // 4


def test_a_vehicle_becomes_more_urgent_as_time_passes():
    values = [planned(Flexible, "ev", ev(), waiting(0.6, lo=-9_000), slot=slot)[2] for slot in (19, 23, 24 + 3, 24 + 6)]
    assert values == sorted(values)
    assert values[0] < values[-1]


def test_what_must_be_drawn_now_makes_the_rest_urgent():
    assert planned(Flexible, "heat_pump", heat_pump(), waiting(1.0, firm=-1_500))[2] == FEED_IN + int(SPREAD * 0.75)


@pytest.mark.parametrize(
    ("tariffs", "value"), [((0, -9), 0), ((-20, -90), -20), ((-20, -20), -20), ((90, -10), -10 + 50)]
)
def test_waiting_demand_does_not_wait_where_drawing_is_free_or_paid(tariffs, value):
    """Worth retail, so that the utility serves it now; at a price above zero half urgent is half-way, as ever."""
    assert planned(Flexible, "heat_pump", heat_pump(), waiting(0.5), tariffs=tariffs)[1:] == (Side.BUY, value)


def test_a_device_without_a_level_is_urgent_by_its_firm_share_alone():
    assert planned(Flexible, "pump", heat_pump(), waiting(np.nan))[2] == FEED_IN


def served(cost, one, **changes):
    return planned(Priced, "any", priced(cost, **changes.pop("params", {})), one, **changes)


LOAD = reach([-400], [0], [0])
PLANT = reach([0], [0], [1_000])


def test_a_curtailable_load_bids_its_cost():
    assert served(0.25, LOAD) == (0, Side.BUY, 250_000)


def test_a_curtailable_load_takes_own_surplus_where_it_is_worth_that():
    assert served(0.25, LOAD, pv_wh=300)[0] == -300
    assert served(0.05, LOAD, pv_wh=300)[0] == 0


def test_a_curtailable_load_takes_surplus_that_would_be_curtailed():
    """Worth 0.05, less than feed-in; where that is negative, more than nothing."""
    assert served(0.05, LOAD, pv_wh=300, tariffs=(RETAIL, -50_000))[0] == -300
    assert served(0.0, LOAD, pv_wh=300, tariffs=(RETAIL, 0))[0] == -300


def test_a_generator_serves_own_need_where_it_is_cheaper_than_retail():
    assert served(0.2, PLANT, load_wh=300)[:2] == (300, Side.SELL)
    assert served(0.35, PLANT, load_wh=300)[:2] == (0, Side.SELL)


def test_a_generator_asks_its_cost():
    assert served(0.2, PLANT) == (0, Side.SELL, 200_000)


def test_a_generator_at_its_limit_offers_nothing():
    assert served(0.2, PLANT, load_wh=5_000) == (1_000, NO_OFFER, UNDECLARED)


def test_quadratic_cost_enters_by_the_mean_of_what_is_offered():
    """b + a (P_now + P_max): at 0.2 + 0.01 P, from 0.3 kW to 1 kW."""
    quadratic = {"quadratic_cost": 0.01}
    assert served(0.2, PLANT, params=quadratic)[2] == 210_000
    assert served(0.2, PLANT, params=quadratic, load_wh=300)[2] == 213_000


def test_power_counts_by_the_length_of_the_slot():
    """1 kWh in a quarter of an hour is 4 kW."""
    assert served(0.2, PLANT, params={"quadratic_cost": 0.01}, minutes=15)[2] == 240_000


def test_must_run_energy_stays_as_it_is():
    dispatch, side, _ = served(0.2, reach([400], [400], [1_000]), load_wh=100)
    assert (dispatch, side) == (400, Side.SELL)
