"""Metering and what each strategy gets to see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.records import FIRM, NO_PRICE_TICKS, PV, DeviceRange, Side
from marketsim.core.sensing import decide, meter, observe, take_inputs
from marketsim.core.simulation import initial_state
from marketsim.core.world import Role
from marketsim.testing.plain_world import plain_world
from marketsim.testing.worlds import ConstantProfiles, Scripted, community, plain_decisions

KEEP = 0


def world_of(n_agents=4, n_markets=1, cast=None, slots=4):
    people = community(n_agents, n_markets)
    total = people.n_agents
    profiles = ConstantProfiles(np.arange(total) + 1.0, 10.0 * np.arange(total))
    everybody = Role(Scripted(lambda seen: plain_decisions(len(seen.agents), [])), np.arange(total))
    return plain_world(people, profiles, cast or [everybody], slots=slots, seeds=tuple(range(1, n_markets + 1)))


@given(st.lists(st.floats(0.0, 20.0), min_size=1, max_size=200), st.sampled_from([1 / 60, 0.25, 1.0]))
def test_the_metered_total_is_within_half_a_wh(powers, hours):
    """However many slots: whole Wh are never negative and add up to the energy that flowed, to half a Wh."""
    carry, metered = np.zeros(1), 0
    for power in powers:
        energy, carry = meter(np.array([power]), hours, carry)
        assert energy.dtype == np.int64
        assert energy[0] >= 0
        metered += int(energy[0])
    assert abs(metered - sum(powers) * hours * 1_000.0) <= 0.5 + 1e-6


def test_the_remainder_is_carried():
    """Three slots of a third of a Wh are one Wh, in the second slot, not three times nothing."""
    carry, metered = np.zeros(1), []
    for _ in range(3):
        energy, carry = meter(np.array([1 / 3_000]), 1.0, carry)
        metered.append(int(energy[0]))
    assert metered == [0, 1, 0]


def test_a_debt_is_carried_not_metered():
    """A negative remainder lowers what comes next and is never metered as negative energy."""
    energy, carry = meter(np.array([0.0]), 1.0, np.array([-0.4]))
    assert (int(energy[0]), carry.tolist()) == (0, [-0.4])
    energy, carry = meter(np.array([0.0]), 1.0, np.array([-0.9]))
    assert (int(energy[0]), carry.tolist()) == (0, [-0.9])


@pytest.mark.parametrize(("slot", "metered"), [(0, 1), (23, 2), (24, 1)])
def test_a_day_begins_without_remainders(slot, metered):
    """A remainder of 0.4 Wh counts within the day and is forgotten at midnight."""
    world = replace(world_of(1, slots=48), profiles=ConstantProfiles([0.0012], [0.0]))
    state = initial_state(world)._replace(slot=slot, carry=np.full((2, 1), 0.4))
    inputs, _ = take_inputs(world, state)
    assert inputs.load_wh.tolist() == [metered]


def test_inputs_are_firm_load_and_limited_pv():
    """The curtailable share is not metered as load, and an inverter's limit caps the PV."""

    class Limited:
        def limit_pv(self, pv_wh, hours):
            return np.minimum(pv_wh, int(15_000 * hours))

    world = replace(world_of(), firm_share=np.array([1.0, 0.5, 1.0, 0.0]), reactive=Limited())
    inputs, carry = take_inputs(world, initial_state(world))
    assert inputs.load_wh.tolist() == [1_000, 1_000, 3_000, 0]
    assert inputs.pv_wh.tolist() == [0, 10_000, 15_000, 15_000]
    assert carry.shape == (2, 4)


def test_nobody_sees_another_agents_rows():
    """A role's observations are its own rows in its order, of every field."""
    world = world_of(n_agents=3, n_markets=2)
    rows = np.array([1, 4, 5])
    state = initial_state(world)._replace(last_fill=np.arange(6) / 10, last_refused=np.arange(6) / 20)
    inputs, _ = take_inputs(world, state)
    reach = DeviceRange(-np.arange(6), np.zeros(6, dtype=np.int64), np.arange(6), np.arange(6) / 6)
    seen = observe(world, state, inputs, [reach], world.cast[0]._replace(rows=rows))
    assert seen.agents.tolist() == [1, 4, 5]
    assert seen.market.tolist() == [0, 1, 1]
    assert seen.load_wh.tolist() == [2_000, 5_000, 6_000]
    assert seen.pv_wh.tolist() == [10_000, 40_000, 50_000]
    assert seen.last_fill.tolist() == [0.1, 0.4, 0.5]
    assert seen.last_refused.tolist() == [0.05, 0.2, 0.25]
    assert seen.ranges[0].hi_wh.tolist() == [1, 4, 5]
    assert seen.ranges[0].lo_wh.tolist() == [-1, -4, -5]
    assert seen.forecast.series("load_kw", 2).tolist() == [[2.0, 5.0, 6.0]] * 2


def test_what_is_public_of_a_pool_are_sums_over_who_trades_in_it():
    """Of each market by itself, in order; before the first slot the balance is nothing."""
    world = replace(world_of(n_agents=3, n_markets=2), traders=np.array([[0, 2], [3, 5]]))
    state = initial_state(world)
    inputs, _ = take_inputs(world, state)
    pool = observe(world, state, inputs, [], world.cast[0]._replace(rows=np.array([4]))).pool
    assert pool.balance_wh().tolist() == [0, 0]
    assert pool.series("load_kw", 2).tolist() == [[1.0 + 3.0, 4.0 + 6.0]] * 2
    later = observe(world, state._replace(net_wh=np.arange(6) * 10), inputs, [], world.cast[0]).pool
    assert later.balance_wh().tolist() == [20, 80]
    with pytest.raises(KeyError):
        pool.series("moonlight_kw", 2)


def test_who_trades_is_everybody_unless_it_is_said():
    """A world without a list of traders has all agents of a market in its pool."""
    world = world_of(n_agents=2, n_markets=2)
    state = initial_state(world)._replace(net_wh=np.array([1, 2, 3, 4]))
    inputs, _ = take_inputs(world, state)
    assert observe(world, state, inputs, [], world.cast[0]).pool.balance_wh().tolist() == [3, 7]


def test_fleets_own_energy_of_the_last_slot_is_seen():
    """Of the role's rows alone [n_devices, k]."""
    world = world_of(n_agents=3)
    state = initial_state(world)._replace(device_wh=np.arange(6).reshape(2, 3))
    inputs, _ = take_inputs(world, state)
    seen = observe(world, state, inputs, [], world.cast[0]._replace(rows=np.array([0, 2])))
    assert seen.last_device_wh.tolist() == [[0, 2], [3, 5]]


def test_before_the_first_trade_the_price_is_the_middle_of_the_tariffs():
    """Each agent sees its own market's last price; a market without one shows the middle."""
    world = world_of(n_agents=2, n_markets=2)
    state = initial_state(world)._replace(last_price_ticks=np.array([NO_PRICE_TICKS, 150_000]))
    inputs, _ = take_inputs(world, state)
    seen = observe(world, state, inputs, [], world.cast[0])
    assert seen.last_price_ticks.tolist() == [190_000, 190_000, 150_000, 150_000]


def test_random_keys_depend_on_market_seed_and_place_only():
    """The keys of a market in a batch are those of the market alone, and differ from slot to slot."""
    batch = replace(world_of(n_agents=3, n_markets=2))
    alone = replace(world_of(n_agents=3), streams=type(batch.streams)([2]))
    keys = {}
    for world in (batch, alone):
        for slot in (0, 1):
            state = initial_state(world)._replace(slot=slot)
            inputs, _ = take_inputs(world, state)
            keys[world is batch, slot] = observe(world, state, inputs, [], world.cast[0]).keys
    assert keys[True, 0][3:].tolist() == keys[False, 0].tolist()
    assert len({*keys[True, 0].tolist(), *keys[True, 1].tolist()}) == 12


def test_decisions_land_on_the_flat_axis():
    """Orders count within a strategy's own agents; on the flat axis they stand at the agents' rows, role after role."""
    first = Scripted(
        lambda _: plain_decisions(2, [(1, Side.SELL, 90_000, 5, PV, KEEP)])._replace(absorb=np.ones(2, bool))
    )
    second = Scripted(lambda _: plain_decisions(2, [(0, Side.BUY, 200_000, 7, FIRM, KEEP)]))
    world = world_of(cast=[Role(first, np.array([0, 2])), Role(second, np.array([1, 3]))])
    state = initial_state(world)
    inputs, _ = take_inputs(world, state)
    decided = decide(world, [observe(world, state, inputs, [], role) for role in world.cast])
    assert decided.orders.agent.tolist() == [2, 1]
    assert decided.orders.energy_wh.tolist() == [5, 7]
    assert decided.absorb.tolist() == [True, False, True, False]


def test_dispatch_lands_on_the_flat_axis():
    """Each strategy's dispatch and marginal values go to its agents' columns of every fleet."""

    class Fleet:
        name, stores = "fleet", True

    def script(sign):
        def run(seen):
            energy = sign * np.array([seen.agents])
            return plain_decisions(2, [], 1)._replace(dispatch_wh=energy, marginal_ticks=10 * energy)

        return Scripted(run)

    cast = [Role(script(1), np.array([3, 1])), Role(script(-1), np.array([0, 2]))]
    world = world_of(cast=cast)
    state = initial_state(world)
    inputs, _ = take_inputs(world, state)
    views = [observe(world, state, inputs, [], role) for role in cast]
    decided = decide(replace(world, devices=(Fleet(),)), views)
    assert decided.dispatch_wh.tolist() == [[0, 1, -2, 3]]
    assert decided.marginal_ticks.tolist() == [[0, 10, -20, 30]]


def test_reactive_power_that_is_asked_lands_on_the_flat_axis():
    """Who does not ask beside one who does asks for zero; where nobody asks, there is nothing to land."""
    silent = Scripted(lambda seen: plain_decisions(len(seen.agents), []))
    asking = Scripted(lambda seen: plain_decisions(len(seen.agents), [])._replace(kvar=np.array([5.0, -7.0])))
    for second, expected in ((asking, [0.0, 5.0, 0.0, -7.0]), (silent, None)):
        world = world_of(cast=[Role(silent, np.array([0, 2])), Role(second, np.array([1, 3]))])
        state = initial_state(world)
        inputs, _ = take_inputs(world, state)
        decided = decide(world, [observe(world, state, inputs, [], role) for role in world.cast])
        assert (None if decided.kvar is None else decided.kvar.tolist()) == expected
