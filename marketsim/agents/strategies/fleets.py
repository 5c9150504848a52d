"""What the agents of a strategy know of their own devices, column by column.

A device takes part in the market by what it declares, so that a plugin's device does too: a fleet that ``stores`` is a
store (parameters read: ``energy_kwh``, ``power_kw``, ``soc_min``, ``soc_max``, ``charge_efficiency``,
``discharge_efficiency``, ``wear_cost``), one with ``cost_per_kwh`` has a price (a curtailable load, a generator; also
``quadratic_cost``), everything else is demand that can wait, whose urgency comes from its range and level.
"""

from __future__ import annotations

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


def own_fleets(context: BuildContext) -> tuple[Fleet, ...]:
    """The fleets of which at least one of the strategy's agents has a device, in order.

    Raises ValueError if the context lacks the strategy's rows or does not say which fleets store.
    """
    if context.rows is None or len(context.stores) != len(context.device_names):
        raise ValueError("a strategy is built with BuildContext.rows and BuildContext.stores of every fleet")
    specs = [context.agents[connection] for connection in context.community.connection[context.rows].tolist()]
    fleets = []
    for index, (name, stores) in enumerate(zip(context.device_names, context.stores, strict=True)):
        params = tuple(spec.devices.get(name) for spec in specs)
        if any(device is not None for device in params):
            owned = np.array([device is not None for device in params], dtype=bool)
            priced = any(hasattr(device, "cost_per_kwh") for device in params)
            kind: Kind = "store" if stores else "priced" if priced else "deferrable"
            fleets.append(Fleet(index, kind, owned, params))
    return tuple(fleets)
