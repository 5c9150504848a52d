"""A prosumer that heats ahead: its heat pump fills the buffer from own PV and cheap midday energy of neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import marketsim as ms


class HeatShifter(ms.Prosumer):
    """Heats from own surplus, bids the middle of the tariffs around noon, and else heats when it must."""

    def decide(self, view: ms.AgentView) -> Sequence[ms.Order] | None:
        """Orders of the slot: the firm demand, the PV that is left, and heat ahead of time."""
        pump = view.heat_pump
        view.dispatch("heat_pump", pump.firm_kwh)  # the surplus is now what is left before heating ahead
        view.dispatch("heat_pump", pump.firm_kwh - view.surplus_kwh)
        orders = [view.buy(view.demand_kwh, view.retail), view.sell(view.surplus_kwh, view.feed_in)]
        if 10 <= view.hour < 15:
            middle = (view.retail + view.feed_in) / 2
            orders.append(view.buy(view.heat_pump.down_kwh, middle, device="heat_pump"))
        return orders


@ms.hookimpl
def marketsim_parts() -> Iterator[ms.Entry]:
    """The kind of agent ``heat_shifter``."""
    yield ms.Entry(
        kind="agent",
        name="heat_shifter",
        build=lambda params, context: HeatShifter,
        summary="heats ahead from PV and at noon",
    )
