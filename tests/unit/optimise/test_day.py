"""The day's programme: what it plans is feasible, and nothing is better; binaries are where they are needed and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.programme import BlockBuilder, PlannedSlots, StoreRatings, put_stores
from marketsim.devices import appliance, battery, curtailable_load, ev, generator, heat_pump, shiftable_load
from marketsim.devices.params import (
    ApplianceParams,
    BatteryParams,
    CurtailableLoadParams,
    EvParams,
    GeneratorParams,
    HeatPumpParams,
    ShiftableLoadParams,
)
from marketsim.optimise.day import Ends, MeteredDay, day_programme
from marketsim.optimise.highs import optimum
from marketsim.optimise.pool import Aims, plan_day
from marketsim.testing.device_kit import context
from marketsim.testing.worlds import clock

SLOTS = 24
FLEETS = (
    (battery.build, BatteryParams(energy_kwh=8, power_kw=4)),
    (ev.build, EvParams(power_kw=7)),
    (heat_pump.build, HeatPumpParams(power_kw=3, buffer_kwh=12)),
    (curtailable_load.build, CurtailableLoadParams(cost_per_kwh=0.35)),
    (generator.build, GeneratorParams(max_kw=2, ramp_kw_per_h=1, cost_per_kwh=0.25)),
    (shiftable_load.build, ShiftableLoadParams(share=0.2)),
)
"""Without yes-or-no columns of their own."""


def community(seed, fleets=FLEETS, n=6, slot_minutes=60):
    """(blocks, MeteredDay without prices) of a random day of n homes, each with half of the devices."""
    rng = np.random.default_rng(seed)
    slots = SLOTS * 60 // slot_minutes
    hour = np.arange(slots) * slot_minutes / 60
    load = rng.gamma(2.0, 0.4, (slots, n)) + np.exp(-(((hour - 19) / 2) ** 2))[:, None]
    pv = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0)[:, None] * rng.uniform(0, 8, n)
    home = ((hour >= 18) | (hour < 7)).astype(float)[:, None] * np.ones(n)
    arrives = np.zeros((slots, n))
    arrives[18 * 60 // slot_minutes] = rng.uniform(4, 12, n)
    left = ((7 - hour) % 24 * 60 / slot_minutes)[:, None] * np.ones(n)
    series = {
        **{"load_kw": load, "heat_kw": rng.uniform(0.2, 2.5, (slots, n))},
        **{"ev_connected": home, "ev_slots_left": left, "ev_arrival_kwh": arrives},
    }
    ahead = PlannedSlots(np.arange(n), clock(slots, slot_minutes).at(0), slots, series.__getitem__)
    built = [
        build([p if rng.random() < 0.5 else None for _ in range(n)], context(n, slots, slot_minutes))
        for build, p in fleets
    ]
    blocks = [device.linear(device.initial(), ahead) for device in built]
    firm = 1.0 - sum((each.info.load_share for each in built if each.info.load_share is not None), np.zeros(n))
    need = ((load * firm - pv) * slot_minutes / 60).sum(axis=1, keepdims=True)
    prices = np.ones((slots, 1))
    spare = np.maximum(pv - load, 0.0).sum(axis=1, keepdims=True) * slot_minutes / 60
    return blocks, MeteredDay(need, spare, prices, prices, slot_minutes / 60, np.zeros(n, dtype=np.int64))


def priced(day, retail=0.3, feed_in=0.08):
    shape = day.need_kwh.shape
    return day._replace(retail=np.broadcast_to(retail, shape), feed_in=np.broadcast_to(feed_in, shape))


def with_all_modes(blocks):
    """The same with a yes or no for every pair of modes, needed or not: the oracle."""
    return [each._replace(modes=each.modes._replace(below=np.full_like(each.modes.below, 1e6))) for each in blocks]


@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(8, 50))])
def test_without_binaries_it_is_what_it_would_be_with_them(seed):
    """At prices of zero and more, and at negative ones that wear outweighs."""
    blocks, day = community(seed)
    rng = np.random.default_rng(seed)
    feed_in = rng.uniform(0.0, 0.1, (SLOTS, 1))
    for low in (feed_in, feed_in - 0.05):
        own = priced(day, feed_in + rng.uniform(0.0, 0.3, (SLOTS, 1)), low)
        assert not day_programme(blocks, own, Ends(-1)).programme.whole.any() or (low < 0).any()
        plain = plan_day(blocks, own, Ends(-1), Aims("cost"))
        oracle = plan_day(with_all_modes(blocks), own, Ends(-1), Aims("cost"))
        assert plain.cost == pytest.approx(oracle.cost, rel=1e-6, abs=1e-6)


def both_modes(block, x):
    """Energy that a store draws and gives back in the same slot [kWh]."""
    return float(np.minimum(x[block.modes.draw], x[block.modes.give]).sum())


def test_binaries_come_where_burning_energy_pays_and_nowhere_else():
    """A price below -w (1 + e) / (1 - e) in three slots: as many yes-or-no columns a battery, and no slot with both modes."""
    blocks, day = community(3, FLEETS[:1])
    owners = len(blocks[0].contents.agent)
    feed_in, retail = np.full((SLOTS, 1), 0.08), np.full((SLOTS, 1), 0.3)
    feed_in[2:5], retail[2:5] = -0.5, -0.4
    parts = day_programme(blocks, priced(day, retail, feed_in), Ends(-1))
    assert parts.programme.whole.sum() == 3 * owners
    relaxed = parts.programme._replace(whole=np.zeros_like(parts.programme.whole))
    assert both_modes(blocks[0], optimum(relaxed, "day").x) > 1.0
    assert both_modes(blocks[0], optimum(parts.programme, "day").x) < 1e-6
    barely = -0.01 * (1 + 0.95**2) / (1 - 0.95**2) + 1e-6
    kept = priced(day, 0.3, np.where(feed_in < 0, barely, feed_in))
    assert not day_programme(blocks, kept, Ends(-1)).programme.whole.any()


def test_nobody_imports_for_being_paid_beside_curtailed_pv():
    """Behind one meter that cannot be; the yes or no keeps both apart."""
    blocks, day = community(4)
    plan = plan_day(blocks, priced(day, -0.1, -0.2), Ends(-1), Aims("cost"))
    assert plan.curtailed_kwh.sum() > 0.0
    assert (plan.import_kwh > 1e-6).any()
    assert np.minimum(plan.curtailed_kwh, plan.import_kwh).max() < 1e-6


def test_feed_in_above_retail_is_refused():
    """To buy and sell back would pay without end."""
    blocks, day = community(1)
    with pytest.raises(ValueError, match="feed-in exceeds retail"):
        plan_day(blocks, priced(day, 0.1, 0.2), Ends(-1), Aims("cost"))


@pytest.mark.parametrize("seed", range(4))
def test_aims_are_reached_one_after_the_other(seed):
    """Cost first: within the slack of the least, the peak no higher. Peak first: the least, at no more than it has to cost."""
    blocks, day = community(seed)
    own = priced(day)
    plans = {
        name: plan_day(blocks, own, Ends(-1), Aims(name))
        for name in ("cost", "peak", "cost_then_peak", "peak_then_cost")
    }
    least_cost, least_peak = plans["cost"].cost, plans["peak"].peak_kw
    assert plans["cost_then_peak"].cost <= least_cost + 0.001 * abs(least_cost) + 1e-5
    assert plans["cost_then_peak"].peak_kw <= plans["cost"].peak_kw + 1e-6
    assert plans["peak_then_cost"].peak_kw == pytest.approx(least_peak, rel=1e-5, abs=1e-5)
    assert least_cost - 1e-6 <= plans["peak_then_cost"].cost <= plans["peak"].cost + 1e-6
    assert least_peak <= plans["cost_then_peak"].peak_kw + 1e-6
    assert all(plan.missed_kwh < 1e-6 for plan in plans.values())


def test_a_peak_price_is_part_of_the_cost():
    """What the peak saves is its price, and the plan is no worse by it than one that does not know it."""
    blocks, day = community(2)
    blind, seeing = (plan_day(blocks, priced(day), Ends(-1), Aims("cost", peak_price=price)) for price in (0.0, 0.5))
    assert seeing.peak_kw < blind.peak_kw
    assert seeing.cost <= blind.cost + 0.5 * blind.peak_kw + 1e-6


@pytest.mark.parametrize("objective", ["cost", "peak", "cost_then_peak", "peak_then_cost"])
def test_energy_is_conserved_and_stores_end_as_they_began(objective):
    """Import less export is need less what devices give; every vehicle gets its energy; the levels are cyclic."""
    blocks, day = community(5)
    own = priced(day)
    plan = plan_day(blocks, own, Ends(-1), Aims(objective))
    given = plan.net_kwh.sum(axis=(0, 2))[:, None]
    assert np.allclose(plan.import_kwh - plan.export_kwh, day.need_kwh - given + plan.curtailed_kwh)
    cars = plan.net_kwh[1]
    required = blocks[1].row_upper
    assert -cars.sum() == pytest.approx(required.sum(), abs=0.5) or (blocks[1].row_lower < required).any()
    assert -cars.sum() >= blocks[1].row_lower.sum() - 1e-6
    store = plan.net_kwh[0]
    drawn, given_back = np.maximum(-store, 0.0).sum(axis=0), np.maximum(store, 0.0).sum(axis=0)
    assert (0.95 * drawn - given_back / 0.95 >= -1e-6).all()


def test_the_dual_price_is_what_a_kwh_more_costs():
    """Between the tariffs, and the difference of two optima."""
    blocks, day = community(6)
    own = priced(day)
    plan = plan_day(blocks, own, Ends(-1), Aims("cost"))
    assert ((plan.price >= 0.08 - 1e-9) & (plan.price <= 0.3 + 1e-9)).all()
    for slot in (3, 12, 19):
        more = day.need_kwh.copy()
        more[slot] += 1e-4
        costs = plan_day(blocks, own._replace(need_kwh=more), Ends(-1), Aims("cost")).cost - plan.cost
        assert costs / 1e-4 == pytest.approx(plan.price[slot, 0], abs=1e-4)


def test_an_appliance_runs_once_and_without_a_stop():
    """All its power in slots in a row, inside its window, at the cheapest time."""
    own = ApplianceParams(power_kw=2.0, cycle_h=2.0, earliest_hour=8, usual_hour=18, latest_hour=20)
    blocks, day = community(0, ((appliance.build, own),), n=20)
    retail = np.full((SLOTS, 1), 0.3)
    retail[13:15] = 0.1
    heavy = day._replace(need_kwh=np.full_like(day.need_kwh, 50.0))
    plan = plan_day(blocks, priced(heavy, retail), Ends(-1), Aims("cost"))
    owners = np.flatnonzero(plan.net_kwh[0].any(axis=0))
    assert len(owners) > 3
    for owner in owners:
        assert plan.net_kwh[0][:, owner] == pytest.approx(np.where(np.isin(np.arange(SLOTS), (13, 14)), -2.0, 0.0))


def test_a_generator_with_a_cost_of_running_stands_still_where_that_is_cheaper():
    """0.10 a kWh and 1.00 an hour: worth it at 5 kW against 0.4, not against 0.2; on paper half an hour would do."""
    own = GeneratorParams(max_kw=5, cost_per_kwh=0.1, constant_cost=1.0)
    blocks, day = community(0, ((generator.build, own),), n=2)
    heavy = day._replace(need_kwh=np.full_like(day.need_kwh, 50.0))
    retail = np.where(np.arange(SLOTS) < 12, 0.2, 0.4)[:, None]
    made = plan_day(blocks, priced(heavy, retail), Ends(-1), Aims("cost")).net_kwh[0].sum(axis=1)
    assert made[:12] == pytest.approx(0.0)
    assert (made[12:] > 4.9).all()


def test_it_is_small_enough_to_be_built_anew_each_hour():
    """Thirty homes, 96 slots: the columns and rows that the devices have, and nothing for each pair or hour beside."""
    blocks, day = community(0, n=30, slot_minutes=15)
    parts = day_programme(blocks, priced(day), Ends(-1), peak=True)
    own = sum(len(block.cost) for block in blocks)
    stores = sum(len(block.contents.agent) for block in blocks)
    assert len(parts.cost) == own + 96 + 1 + stores
    assert parts.programme.at_most.matrix.nnz + parts.programme.equal.matrix.nnz < 8 * len(parts.cost)


def test_stores_on_their_own_meters_are_planned_as_they_would_be_alone():
    """Beside each other or one by one, the cost is the same."""
    rng = np.random.default_rng(0)
    k, slots = 4, 12
    ratings = StoreRatings(
        rng.uniform(2, 9, k), rng.uniform(1, 3, k), np.full(k, 0.9), np.full(k, 0.95), np.full(k, 0.01)
    )
    need, stored = rng.normal(0, 2, (slots, k)), rng.uniform(0, 2, k)

    def cost(rows):
        block = BlockBuilder(slots, len(rows))
        put_stores(block, np.arange(len(rows)), slots, StoreRatings(*(each[rows] for each in ratings)), stored[rows])
        prices = np.ones((slots, len(rows)))
        day = MeteredDay(need[:, rows], 0 * prices, 0.3 * prices, 0.08 * prices, 1.0, np.arange(len(rows)))
        return plan_day([block.done()], day, Ends(-1), Aims("cost")).cost

    assert cost(np.arange(k)) == pytest.approx(sum(cost(np.array([row])) for row in range(k)), abs=1e-9)
