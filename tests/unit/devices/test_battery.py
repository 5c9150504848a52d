import numpy as np
import pytest

from marketsim.devices.battery import build, stored_after
from marketsim.devices.params import BatteryParams, EvParams
from marketsim.testing.device_kit import context, slot_inputs
from marketsim.testing.worlds import clock

ROW = BatteryParams(energy_kwh=10.0, power_kw=4.0, charge_efficiency=0.9, discharge_efficiency=0.8, wear_cost=0.02)
INPUTS = slot_inputs(clock().at(0), {"load_kw": np.zeros(1)})


def test_charging_and_discharging_lose_energy():
    """100 Wh drawn store 90; 80 Wh given take 100 from the store."""
    eta = np.array([0.9]), np.array([0.8])
    assert stored_after(np.array([1000.0]), np.array([-100]), *eta) == pytest.approx([1090.0])
    assert stored_after(np.array([1000.0]), np.array([80]), *eta) == pytest.approx([900.0])


def test_power_limits_a_half_full_battery():
    """4 kW in a quarter of an hour are 1000 Wh, either way."""
    reach = build([ROW], context(1)).range(np.array([[5000.0]]), INPUTS)
    assert (reach.lo_wh, reach.firm_wh, reach.hi_wh) == (-1000, 0, 1000)
    assert reach.level == pytest.approx([0.5])


@pytest.mark.parametrize(("stored_wh", "lo_wh", "hi_wh"), [(1000.0, -1000, 0), (9000.0, 0, 1000), (8550.0, -500, 1000)])
def test_the_store_limits_a_full_or_empty_battery(stored_wh, lo_wh, hi_wh):
    """Bounds at 10 % and 90 % of 10 kWh; 500 Wh drawn fill the last 450 Wh."""
    reach = build([ROW], context(1)).range(np.array([[stored_wh]]), INPUTS)
    assert (reach.lo_wh, reach.hi_wh) == (lo_wh, hi_wh)


def test_wear_counts_energy_both_ways():
    """0.02 currency/kWh for 500 Wh charged or discharged is 0.01 currency."""
    fleet = build([ROW, ROW], context(2))
    assert fleet.wear_ticks.tolist() == [20_000, 20_000]
    assert fleet.running_cost(np.array([-500, 500]), np.zeros(2, dtype=np.int64)).tolist() == [10_000_000, 10_000_000]


def test_parameters_of_another_device_are_refused():
    with pytest.raises(TypeError, match="row 1 is EvParams, expected BatteryParams or None"):
        build([None, EvParams()], context(2))
