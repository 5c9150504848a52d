"""Contract kit for devices: inherit, name what builds it and example parameters, get the contract tested.

::

    class TestMyDevice(DeviceContract):
        build = staticmethod(my_device.build)
        examples = (MyParams(power_kw=3.0), MyParams(power_kw=0.1))

A device that needs series of its own overrides ``series``. Plain asserts; a test runner collects the ``test_`` methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.clock import Clock, SlotTime
from marketsim.core.fleets import faults_of
from marketsim.core.params import Params
from marketsim.core.ports import Device, LinearDevice
from marketsim.core.programme import PlannedSlots
from marketsim.core.programme_rules import planned_block
from marketsim.core.records import DeviceRange, SlotInputs
from marketsim.core.rng import Streams
from marketsim.core.rule_terms import Call, Sizes
from marketsim.core.units import WH_PER_KWH
from marketsim.testing.worlds import FixedTariff, clock, community

DeviceFactory = Callable[[Sequence[Params | None], BuildContext], Device]
DispatchRule = Callable[[DeviceRange, np.random.Generator], IntArray]


class DeviceStep(NamedTuple):
    """One slot of a walk through a device's states."""

    inputs: SlotInputs
    before: FloatArray
    reach: DeviceRange
    energy_wh: IntArray
    after: FloatArray
    unserved_wh: IntArray


def context(n_agents: int, slots: int = 96, slot_minutes: int = 15) -> BuildContext:
    """What a device is built from, for one market of ``n_agents``."""
    return BuildContext(clock(slots, slot_minutes), Streams((1,)), community(n_agents), agents=())


def slot_inputs(time: SlotTime, series: dict[str, FloatArray]) -> SlotInputs:
    """Inputs of a slot without load and PV but with ``series``."""
    nothing = np.zeros(len(next(iter(series.values()))), dtype=np.int64)
    return SlotInputs(time, nothing, nothing, series, FixedTariff().at(time))


def any_energy(reach: DeviceRange, rng: np.random.Generator) -> IntArray:
    """Any whole Wh in range, its ends often."""
    inside = rng.integers(reach.lo_wh, reach.hi_wh, endpoint=True)
    kind = rng.integers(0, 4, len(inside))
    return np.choose(kind, (reach.lo_wh, reach.hi_wh, reach.firm_wh, inside))


def only_firm(reach: DeviceRange, rng: np.random.Generator) -> IntArray:  # noqa: ARG001 - a policy
    """What happens in any case and nothing else."""
    return reach.firm_wh


def everyday_series(
    rng: np.random.Generator, time: SlotTime, n_agents: int, slots_per_day: int
) -> dict[str, FloatArray]:
    """Every series that the built-in devices read, at random; vehicles are away from 7 to 18 o'clock."""
    leaves, arrives = round(slots_per_day * 7 / 24), round(slots_per_day * 18 / 24)
    away = leaves <= time.of_day < arrives
    slots_left = (leaves - time.of_day) % slots_per_day
    lacking = rng.uniform(0.0, 60.0, n_agents) if time.of_day == arrives else np.zeros(n_agents)
    return {
        "load_kw": rng.exponential(0.8, n_agents),
        "pv_kw": np.zeros(n_agents),
        "heat_kw": rng.exponential(2.0, n_agents) * (rng.random(n_agents) < 0.8),
        "ev_connected": np.full(n_agents, 0.0 if away else 1.0),
        "ev_slots_left": np.full(n_agents, 0.0 if away else float(slots_left)),
        "ev_arrival_kwh": lacking,
    }


def walk(
    device: Device, policy: DispatchRule, inputs: Iterator[SlotInputs], rng: np.random.Generator
) -> Iterator[DeviceStep]:
    """Lead ``device`` through ``inputs``, executing what ``policy`` chooses from its range."""
    state = device.initial()
    for slot in inputs:
        reach = device.range(state, slot)
        energy = policy(reach, rng)
        after, unserved = device.advance(state, slot, energy)
        yield DeviceStep(slot, state, reach, energy, after, unserved)
        state = after


class DeviceContract:
    """The laws of every device. Subclasses set ``build`` and ``examples`` (parameters of different size)."""

    build: DeviceFactory
    examples: tuple[Params, ...]
    slots = 200
    slot_minutes = 15
    seed = 1

    def series(self, rng: np.random.Generator, time: SlotTime, n_agents: int) -> dict[str, FloatArray]:
        """Series of a slot [n_agents]; ``rng`` starts anew for each slot."""
        return everyday_series(rng, time, n_agents, self._clock.slots_per_day)

    @property
    def _clock(self) -> Clock:
        return clock(self.slots, self.slot_minutes)

    def _rows(self) -> tuple[Params | None, ...]:
        return (None, *self.examples, None)

    def _device(self, rows: Sequence[Params | None]) -> Device:
        return type(self).build(rows, context(len(rows), self.slots, self.slot_minutes))

    def _inputs(self, n_agents: int) -> Iterator[SlotInputs]:
        for slot in range(self.slots):
            time = self._clock.at(slot)
            yield slot_inputs(time, self.series(np.random.default_rng((self.seed, slot)), time, n_agents))

    def _walk(self, policy: DispatchRule) -> Iterator[DeviceStep]:
        rows = self._rows()
        return walk(self._device(rows), policy, self._inputs(len(rows)), np.random.default_rng(self.seed))

    def test_states_its_name_and_columns(self) -> None:
        """A fleet says what it is (``FleetInfo``), agent by agent, and has a running cost for each."""
        device = self._device(self._rows())
        assert not faults_of(device.info, device.info.name, len(self._rows()))
        nothing = np.zeros(len(self._rows()), dtype=np.int64)
        assert device.running_cost(nothing, nothing).shape == nothing.shape

    def test_range_is_ordered_and_whole(self) -> None:
        """In every reachable state lo <= firm <= hi, in whole Wh, one of each for each agent."""
        for step in self._walk(any_energy):
            for energy in step.reach[:3]:
                assert energy.dtype == np.int64
                assert energy.shape == step.energy_wh.shape
            assert (step.reach.lo_wh <= step.reach.firm_wh).all()
            assert (step.reach.firm_wh <= step.reach.hi_wh).all()

    def test_level_is_a_share(self) -> None:
        """The level is a share in 0..1, or NaN for who has no store."""
        for step in self._walk(any_energy):
            known = step.reach.level[~np.isnan(step.reach.level)]
            assert ((known >= 0.0) & (known <= 1.0)).all()

    def test_state_stays_finite_and_in_shape(self) -> None:
        """Whatever is executed in range, the state stays finite and keeps its shape; nothing missed is negative."""
        for step in self._walk(any_energy):
            assert step.after.shape == step.before.shape
            assert np.isfinite(step.after).all()
            assert (step.unserved_wh >= 0).all()

    def test_methods_are_pure(self) -> None:
        """``range`` and ``advance`` change neither state nor inputs, and answer the same twice."""
        rows = self._rows()
        device = self._device(rows)
        for step in self._walk(any_energy):
            before = step.before.copy()
            before.flags.writeable = False
            for array in step.inputs.series.values():
                array.flags.writeable = False
            again = device.range(before, step.inputs)
            after, unserved = device.advance(before, step.inputs, step.energy_wh)
            assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(again, step.reach, strict=True))
            assert np.array_equal(after, step.after)
            assert np.array_equal(unserved, step.unserved_wh)

    def test_who_has_none_does_nothing(self) -> None:
        """Agents without the device have an empty range and miss nothing."""
        none = np.array([row is None for row in self._rows()])
        for step in self._walk(any_energy):
            assert not np.any([energy[none] for energy in step.reach[:3]])
            assert not step.unserved_wh[none].any()

    def test_owners_and_ratings_are_what_it_declares(self) -> None:
        """Who has one is declared so, and nothing beyond the declared ratings is ever in range.

        A fleet whose energy is a share of the load is rated by nobody.
        """
        rows = self._rows()
        info = self._device(rows).info
        assert info.owned.tolist() == [row is not None for row in rows]
        if info.load_share is None:
            to_wh = self._clock.slot_hours * WH_PER_KWH
            for step in self._walk(any_energy):
                assert (-step.reach.lo_wh <= info.rated_in_kw * to_wh + 1).all()
                assert (step.reach.hi_wh <= info.rated_out_kw * to_wh + 1).all()

    def test_an_agent_does_not_depend_on_its_neighbours(self) -> None:
        """Each agent's range and state are the same alone as in the fleet."""
        fleet = list(self._walk(any_energy))
        for index, row in enumerate(self._rows()):
            device = self._device([row])
            state = device.initial()
            for step in fleet:
                alone = step.inputs._replace(
                    load_wh=step.inputs.load_wh[[index]],
                    pv_wh=step.inputs.pv_wh[[index]],
                    series={name: values[[index]] for name, values in step.inputs.series.items()},
                )
                assert device.range(state, alone).lo_wh[0] == step.reach.lo_wh[index]
                assert device.range(state, alone).hi_wh[0] == step.reach.hi_wh[index]
                state, _ = device.advance(state, alone, step.energy_wh[[index]])

    def test_what_it_says_of_later_slots_is_a_block(self) -> None:
        """Where it can be planned, in every state: bounds in order, positions within what there is, nothing for who has none."""
        rows = self._rows()
        device = self._device(rows)
        if not isinstance(device, LinearDevice):
            return
        none = np.array([row is None for row in rows])
        steps = list(self._walk(any_energy))
        for first in range(0, self.slots // 2, 7):
            later = steps[first : first + self.slots // 2]

            def series(name: str, later: Sequence[DeviceStep] = later) -> FloatArray:
                return np.array([step.inputs.series[name] for step in later])

            ahead = PlannedSlots(np.arange(len(rows)), later[0].inputs.time, len(later), series)
            block = device.linear(later[0].before, ahead)
            planned_block(Call(device, (later[0].before, ahead), block, Sizes(len(rows), 1)))
            of_nobody = block.meter.column[none[block.meter.agent]]
            assert not block.lower[of_nobody].any()
            assert not block.upper[of_nobody].any()
            assert not block.fixed_kwh[:, none].any()

    def test_firm_energy_is_always_enough(self) -> None:
        """Doing only what is firm, for ever, stays in range and in finite states."""
        for step in self._walk(only_firm):
            assert (step.reach.lo_wh <= step.energy_wh).all()
            assert np.isfinite(step.after).all()
