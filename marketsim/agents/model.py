"""The Mesa model of a market: agents, and the simulation that they are views of.

Of Mesa only ``Model``, ``Agent`` and ``AgentSet`` are used. Up to 3.4.1 every model with agents stays reachable from
``Agent._ids`` for ever (Mesa issue 3180), so a model has to be closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Self

import mesa  # type: ignore[import-untyped]

from marketsim.agents.accounts import Account
from marketsim.agents.members import Consumer, Participant, Prosumer
from marketsim.agents.simple import SimpleStrategy
from marketsim.agents.utility import Utility
from marketsim.core import watch
from marketsim.core.blame import place_of, said
from marketsim.core.build import AgentSpec
from marketsim.core.errors import PluginError, Problem
from marketsim.core.interrupts import is_interrupt
from marketsim.core.records import SlotRecord
from marketsim.core.simulation import Simulation

BUILT_IN_KINDS: Mapping[str, type[Participant]] = {"prosumer": Prosumer, "consumer": Consumer}
"""Agent kinds that every scenario can name."""


def decides(kind: type[Participant]) -> bool:
    """Whether agents of this class decide for themselves (the simple form)."""
    return kind.decide is not Participant.decide


class MarketModel(mesa.Model):  # type: ignore[misc]  # Mesa is not typed
    """Owns the agents of a simulation and steps it; the agents of built-in strategies cost nothing in a step.

    ``specs`` are the agents of one market, repeated for each; ``kinds`` names the class of each agent kind.
    """

    def __init__(
        self,
        simulation: Simulation,
        specs: Sequence[AgentSpec],
        kinds: Mapping[str, type[Participant]] = BUILT_IN_KINDS,
    ) -> None:
        world = simulation.world
        super().__init__(rng=int(world.streams.generator("mesa").integers(2**32)))
        self.simulation = simulation
        self.running = not simulation.done
        self.paid_by_agents = Account(world.community.n_agents)
        self.paid_by_utilities = Account(world.community.n_markets)
        self.paid_by_operators = Account(world.community.n_markets)
        self.members = tuple(
            self._member(kinds[spec.kind], row, spec)
            for row, spec in enumerate(specs[connection] for connection in world.community.connection.tolist())
        )
        """Prosumers and consumers by their row."""
        self.utilities = tuple(Utility(self, market) for market in range(world.community.n_markets))
        """By market."""
        for role in world.cast:
            if isinstance(role.strategy, SimpleStrategy):
                role.strategy.bind([self.members[row] for row in role.rows.tolist()])

    def _member(self, kind: type[Participant], row: int, spec: AgentSpec) -> Participant:
        """An agent; PluginError where its class, of a plugin, cannot be made into one."""
        if kind in BUILT_IN_KINDS.values():
            return kind(self, row, spec)
        watch.start()
        try:
            with watch.watched(f"agent {spec.name!r} of kind {spec.kind!r}, __init__,", ""):
                return kind(self, row, spec)
        except BaseException as error:
            if is_interrupt(error):
                raise
            what = f"agent {spec.name!r} of kind {spec.kind!r} cannot be made: {said(error)}"
            file, line = place_of(error)
            raise PluginError([Problem(what, file=file, line=line)]) from error

    def step(self) -> None:
        """Simulate the next slot."""
        record = self.simulation.step()
        self.paid_by_agents.add(record.ledger.money.sum(axis=0))
        self.paid_by_utilities.add(record.ledger.utility)
        self.paid_by_operators.add(record.ledger.operator)
        self.running = not self.simulation.done

    def run(self) -> Iterator[SlotRecord]:
        """Step to the end, a record at a time."""
        while self.running:
            self.step()
            if self.simulation.record is not None:
                yield self.simulation.record

    def close(self) -> None:
        """Release the agents; the model cannot be stepped afterwards."""
        self.running = False
        for agent in list(self.agents):
            agent.remove()
        counters = getattr(mesa.Agent, "_ids", None)
        if counters is not None:
            counters.pop(self, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
