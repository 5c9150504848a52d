"""Welfare KPIs: what agents and utility get together, beside the most that was possible.

Payments between agents, utility and operator cancel. What is left is the energy from upstream at its price and what devices
cost. The price is the wholesale price; where a scenario gives none, the feed-in tariff stands for it.

How well a slot was used is told over a base: the fleets whose use no slot alone can value (stores, and demand that waits)
as they ran, all other energy that could have moved left out. The base needs no run of its own, and what both sides of
the ratio have in common cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.fleets import FleetInfo
from marketsim.core.grid_model import GridModel
from marketsim.core.metric import Kpi, Totals, Value, ratio
from marketsim.core.records import UNDECLARED, Community, SlotRecord
from marketsim.core.units import MONEY_PER_CURRENCY
from marketsim.metrics.money import lost_money
from marketsim.metrics.params import WelfareParams
from marketsim.optimise.joint import JointGains, JointLegs, joint_optimum

MERIT_ORDER: Final = "merit_order"
SLP: Final = "slp"
KEPT: Final = 1e-6
"""Beyond a limit by less counts as kept (p.u., share of a rating): what happened was then possible."""

WELFARE: Final = (
    Kpi(
        "welfare",
        "currency",
        "What agents and utility get together, payments cancelling: -price x (import - export + losses) - wear, fuel and "
        "discomfort at stated costs; price is wholesale, without one the feed-in tariff. What demand is worth is left out: "
        "differences between runs of one scenario are what it says. Energy left in stores is not valued.",
    ),
    Kpi("welfare_grid_only", "currency", "welfare in the reference run."),
    Kpi(
        "joint_gains",
        "currency",
        "What agents and utility gained together in each slot over its base, in which stores and demand that waits run as "
        "they did and nothing else that could move does: price x energy that need not come from upstream, losses counted, "
        "+ declared value of what priced devices draw - of what they inject. A kWh exported counts the price, a curtailed one "
        "nothing, whoever buys. Slots whose base has no power flow solution are left out.",
    ),
    Kpi(
        "optimal_joint_gains",
        "currency",
        "The most possible joint_gains at the same positions under the limits of the gate; g_star_method says how found. Never "
        "below what happened where that kept the limits; what happened, where no point is known that keeps them.",
    ),
    Kpi(
        "joint_gains_bound",
        "currency",
        "The same without any limit and without losses, shunts among them: an upper bound of optimal_joint_gains. Undefined with "
        "a price below zero.",
    ),
    Kpi(
        "allocative_efficiency",
        "-",
        "joint_gains / optimal_joint_gains, not clamped: above 1 only where limits were broken that the optimum keeps.",
    ),
    Kpi(
        "g_star_method",
        "-",
        "merit_order: all that is worth its price could flow in every slot; slp: in at least one slot the grid limits it, and "
        "successive linear programmes on AC sensitivities, verified by AC, gave the optimum.",
        str,
    ),
    Kpi("g_star_slp_slots", "-", "Slots and markets whose optimum the grid limits.", int),
)

COLUMNS: Final = (
    Kpi("welfare_money", "1e-9 currency", "What agents and utility get together.", int),
    Kpi("joint_gains_money", "1e-9 currency", "What agents and utility gained together over the slot's base.", int),
    Kpi("optimal_joint_gains_money", "1e-9 currency", "The most possible of that at the same positions.", int),
    Kpi("allocative_efficiency", "-", "Joint gains over the most possible."),
    Kpi("g_star_slp", "-", "Markets whose optimum the grid limits.", int),
)


class _Market(NamedTuple):
    """What a market gained in a slot [1e-9 currency]."""

    gained: float
    possible: float
    bound: float | None
    limited: bool


class WelfareMetric:
    """Port ``Metric``: welfare. ``grid`` None: the optimum is that without grid limits and losses."""

    def __init__(
        self,
        community: Community,
        fleets: Sequence[FleetInfo] = (),
        grid: GridModel | None = None,
        slp_steps: int = 12,
    ) -> None:
        self._community, self._grid, self._steps = community, grid, slp_steps
        self._priced = np.flatnonzero([fleet.priced for fleet in fleets])
        self._totals = Totals()
        self._bounded, self._compared = True, False

    @property
    def definitions(self) -> tuple[Kpi, ...]:
        """Welfare, gains, optimum, their ratio."""
        return WELFARE

    @property
    def columns(self) -> tuple[Kpi, ...]:
        """Welfare of the slot."""
        return COLUMNS

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:
        """Take in a slot."""
        if reference is not None:
            self._compared = True
            self._totals.add({"reference": welfare_money(reference, self._community)})
        all_legs = joint_legs(record, self._community, self._priced)
        if self._grid is not None and all_legs:
            self._grid.open(record)
        found = [self._assessed(market, *legs) for market, legs in all_legs.items()]
        solved = [each for each in found if each is not None]
        welfare = welfare_money(record, self._community)
        gained, possible = (
            round(sum(amounts)) for amounts in ([e.gained for e in solved], [e.possible for e in solved])
        )
        limited = sum(each.limited for each in solved)
        self._bounded &= all(each.bound is not None for each in solved)
        bound = round(sum(each.bound or 0.0 for each in solved))
        self._totals.add({"welfare": welfare, "gains": gained, "optimum": possible, "bound": bound, "limited": limited})
        return {
            "welfare_money": welfare,
            "joint_gains_money": gained,
            "optimal_joint_gains_money": possible,
            "allocative_efficiency": ratio(gained, possible),
            "g_star_slp": limited,
        }

    def _assessed(self, market: int, legs: JointLegs, done_wh: FloatArray) -> _Market | None:
        """A market in which something could move; None where its base has no solution."""
        gains = JointGains(legs, self._grid, market)
        gained = gains.at(done_wh)
        if gained is None:
            return None
        bound, free = gains.relaxed(), legs.unlimited_wh()
        if not self._steps:
            return _Market(gained, gained if bound is None else bound, bound, False)
        limited = not gains.admits(free)
        if not limited and (free == done_wh).all() and not (legs.value_ticks > 0).any():
            return _Market(gained, gained, bound, False)  # all of what costs nothing flows
        best = joint_optimum(gains, (free, done_wh, np.zeros(len(done_wh))), self._steps)
        most = None if best is None else gains.at(best)
        if most is None:
            return _Market(gained, gained, bound, limited)  # no point is known that keeps the limits
        return _Market(gained, max(most, gained) if gains.admits(done_wh, KEPT) else most, bound, limited)

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        totals = self._totals
        return {
            "welfare": totals["welfare"] / MONEY_PER_CURRENCY,
            "welfare_grid_only": totals["reference"] / MONEY_PER_CURRENCY if self._compared else None,
            "joint_gains": totals["gains"] / MONEY_PER_CURRENCY,
            "optimal_joint_gains": totals["optimum"] / MONEY_PER_CURRENCY,
            "joint_gains_bound": totals["bound"] / MONEY_PER_CURRENCY if self._bounded else None,
            "allocative_efficiency": ratio(totals["gains"], totals["optimum"]),
            "g_star_method": SLP if totals["limited"] else MERIT_ORDER,
            "g_star_slp_slots": totals["limited"],
        }


def welfare_money(record: SlotRecord, community: Community) -> int:
    """What agents and utility get together in a slot [1e-9 currency]; see the KPI ``welfare``."""
    price = record.inputs.tariffs.upstream_ticks
    bought = record.exchange.import_wh - record.exchange.export_wh
    lost = lost_money(record.grid.losses_wh, price) if record.grid.v_pu.shape[1] else 0
    return -int(bought @ price[community.market]) - lost - int(record.wear_money.sum())


def joint_legs(record: SlotRecord, community: Community, priced: IntArray) -> dict[int, tuple[JointLegs, FloatArray]]:
    """What could move in each market in which anything could, and what did [Wh] [n_legs].

    Surplus costs nothing; fleets ``priced`` inject and draw at their declared value, as far as one is declared.
    """
    place, tariffs = record.positions, record.inputs.tariffs
    flowed = np.clip(place.surplus_wh - record.exchange.curtailed_wh, 0, place.surplus_wh)
    nothing = np.zeros_like(flowed)
    tables = [(1.0, nothing, place.surplus_wh, flowed)]
    for fleet in priced.tolist():
        value = place.marginal_ticks[fleet]
        declared = value != UNDECLARED
        moved = np.where(declared, record.energy.device_wh[fleet] - place.dispatch_wh[fleet], 0)
        for sign, cap in ((1.0, place.up_wh[fleet]), (-1.0, place.down_wh[fleet])):
            cap = np.where(declared, cap, 0)
            tables.append((sign, value, cap, np.clip(sign * moved, 0, cap).astype(np.int64)))
    base = record.energy.net_wh.astype(np.float64)
    for sign, _, _, done in tables:
        base -= sign * done
    found = {}
    for market in np.flatnonzero(np.bincount(community.market, weights=_any(tables), minlength=community.n_markets)):
        rows = np.flatnonzero(community.market == market)
        columns = []
        for sign, value, cap, done in tables:
            some = rows[cap[rows] > 0]
            columns.append((community.connection[some], np.full(len(some), sign), value[some], cap[some], done[some]))
        connection, sign_, value_, cap_, done_ = (np.concatenate(column) for column in zip(*columns, strict=True))
        legs = JointLegs(connection, sign_, value_, cap_, base[rows], int(tariffs.upstream_ticks[market]))
        found[int(market)] = (legs, done_.astype(np.float64))
    return found


def _any(tables: Sequence[tuple[float, IntArray, IntArray, IntArray]]) -> IntArray:
    """Whether anything of an agent could move [n_agents]."""
    return np.asarray(sum(cap for _, _, cap, _ in tables) > 0)


def build(params: WelfareParams, context: BuildContext) -> WelfareMetric:
    """The metric of a simulation."""
    grid = None if context.grid is None else context.grid.model
    return WelfareMetric(context.community, context.fleets, grid, params.slp_steps)
