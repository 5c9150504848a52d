"""Energy laws of the devices: whatever whole Wh in range is executed, physics and bounds hold exactly."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.devices import battery, curtailable_load, ev, generator, heat_pump
from marketsim.devices.fleet import whole_wh
from marketsim.devices.params import (
    BatteryParams,
    CurtailableLoadParams,
    EvParams,
    GeneratorParams,
    HeatPumpParams,
)
from marketsim.testing.device_kit import any_energy, context, only_firm, slot_inputs, walk
from marketsim.testing.worlds import clock

SLOTS = 1_000
seeds = st.integers(0, 2**32 - 1)


def inputs(n_agents, slots, slot_minutes=15, **series):
    """Slots with series given as constants, or as functions of slot and a generator."""
    rng = np.random.default_rng(len(series))
    for slot in range(slots):
        columns = {
            name: np.full(n_agents, value(slot, rng) if callable(value) else value, dtype=np.float64)
            for name, value in {"load_kw": 0.0, **series}.items()
        }
        yield slot_inputs(clock(slots, slot_minutes).at(slot), columns)


batteries = st.builds(
    BatteryParams,
    energy_kwh=st.floats(0.001, 1e5),
    power_kw=st.floats(0.01, 1e4),
    charge_efficiency=st.floats(0.1, 1.0),
    discharge_efficiency=st.floats(0.1, 1.0),
    soc_min=st.floats(0.0, 0.3),
    soc_max=st.floats(0.4, 1.0),
    soc_initial=st.floats(0.3, 0.4),
)


@settings(max_examples=25)
@given(st.lists(batteries, min_size=1, max_size=8), seeds)
def test_battery_never_leaves_its_bounds(rows, seed):
    """Stored energy stays within its bounds exactly, not to a tolerance, after a thousand slots of any energy."""
    fleet = battery.build(rows, context(len(rows)))
    for step in walk(fleet, any_energy, inputs(len(rows), SLOTS), np.random.default_rng(seed)):
        assert (step.after[0] >= fleet.lowest_wh).all()
        assert (step.after[0] <= fleet.highest_wh).all()


@settings(max_examples=25)
@given(batteries, seeds)
def test_battery_conserves_energy(row, seed):
    """The change of stored energy over a run is eta_c x charged - discharged / eta_d."""
    fleet = battery.build([row], context(1))
    steps = list(walk(fleet, any_energy, inputs(1, SLOTS), np.random.default_rng(seed)))
    energy = np.array([step.energy_wh[0] for step in steps])
    charged, discharged = -energy[energy < 0].sum(), energy[energy > 0].sum()
    expected = row.charge_efficiency * charged - discharged / row.discharge_efficiency
    turnover = charged + discharged / row.discharge_efficiency + fleet.highest_wh[0]
    assert abs(steps[-1].after[0, 0] - steps[0].before[0, 0] - expected) <= 1e-12 * SLOTS * turnover


@settings(max_examples=25)
@given(batteries, seeds)
def test_battery_uses_all_of_its_room(row, seed):
    """A range cut by the store is cut at the last whole Wh: 2 Wh more would leave the bounds."""
    fleet = battery.build([row], context(1))
    for step in walk(fleet, any_energy, inputs(1, 100), np.random.default_rng(seed)):
        if -step.reach.lo_wh < fleet.power_wh:
            fuller, _ = fleet.advance(step.before, step.inputs, step.reach.lo_wh - 2)
            assert fuller[0] > fleet.highest_wh
        if step.reach.hi_wh < fleet.power_wh:
            emptier, _ = fleet.advance(step.before, step.inputs, step.reach.hi_wh + 2)
            assert emptier[0] < fleet.lowest_wh


def stay(slots_left, lacking_kwh, slot_minutes=15):
    """A vehicle that is there from the first slot for ``slots_left`` slots, and for two slots away."""
    return inputs(
        1,
        slots_left + 2,
        slot_minutes,
        ev_connected=lambda slot, _: slot < slots_left,
        ev_slots_left=lambda slot, _: max(slots_left - slot, 0),
        ev_arrival_kwh=lambda slot, _: lacking_kwh if slot == 0 else 0.0,
    )


@settings(max_examples=60)
@given(st.floats(0.0, 60.0), st.integers(1, 60), st.floats(0.5, 22.0), seeds)
def test_vehicle_departs_full_whenever_power_suffices(lacking_kwh, slots_left, power_kw, seed):
    """Drawn plus missed energy is what was required; missed is exactly what full power all along could not deliver."""
    fleet = ev.build([EvParams(energy_kwh=60.0, power_kw=power_kw, efficiency=0.9)], context(1))
    required = round(lacking_kwh * 1000.0 / 0.9)
    for policy in (only_firm, any_energy):
        steps = list(walk(fleet, policy, stay(slots_left, lacking_kwh), np.random.default_rng(seed)))
        drawn = -sum(int(step.energy_wh[0]) for step in steps)
        missed = sum(int(step.unserved_wh[0]) for step in steps)
        assert drawn + missed == required
        assert missed == max(0, required - slots_left * int(whole_wh(fleet.power_wh)[0]))


@settings(max_examples=60)
@given(st.floats(0.0, 60.0), st.integers(1, 60))
def test_vehicle_refused_until_its_deadline_then_charges_at_full_power(lacking_kwh, slots_left):
    """Who takes only what is firm waits, and then takes full power without a break until departure."""
    fleet = ev.build([EvParams(energy_kwh=60.0, power_kw=11.0)], context(1))
    drawn = [
        -int(s.energy_wh[0]) for s in walk(fleet, only_firm, stay(slots_left, lacking_kwh), np.random.default_rng())
    ]
    charging = [wh for wh in drawn if wh]
    assert all(wh == 2750 for wh in charging[1:])
    assert drawn[slots_left - len(charging) : slots_left] == charging


heat_pumps = st.builds(
    HeatPumpParams,
    power_kw=st.floats(0.1, 20.0),
    cop=st.floats(1.0, 6.0),
    buffer_kwh=st.one_of(st.just(0.0), st.floats(0.0, 50.0)),
    loss_per_h=st.floats(0.0, 0.5),
    level_initial=st.floats(0.0, 1.0),
)


@settings(max_examples=25)
@given(heat_pumps, st.floats(0.0, 20.0), seeds)
def test_buffer_never_leaves_its_bounds(row, mean_kw, seed):
    """Heat in the buffer stays between empty and full exactly, after any executed energies."""
    fleet = heat_pump.build([row], context(1))
    demand = inputs(1, SLOTS, heat_kw=lambda _, rng: rng.exponential(mean_kw))
    for step in walk(fleet, any_energy, demand, np.random.default_rng(seed)):
        assert 0.0 <= step.after[0, 0] <= fleet.capacity_wh[0]


@settings(max_examples=25)
@given(heat_pumps, st.floats(0.0, 20.0), seeds)
def test_heat_is_conserved_and_missed_only_at_full_power(row, mean_kw, seed):
    """Each slot's heat balance closes, and heat is missing only where the heat pump runs at full power."""
    fleet = heat_pump.build([row], context(1))
    demand = inputs(1, 300, heat_kw=lambda _, rng: rng.exponential(mean_kw))
    for step in walk(fleet, any_energy, demand, np.random.default_rng(seed)):
        heat_wh = step.inputs.series["heat_kw"][0] * 250.0
        kept = step.before[0, 0] * (1.0 - row.loss_per_h) ** 0.25
        missing = heat_wh - kept + row.cop * step.energy_wh[0] + step.after[0, 0]
        assert abs(missing - step.unserved_wh[0] * row.cop) <= 0.5 * row.cop + 1e-6
        assert step.unserved_wh[0] == 0 or -step.energy_wh[0] == fleet.power_wh[0]


generators = st.builds(
    GeneratorParams,
    max_kw=st.floats(5.0, 500.0),
    min_kw=st.floats(0.0, 5.0),
    ramp_kw_per_h=st.one_of(st.none(), st.floats(0.1, 1000.0)),
)


@settings(max_examples=25)
@given(generators, seeds)
def test_generator_keeps_power_and_ramps(row, seed):
    """Power stays between minimum and maximum, and changes by no more than the ramp from one slot to the next."""
    fleet = generator.build([row], context(1))
    steps = list(walk(fleet, any_energy, inputs(1, SLOTS), np.random.default_rng(seed)))
    energy = [int(step.energy_wh[0]) for step in steps]
    ramp_wh = np.inf if row.ramp_kw_per_h is None else max(row.ramp_kw_per_h * 0.25 * 250.0, 1.0)
    assert row.min_kw * 250.0 - 1e-6 <= min(energy)
    assert max(energy) <= row.max_kw * 250.0 + 1e-6
    assert all(abs(b - a) <= ramp_wh + 1e-6 for a, b in pairwise(energy))


@settings(max_examples=25)
@given(st.floats(0.0, 1.0), seeds)
def test_curtailable_load_is_served_or_curtailed(share, seed):
    """Served plus curtailed energy is the share of the profile's load, within half a Wh a day."""
    fleet = curtailable_load.build([CurtailableLoadParams(share=share)], context(1))
    demand = inputs(1, 96, load_kw=lambda _, rng: rng.exponential(0.3))
    steps = list(walk(fleet, any_energy, demand, np.random.default_rng(seed)))
    asked = sum(step.inputs.series["load_kw"][0] for step in steps) * share * 250.0
    metered = sum(int(step.unserved_wh[0] - step.energy_wh[0]) for step in steps)
    assert abs(metered - asked) <= 0.5 + 1e-6
