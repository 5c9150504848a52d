"""What a device says of itself in linear terms is what its range and its states allow."""

import numpy as np
import pytest

from marketsim.core.ports import LinearDevice
from marketsim.core.programme import PlannedSlots
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
from marketsim.devices.stays import stays_of
from marketsim.optimise.day import Ends, MeteredDay
from marketsim.optimise.pool import Aims, plan_day
from marketsim.testing.device_kit import context, everyday_series, slot_inputs
from marketsim.testing.worlds import clock

SLOTS, MINUTES, N = 48, 30, 3
FLEETS = {
    "battery": (battery.build, BatteryParams(energy_kwh=8, power_kw=4)),
    "ev": (ev.build, EvParams(power_kw=11)),
    "heat_pump": (heat_pump.build, HeatPumpParams(power_kw=4, buffer_kwh=15)),
    "curtailable_load": (curtailable_load.build, CurtailableLoadParams()),
    "generator": (generator.build, GeneratorParams(max_kw=3, min_kw=0.5, ramp_kw_per_h=2, quadratic_cost=0.02)),
    "shiftable_load": (shiftable_load.build, ShiftableLoadParams(share=0.5)),
    "appliance": (appliance.build, ApplianceParams()),
}


def walk(name, seed, begins=0):
    """(device, state, inputs) after ``begins`` slots in which anything was done, and the series of the slots to come."""
    build, params = FLEETS[name]
    device = build((params, None, params), context(N, SLOTS, MINUTES))
    rng = np.random.default_rng(seed)
    time = clock(3 * SLOTS, MINUTES)
    series = [
        everyday_series(np.random.default_rng((seed, slot)), time.at(slot), N, SLOTS) for slot in range(2 * SLOTS)
    ]
    for each in series:
        each["heat_kw"] = np.minimum(each["heat_kw"], 3.0)
        each["ev_arrival_kwh"] = np.minimum(each["ev_arrival_kwh"], 30.0)
    state = device.initial()
    for slot in range(begins):
        inputs = slot_inputs(time.at(slot), series[slot])
        reach = device.range(state, inputs)
        state, _ = device.advance(state, inputs, rng.integers(reach.lo_wh, reach.hi_wh, endpoint=True))
    return device, state, time, series


@pytest.mark.parametrize("begins", [0, 17, 40])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", FLEETS)
def test_a_plan_can_be_followed(name, seed, begins):
    """Slot by slot the planned energy lies within the range, to what whole Wh leave, and nothing is missed by it."""
    device, state, time, series = walk(name, seed, begins)
    assert isinstance(device, LinearDevice)
    ahead = PlannedSlots(
        np.arange(N),
        time.at(begins),
        SLOTS,
        lambda key: np.array([each[key] for each in series[begins : begins + SLOTS]]),
    )
    rng = np.random.default_rng(seed)
    prices = rng.uniform(0.1, 0.5, (SLOTS, 1))
    need = rng.normal(2.0, 3.0, (SLOTS, 1))
    day = MeteredDay(need, 0 * need, prices, prices / 2, MINUTES / 60, np.zeros(N, dtype=np.int64))
    block = device.linear(state, ahead)
    plan = plan_day([block], day, Ends(-1), Aims("cost_then_peak"))
    assert plan.missed_kwh < 1e-6
    assert not plan.net_kwh[0][:, 1].any()
    off = 0
    for step in range(SLOTS):
        inputs = slot_inputs(time.at(begins + step), series[begins + step])
        reach = device.range(state, inputs)
        wanted = np.rint(plan.net_kwh[0][step] * 1000).astype(np.int64)
        done = np.clip(wanted, reach.lo_wh, reach.hi_wh)
        off = max(off, int(np.abs(done - wanted).max()))
        state, missed = device.advance(state, inputs, done)
        assert name == "curtailable_load" or missed.max() <= 3
    assert off <= 12


def test_stays_are_told_by_their_series():
    """Away, home from the middle of a slot on, a departure, and a stay that lasts beyond the slots to come."""
    here = np.array([[0.0, 0.5, 1.0, 0.25, 0.0, 1.0]])
    left = np.array([[0.0, 2.25, 1.25, 0.25, 0.0, 4.0]])
    arrived = np.array([[0.0, 6.0, 0.0, 0.0, 0.0, 8.0]])
    stays = stays_of(here, left, arrived, np.array([3.0]))
    assert stays.stay_of.tolist() == [[-1, 0, 0, 0, -1, 1]]
    assert stays.required_kwh.tolist() == [6.0, 8.0]  # nobody was home: the 3 kWh are no stay's
    assert stays.slots_after.tolist() == [0.0, 3.0]
    assert stays.share_within.tolist() == [1.0, 0.25]


def test_a_stay_in_progress_keeps_what_it_lacks():
    stays = stays_of(np.ones((1, 3)), np.array([[5.0, 4.0, 3.0]]), np.zeros((1, 3)), np.array([3.0]))
    assert (stays.required_kwh.tolist(), stays.slots_after.tolist()) == ([3.0], [2.0])
