"""Slots whose prices were negative, and what agents did in them: told at the end of a run where there were any."""

from __future__ import annotations

from typing import Final

from marketsim.core.records import Community, SlotRecord
from marketsim.core.units import WH_PER_KWH

FACT: Final = "signed_prices"
"""Name in the manifest of the lines; absent where there are none."""


class SignedPrices:
    """Counts slots with a negative price, and the energy that went the one way or the other in them."""

    def __init__(self, community: Community) -> None:
        self._market = community.market
        self._paying, self._curtailed_wh, self._exported_wh = 0, 0, 0
        self._paid, self._imported_wh = 0, 0

    def take(self, record: SlotRecord) -> None:
        """Count a slot."""
        prices, exchange = record.inputs.tariffs, record.exchange
        pays = (prices.feed_in_ticks < 0)[self._market]
        if not pays.any():
            return
        self._paying += 1
        self._curtailed_wh += int(exchange.curtailed_wh[pays].sum())
        self._exported_wh += int(exchange.export_wh[pays].sum())
        paid = (prices.retail_ticks < 0)[self._market]
        self._paid += bool(paid.any())
        self._imported_wh += int(exchange.import_wh[paid].sum())

    def lines(self) -> list[str]:
        """A sentence on either price."""
        told = []
        if self._paying:
            also = f"; {_kwh(self._exported_wh)} had to flow, or their owners paid for it" if self._exported_wh else ""
            told.append(
                f"Feeding in cost in {_slots(self._paying)}: nobody exports PV at a cost, so {_kwh(self._curtailed_wh)} that "
                f"neither peers nor own stores took were curtailed{also}"
            )
        if self._paid:
            told.append(
                f"Retail was negative in {_slots(self._paid)}: the utility paid for {_kwh(self._imported_wh)} of imports, and "
                "own PV served own load before the meter all the same"
            )
        return told


def _slots(count: int) -> str:
    return f"{count} slot{'s' if count > 1 else ''}"


def _kwh(energy_wh: int) -> str:
    return f"{energy_wh / WH_PER_KWH:,.1f} kWh"
