"""Machines that cannot be stopped: when they may begin, when they must, and that they run through."""

import numpy as np
import pytest

from marketsim.devices.appliance import build
from marketsim.devices.params import ApplianceParams
from marketsim.testing.device_kit import context, slot_inputs
from marketsim.testing.worlds import clock

OWN = ApplianceParams(power_kw=2.0, cycle_h=1.5, earliest_hour=8, usual_hour=18, latest_hour=22)


def fleet():
    return build((OWN, None), context(2, 48, 60))


def inputs(slot):
    return slot_inputs(clock(48, 60).at(slot), {"load_kw": np.zeros(2)})


def walked(choose, slots=24):
    """Energy of each slot, as ``choose(slot, reach)`` says within the range."""
    one = fleet()
    state, energies = one.initial(), []
    for slot in range(slots):
        reach = one.range(state, inputs(slot))
        energy = np.clip(choose(slot, reach), reach.lo_wh, reach.hi_wh)
        state, missed = one.advance(state, inputs(slot), energy)
        assert not missed.any()
        energies.append(int(energy[0]))
    return energies


def test_unplanned_it_runs_at_its_usual_hour():
    """3 kWh at 2 kW: an hour and a half from 18 on."""
    assert walked(lambda slot, reach: reach.firm_wh)[17:21] == [0, -2000, -1000, 0]


def test_it_has_to_begin_in_the_last_slot_from_which_it_ends_in_time():
    """Two slots before 22."""
    assert walked(lambda slot, reach: reach.hi_wh)[18:23] == [0, 0, -2000, -1000, 0]


def test_it_may_begin_early_and_is_then_firm():
    """Not before 8; once begun there is nothing to decide, and it runs once a day."""
    energies = walked(lambda slot, reach: reach.lo_wh, 48)
    assert energies[7:11] == [0, -2000, -1000, 0]
    assert [slot for slot, energy in enumerate(energies) if energy] == [8, 9, 32, 33]


def test_a_begin_within_a_slot_ends_that_much_later():
    """A quarter of the first slot is drawn: the rest follows at full power, all of it."""
    energies = walked(lambda slot, reach: np.where(slot == 10, -500, reach.hi_wh))
    assert energies[9:14] == [0, -500, -2000, -500, 0]
    assert sum(energies) == -3000


@pytest.mark.parametrize(
    ("hours", "message"),
    [({"usual_hour": 22.0}, "must follow each other"), ({"earliest_hour": 19.0}, "must follow each other")],
)
def test_hours_that_do_not_fit_are_refused(hours, message):
    with pytest.raises(ValueError, match=message):
        ApplianceParams(**{"cycle_h": 2.0, "earliest_hour": 8.0, "usual_hour": 18.0, "latest_hour": 23.0, **hours})
