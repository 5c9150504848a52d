"""Money KPIs: bills of consumers and prosumers, and what the utility earns, beside the reference run."""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.metric import Kpi, Totals, Value, ratio
from marketsim.core.records import Community, SlotRecord
from marketsim.core.units import MONEY_PER_CURRENCY, TICKS_PER_CURRENCY
from marketsim.metrics.params import MoneyParams

MONEY: Final = (
    Kpi("mean_price", "currency/kWh", "Energy-weighted mean price of the trades, without network charges."),
    Kpi("consumer_cost", "currency", "Net payments of the consumers with network charges and cost sharing."),
    Kpi("consumer_cost_grid_only", "currency", "consumer_cost in the reference run."),
    Kpi("consumer_saving", "-", "1 - consumer_cost / consumer_cost_grid_only."),
    Kpi(
        "prosumer_cost",
        "currency",
        "Net payments of the prosumers with network charges and cost sharing; negative: they earn.",
    ),
    Kpi("prosumer_cost_grid_only", "currency", "prosumer_cost in the reference run."),
    Kpi(
        "utility_revenue",
        "currency",
        "Net receipts of utility and operator: retail x import - feed-in x export + network charges + surplus; cost "
        "sharing moves nothing here.",
    ),
    Kpi("utility_revenue_grid_only", "currency", "utility_revenue in the reference run."),
    Kpi(
        "utility_margin",
        "currency",
        "utility_revenue - wholesale x (import - export + losses); own load of the feeder is on nobody's bill and in "
        "neither. Undefined without a wholesale price.",
    ),
    Kpi("utility_margin_grid_only", "currency", "utility_margin in the reference run."),
)

COLUMNS: Final = (
    Kpi("mean_price_ticks", "1e-6 currency/kWh", "Energy-weighted mean price of the slot's trades."),
    Kpi("consumer_cost_money", "1e-9 currency", "Net payments of the consumers.", int),
    Kpi("prosumer_cost_money", "1e-9 currency", "Net payments of the prosumers.", int),
    Kpi("utility_revenue_money", "1e-9 currency", "Net receipts of utility and operator.", int),
)


def lost_money(losses_wh: FloatArray, wholesale_ticks: IntArray) -> int:
    """Losses at the wholesale price [1e-9 currency]; a market without solution (NaN) has none."""
    lost = losses_wh * wholesale_ticks
    return round(float(np.add.reduce(lost[lost == lost])))


class MoneyMetric:
    """Port ``Metric``: money."""

    definitions = MONEY
    columns = COLUMNS

    def __init__(self, community: Community) -> None:
        self._market = community.market
        self._is_prosumer = community.is_prosumer
        self._free = np.zeros(community.n_markets, dtype=np.int64)
        self._totals, self._reference = Totals(), Totals()
        self._compared = False
        self._has_wholesale = True

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:
        """Take in a slot."""
        trades = record.trades
        volume = int(np.add.reduce(trades.energy_wh))
        value = int(trades.energy_wh @ trades.price_ticks)
        amounts = self._accounts(record)
        self._totals.add({"volume": volume, "value": value, **amounts})
        if reference is not None:
            self._compared = True
            self._reference.add(self._accounts(reference))
        return {
            "mean_price_ticks": ratio(value, volume),
            "consumer_cost_money": amounts["consumers"],
            "prosumer_cost_money": amounts["prosumers"],
            "utility_revenue_money": amounts["revenue"],
        }

    def _accounts(self, record: SlotRecord) -> dict[str, int]:
        from marketsim.metrics.tally_kernel import tally_money

        ledger, exchange, wholesale = record.ledger, record.exchange, record.inputs.tariffs.wholesale_ticks
        self._has_wholesale &= wholesale is not None
        price = self._free if wholesale is None else wholesale
        consumers, prosumers, bulk = tally_money(
            ledger.money, self._is_prosumer, exchange.import_wh, exchange.export_wh, self._market, price
        )
        return {
            "consumers": consumers,
            "prosumers": prosumers,
            "revenue": -int(np.add.reduce(ledger.utility)) - int(np.add.reduce(ledger.operator)),
            "wholesale": bulk if wholesale is None else bulk + lost_money(record.grid.losses_wh, wholesale),
        }

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        here, there = self._money(self._totals), self._money(self._reference)
        only = there if self._compared else dict.fromkeys(there)
        cost_ratio = ratio(self._totals["consumers"], self._reference["consumers"])
        mean_ticks = ratio(self._totals["value"], self._totals["volume"])
        return {
            "mean_price": None if mean_ticks is None else mean_ticks / TICKS_PER_CURRENCY,
            "consumer_cost": here["consumers"],
            "consumer_cost_grid_only": only["consumers"],
            "consumer_saving": None if cost_ratio is None else 1.0 - cost_ratio,
            "prosumer_cost": here["prosumers"],
            "prosumer_cost_grid_only": only["prosumers"],
            "utility_revenue": here["revenue"],
            "utility_revenue_grid_only": only["revenue"],
            "utility_margin": here["margin"],
            "utility_margin_grid_only": only["margin"],
        }

    def _money(self, totals: Totals) -> dict[str, float | None]:
        margin = (totals["revenue"] - totals["wholesale"]) / MONEY_PER_CURRENCY
        return {
            "consumers": totals["consumers"] / MONEY_PER_CURRENCY,
            "prosumers": totals["prosumers"] / MONEY_PER_CURRENCY,
            "revenue": totals["revenue"] / MONEY_PER_CURRENCY,
            "margin": margin if self._has_wholesale else None,
        }


def build(params: MoneyParams, context: BuildContext) -> MoneyMetric:  # noqa: ARG001 - part of the port
    """The metric of a simulation."""
    return MoneyMetric(context.community)
