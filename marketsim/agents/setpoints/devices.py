"""The devices that set-points speak of, found by what fleets say of themselves, and what they can do in a slot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketsim.agents.strategies.fleets import OwnedFleet, own_fleets
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.records import DeviceRange, Observations
from marketsim.core.setpoints import Available, SteeredRatings
from marketsim.core.units import WH_PER_KWH


@dataclass(frozen=True, slots=True)
class Steerable:
    """Rows of the fleets that k agents steer, None where none of them has such a device, and all their ratings [k].

    Fleets that no set-point speaks of (vehicles, heat pumps, second stores) do what happens in any case.
    """

    generator: int | None
    """Priced, and injects."""
    battery: int | None
    """Stores, and stays."""
    curtailable: int | None
    """Priced, and a share of the load."""
    ratings: SteeredRatings

    @classmethod
    def of(cls, context: BuildContext) -> Steerable:
        """Those of a strategy's agents; of two fleets of one kind the first is steered."""
        fleets = own_fleets(context)
        stores = [fleet for fleet in fleets if fleet.info.stores and not fleet.info.departs]
        priced = [fleet for fleet in fleets if fleet.info.priced]
        generators = [fleet for fleet in priced if fleet.info.load_share is None]
        shares = [fleet for fleet in priced if fleet.info.load_share is not None]
        generator, battery, curtailable = (found[0] if found else None for found in (generators, stores, shares))
        return cls(
            generator=None if generator is None else generator.index,
            battery=None if battery is None else battery.index,
            curtailable=None if curtailable is None else curtailable.index,
            ratings=_ratings(context, generator, battery),
        )

    def reach(self, fleet: int | None, seen: Observations) -> tuple[IntArray, IntArray]:
        """Least and most net energy of a fleet in the slot [Wh] [k]; zeros where nobody has one."""
        if fleet is None:
            nothing = np.zeros_like(seen.load_wh)
            return nothing, nothing
        found: DeviceRange = seen.ranges[fleet]
        return found.lo_wh, found.hi_wh

    def available(self, seen: Observations) -> Available:
        """What the slot brings [k]."""
        to_kw = 1.0 / (WH_PER_KWH * seen.time.hours)
        curtailable_wh, _ = self.reach(self.curtailable, seen)
        return Available(np.asarray(-curtailable_wh * to_kw, np.float64), np.asarray(seen.pv_wh * to_kw, np.float64))


def _ratings(context: BuildContext, generator: OwnedFleet | None, battery: OwnedFleet | None) -> SteeredRatings:
    rows = np.arange(context.community.n_agents) if context.rows is None else context.rows
    none: FloatArray = np.zeros(len(rows))
    kva, per_kw = none, none
    if context.law is not None:
        kva = context.law.kva[rows]
        per_kw = np.full(len(rows), np.inf) if context.law.kvar_per_kw is None else context.law.kvar_per_kw[rows]
    return SteeredRatings(
        generator_kw=none if generator is None else generator.info.rated_out_kw,
        charge_kw=none if battery is None else battery.info.rated_in_kw,
        discharge_kw=none if battery is None else battery.info.rated_out_kw,
        kva=kva,
        kvar_per_kw=per_kw,
    )
