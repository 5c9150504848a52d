"""What the agents of a strategy know of their own devices, column by column.

A device takes part in the market by what its parameters declare, so that a plugin's device does too:
``charge_efficiency`` and ``discharge_efficiency`` make it a store, ``cost_per_kwh`` one with a price (a curtailable
load, a generator), everything else is deferrable demand, whose urgency comes from its range and level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.build import BuildContext
from marketsim.core.params import Params

Kind: TypeAlias = Literal["store", "priced", "deferrable"]


@dataclass(frozen=True, slots=True)
class Fleet:
    """One fleet as its owners, the k agents of a strategy, know it."""

    index: int
    """Row of the fleet in ranges and dispatch."""
    kind: Kind
    owned: BoolArray
    """Who has one [k]."""
    _params: tuple[Params | None, ...]

    @property
    def departs(self) -> bool:
        """Whether its devices leave at an hour of the day, as vehicles do."""
        return any(hasattr(params, "departure_hour") for params in self._params)

    def column(self, name: str, default: float = 0.0) -> FloatArray:
        """A parameter of each agent's device, ``default`` where there is no device or it says nothing [k]."""
        values = [getattr(params, name, None) for params in self._params]
        return np.array([default if value is None else value for value in values], dtype=np.float64)


def _kind(params: Params) -> Kind:
    if hasattr(params, "charge_efficiency") and hasattr(params, "discharge_efficiency"):
        return "store"
    return "priced" if hasattr(params, "cost_per_kwh") else "deferrable"


def own_fleets(context: BuildContext) -> tuple[Fleet, ...]:
    """The fleets of which at least one of the strategy's agents has a device, in order."""
    if context.rows is None:
        raise ValueError("a strategy is built for rows: BuildContext.rows is missing")
    specs = [context.agents[connection] for connection in context.community.connection[context.rows]]
    fleets = []
    for index, name in enumerate(context.device_names):
        params = tuple(spec.devices.get(name) for spec in specs)
        first = next((device for device in params if device is not None), None)
        if first is not None:
            owned = np.array([device is not None for device in params], dtype=bool)
            fleets.append(Fleet(index, _kind(first), owned, params))
    return tuple(fleets)


def store_flags(context: BuildContext) -> tuple[bool, ...]:
    """Which fleets of the simulation give back what they draw, by any agent's device."""
    return tuple(_any_device(context, name, lambda params: _kind(params) == "store") for name in context.device_names)


def _any_device(context: BuildContext, name: str, test: Callable[[Params], bool]) -> bool:
    return any(test(spec.devices[name]) for spec in context.agents if name in spec.devices)
