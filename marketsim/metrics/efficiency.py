"""Efficiency KPIs: gains from trade at true reservation values, beside the most that was possible."""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.grid_model import GridModel
from marketsim.core.metric import Kpi, Totals, Value, ratio
from marketsim.core.potential import clearing, gains_from_trade
from marketsim.core.records import Community, SlotRecord
from marketsim.core.units import MONEY_PER_CURRENCY, WH_PER_KWH
from marketsim.metrics.optimum import market_legs, merit_order, merit_order_net_wh
from marketsim.metrics.params import EfficiencyParams
from marketsim.optimise.welfare import admissible, constrained_gains

MERIT_ORDER: Final = "merit_order"
SLP: Final = "slp"

EFFICIENCY: Final = (
    Kpi(
        "gains_from_trade",
        "currency",
        "sum q (v_buyer - c_seller) at true reservation values: firm demand at retail, surplus at feed-in, fleets at "
        "their declared marginal value; trades of undeclared value are left out.",
    ),
    Kpi("optimal_gains", "currency", "The most possible gains at the same positions; g_star_method says how found."),
    Kpi("allocative_efficiency", "-", "gains_from_trade / optimal_gains."),
    Kpi(
        "g_star_method",
        "-",
        "merit_order: the merit order broke no limit in any slot; slp: in at least one slot it did, and successive "
        "linear programmes on AC sensitivities, verified by AC, gave the optimum.",
        str,
    ),
    Kpi("g_star_slp_slots", "-", "Slots and markets whose optimum the grid limits.", int),
    Kpi("undeclared_kwh", "kWh", "Traded energy of fleets whose strategy declares no marginal value."),
)

COLUMNS: Final = (
    Kpi("gains_money", "1e-9 currency", "Gains from trade at true reservation values.", int),
    Kpi("optimal_gains_money", "1e-9 currency", "The most possible gains at the same positions.", int),
    Kpi("allocative_efficiency", "-", "Gains over the most possible gains."),
    Kpi("g_star_slp", "-", "Markets whose optimum the grid limits.", int),
)


class EfficiencyMetric:
    """Port ``Metric``: efficiency. ``grid`` None: the optimum is that without grid limits."""

    definitions = EFFICIENCY
    columns = COLUMNS

    def __init__(self, community: Community, grid: GridModel | None = None, slp_steps: int = 12) -> None:
        self._community = community
        self._grid = grid
        self._steps = slp_steps
        self._totals = Totals()

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:  # noqa: ARG002
        """Take in a slot."""
        n_markets = self._community.n_markets
        gains, blind = gains_from_trade(
            record.orders, record.trades, record.positions, record.inputs.tariffs, n_markets
        )
        optimum, limited = self._optimum(record, gains)
        earned, possible = int(gains.sum()), int(optimum.sum())
        self._totals.add({"gains": earned, "optimum": possible, "limited": limited, "blind_wh": int(blind.sum())})
        return {
            "gains_money": earned,
            "optimal_gains_money": possible,
            "allocative_efficiency": ratio(earned, possible),
            "g_star_slp": limited,
        }

    def _optimum(self, record: SlotRecord, gains: IntArray) -> tuple[IntArray, int]:
        """Most possible gains [n_markets], and the number of markets in which the grid limits them.

        The trades that happened are possible: where they earn the optimum of the merit order, the grid need not be
        asked; and a local optimum is never below them.
        """
        community = self._community
        best = clearing(record.positions, record.inputs.tariffs, community)
        open_markets = np.flatnonzero(best.gains > gains)
        if self._grid is None or self._steps == 0 or len(open_markets) == 0:
            return best.gains, 0
        optimum, limited = best.gains.copy(), 0
        self._grid.open(record)
        net_wh = merit_order_net_wh(record, community, best)
        for market in open_markets.tolist():
            if not admissible(self._grid, market, net_wh[community.market == market]):
                limited += 1
                legs = market_legs(record, community, market)
                found = constrained_gains(legs, self._grid, market, merit_order(legs, best, market), self._steps)
                optimum[market] = max(found, int(gains[market]))
        return optimum, limited

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        totals = self._totals
        return {
            "gains_from_trade": totals["gains"] / MONEY_PER_CURRENCY,
            "optimal_gains": totals["optimum"] / MONEY_PER_CURRENCY,
            "allocative_efficiency": ratio(totals["gains"], totals["optimum"]),
            "g_star_method": SLP if totals["limited"] else MERIT_ORDER,
            "g_star_slp_slots": totals["limited"],
            "undeclared_kwh": totals["blind_wh"] / WH_PER_KWH,
        }


def build(params: EfficiencyParams, context: BuildContext) -> EfficiencyMetric:
    """The metric of a simulation."""
    return EfficiencyMetric(context.community, None if context.grid is None else context.grid.model, params.slp_steps)
