"""Load that may be served later: what is due, what waits, and what a plan may do with it."""

import numpy as np
import pytest

from marketsim.core.programme import PlannedSlots
from marketsim.devices.params import ShiftableLoadParams
from marketsim.devices.shiftable_load import build
from marketsim.optimise.day import Ends, MeteredDay
from marketsim.optimise.pool import Aims, plan_day
from marketsim.testing.device_kit import context, slot_inputs
from marketsim.testing.worlds import clock

ROWS = (ShiftableLoadParams(share=0.5, delay_h=2.0), None, ShiftableLoadParams(share=1.0, delay_h=1.0))
"""In slots of an hour: two, none, one."""


def fleet():
    return build(ROWS, context(3, 24, 60))


def inputs(slot, load_kw):
    return slot_inputs(clock(24, 60).at(slot), {"load_kw": np.array(load_kw, dtype=float)})


def test_as_it_comes_unless_somebody_decides():
    """Half of 2 kW and all of 1 kW; nothing has to be drawn at once."""
    one = fleet()
    reach = one.range(one.initial(), inputs(3, [2.0, 2.0, 1.0]))
    assert reach.firm_wh.tolist() == reach.lo_wh.tolist() == [-1000, 0, -1000]
    assert reach.hi_wh.tolist() == [0, 0, 0]


def test_what_has_waited_its_time_must_be_drawn():
    """Of one's own delay: after two hours, and after one."""
    one = fleet()
    state, missed = one.advance(one.initial(), inputs(3, [2.0, 2.0, 1.0]), np.array([0, 0, 0]))
    assert not missed.any()
    reach = one.range(state, inputs(4, [0.0, 0.0, 0.0]))
    assert reach.hi_wh.tolist() == [0, 0, -1000]
    state, _ = one.advance(state, inputs(4, [0.0, 0.0, 0.0]), reach.hi_wh)
    assert one.range(state, inputs(5, [0.0, 0.0, 0.0])).hi_wh.tolist() == [-1000, 0, 0]


def test_the_most_urgent_is_served_first():
    """300 Wh of what came first are left after 700 are drawn, and it is they that are due first."""
    one = fleet()
    state, _ = one.advance(one.initial(), inputs(3, [2.0, 0.0, 0.0]), np.array([0, 0, 0]))
    state, _ = one.advance(state, inputs(4, [2.0, 0.0, 0.0]), np.array([-700, 0, 0]))
    reach = one.range(state, inputs(5, [0.0, 0.0, 0.0]))
    assert (reach.hi_wh[0], reach.lo_wh[0]) == (-300, -1300)


def test_what_is_due_and_not_drawn_is_missed():
    one = fleet()
    state, _ = one.advance(one.initial(), inputs(3, [0.0, 0.0, 1.0]), np.array([0, 0, 0]))
    _, missed = one.advance(state, inputs(4, [0.0, 0.0, 0.0]), np.array([0, 0, -400]))
    assert missed.tolist() == [0, 0, 600]


def test_a_plan_waits_no_longer_than_it_may():
    """1 kWh at hour 0 and retail that falls every hour: it is drawn two hours later, and another one an hour later."""
    one, hours = fleet(), 6
    load = np.zeros((hours, 3))
    load[0] = 2.0, 0.0, 1.0
    ahead = PlannedSlots(np.arange(3), clock(hours, 60).at(0), hours, {"load_kw": load}.__getitem__)
    prices = np.linspace(0.6, 0.1, hours)[:, None]
    nothing = np.zeros((hours, 1))
    day = MeteredDay(nothing, nothing, prices, nothing, 1.0, np.zeros(3, dtype=np.int64))
    plan = plan_day([one.linear(one.initial(), ahead)], day, Ends(), Aims("cost"))
    assert plan.net_kwh[0][:, 0] == pytest.approx([0, 0, -1, 0, 0, 0])
    assert plan.net_kwh[0][:, 2] == pytest.approx([0, -1, 0, 0, 0, 0])


def test_a_plan_knows_what_already_waits():
    """What is due in this slot and in the next is drawn in these at the latest."""
    one, hours = fleet(), 4
    state, _ = one.advance(one.initial(), inputs(3, [2.0, 0.0, 0.0]), np.array([0, 0, 0]))
    state, _ = one.advance(state, inputs(4, [1.0, 0.0, 0.0]), np.array([0, 0, 0]))
    load = np.zeros((hours, 3))
    ahead = PlannedSlots(np.arange(3), clock(24, 60).at(5), hours, {"load_kw": load}.__getitem__)
    prices = np.linspace(0.6, 0.1, hours)[:, None]
    nothing = np.zeros((hours, 1))
    day = MeteredDay(nothing, nothing, prices, nothing, 1.0, np.zeros(3, dtype=np.int64))
    plan = plan_day([one.linear(state, ahead)], day, Ends(), Aims("cost"))
    assert plan.net_kwh[0][:, 0] == pytest.approx([-1, -0.5, 0, 0])
