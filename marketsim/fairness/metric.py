"""Fairness KPIs of a run.

Scores of slots are averaged with weights P, what could have been traded: a slot in which two kilowatt-hours could
have changed hands counts twice as much as one with a single one. What compares agents over the whole run (Gini,
worst-off saving, curtailment, quality of service) is computed at the end from one total an agent.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.build import BuildContext
from marketsim.core.equity import gini_with_negatives
from marketsim.core.metric import Kpi, Value, defined, fleet_flags, ratio
from marketsim.core.potential import Availability
from marketsim.core.records import Community, SlotRecord
from marketsim.core.units import MONEY_PER_CURRENCY, WH_PER_KWH
from marketsim.fairness.horizons import HORIZON_KPIS, Horizons
from marketsim.fairness.measures import jain_index, worst_off_saving
from marketsim.fairness.measures_kernel import SCORE_NAMES
from marketsim.fairness.params import FairnessParams
from marketsim.fairness.slot import measure
from marketsim.fairness.totals import AgentTotals, WeightedMeans

SCORES: Final = (
    Kpi("ftg", "-", "Fairness to grid: traded energy over what could have been traded, min(sum S, sum D)."),
    Kpi("ftg_demand", "-", "Variant of ftg: traded energy over the demand, sum D."),
    Kpi(
        "fbs",
        "-",
        "Fairness between sellers where they are rationed: 1 - [sum max(e_i - s_i, 0) / sum D] / [1 - max S_i / sum S], at "
        "least 0, with the entitlement e_i = S_i sum D / sum S. Undefined with fewer than two sellers and where sum S <= sum D.",
    ),
    Kpi("fbs_market", "-", "As fbs, with what the grid refused taken from the sellers' availability."),
    Kpi(
        "fbs_deviation",
        "-",
        "Older form of fbs, which can be levelled down: 1 - sum S |f_i - f| / (2 f (1 - f) sum S), f_i sold over available.",
    ),
    Kpi("fbs_range", "-", "Variant of fbs_deviation: 1 - (largest - smallest fill rate of a seller)."),
    Kpi(
        "fbs_share_range",
        "-",
        "Variant of fbs_deviation: 1 - (largest - smallest seller's share of the traded energy).",
    ),
    Kpi(
        "ftb",
        "-",
        "Fairness between buyers where they are rationed: as fbs, with demand D, purchases and sum D > sum S.",
    ),
    Kpi("fpp", "-", "Fairness of pricing: 1 - 2 x standard deviation of prices / (retail - feed-in)."),
    Kpi("fpp_range", "-", "Variant of fpp: 1 - (highest - lowest price) / (retail - feed-in)."),
    Kpi("price_neutrality", "-", "1 - distance of the mean price from the middle of the tariffs, over half their gap."),
    Kpi("jain_fill", "-", "Jain's index of the sellers' fill rates."),
)
"""Means over slots and markets weighted by what could have been traded; 1 is fair."""

OVER_THE_RUN: Final = (
    Kpi("jain_curtailment", "-", "Jain's index of the curtailed share of each PV owner's energy over the run."),
    Kpi(
        "gini_unit_cost",
        "-",
        "Gini coefficient of the consumers' net payments, cost sharing included, a kWh consumed, normalised for negatives; 0 is "
        "equal.",
    ),
    Kpi(
        "gini_saving",
        "-",
        "Gini coefficient of the agents' savings, cost sharing included, against the reference run, which has none; "
        "normalised for negatives; 0 is equal.",
    ),
    Kpi(
        "worst_off_saving",
        "-",
        "Smallest saving of an agent, cost sharing included, against the reference run, over its imports paid plus exports "
        "received there; bills alone: stored energy and wear are not valued.",
    ),
    *HORIZON_KPIS,
)

COLUMNS: Final = (
    Kpi("tradable_wh", "Wh", "What could have been traded, min(sum S, sum D) without trade with oneself.", int),
    *SCORES,
)


class _Of(IntEnum):
    """Quantities totalled for each agent."""

    CONSUMPTION = 0
    PV = 1
    CURTAILED = 2
    DEMAND = 3
    SERVED = 4
    COST = 5
    REFERENCE_COST = 6
    TURNOVER = 7


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
        self._horizons = Horizons(community)
        self._totals = AgentTotals(len(_Of), n_agents)
        self._nothing = np.zeros((0, n_agents), dtype=np.int64)
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
        found = measure(record, self._community)
        means = self._means.add(found.scores, found.tradable_wh)
        self._horizons.add(found.inputs, found.tradable_wh, record.inputs.time.day)
        self._observe_agents(record, reference, found.available)
        return {"tradable_wh": int(np.add.reduce(found.tradable_wh)), **dict(zip(SCORE_NAMES, means, strict=True))}

    def _observe_agents(self, record: SlotRecord, reference: SlotRecord | None, available: Availability) -> None:
        from marketsim.fairness.totals_kernel import add_agents

        self._compared |= reference is not None
        largest = add_agents(
            self._totals.part,
            record.inputs.load_wh,
            record.inputs.pv_wh,
            record.exchange.curtailed_wh,
            available.demand_wh,
            record.energy.bought_wh,
            record.energy.device_wh,
            fleet_flags(self._stores, record),
            record.ledger.money,
            self._nothing if reference is None else reference.ledger.money,
        )
        self._totals.grown(largest)

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        names = SCORE_NAMES
        nulls = [f"{name}_null_share" for name in names]
        return {
            **dict(zip(names, self._means.means(), strict=True)),
            **dict(zip(nulls, self._means.null_shares(), strict=True)),
            "jain_curtailment": self._jain_curtailment(),
            "gini_unit_cost": self._gini_unit_cost(),
            **self._savings(),
            **self._horizons.summary(),
            **{f"quality_of_service_{name}": self._service(rows) for name, rows in self._class_rows.items()},
        }

    def _jain_curtailment(self) -> float | None:
        pv, curtailed = self._totals.scaled(_Of.PV, 1.0), self._totals.scaled(_Of.CURTAILED, 1.0)
        owners = pv > 0
        return defined(jain_index(curtailed[owners] / pv[owners]))

    def _gini_unit_cost(self) -> float | None:
        energy = self._totals.scaled(_Of.CONSUMPTION, WH_PER_KWH)
        buyers = ~self._community.is_prosumer & (energy > 0)
        return defined(gini_with_negatives(self._money(_Of.COST)[buyers] / energy[buyers]))

    def _savings(self) -> dict[str, Value]:
        if not self._compared:
            return {"gini_saving": None, "worst_off_saving": None}
        cost, reference = self._money(_Of.COST), self._money(_Of.REFERENCE_COST)
        return {
            "gini_saving": defined(gini_with_negatives(reference - cost)),
            "worst_off_saving": defined(worst_off_saving(cost, reference, self._money(_Of.TURNOVER))),
        }

    def _money(self, quantity: _Of) -> FloatArray:
        return self._totals.scaled(quantity, MONEY_PER_CURRENCY)

    def _service(self, rows: Sequence[int]) -> float | None:
        served, demand = self._totals.values(_Of.SERVED), self._totals.values(_Of.DEMAND)
        return ratio(sum(served[row] for row in rows), sum(demand[row] for row in rows))


def build(params: FairnessParams, context: BuildContext) -> FairnessMetric:  # noqa: ARG001 - part of the port
    """The metric of a simulation."""
    classes = [agent.income_class for agent in context.agents] * context.community.n_markets
    return FairnessMetric(context.community, context.stores, classes)
