"""KPIs of the peers' side: gains of trading with each other rather than with the utility, beside the most without a grid.

What one side of the meter gains here the utility may lose: what all get together stands in ``metrics.welfare``.
"""

from __future__ import annotations

from typing import Final

from marketsim.core.build import BuildContext
from marketsim.core.metric import Kpi, Totals, Value, ratio
from marketsim.core.potential import clearing, gains_from_trade
from marketsim.core.records import Community, SlotRecord
from marketsim.core.units import MONEY_PER_CURRENCY, WH_PER_KWH
from marketsim.metrics.params import EfficiencyParams

EFFICIENCY: Final = (
    Kpi(
        "gains_from_trade",
        "currency",
        "What peers gain by trading with each other rather than with the utility at its tariffs: sum q (v_buyer - c_seller), "
        "firm demand at retail, surplus at feed-in as if the grid took it, or at 0 where that is negative, fleets at their "
        "declared marginal value; trades of undeclared value are left out. Not what all gain together: see joint_gains.",
    ),
    Kpi(
        "optimal_gains",
        "currency",
        "The most possible gains_from_trade at the same positions by merit order, without grid limits: an upper bound.",
    ),
    Kpi("trade_efficiency", "-", "gains_from_trade / optimal_gains: how much of what peers could gain they gained."),
    Kpi("undeclared_kwh", "kWh", "Traded energy of fleets whose strategy declares no marginal value."),
)

COLUMNS: Final = (
    Kpi("gains_money", "1e-9 currency", "What peers gain by trading with each other.", int),
    Kpi("optimal_gains_money", "1e-9 currency", "The most possible of that without grid limits.", int),
    Kpi("trade_efficiency", "-", "Gains of peers over the most possible."),
)


class EfficiencyMetric:
    """Port ``Metric``: gains of peers."""

    definitions = EFFICIENCY
    columns = COLUMNS

    def __init__(self, community: Community) -> None:
        self._community = community
        self._totals = Totals()

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:  # noqa: ARG002
        """Take in a slot."""
        tariffs = record.inputs.tariffs
        gains, blind = gains_from_trade(
            record.orders, record.trades, record.positions, tariffs, self._community.n_markets
        )
        best = clearing(record.positions, tariffs, self._community).gains
        earned, possible = int(gains.sum()), int(best.sum())
        self._totals.add({"gains": earned, "optimum": possible, "blind_wh": int(blind.sum())})
        return {
            "gains_money": earned,
            "optimal_gains_money": possible,
            "trade_efficiency": ratio(earned, possible),
        }

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        totals = self._totals
        return {
            "gains_from_trade": totals["gains"] / MONEY_PER_CURRENCY,
            "optimal_gains": totals["optimum"] / MONEY_PER_CURRENCY,
            "trade_efficiency": ratio(totals["gains"], totals["optimum"]),
            "undeclared_kwh": totals["blind_wh"] / WH_PER_KWH,
        }


def build(params: EfficiencyParams, context: BuildContext) -> EfficiencyMetric:  # noqa: ARG001 - no parameters
    """The metric of a simulation."""
    return EfficiencyMetric(context.community)
