"""KPIs of what all agents together are to the utility: peak, load factor, solar utilisation, gain of acting together."""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.metric import Kpi, Totals, Value, grid_only, ratio
from marketsim.core.records import SlotRecord
from marketsim.core.units import MONEY_PER_CURRENCY, WH_PER_KWH
from marketsim.metrics.params import PeakParams

PEAK: Final = Kpi(
    "peak_import_kw",
    "kW",
    "Largest mean power of a slot that all agents of a market together draw; losses are left out.",
)
LOAD_FACTOR: Final = Kpi(
    "load_factor",
    "-",
    "Mean power that all agents of a market together draw, 0 where they inject, over peak_import_kw. Undefined where they "
    "never draw.",
)
SOLAR: Final = Kpi(
    "solar_utilisation",
    "-",
    "1 - (curtailed PV + what all agents of a market together inject, at most the PV generated) / PV that could be generated: at "
    "most 1, stored PV counts once. Undefined without PV.",
)
TWINNED: Final = (PEAK, LOAD_FACTOR, SOLAR)
COMPARED: Final = (
    Kpi("peak_reduction", "-", "1 - peak_import_kw / peak_import_kw_grid_only. Undefined where either is 0."),
    Kpi(
        "cooperation_gain",
        "currency",
        "What all agents together pay less than in the reference run, wear, fuel and curtailment at their stated costs.",
    ),
)


class _Meter:
    """The net energy of each market, slot after slot."""

    def __init__(self, market: IntArray, n_markets: int) -> None:
        self._market, self._n = market, n_markets
        self.peak_kw, self.slots, self._hours = 0.0, 0, 1.0
        self.totals = Totals()

    def observe(self, record: SlotRecord) -> None:
        """Take in a slot."""
        net, pv, curtailed = (
            self._of_markets(each)
            for each in (record.energy.net_wh, record.energy.pv_used_wh, record.exchange.curtailed_wh)
        )
        drawn = np.maximum(-net, 0)
        self.totals.add(
            {
                "drawn": int(drawn.sum()),
                "unused": int((curtailed + np.minimum(np.maximum(net, 0), pv)).sum()),
                "pv": int((pv + curtailed).sum()),
                "paid": int(record.ledger.money.sum()) + int(record.wear_money.sum()),
            }
        )
        self.slots += 1
        kw = float(drawn.max(initial=0)) / (WH_PER_KWH * record.inputs.time.hours)
        self.peak_kw = max(self.peak_kw, kw)
        self._hours = record.inputs.time.hours

    def _of_markets(self, wh: IntArray) -> IntArray:
        total = np.zeros(self._n, dtype=np.int64)
        np.add.at(total, self._market, wh)
        return total

    def summary(self) -> dict[str, Value]:
        """KPIs of all slots so far."""
        mean_kw = self.totals["drawn"] / (WH_PER_KWH * self._hours * self.slots * self._n) if self.slots else 0.0
        unused = ratio(self.totals["unused"], self.totals["pv"])
        return {
            PEAK.name: self.peak_kw,
            LOAD_FACTOR.name: ratio(mean_kw, self.peak_kw),
            SOLAR.name: None if unused is None else 1.0 - unused,
        }


class PeakMetric:
    """Port ``Metric``: what all agents together are to the utility."""

    definitions = (*TWINNED, *map(grid_only, TWINNED), *COMPARED)
    columns: tuple[Kpi, ...] = ()

    def __init__(self, market: IntArray, n_markets: int) -> None:
        self._here, self._there = _Meter(market, n_markets), _Meter(market, n_markets)

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:
        """Take in a slot."""
        self._here.observe(record)
        if reference is not None:
            self._there.observe(reference)
        return {}

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        here, there, compared = self._here, self._there, self._there.slots > 0
        only = {f"{name}_grid_only": value if compared else None for name, value in there.summary().items()}
        both = here.peak_kw > 0.0 and there.peak_kw > 0.0
        gain = (there.totals["paid"] - here.totals["paid"]) / MONEY_PER_CURRENCY
        return {
            **here.summary(),
            **only,
            "peak_reduction": 1.0 - here.peak_kw / there.peak_kw if both else None,
            "cooperation_gain": gain if compared else None,
        }


def build(params: PeakParams, context: BuildContext) -> PeakMetric:  # noqa: ARG001 - part of the port
    """The metric of a simulation."""
    return PeakMetric(context.community.market, context.community.n_markets)
