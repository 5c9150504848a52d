"""Fairness KPIs of a run.

Scores of slots are averaged with weights P, what could have been traded: a slot in which two kilowatt-hours could
have changed hands counts twice as much as one with a single one. What compares agents over the whole run (Gini,
worst-off saving, curtailment, quality of service) is computed at the end from one total an agent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.build import BuildContext
from marketsim.core.metric import Kpi, Value, defined, final_consumption_wh, ratio
from marketsim.core.records import Community, LedgerLine, SlotRecord
from marketsim.core.units import MONEY_PER_CURRENCY, WH_PER_KWH
from marketsim.fairness import slot as of_slot
from marketsim.fairness.measures import gini_with_negatives, jain_index, worst_off_saving
from marketsim.fairness.params import FairnessParams
from marketsim.fairness.slot import Facts, facts_of, null_without_potential, refused_sales_wh
from marketsim.fairness.totals import RowTotals, WeightedMeans

SCORES: Final = (
    Kpi("ftg", "-", "Fairness to grid: traded energy over what could have been traded, min(sum S, sum D)."),
    Kpi("ftg_demand", "-", "Variant of ftg: traded energy over the demand, sum D."),
    Kpi("fbs", "-", "Fairness between sellers: 1 - sum S |f_i - f| / (2 f (1 - f) sum S), f_i sold over available."),
    Kpi("fbs_range", "-", "Variant of fbs: 1 - (largest - smallest fill rate of a seller)."),
    Kpi("fbs_share_range", "-", "Variant of fbs: 1 - (largest - smallest share of a seller in the traded energy)."),
    Kpi("fbs_market", "-", "As fbs, with what the grid refused taken from the sellers' availability."),
    Kpi("ftb", "-", "Fairness between buyers: as fbs, with demand D and purchases."),
    Kpi("fpp", "-", "Fairness of pricing: 1 - 2 x standard deviation of prices / (retail - feed-in)."),
    Kpi("fpp_range", "-", "Variant of fpp: 1 - (highest - lowest price) / (retail - feed-in)."),
    Kpi("price_neutrality", "-", "1 - distance of the mean price from the middle of the tariffs, over half their gap."),
    Kpi("jain_fill", "-", "Jain's index of the sellers' fill rates."),
)
"""Means over slots and markets weighted by what could have been traded; 1 is fair."""

_PLAIN: Final[dict[str, Callable[[Facts], FloatArray]]] = {
    "ftg": of_slot.ftg,
    "ftg_demand": of_slot.ftg_of_demand,
    "fbs": of_slot.fbs,
    "fbs_range": of_slot.fbs_range,
    "fbs_share_range": of_slot.fbs_share_range,
    "ftb": of_slot.ftb,
    "fpp": of_slot.fpp,
    "fpp_range": of_slot.fpp_range,
    "price_neutrality": of_slot.price_neutrality,
    "jain_fill": of_slot.jain_fill,
}

OVER_THE_RUN: Final = (
    Kpi("jain_curtailment", "-", "Jain's index of the curtailed share of each PV owner's energy over the run."),
    Kpi(
        "gini_unit_cost",
        "-",
        "Gini coefficient of the consumers' net payments a kWh consumed, normalised for negatives; 0 is equal.",
    ),
    Kpi(
        "gini_saving",
        "-",
        "Gini coefficient of the agents' savings against the reference run, normalised for negatives; 0 is equal.",
    ),
    Kpi(
        "worst_off_saving",
        "-",
        "Smallest saving of an agent against the reference run, over its imports paid plus exports received there.",
    ),
)

COLUMNS: Final = (
    Kpi("tradable_wh", "Wh", "What could have been traded, min(sum S, sum D) without trade with oneself.", int),
    *SCORES,
)


class FairnessMetric:
    """Port ``Metric``: the fairness KPIs."""

    def __init__(self, community: Community, stores: Sequence[bool] = (), classes: Sequence[str | None] = ()) -> None:
        n_agents = community.n_agents
        self._community = community
        self._stores = tuple(stores)
        self._class_rows = {
            name: [row for row, own in enumerate(classes) if own == name]
            for name in sorted({name for name in classes if name})
        }
        self._means = WeightedMeans(len(SCORES))
        self._consumption = RowTotals(n_agents)
        self._curtailed = RowTotals(n_agents)
        self._pv = RowTotals(n_agents)
        self._demand = RowTotals(n_agents)
        self._served = RowTotals(n_agents)
        self._cost = RowTotals(n_agents)
        self._reference_cost = RowTotals(n_agents)
        self._turnover = RowTotals(n_agents)
        self._compared = False

    @property
    def definitions(self) -> tuple[Kpi, ...]:
        """Scores, the share of slots in which each is undefined, KPIs over the run, quality of service a class."""
        nulls = (
            Kpi(f"{kpi.name}_null_share", "-", f"Share of slots and markets in which {kpi.name} is undefined.")
            for kpi in SCORES
        )
        service = (
            Kpi(f"quality_of_service_{name}", "-", f"Share of the demand D of income class {name} that peers met.")
            for name in self._class_rows
        )
        return (*SCORES, *nulls, *OVER_THE_RUN, *service)

    @property
    def columns(self) -> tuple[Kpi, ...]:
        """Scores of the slot, weighted over its markets."""
        return COLUMNS

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:
        """Take in a slot."""
        facts = facts_of(record, self._community)
        refused = refused_sales_wh(record, self._community.n_agents)
        scores = np.stack(
            [
                of_slot.fbs_market(facts, refused) if kpi.name == "fbs_market" else _PLAIN[kpi.name](facts)
                for kpi in SCORES
            ]
        )
        means = self._means.add(null_without_potential(facts, scores), facts.tradable_wh)
        self._observe_agents(record, reference, facts)
        names = (kpi.name for kpi in SCORES)
        return {"tradable_wh": int(facts.tradable_wh.sum()), **dict(zip(names, means, strict=True))}

    def _observe_agents(self, record: SlotRecord, reference: SlotRecord | None, facts: Facts) -> None:
        self._consumption.add(final_consumption_wh(record, self._stores))
        self._curtailed.add(record.exchange.curtailed_wh)
        self._pv.add(record.inputs.pv_wh)
        if self._class_rows:
            self._demand.add(facts.available.demand_wh)
            self._served.add(np.minimum(facts.bought_wh, facts.available.demand_wh))
        self._cost.add(record.ledger.money.sum(axis=0))
        if reference is not None:
            money = reference.ledger.money
            self._compared = True
            self._reference_cost.add(money.sum(axis=0))
            self._turnover.add(np.abs(money[LedgerLine.IMPORTS]) + np.abs(money[LedgerLine.EXPORTS]))

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        names = [kpi.name for kpi in SCORES]
        nulls = [f"{name}_null_share" for name in names]
        return {
            **dict(zip(names, self._means.means(), strict=True)),
            **dict(zip(nulls, self._means.null_shares(), strict=True)),
            "jain_curtailment": self._jain_curtailment(),
            "gini_unit_cost": self._gini_unit_cost(),
            **self._savings(),
            **{f"quality_of_service_{name}": self._service(rows) for name, rows in self._class_rows.items()},
        }

    def _jain_curtailment(self) -> float | None:
        pv, curtailed = self._pv.scaled(1.0), self._curtailed.scaled(1.0)
        owners = pv > 0
        market = np.zeros(int(owners.sum()), dtype=np.int64)
        return defined(float(jain_index(curtailed[owners] / pv[owners], market, 1)[0]))

    def _gini_unit_cost(self) -> float | None:
        energy = self._consumption.scaled(WH_PER_KWH)
        buyers = ~self._community.is_prosumer & (energy > 0)
        return defined(gini_with_negatives(self._cost.scaled(MONEY_PER_CURRENCY)[buyers] / energy[buyers]))

    def _savings(self) -> dict[str, Value]:
        if not self._compared:
            return {"gini_saving": None, "worst_off_saving": None}
        cost = self._cost.scaled(MONEY_PER_CURRENCY)
        reference = self._reference_cost.scaled(MONEY_PER_CURRENCY)
        turnover = self._turnover.scaled(MONEY_PER_CURRENCY)
        return {
            "gini_saving": defined(gini_with_negatives(reference - cost)),
            "worst_off_saving": defined(worst_off_saving(cost, reference, turnover)),
        }

    def _service(self, rows: Sequence[int]) -> float | None:
        served, demand = self._served.values(), self._demand.values()
        return ratio(sum(served[row] for row in rows), sum(demand[row] for row in rows))


def build(params: FairnessParams, context: BuildContext) -> FairnessMetric:  # noqa: ARG001 - part of the port
    """The metric of a simulation."""
    classes = [agent.income_class for agent in context.agents] * context.community.n_markets
    return FairnessMetric(context.community, context.stores, classes)
