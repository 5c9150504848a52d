"""Puts a pricing rule and the plans of devices together."""

from __future__ import annotations

from marketsim.agents.params import StorageChoice
from marketsim.agents.strategies.demand import Flexible, OnArrival, Priced
from marketsim.agents.strategies.fleets import OwnedFleet, own_fleets
from marketsim.agents.strategies.plan import FirmOnly, FleetPolicy
from marketsim.agents.strategies.storage import SelfConsumption, Trade
from marketsim.agents.strategies.trader import Pricing, RevisingPricing, RevisingTrader, Trader
from marketsim.core.build import BuildContext

PLANNED_FIRST = ("deferrable", "priced", "store")
"""Own surplus goes to waiting demand first, losses and wear come after."""


def assemble(pricing: Pricing, storage: StorageChoice, deferrable: str, context: BuildContext) -> Trader:
    """A trader for the rows of ``context``; one that revises if its pricing rule does."""
    fleets = sorted(own_fleets(context), key=lambda fleet: PLANNED_FIRST.index(fleet.kind))
    policies = [
        _store_policy(fleet, storage) if fleet.kind == "store" else demand_policy(fleet, deferrable) for fleet in fleets
    ]
    offered = sorted(fleet.index for fleet in fleets)
    if isinstance(pricing, RevisingPricing):
        return RevisingTrader(pricing, policies, context.stores, offered)
    return Trader(pricing, policies, context.stores, offered)


def demand_policy(fleet: OwnedFleet, deferrable: str) -> FleetPolicy:
    """The plan of a fleet that is no store."""
    if fleet.kind == "priced":
        return Priced(fleet)
    if deferrable == "flexible":
        return Flexible(fleet)
    return OnArrival(fleet) if fleet.info.departs else FirmOnly()


def _store_policy(fleet: OwnedFleet, storage: StorageChoice) -> FleetPolicy:
    if storage.lp is not None:
        from marketsim.agents.strategies.storage_lp import LinearProgramme  # loads scipy

        return LinearProgramme(fleet, storage.lp)
    if storage.trade is not None:
        return Trade(fleet)
    return FirmOnly() if storage.idle is not None else SelfConsumption(fleet)
