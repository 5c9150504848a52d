"""The devices that the agents of a strategy have, fleet by fleet.

A device takes part in the market by what it declares (``core.fleets.FleetInfo``), so that a plugin's device does too.
"""

from __future__ import annotations

from dataclasses import dataclass

from marketsim.core.arrays import BoolArray
from marketsim.core.build import BuildContext
from marketsim.core.fleets import FleetInfo, FleetKind, PriceInfo, StoreInfo


@dataclass(frozen=True, slots=True)
class OwnedFleet:
    """One fleet as its owners, the k agents of a strategy, know it."""

    index: int
    """Row of the fleet in ranges and dispatch."""
    info: FleetInfo
    """Of these agents alone."""

    @property
    def kind(self) -> FleetKind:
        """What it is taken for."""
        return self.info.kind

    @property
    def owned(self) -> BoolArray:
        """Who has one [k]."""
        return self.info.owned


def own_fleets(context: BuildContext) -> tuple[OwnedFleet, ...]:
    """The fleets of which at least one of the strategy's agents has a device, in order.

    Raises ValueError if the context lacks the strategy's rows.
    """
    rows = context.rows
    if rows is None:
        raise ValueError("a strategy is built with the rows of its agents, BuildContext.rows")
    return tuple(
        OwnedFleet(index, info.of(rows)) for index, info in enumerate(context.fleets) if info.owned[rows].any()
    )


def store_of(fleet: OwnedFleet) -> StoreInfo:
    """What a fleet of the kind ``store`` is."""
    if fleet.info.store is None:
        raise ValueError(f"the fleet {fleet.info.name!r} is no store")
    return fleet.info.store


def price_of(fleet: OwnedFleet) -> PriceInfo:
    """What the energy of a fleet of the kind ``priced`` costs or is worth."""
    if fleet.info.price is None:
        raise ValueError(f"the fleet {fleet.info.name!r} has no price")
    return fleet.info.price
