"""The utility: posts the tariff, takes what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mesa  # type: ignore[import-untyped]
import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.records import Tariffs
from marketsim.core.units import TICKS_PER_CURRENCY, WH_PER_KWH

if TYPE_CHECKING:
    from marketsim.agents.model import MarketModel


class Utility(mesa.Agent):  # type: ignore[misc]  # Mesa is not typed
    """The utility of one market, as a view of the tariff and of its account."""

    model: MarketModel

    def __init__(self, model: MarketModel, market: int = 0) -> None:
        super().__init__(model)
        self.market = market

    @property
    def name(self) -> str:
        """Name for people."""
        return "utility" if self.model.simulation.world.community.n_markets == 1 else f"utility {self.market}"

    @property
    def retail(self) -> float:
        """Posted price that it asks in the slot that comes next, in the last slot at the end [currency/kWh]."""
        return self._price(self._posted().retail_ticks)

    @property
    def feed_in(self) -> float:
        """Posted price that it pays in the slot that comes next, in the last slot at the end [currency/kWh]."""
        return self._price(self._posted().feed_in_ticks)

    @property
    def wholesale(self) -> float | None:
        """Its own price of energy [currency/kWh]; None if the tariff states none."""
        ticks = self._posted().wholesale_ticks
        return None if ticks is None else self._price(ticks)

    @property
    def delivered_kwh(self) -> float:
        """Sold to the market's agents in the last slot [kWh]."""
        record = self.model.simulation.record
        return 0.0 if record is None else self._sum_kwh(record.exchange.import_wh)

    @property
    def taken_kwh(self) -> float:
        """Bought from the market's agents in the last slot [kWh]."""
        record = self.model.simulation.record
        return 0.0 if record is None else self._sum_kwh(record.exchange.export_wh)

    @property
    def received_so_far(self) -> float:
        """Balance of its account since the start of the run [currency]; receipts positive."""
        return -self.model.paid_by_utilities.currency(self.market)

    def __repr__(self) -> str:
        return f"<Utility {self.name}: retail {self.retail:g}, feed-in {self.feed_in:g}>"

    def _posted(self) -> Tariffs:
        world = self.model.simulation.world
        slot = min(self.model.simulation.state.slot, world.clock.slots - 1)
        return world.tariff.at(world.clock.at(slot))

    def _price(self, ticks: IntArray) -> float:
        return int(ticks[self.market]) / TICKS_PER_CURRENCY

    def _sum_kwh(self, energy_wh: IntArray) -> float:
        first, last = np.searchsorted(self.model.simulation.world.community.market, [self.market, self.market + 1])
        return int(energy_wh[first:last].sum()) / WH_PER_KWH
