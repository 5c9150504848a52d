"""A simulation's fixed parts, wired once by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from marketsim.core import ports
from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.clock import Clock
from marketsim.core.delivery import Delivery
from marketsim.core.records import Community, Orders, Rejects, Tariffs
from marketsim.core.rng import Streams

Bounds = Callable[[Orders, Tariffs], tuple[BoolArray, Rejects]]
"""Which orders keep within the tariffs, and the refusal of the others."""


class Role(NamedTuple):
    """A strategy and the rows of the flat axis that it decides for."""

    strategy: ports.Strategy
    rows: IntArray


class SharedPeriods(NamedTuple):
    """How what finished periods cost is shared."""

    name: str
    """Of the rule, as the scenario chooses it."""
    rule: ports.Sharing
    slots: int
    """Slots of a period; the last slot of the run ends one as well."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a slot needs and that no slot changes."""

    clock: Clock
    community: Community
    streams: Streams
    profiles: ports.Profiles
    tariff: ports.Tariff
    devices: tuple[ports.Device, ...]
    cast: tuple[Role, ...]
    """Every agent has exactly one role."""
    engine: ports.Engine
    rounds: int
    allocation: ports.Allocation
    charges: ports.Charges
    gate: ports.Gate
    reactive: ports.Reactive
    delivery: Delivery
    bounds: Bounds
    settle: ports.Settlement
    firm_share: FloatArray
    """Share of the profile's load that is firm; the rest belongs to a curtailable-load fleet [n_agents]."""
    node_of: IntArray
    """Grid node of each agent; -1 without a grid [n_agents]."""
    suspects: tuple[str, ...] = ()
    """Parts of plugins, as messages tell them: what breaks a law is likely one of them."""
    daily: bool = False
    """Whether the engine is asked for one of each day, ``ports.DailyEngine``."""
    sharing: SharedPeriods | None = None
    """None: everybody pays what the settlement says."""
    traders: IntArray | None = None
    """Rows of the agents of each market that trade with others at all [n_markets, T]; None: everybody."""

    @property
    def stores(self) -> tuple[bool, ...]:
        """Which fleets give back what they draw."""
        return tuple(device.info.stores for device in self.devices)

    @property
    def device_names(self) -> tuple[str, ...]:
        """Names of the fleets in order."""
        return tuple(device.info.name for device in self.devices)


def by_market(community: Community, per_market: IntArray) -> IntArray:
    """A per-market quantity for every agent [n_agents]."""
    return np.asarray(per_market[community.market])
