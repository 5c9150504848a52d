"""The loop around a slot."""

from __future__ import annotations

import numpy as np

from marketsim.core.records import NO_PRICE_TICKS, DeviceRange
from marketsim.core.simulation import Simulation, initial_state
from marketsim.core.world import Role, by_market
from marketsim.testing.plain_world import plain_world
from marketsim.testing.strategy_kit import fleet_of
from marketsim.testing.worlds import ConstantProfiles, Scripted, community, plain_decisions


class Counter:
    """A fleet whose state counts the slots."""

    info = fleet_of("counter", [{}, {}])

    def initial(self):
        return np.zeros((1, 2))

    def range(self, state, inputs):
        zero = np.zeros(2, dtype=np.int64)
        return DeviceRange(zero, zero, zero, np.full(2, np.nan))

    def advance(self, state, inputs, energy_wh):
        return state + 1.0, np.zeros(2, dtype=np.int64)

    def running_cost(self, energy_wh, unserved_wh):
        return np.array([3, 4])


def simulation(slots=3, devices=()):
    idle = Scripted(lambda seen: plain_decisions(2, [], len(seen.ranges)))
    profiles = ConstantProfiles([1.0, 2.0], [0.0, 0.0])
    return Simulation(plain_world(community(2), profiles, [Role(idle, np.arange(2))], devices, slots=slots))


def test_a_simulation_is_done_after_the_slots_of_its_clock():
    """Three slots, each once and in order, and nothing after them."""
    running = simulation(3)
    assert not running.done
    assert [record.inputs.time.slot for record in running.run()] == [0, 1, 2]
    assert running.done
    assert list(running.run()) == []


def test_stepping_is_running():
    """``step`` returns and keeps the record of the slot, and ``run`` goes on from there."""
    running = simulation(3)
    assert running.record is None
    assert running.step() is running.record
    assert running.state.slot == 1
    assert [record.inputs.time.slot for record in running.run()] == [1, 2]


def test_the_state_remembers_the_energy_of_the_last_slot():
    """Nothing at first, then what was metered, of each agent and of each fleet."""
    running = simulation(2, [Counter()])
    assert running.state.net_wh.tolist() == [0, 0]
    assert running.state.device_wh.tolist() == [[0, 0]]
    record = running.step()
    assert running.state.net_wh.tolist() == record.energy.net_wh.tolist() == [-1000, -2000]
    assert running.state.device_wh.tolist() == record.energy.device_wh.tolist()


def test_inputs_that_another_world_took_are_those_that_would_have_been_taken():
    """The same energy, slot by slot, and the same remainders after it; the series are not asked for again."""
    first, alone, given = simulation(3), simulation(3), simulation(3)
    given.world.profiles.at = None
    for record in first.run():
        own = alone.step()
        shared = given.step((record.inputs, first.state.carry))
        assert shared.inputs is record.inputs
        assert np.array_equal(shared.energy.net_wh, own.energy.net_wh)
        assert np.array_equal(given.state.carry, alone.state.carry)


def test_at_first_nothing_has_happened():
    """No price, no fill, no remainder, no voltage, and devices as they begin."""
    state = initial_state(simulation(devices=(Counter(),)).world)
    assert state.slot == 0
    assert state.last_price_ticks.tolist() == [NO_PRICE_TICKS]
    assert not any(table.any() for table in (state.carry, state.last_fill, state.last_refused, state.devices[0]))
    assert np.isnan(state.voltage_pu).all()


def test_devices_advance_once_a_slot():
    """A fleet's state goes from slot to slot, and its running cost stands in the record."""
    running = simulation(3, (Counter(),))
    for record in running.run():
        assert record.wear_money.tolist() == [3, 4]
        assert record.level.shape == (1, 2)
    assert running.state.devices[0].tolist() == [[3.0, 3.0]]
    assert running.world.device_names == ("counter",)
    assert running.world.stores == (False,)


def test_a_quantity_of_markets_reaches_their_agents():
    """Each agent gets the value of its market."""
    assert by_market(community(2, 3), np.array([7, 8, 9])).tolist() == [7, 7, 8, 8, 9, 9]
