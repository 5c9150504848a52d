import numpy as np
import pytest

from marketsim.devices.heat_pump import build
from marketsim.devices.params import HeatPumpParams
from marketsim.testing.device_kit import context, slot_inputs
from marketsim.testing.worlds import clock

ROW = HeatPumpParams(power_kw=4.0, cop=3.0, buffer_kwh=6.0, loss_per_h=0.0)
FLEET = build([ROW], context(1))


def demand(heat_kw):
    return slot_inputs(clock(slot_minutes=15).at(0), {"heat_kw": np.array([heat_kw])})


def test_a_warm_buffer_leaves_a_choice():
    """3 kWh in the buffer cover 1 kWh of heat; 1000 Wh of electricity would bring it to 5 kWh."""
    reach = FLEET.range(FLEET.initial(), demand(4.0))
    assert (reach.lo_wh, reach.firm_wh, reach.hi_wh) == (-1000, 0, 0)
    assert reach.level == pytest.approx([0.5])


def test_an_empty_buffer_leaves_none():
    """1 kWh of heat needs 333.3 Wh of electricity, in whole Wh 334."""
    reach = FLEET.range(np.zeros((1, 1)), demand(4.0))
    assert (reach.firm_wh, reach.hi_wh) == (-334, -334)


def test_a_full_buffer_takes_only_what_the_building_takes():
    reach = FLEET.range(np.array([[6000.0]]), demand(1.2))
    assert reach.lo_wh == -100


def test_heat_beyond_full_power_is_missed():
    """Full power brings 3 kWh; the demand of 4.5 kWh misses 1.5 kWh of heat, 500 Wh of electricity."""
    state, missed = FLEET.advance(np.zeros((1, 1)), demand(18.0), np.array([-1000]))
    assert (state[0, 0], missed[0]) == (0.0, 500)


def test_the_buffer_loses_its_share_each_hour():
    fleet = build([HeatPumpParams(power_kw=4.0, loss_per_h=0.19)], context(1, slot_minutes=30))
    state, _ = fleet.advance(np.array([[1000.0]]), demand(0.0), np.array([0]))
    assert state[0, 0] == pytest.approx(900.0)


def test_without_a_buffer_demand_is_met_at_once():
    """A buffer of zero still holds 2 Wh of electricity, so that whole Wh can follow any demand."""
    fleet = build([HeatPumpParams(power_kw=4.0, buffer_kwh=0.0)], context(1))
    reach = fleet.range(np.zeros((1, 1)), demand(1.0))
    assert reach.firm_wh == -84
    assert -86 <= reach.lo_wh <= -84
