"""Puts a pricing rule and the plans of devices together."""

from __future__ import annotations

from collections.abc import Callable

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
    planned = planned_fleets(context, deferrable, lambda fleet: store_policy(fleet, storage))
    return RevisingTrader(pricing, *planned) if isinstance(pricing, RevisingPricing) else Trader(pricing, *planned)


def planned_fleets(
    context: BuildContext, deferrable: str, store: Callable[[OwnedFleet], FleetPolicy]
) -> tuple[list[FleetPolicy], tuple[bool, ...], list[int]]:
    """Policies of the strategy's fleets in the order of planning, which fleets store, and which are offered."""
    fleets = sorted(own_fleets(context), key=lambda fleet: PLANNED_FIRST.index(fleet.kind))
    policies = [store(fleet) if fleet.kind == "store" else _demand_policy(fleet, deferrable) for fleet in fleets]
    return policies, context.stores, sorted(fleet.index for fleet in fleets)


def _demand_policy(fleet: OwnedFleet, deferrable: str) -> FleetPolicy:
    """The plan of a fleet that is no store."""
    if fleet.kind == "priced":
        return Priced(fleet)
    if deferrable == "flexible":
        return Flexible(fleet)
    return OnArrival(fleet) if fleet.info.departs else FirmOnly()


def store_policy(fleet: OwnedFleet, storage: StorageChoice) -> FleetPolicy:
    """The plan of a fleet that stores."""
    if storage.lp is not None:
        from marketsim.agents.strategies.storage_lp import LinearProgramme  # loads scipy

        return LinearProgramme(fleet, storage.lp)
    if storage.trade is not None:
        return Trade(fleet, buys=storage.trade.buys)
    return FirmOnly() if storage.idle is not None else SelfConsumption(fleet)
