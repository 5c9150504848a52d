"""KPIs of equity: what bills weigh on incomes, and who has the local energy.

Both are of the whole run so far, never of a day: bills of a summer's day may be negative for some, and a day says little of need.
A Gini coefficient moves through the year by the season alone. Compare runs at the same day, not the days of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.equity import burdens, gini_with_negatives
from marketsim.core.metric import Kpi, Value, defined, grid_only
from marketsim.core.records import SlotRecord
from marketsim.core.standing import MemberStanding, local_share
from marketsim.metrics.params import EquityParams

BURDEN_GINI: Final = Kpi(
    "burden_gini",
    "-",
    "Gini coefficient, normalised for negatives, of burdens: bills, shares included, over incomes of the time of the run. Shared "
    "assets are left out. Undefined unless all members have an income.",
)
BURDEN_WORST: Final = Kpi(
    "burden_worst", "-", "The heaviest burden of a member, a part of its income. Undefined as burden_gini."
)
ACCESS_GINI: Final = Kpi(
    "access_gini",
    "-",
    "Gini coefficient of access to local energy among members: 1 - import from the utility / energy used by loads and devices "
    "that store nothing, at least 0. Who used nothing is left out.",
)


def kpis_of(classes: Iterable[str]) -> tuple[Kpi, ...]:
    """Definitions for these income classes, without twins."""
    return (BURDEN_GINI, BURDEN_WORST, ACCESS_GINI, *(kpi for name in classes for kpi in _of_class(name)))


def _of_class(name: str) -> tuple[Kpi, Kpi]:
    burden = f"Bills of all members of the income class {name} over their incomes. Undefined as burden_gini."
    access = f"1 - import / energy used, at least 0, of all members of the income class {name}. Undefined where they used none."
    return Kpi(f"burden_{name}", "-", burden), Kpi(f"access_{name}", "-", access)


class EquityMetric:
    """Port ``Metric``."""

    columns: tuple[Kpi, ...] = ()

    def __init__(
        self, income: FloatArray, market: IntArray, classes: dict[str, IntArray], stores: tuple[bool, ...]
    ) -> None:
        """``income`` NaN: none; ``market`` -1: a shared asset, no member; ``classes``: rows of the members of each."""
        self._income, self._market, self._classes, self._stores = income, market, classes, stores
        self._here = self._there = MemberStanding.nothing(len(income))
        kpis = kpis_of(classes)
        self.definitions: tuple[Kpi, ...] = (*kpis, *map(grid_only, kpis))

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:
        """Take in a slot."""
        self._here = self._here.after(record, self._stores)
        if reference is not None:
            self._there = self._there.after(reference, self._stores)
        return {}

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        there = self._told(self._there)
        return {**self._told(self._here), **{f"{name}_grid_only": value for name, value in there.items()}}

    def _told(self, standing: MemberStanding) -> dict[str, Value]:
        if standing.hours == 0.0:
            return dict.fromkeys(kpi.name for kpi in self.definitions[: len(self.definitions) // 2])
        paid = standing.paid_money.astype(np.float64)
        burden = burdens(paid, self._income, standing.hours)
        access = local_share(standing.used_wh, standing.imported_wh)
        told: dict[str, Value] = {
            BURDEN_GINI.name: self._mean_of_markets(burden, gini_with_negatives),
            BURDEN_WORST.name: self._mean_of_markets(burden, lambda own: float(own.max())),
            ACCESS_GINI.name: self._mean_of_markets(
                np.where(np.isnan(access), 0.0, access), gini_with_negatives, standing.used_wh > 0
            ),
        }
        for name, rows in self._classes.items():
            together = burdens(paid[rows].sum(keepdims=True), self._income[rows].sum(keepdims=True), standing.hours)
            local = local_share(
                standing.used_wh[rows].sum(keepdims=True), standing.imported_wh[rows].sum(keepdims=True)
            )
            told[f"burden_{name}"], told[f"access_{name}"] = defined(together[0]), defined(local[0])
        return told

    def _mean_of_markets(
        self, values: FloatArray, of: Callable[[FloatArray], float], among: np.ndarray | None = None
    ) -> float | None:
        """Mean over markets of what ``of`` says of their members; None where it is undefined for one."""
        inside = self._market >= 0 if among is None else (self._market >= 0) & among
        found = [
            of(values[inside & (self._market == market)]) for market in range(int(self._market.max(initial=-1)) + 1)
        ]
        return defined(float(np.mean(found))) if found and all(np.isfinite(values[inside])) and inside.any() else None


def build(params: EquityParams, context: BuildContext) -> EquityMetric:  # noqa: ARG001 - part of the port
    """The metric of a simulation."""
    copies = context.community.n_markets
    members = np.tile(np.array([agent.owners is None for agent in context.agents], dtype=bool), copies)
    income = np.tile(np.array([np.nan if agent.income is None else agent.income for agent in context.agents]), copies)
    classes = [agent.income_class if agent.owners is None else None for agent in context.agents] * copies
    rows = {
        name: np.array([row for row, own in enumerate(classes) if own == name])
        for name in dict.fromkeys(filter(None, classes))
    }
    market = np.where(members, context.community.market, -1)
    return EquityMetric(income, market, rows, tuple(fleet.store is not None for fleet in context.fleets))
