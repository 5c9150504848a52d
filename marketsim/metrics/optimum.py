"""The most possible gains from trade under the grid's limits: successive linear programmes, verified by AC.

Without limits merit order is exact (``core.potential.clearing``). Where its solution breaks a limit, the gains are
maximised over what each position could trade,

    max sum_k sign_k v_k x_k    s.t.  sum_k sign_k x_k = 0,  0 <= x_k <= cap_k,  margins(net(x)) <= 0,

with sign -1 for sellers (gains are the buyers' values less the sellers'). The margins are those of the AC power flow,
linearised at the last point for the limits that any point has broken so far, until a point that the AC power flow
admits earns what its own linearisation promises. The problem is not convex, so this is a local optimum; for
radial feeders at ordinary voltages the limits are close to linear.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol, runtime_checkable

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.potential import Clearing
from marketsim.core.records import PV, Community, SlotRecord
from marketsim.core.units import WH_PER_KWH

TOLERANCE: Final = 1e-9
"""Limits may be exceeded by this much in a verified optimum (p.u., share of a rating)."""
_GAP: Final = 1e-6
"""Relative gain that a further step has to promise."""


@runtime_checkable
class GridModel(Protocol):
    """AC power flow at net positions that did not happen; implemented by the composition root from the grid.

    Limits are everything that the gate checks: voltages, loadings, connections, feeder heads, as it froze them when
    the slot opened.
    """

    def open(self, record: SlotRecord) -> None:
        """Take over a slot: its limits and reactive power."""
        ...

    def surely_admits(self, market: int, net_wh: FloatArray) -> bool:
        """A quick look: True only where every limit is kept; False says nothing."""
        ...

    def margins(self, market: int, net_wh: FloatArray) -> FloatArray | None:
        """By how much each limit is exceeded at these net injections [n_connections]; <= 0 where it is kept [n_limits].

        In units of order one (p.u., share of the rating). None: no solution.
        """
        ...

    def gradient(self, market: int, net_wh: FloatArray, limits: IntArray) -> FloatArray:
        """Derivative of these limits' margins to the net injections [1/Wh] [len(limits), n_connections]."""
        ...


class Legs(NamedTuple):
    """What the positions of one market could trade, a row a leg; energy that moves nothing is lumped together."""

    connection: IntArray
    sells: BoolArray
    value_ticks: IntArray
    cap_wh: IntArray
    moves: BoolArray
    """Whether trading it changes the power flow; firm energy flows in any case."""
    base_wh: IntArray
    """Net injection of each connection when nothing is traded [n_connections]."""

    def net_wh(self, traded_wh: FloatArray) -> FloatArray:
        """Net injections when the legs trade so much [n_connections]."""
        net = self.base_wh.astype(np.float64)
        flows = np.where(self.sells, traded_wh, -traded_wh)[self.moves]
        np.add.at(net, self.connection[self.moves], flows)
        return net

    def gains(self, traded_wh: FloatArray) -> float:
        """Gains from trade [1e-9 currency]."""
        return float((np.where(self.sells, -traded_wh, traded_wh) * self.value_ticks).sum())


def market_legs(record: SlotRecord, community: Community, market: int) -> Legs:
    """Legs of one market: firm demand, must-run energy, PV surplus, and every fleet of declared value both ways.

    PV that flows by right (untraded surplus exported) is part of the base and moves nothing.
    """
    place, orders, tariffs = record.positions, record.orders, record.inputs.tariffs
    rows = np.flatnonzero(community.market == market)
    retail, feed_in = int(tariffs.retail_ticks[market]), int(tariffs.feed_in_ticks[market])
    by_right = np.zeros(community.n_agents, dtype=np.int64)
    pv_orders = np.flatnonzero(orders.component == PV)
    np.add.at(by_right, orders.agent[pv_orders], orders.firm_wh[pv_orders])
    by_right = np.minimum(by_right, place.surplus_wh)[rows]
    tables: list[tuple[bool, IntArray | int, IntArray]] = [(True, feed_in, place.surplus_wh[rows] - by_right)]
    for fleet in range(len(place.up_wh)):
        value = place.marginal_ticks[fleet, rows]
        tables.append((True, value, np.where(value >= 0, place.up_wh[fleet, rows], 0)))
        tables.append((False, value, np.where(value >= 0, place.down_wh[fleet, rows], 0)))
    firm_demand, firm_supply = place.firm_demand_wh[rows].sum(), (place.must_run_wh[rows] + by_right).sum()
    columns = [
        (np.array([0, 0]), np.array([False, True]), np.array([retail, feed_in]), np.array([firm_demand, firm_supply]))
    ]
    for sells, price, cap in tables:
        some = np.flatnonzero(cap)
        values = np.broadcast_to(np.asarray(price, dtype=np.int64), len(rows))[some]
        columns.append((community.connection[rows[some]], np.full(len(some), sells), values, cap[some]))
    base = place.must_run_wh[rows] - place.firm_demand_wh[rows] + by_right
    connection, sells_, value_, cap_ = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Legs(connection, sells_, value_, cap_, np.arange(len(cap_)) >= 2, base)


def merit_order(legs: Legs, best: Clearing, market: int) -> FloatArray:
    """What each leg trades in the optimum without grid limits, pro rata at the margin [Wh] [n_legs]."""
    price = int(best.price_ticks[market])
    missing = int(best.above_wh[market]) - int(best.below_wh[market])
    traded = np.where(np.where(legs.sells, legs.value_ticks < price, legs.value_ticks > price), legs.cap_wh, 0)
    marginal = (legs.value_ticks == price) & (legs.sells == (missing > 0))
    total = int(legs.cap_wh[marginal].sum())
    share = abs(missing) / total if total else 0.0
    return np.where(marginal, legs.cap_wh * share, traded.astype(np.float64))


def merit_order_net_wh(record: SlotRecord, community: Community, best: Clearing) -> FloatArray:
    """Net injections of ``merit_order`` in all markets at once [n_agents]."""
    from marketsim.metrics.merit_kernel import merit_net

    place, orders, tariffs = record.positions, record.orders, record.inputs.tariffs
    net = np.zeros(community.n_agents)
    merit_net(
        community.market,
        place.surplus_wh,
        place.must_run_wh,
        place.firm_demand_wh,
        np.ascontiguousarray(orders.agent),
        np.ascontiguousarray(orders.component),
        np.ascontiguousarray(orders.firm_wh),
        place.up_wh,
        place.down_wh,
        place.marginal_ticks,
        tariffs.retail_ticks,
        tariffs.feed_in_ticks,
        best.price_ticks,
        best.below_wh,
        best.above_wh,
        net,
    )
    return net


class _Programme:
    """Linear programmes over the same legs; variables in kWh, rows in kWh of the most effective connection."""

    def __init__(self, legs: Legs, grid: GridModel, market: int) -> None:
        self._legs, self._grid, self._market = legs, grid, market
        self._sign = np.where(legs.sells, -1.0, 1.0)
        self._scale = 1.0 / max(int(legs.value_ticks.max(initial=1)), 1)

    def solve(self, at_wh: FloatArray, margins: FloatArray, watched: IntArray) -> FloatArray | None:
        """Optimum of the linearisation at ``at_wh`` [Wh] [n_legs]; None if it has none."""
        from scipy.optimize import linprog

        legs = self._legs
        gradient = self._grid.gradient(self._market, legs.net_wh(at_wh), watched)
        rows = gradient[:, legs.connection] * np.where(legs.moves, -self._sign, 0.0)
        size = np.maximum(np.abs(rows).max(axis=1, initial=0.0), np.finfo(np.float64).tiny)[:, None]
        room = rows @ at_wh - margins[watched]
        found = linprog(
            c=-self._sign * legs.value_ticks * self._scale,
            A_ub=rows / size,
            b_ub=room / size[:, 0] / WH_PER_KWH,
            A_eq=self._sign[None, :],
            b_eq=[0.0],
            bounds=[(0.0, cap) for cap in (legs.cap_wh / WH_PER_KWH).tolist()],
            method="highs",
        )
        return None if found.x is None else np.clip(found.x * WH_PER_KWH, 0.0, legs.cap_wh)


def admissible(grid: GridModel, market: int, net_wh: FloatArray) -> bool:
    """Whether every limit of the market is kept at these net injections [n_connections]."""
    if grid.surely_admits(market, net_wh):
        return True
    margins = grid.margins(market, net_wh)
    return margins is not None and float(margins.max(initial=-np.inf)) <= TOLERANCE


def _towards(grid: GridModel, legs: Legs, market: int, inside: FloatArray, outside: FloatArray) -> FloatArray:
    """Last admissible point on the way from an admissible to an inadmissible one."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        if admissible(grid, market, legs.net_wh(inside + middle * (outside - inside))):
            low = middle
        else:
            high = middle
    return np.asarray(inside + low * (outside - inside))


def constrained_gains(legs: Legs, grid: GridModel, market: int, start_wh: FloatArray, steps: int) -> int:
    """Most possible gains that the AC power flow admits [1e-9 currency], from ``start_wh`` in at most ``steps`` steps.

    Trading nothing is admissible by the definition of the frozen limits.
    """
    programme = _Programme(legs, grid, market)
    point, best = start_wh, np.zeros(len(start_wh))
    watched = np.zeros(0, dtype=np.int64)
    for _ in range(steps):
        margins = grid.margins(market, legs.net_wh(point))
        if margins is None:
            point = 0.5 * (point + best)
            continue
        kept = float(margins.max(initial=-np.inf)) <= TOLERANCE
        if kept and legs.gains(point) > legs.gains(best):
            best = point
        watched = np.union1d(watched, np.flatnonzero(margins > TOLERANCE))
        promised = programme.solve(point, margins, watched)
        if promised is None:
            point = 0.5 * (point + best)
            continue
        if kept and legs.gains(promised) <= legs.gains(best) * (1.0 + _GAP):
            return int(legs.gains(best))
        point = promised
    last = point if admissible(grid, market, legs.net_wh(point)) else _towards(grid, legs, market, best, point)
    return int(max(legs.gains(best), legs.gains(last)))
