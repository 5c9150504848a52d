"""The loop: ``step`` is the engine, ``run`` only repeats it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from marketsim.core.ports import DailyEngine
from marketsim.core.records import NO_PRICE_TICKS, SlotRecord, State
from marketsim.core.sharing import Periods
from marketsim.core.slot import Taken, run_slot
from marketsim.core.standing import MemberStanding
from marketsim.core.world import World


def initial_state(world: World) -> State:
    """The state before the first slot."""
    n_agents = world.community.n_agents
    return State(
        slot=0,
        devices=tuple(device.initial() for device in world.devices),
        carry=np.zeros((2, n_agents)),
        last_price_ticks=np.full(world.community.n_markets, NO_PRICE_TICKS, dtype=np.int64),
        last_fill=np.zeros(n_agents),
        last_refused=np.zeros(n_agents),
        voltage_pu=np.full(n_agents, np.nan),
        net_wh=np.zeros(n_agents, dtype=np.int64),
        device_wh=np.zeros((len(world.devices), n_agents), dtype=np.int64),
    )


class Simulation:
    """A world and where it stands."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.state = initial_state(world)
        self.record: SlotRecord | None = None
        """What happened in the last slot."""
        self._engine = world.engine if isinstance(world.engine, DailyEngine) and world.daily else None
        self._standing = MemberStanding.nothing(world.community.n_agents)
        self._periods = None if world.sharing is None else Periods(world.sharing, world.community, world.clock)

    @property
    def done(self) -> bool:
        """Whether every slot of the clock has been simulated."""
        return self.state.slot >= self.world.clock.slots

    def step(self, taken: Taken | None = None) -> SlotRecord:
        """Simulate the next slot; ``taken`` as for ``open_slot``. One that ends a period has the line of sharing."""
        if self._engine is not None and not self.state.slot % self.world.clock.slots_per_day:
            engine = self._engine.of_day(self._standing)
            self.world = replace(self.world, engine=engine)
            self._engine = engine if isinstance(engine, DailyEngine) else self._engine
        record, self.state = run_slot(self.world, self.state, taken)
        self.record = record if self._periods is None else self._periods.take(record, self._standing)
        if self._engine is not None or self._periods is not None:
            self._standing = self._standing.after(self.record, self.world.stores)
        return self.record

    def run(self) -> Iterator[SlotRecord]:
        """Step to the end, a record at a time."""
        while not self.done:
            yield self.step()
