import numpy as np
import pytest

from marketsim.core.errors import RunError
from marketsim.devices.ev import build
from marketsim.devices.params import EvParams
from marketsim.testing.device_kit import context, slot_inputs
from marketsim.testing.worlds import clock

FLEET = build([EvParams(energy_kwh=40.0, power_kw=8.0, efficiency=0.8)], context(1))


def arrival(slots_left, lacking_kwh, connected=1.0):
    series = {"ev_connected": connected, "ev_slots_left": slots_left, "ev_arrival_kwh": lacking_kwh}
    return slot_inputs(clock().at(0), {name: np.array([float(value)]) for name, value in series.items()})


@pytest.mark.parametrize(("slots_left", "firm_wh"), [(10, 0), (3, 0), (2, -500), (1, -2000)])
def test_what_the_deadline_demands_is_firm(slots_left, firm_wh):
    """2 kWh in the battery are 2500 Wh at the meter; at most 2000 Wh fit into a slot."""
    reach = FLEET.range(FLEET.initial(), arrival(slots_left, 2.0))
    assert (reach.lo_wh, reach.firm_wh, reach.hi_wh) == (-2000, firm_wh, firm_wh)


def test_the_level_is_what_the_battery_does_not_lack():
    reach = FLEET.range(FLEET.initial(), arrival(10, 10.0))
    assert reach.level == pytest.approx([0.75])


def test_a_vehicle_away_takes_nothing():
    reach = FLEET.range(FLEET.initial(), arrival(0, 5.0, connected=0.0))
    assert (reach.lo_wh, reach.hi_wh) == (0, 0)
    assert np.isnan(reach.level[0])


def test_what_is_missed_at_departure_is_unserved():
    """With one slot for 2500 Wh, 500 Wh are missed and forgotten."""
    state, missed = FLEET.advance(FLEET.initial(), arrival(1, 2.0), np.array([-2000]))
    assert (state[0, 0], missed[0]) == (0.0, 500)


def test_an_unannounced_departure_is_not_lost():
    """A series that breaks off without a last slot counts the rest as missed in the slot after."""
    state, missed = FLEET.advance(np.array([[700.0]]), arrival(0, 0.0, connected=0.0), np.array([0]))
    assert (state[0, 0], missed[0]) == (0.0, 700)


def test_an_arrival_never_needs_more_than_an_empty_battery_takes():
    state, _ = FLEET.advance(FLEET.initial(), arrival(10, 99.0), np.array([0]))
    assert state[0, 0] == 50_000.0


def test_a_missing_series_is_named():
    with pytest.raises(RunError, match=r"'ev' needs the profile series 'ev_connected'.*only: load_kw"):
        FLEET.range(FLEET.initial(), slot_inputs(clock().at(0), {"load_kw": np.zeros(1)}))


def test_a_part_of_a_slot_holds_that_part_of_the_power():
    """Half a slot of 2000 Wh; 0.75 slots come after it, 1500 Wh."""
    inputs = arrival(1.75, 2.0, connected=0.5)
    reach = FLEET.range(FLEET.initial(), inputs)
    assert (reach.lo_wh, reach.firm_wh) == (-1000, -1000)
    state, missed = FLEET.advance(FLEET.initial(), inputs, np.array([-1000]))
    assert (state[0, 0], missed[0]) == (1500.0, 0)
    last = FLEET.range(state, arrival(0.75, 0.0, connected=0.75))
    assert (last.lo_wh, last.firm_wh) == (-1500, -1500)
