import numpy as np

from marketsim.devices.curtailable_load import build
from marketsim.devices.params import CurtailableLoadParams
from marketsim.testing.device_kit import context, slot_inputs
from marketsim.testing.worlds import clock

ROWS = (CurtailableLoadParams(share=0.25, cost_per_kwh=0.2), None)
INPUTS = slot_inputs(clock(slot_minutes=15).at(3), {"load_kw": np.array([8.0, 8.0])})


def test_shares_split_the_load():
    assert build(ROWS, context(2)).info.load_share.tolist() == [0.25, 0.0]


def test_the_range_is_its_share_of_the_load():
    """A quarter of 2000 Wh."""
    fleet = build(ROWS, context(2))
    reach = fleet.range(fleet.initial(), INPUTS)
    assert reach.lo_wh.tolist() == [-500, 0]
    assert not reach.firm_wh.any()
    assert not reach.hi_wh.any()


def test_what_is_not_drawn_is_curtailed_at_its_cost():
    """200 of 500 Wh drawn; 300 Wh at 0.2 currency/kWh are 0.06 currency."""
    fleet = build(ROWS, context(2))
    _, curtailed = fleet.advance(fleet.initial(), INPUTS, np.array([-200, 0]))
    assert curtailed.tolist() == [300, 0]
    assert fleet.running_cost(np.array([-200, 0]), curtailed).tolist() == [60_000_000, 0]


def test_remainders_are_carried_within_the_day_only():
    """What is left over from the last slot counts in the next, and is dropped at midnight."""
    fleet = build(ROWS, context(2))
    state = np.array([[0.4, 0.0]])
    series = {"load_kw": np.array([1.6e-3, 0.0])}
    assert fleet.range(state, slot_inputs(clock(slot_minutes=15).at(1), series)).lo_wh[0] == 0
    assert fleet.range(state + 0.1, slot_inputs(clock(slot_minutes=15).at(1), series)).lo_wh[0] == -1
    assert fleet.range(state + 0.1, slot_inputs(clock(slot_minutes=15).at(0), series)).lo_wh[0] == 0
