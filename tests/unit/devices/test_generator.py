import numpy as np
import pytest

from marketsim.devices.generator import build
from marketsim.devices.params import GeneratorParams
from marketsim.testing.device_kit import context, slot_inputs
from marketsim.testing.worlds import clock

INPUTS = slot_inputs(clock().at(0), {"load_kw": np.zeros(1)})
ROW = GeneratorParams(max_kw=40.0, min_kw=8.0, ramp_kw_per_h=16.0, cost_per_kwh=0.25)


@pytest.mark.parametrize(
    ("last_wh", "must_run_wh", "hi_wh"), [(2000, 2000, 3000), (5000, 4000, 6000), (9900, 8900, 10_000)]
)
def test_ramps_and_power_bound_the_range(last_wh, must_run_wh, hi_wh):
    """16 kW/h are 4 kW a quarter of an hour, so 1000 Wh from slot to slot; power between 2000 and 10000 Wh."""
    reach = build([ROW], context(1)).range(np.array([[float(last_wh)]]), INPUTS)
    assert (reach.lo_wh, reach.firm_wh, reach.hi_wh) == (must_run_wh, must_run_wh, hi_wh)


def test_without_a_ramp_it_goes_anywhere_at_once():
    fleet = build([GeneratorParams(max_kw=40.0)], context(1))
    reach = fleet.range(fleet.initial(), INPUTS)
    assert (reach.lo_wh, reach.hi_wh) == (0, 10_000)


def test_it_starts_at_minimum_power():
    assert build([ROW, None], context(2)).initial().tolist() == [[2000.0, 0.0]]


def test_cost_is_quadratic_in_power():
    """(0.01 x 8^2 + 0.25 x 8 + 0.5) x 0.25 h = 0.785 currency; standing still costs nothing."""
    row = ROW.model_copy(update={"quadratic_cost": 0.01, "constant_cost": 0.5})
    fleet = build([row, row], context(2))
    assert fleet.running_cost(np.array([2000, 0]), np.zeros(2, dtype=np.int64)).tolist() == [785_000_000, 0]
