"""Members who keep their devices to themselves agree on what one programme would plan, and know how far they are from it."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.app.parts import basics_of, chosen, devices_of
from marketsim.app.ready import load_scenario
from marketsim.core.build import BuildContext
from marketsim.core.errors import RunError
from marketsim.core.ports import LinearDevice
from marketsim.core.programme import PlannedSlots
from marketsim.core.units import to_price
from marketsim.optimise.consensus import AGREED, agree_day
from marketsim.optimise.day import Ends, MeteredDay, day_programme
from marketsim.optimise.highs import optimum
from marketsim.optimise.pool import Aims, plan_day
from tests.unit.optimise.test_day import FLEETS, community, priced

SIX = ("base_community", "high_pv", "high_storage", "electrified", "mixed_income", "demand_response")
WITHIN = 500
"""Iterations that docs/coordination.md states."""


def least(blocks, day, ends):
    """The least of the pooled linear programme, missed energy at its price, without the constant."""
    programme = day_programme(blocks, day, ends).programme
    return optimum(programme._replace(whole=np.zeros_like(programme.whole)), "day").value


def whole_cost(blocks, day, ends, plan):
    """Cost of a plan as that programme counts it."""
    parts = day_programme(blocks, day, ends)
    return plan.cost - parts.constant + plan.missed_kwh * float((parts.programme.cost - parts.cost).max())


@pytest.mark.parametrize("feed_in", [0.08, -0.02])
@pytest.mark.parametrize("seed", range(3))
def test_members_agree_on_what_one_programme_plans(seed, feed_in):
    """To a ten-thousandth of its cost, also where surplus is curtailed; the bound is below it."""
    blocks, day = community(seed)
    own = priced(day, np.random.default_rng(seed).uniform(0.2, 0.4, (24, 1)), feed_in)
    best = plan_day(blocks, own, Ends(-1), Aims("cost"))
    found = agree_day(blocks, own, Ends(-1))
    assert found.iterations <= WITHIN
    assert found.plan.cost == pytest.approx(best.cost, rel=AGREED, abs=1e-3)
    constant = day_programme(blocks, own, Ends(-1)).constant
    assert found.bound <= least(blocks, own, Ends(-1)) + constant + 1e-6
    assert found.plan.gap == found.gap


def test_what_each_does_is_within_its_own_limits():
    """Of every device the net energy of the plan is one that its block allows: stores end as full as they began."""
    blocks, day = community(5, FLEETS[:1])
    found = agree_day(blocks, priced(day), Ends(-1)).plan
    stored = -(np.where(found.net_kwh[0] < 0, 0.95, 1 / 0.95) * found.net_kwh[0]).sum(axis=0)
    assert (stored >= -0.02).all()
    assert np.abs(found.net_kwh[0]).max() <= 4.0 + 1e-6
    assert found.missed_kwh <= 0.01


def test_who_is_stopped_early_knows_how_far_it_is():
    blocks, day = community(1)
    found = agree_day(blocks, priced(day), Ends(-1), most=2)
    assert found.iterations == 2
    assert found.gap > AGREED
    best = plan_day(blocks, priced(day), Ends(-1), Aims("cost"))
    assert found.plan.cost >= best.cost - 1e-6


def test_a_yes_or_no_is_refused():
    blocks, day = planned_day("demand_response")
    with pytest.raises(RunError, match="yes or no"):
        agree_day(blocks, day, Ends(-1))


def planned_day(name):
    """A day in hours of a shipped scenario, its agents behind one meter."""
    hours = {"clock.slots": 24, "clock.slot_minutes": 60, "profiles.forecast": "perfect"}
    ready = load_scenario(f"scenarios/{name}.yaml", hours)
    basics = basics_of(ready, (ready.model.seed,))
    devices, tariff = devices_of(ready, basics), chosen(ready, "tariff", ready.model.tariff, basics)
    context = BuildContext.of(basics, tariff=tariff, devices=devices)
    rows, time = np.arange(len(ready.agents)), context.clock.at(0)
    expected = chosen(ready, "profile", ready.model.profiles, context).forecast(time, rows)
    ahead = PlannedSlots(rows, time, 24, lambda series: expected.series(series, 24))
    blocks = [device.linear(device.initial(), ahead) for device in devices if isinstance(device, LinearDevice)]
    shares = [own.info.load_share for own in devices if own.info.load_share is not None]
    load, pv = expected.series("load_kw", 24) * (1.0 - sum(shares)), expected.series("pv_kw", 24)
    sums = ((each.sum(axis=1, keepdims=True)) for each in (load - pv, np.maximum(pv - load, 0.0)))
    retail, feed_in = (to_price(ticks)[:, :1] for ticks in expected.tariffs(24))
    return blocks, MeteredDay(*sums, retail, feed_in, 1.0, np.zeros(len(rows), dtype=np.int64))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.full if name == "base_community" else pytest.mark.nightly) for name in SIX],
)
def test_six_communities_agree_within_the_iterations_that_are_stated(name):
    """On the linear programme of a day, a yes or no of an appliance anything between."""
    blocks, day = planned_day(name)
    found = agree_day(blocks, day, Ends(-1), most=WITHIN, relaxed=True)
    constant = day_programme(blocks, day, Ends(-1)).constant
    best = least(blocks, day, Ends(-1)) + constant
    assert found.iterations <= WITHIN
    assert whole_cost(blocks, day, Ends(-1), found.plan) + constant == pytest.approx(best, rel=AGREED)
    assert found.bound <= best + 1e-6
    assert (found.plan.price >= day.feed_in - 1e-12).all()
    assert (found.plan.price <= day.retail + 1e-12).all()
