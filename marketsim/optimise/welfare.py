"""The most possible gains from trade under the grid's limits: successive linear programmes, verified by AC.

Where the merit order breaks a limit, the gains are maximised over what each position could trade,

    max sum_k sign_k v_k x_k    s.t.  sum_k sign_k x_k = 0,  0 <= x_k <= cap_k,  margins(net(x)) <= 0,

with sign -1 for sellers (gains are the buyers' values less the sellers'). The margins are those of the AC power flow,
linearised at the last point for the limits that any point has broken so far, until a point that the AC power flow
admits earns what its own linearisation promises. The problem is not convex, so this is a local optimum; for
radial feeders at ordinary voltages the limits are close to linear.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.grid_model import GridModel
from marketsim.core.units import WH_PER_KWH

TOLERANCE: Final = 1e-9
"""Limits may be exceeded by this much in a verified optimum (p.u., share of a rating)."""
_GAP: Final = 1e-6
"""Relative gain that a further step has to promise."""


class WelfareLegs(NamedTuple):
    """What the positions of one market could trade, a row a leg; energy that moves nothing is lumped together."""

    connection: IntArray
    sells: BoolArray
    value_ticks: IntArray
    cap_wh: IntArray
    moves: BoolArray
    """Whether trading it changes the power flow; firm energy flows in any case."""
    base_wh: IntArray
    """Net injection of each connection when nothing is traded [n_connections], or up to the last that has legs."""

    def net_wh(self, traded_wh: FloatArray) -> FloatArray:
        """Net injections when the legs trade so much [n_connections]."""
        net = self.base_wh.astype(np.float64)
        flows = np.where(self.sells, traded_wh, -traded_wh)[self.moves]
        np.add.at(net, self.connection[self.moves], flows)
        return net

    def gains(self, traded_wh: FloatArray) -> float:
        """Gains from trade [1e-9 currency]."""
        return float((np.where(self.sells, -traded_wh, traded_wh) * self.value_ticks).sum())


class _Programme:
    """Linear programmes over the same legs; variables in kWh, rows in kWh of the most effective connection."""

    def __init__(self, legs: WelfareLegs, grid: GridModel, market: int) -> None:
        self._legs, self._grid, self._market = legs, grid, market
        self._sign = np.where(legs.sells, -1.0, 1.0)
        self._scale = 1.0 / max(int(np.abs(legs.value_ticks).max(initial=1)), 1)

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
    margins = grid.margins(market, net_wh)
    return margins is not None and float(margins.max(initial=-np.inf)) <= TOLERANCE


def _towards(grid: GridModel, legs: WelfareLegs, market: int, inside: FloatArray, outside: FloatArray) -> FloatArray:
    """Last admissible point on the way from an admissible to an inadmissible one."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        if admissible(grid, market, legs.net_wh(inside + middle * (outside - inside))):
            low = middle
        else:
            high = middle
    return np.asarray(inside + low * (outside - inside))


def constrained_optimum(
    legs: WelfareLegs, grid: GridModel, market: int, start_wh: FloatArray, steps: int
) -> FloatArray:
    """What each leg trades at the most possible gains that the AC power flow admits [Wh] [n_legs].

    At most ``steps`` linear programmes from ``start_wh`` on. Trading nothing is admissible by the definition of the
    frozen limits, so there is an answer.
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
            return best
        point = promised
    last = point if admissible(grid, market, legs.net_wh(point)) else _towards(grid, legs, market, best, point)
    return last if legs.gains(last) > legs.gains(best) else best
