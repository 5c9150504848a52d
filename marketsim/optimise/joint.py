"""The most that agents and utility can get together in a slot, under the grid's limits and with its losses.

Payments between them cancel. What is left is the energy that upstream has to give, at its price p, what injecting costs and
what drawing is worth:

    max  p (drawn(0) - drawn(x)) + sum_k -sign_k v_k x_k    s.t.  0 <= x_k <= cap_k,  margins(net(x)) <= 0,

``drawn`` being the energy from the source by AC power flow, losses included, and ``sign`` +1 for what injects. A kWh that
replaces one from upstream counts the same whoever buys it; one that is curtailed counts nothing.

Successive linear programmes within a region of trust, on the exact slopes of losses and limits: a step is taken only to a
point that the AC power flow admits and that earns more, so the answer is never behind the best admissible point it is
given. The problem is not convex: it is a local optimum. ``JointGains.relaxed`` bounds it from above.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.grid_model import GridModel
from marketsim.core.units import WH_PER_KWH
from marketsim.optimise.welfare import TOLERANCE

_GAP: Final = 1e-6
"""Relative gain that a further step has to promise."""
_SMALLEST: Final = 1e-6
"""Region of trust at which the search ends, as a share of what each leg could do."""
_RESTORATIONS: Final = 4
"""Programmes that lead a step back to the limits it breaks."""
_HALVINGS: Final = 20
"""Of the way from an admissible to an inadmissible point."""


class JointLegs(NamedTuple):
    """What could be injected and drawn on top of a base, a row a leg."""

    connection: IntArray
    sign: FloatArray
    """+1: injects; -1: draws."""
    value_ticks: IntArray
    """What a kWh costs to inject, or is worth to who draws it."""
    cap_wh: IntArray
    base_wh: FloatArray
    """Net injection of each connection with none of the legs [n_connections], or up to the last that has legs."""
    price_ticks: int
    """Of a kWh from upstream."""

    def net_wh(self, done_wh: FloatArray) -> FloatArray:
        """Net injections when the legs do so much [n_connections]."""
        net = self.base_wh.astype(np.float64)
        np.add.at(net, self.connection, self.sign * done_wh)
        return net

    def gain_ticks(self) -> FloatArray:
        """What a kWh of each leg gains where nothing is lost on its way [n_legs]."""
        return self.sign * (self.price_ticks - self.value_ticks)

    def unlimited_wh(self) -> FloatArray:
        """What each leg does where nothing is limited and nothing lost [n_legs]."""
        return np.where(self.gain_ticks() > 0, self.cap_wh, 0).astype(np.float64)

    def own_money(self, done_wh: FloatArray) -> float:
        """Worth of what is drawn less cost of what is injected [1e-9 currency]."""
        return float(-(self.sign * self.value_ticks) @ done_wh)


class JointGains:
    """Gains of points [Wh] [n_legs] over the base, on one market of a grid that was opened."""

    def __init__(self, legs: JointLegs, grid: GridModel | None, market: int, guard: float = 0.0) -> None:
        """``grid`` None: nothing is limited or lost. ``guard``: distance to keep from each limit, in units of its margin."""
        self.legs, self.grid, self.market, self._guard = legs, grid, market, guard
        self.base_drawn_wh = self.drawn_wh(np.zeros(len(legs.cap_wh)))

    def drawn_wh(self, done_wh: FloatArray) -> float | None:
        """Energy from upstream for agents and losses [Wh]; None: no solution."""
        net = self.legs.net_wh(done_wh)
        return -float(net.sum()) if self.grid is None else self.grid.drawn_wh(self.market, net)

    def at(self, done_wh: FloatArray) -> float | None:
        """Gains [1e-9 currency]; None where the power flow has no solution here or at the base."""
        drawn = self.drawn_wh(done_wh)
        if drawn is None or self.base_drawn_wh is None:
            return None
        return self.legs.price_ticks * (self.base_drawn_wh - drawn) + self.legs.own_money(done_wh)

    def relaxed(self) -> float | None:
        """Gains of the relaxation: no limit, and what the base loses is saved; an upper bound while p >= 0."""
        if self.legs.price_ticks < 0 or self.base_drawn_wh is None:
            return None
        lost = self.base_drawn_wh + float(self.legs.base_wh.sum())
        return float(self.legs.gain_ticks() @ self.legs.unlimited_wh()) + self.legs.price_ticks * lost

    def slope(self, done_wh: FloatArray) -> FloatArray:
        """Derivative of the gains [ticks/kWh] [n_legs]."""
        legs = self.legs
        per_wh = np.full(len(legs.base_wh), -1.0)
        if self.grid is not None:
            per_wh = self.grid.drawn_slope(self.market, legs.net_wh(done_wh))
        return np.asarray(legs.sign * (-legs.price_ticks * per_wh[legs.connection] - legs.value_ticks))

    def margins(self, done_wh: FloatArray) -> FloatArray | None:
        """Excess over each limit less the guard; None: no solution."""
        if self.grid is None:
            return np.zeros(0)
        margins = self.grid.margins(self.market, self.legs.net_wh(done_wh))
        return None if margins is None else margins + self._guard

    def admits(self, done_wh: FloatArray, tolerance: float = TOLERANCE) -> bool:
        """Whether every limit is kept, or exceeded by no more than the tolerance."""
        margins = self.margins(done_wh)
        return margins is not None and float(margins.max(initial=-np.inf)) <= tolerance


def joint_optimum(gains: JointGains, starts: Sequence[FloatArray], steps: int) -> FloatArray | None:
    """What each leg does at the most gains that the AC power flow admits [Wh] [n_legs].

    At most ``steps`` linear programmes, from the best admissible one of ``starts`` on; None: none is admissible.
    """
    best, most = None, -np.inf
    for start in starts:
        earned = gains.at(start) if gains.admits(start) else None
        if earned is not None and earned > most:
            best, most = start.astype(np.float64), earned
    return None if best is None else _Climb(gains, best, most).climbed(steps)


class _Climb:
    """From an admissible point to better ones."""

    def __init__(self, gains: JointGains, point: FloatArray, most: float) -> None:
        self._gains, self._point, self._most = gains, point, most
        self._cap = gains.legs.cap_wh.astype(np.float64)
        self._watched = np.zeros(0, dtype=np.int64)
        self._trust = 1.0

    def climbed(self, steps: int) -> FloatArray:
        for _ in range(steps):
            slope = self._gains.slope(self._point)
            target = self._programme(slope, self._point)
            promised = 0.0 if target is None else float(slope @ (target - self._point))
            if target is None or promised <= _GAP * max(abs(self._most), 1.0):
                break
            known = len(self._watched)
            target, inside = self._restored(target, slope)
            if not self._take(target, promised, inside=inside) and len(self._watched) == known:
                self._trust *= 0.25
                if self._trust < _SMALLEST:
                    break
        return self._point

    def _restored(self, target: FloatArray, slope: FloatArray) -> tuple[FloatArray, bool]:
        """The target, moved back to the limits that it breaks by programmes linearised there; and whether it keeps them."""
        for _ in range(_RESTORATIONS):
            margins = self._gains.margins(target)
            if margins is None:
                return target, False
            broken = np.flatnonzero(margins > TOLERANCE)
            if not len(broken):
                return target, True
            self._watched = np.union1d(self._watched, broken)
            moved = self._programme(slope, target)
            if moved is None:
                return target, False
            target = moved
        return target, self._gains.admits(target)

    def _take(self, target: FloatArray, promised: float, *, inside: bool) -> bool:
        """Go towards the target as far as is admissible and earns more; whether that was worth the step."""
        reach = target if inside else self._last_inside(target)
        for _ in range(4):
            earned = self._gains.at(reach)
            if earned is not None and earned > self._most:
                gained = earned - self._most
                self._point, self._most = reach, earned
                return gained > 0.1 * promised
            reach = 0.5 * (self._point + reach)
            if not self._gains.admits(reach):
                return False
        return False

    def _last_inside(self, outside: FloatArray) -> FloatArray:
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            if self._gains.admits(self._point + middle * (outside - self._point)):
                low = middle
            else:
                high = middle
        return np.asarray(self._point + low * (outside - self._point))

    def _programme(self, slope: FloatArray, at: FloatArray) -> FloatArray | None:
        """Optimum of the limits' linearisation at ``at``, within the region of trust [Wh]; None: there is none."""
        from scipy.optimize import linprog

        gains, legs, point = self._gains, self._gains.legs, self._point
        reach = self._trust * self._cap
        rows, room = np.zeros((0, len(at))), np.zeros(0)
        if gains.grid is not None and len(self._watched):
            margins = gains.margins(at)
            if margins is None:
                return None
            gradient = gains.grid.gradient(gains.market, legs.net_wh(at), self._watched)
            rows = gradient[:, legs.connection] * legs.sign
            size = np.maximum(np.abs(rows).max(axis=1, initial=0.0), np.finfo(np.float64).tiny)[:, None]
            room = (rows @ at - margins[self._watched]) / size[:, 0] / WH_PER_KWH
            rows = rows / size
        low, high = np.maximum(point - reach, 0.0), np.minimum(point + reach, self._cap)
        found = linprog(
            c=-slope / max(float(np.abs(slope).max(initial=0.0)), 1.0),
            A_ub=rows,
            b_ub=room,
            bounds=list(zip((low / WH_PER_KWH).tolist(), (high / WH_PER_KWH).tolist(), strict=True)),
            method="highs",
        )
        return None if found.x is None else np.clip(found.x * WH_PER_KWH, low, high)
