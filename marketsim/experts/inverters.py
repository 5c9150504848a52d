"""What inverters do without being asked: reactive power by a curve of their own voltage, or with their active power.

For agents i with active power P, squared voltages U = |V|^2 and the reactive power m(P) that an inverter can have::

    q = clip(steady + slope P + full share(|V|), +-m(P)),   U = U(p, q) by AC

hold together, and are solved by Newton. A plan that leaves reactive power to them has to count on this, and on no more. Around
such a state, with c = dq/dU of the curve (0 where it is held), d = dq/dP, and linear sensitivities R, X of the buses::

    dU_n = R_n dp + X_n dq,   dq = c dU_n + d dP,   so   dq = C dp + D dP   and   dU = (R + X C) dp + X D dP
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.expert import ExpertView, PlannedGrid, injections, net_kw
from marketsim.core.inverters import curve_share, most_kvar
from marketsim.core.ports import ReactiveLaw
from marketsim.core.setpoints import Setpoints

_STEPS: Final = 40
_CLOSE: Final = 1e-5
"""Of an inverter's apparent power: the curve is met."""
_NUDGE_KW: Final = 1e-3


class WantedKvar(NamedTuple):
    """Reactive power of inverters at voltages, and how it moves; each [H, n]."""

    kvar: FloatArray
    per_pu: FloatArray
    """With the voltage, <= 0 [kvar/p.u.]."""
    per_kw: FloatArray
    """With active power [kvar/kW]."""


class UnaskedInverters(NamedTuple):
    """Inverters of n agents by themselves."""

    law: ReactiveLaw
    """Of these agents; its ``curve_kvar`` may be one a slot [H, n]."""
    steady_kvar: FloatArray
    """Whatever P and |V| are [n]."""

    @property
    def of_pv(self) -> bool:
        """Whether the inverter's active power is the PV that is used; else it is all but the load."""
        return self.law.kvar_per_kw is not None

    def active_kw(self, view: ExpertView, points: Setpoints) -> FloatArray:
        """Active power of the inverters under set-points [H, n]."""
        return points.pv_kw if self.of_pv else net_kw(view.load_kw, points) + view.load_kw

    def wanted(self, v_pu: FloatArray, active_kw: FloatArray) -> WantedKvar:
        """What they do at these voltages and active powers [H, n]."""
        law, most = self.law, most_kvar(self.law, active_kw)
        rising = law.source_kvar_per_kw * (active_kw > 0.0)
        free, per_pu = self.steady_kvar + rising * active_kw, np.zeros_like(v_pu)
        if len(law.curve_pu):
            low, mid, high, top = law.curve_pu.tolist()
            free = free + law.curve_kvar * curve_share(v_pu, law.curve_pu)
            steep = np.where((v_pu > low) & (v_pu < mid), -1.0 / (mid - low), 0.0)
            per_pu = np.where((v_pu > high) & (v_pu < top), -1.0 / (top - high), steep) * law.curve_kvar
        held = np.abs(free) >= most
        most_per_kw = (most - most_kvar(law, active_kw - _NUDGE_KW)) / _NUDGE_KW
        moves = np.where(held, np.sign(free) * most_per_kw, rising)
        return WantedKvar(np.clip(free, -most, most), np.where(held, 0.0, per_pu), moves)


def unasked_kvar(grid: PlannedGrid, view: ExpertView, points: Setpoints, inverters: UnaskedInverters) -> FloatArray:
    """What inverters do by themselves under set-points [kvar] [H, n]; in a slot without a solution, what they came to."""
    active, mutual = inverters.active_kw(view, points), grid.sensitivity()[1][grid.nodes]
    kvar, unit = np.zeros_like(points.kvar), np.eye(len(grid.nodes))
    step, worst = np.ones(view.horizon), np.full(view.horizon, np.inf)
    for _ in range(_STEPS):
        at = injections(view, grid.nodes, points._replace(kvar=kvar))
        v_pu = np.nan_to_num(grid.voltages(at.kw, at.kvar)[:, grid.nodes], nan=1.0)
        found = inverters.wanted(v_pu, active)
        missing = found.kvar - kvar
        size = np.abs(missing).max(axis=1, initial=0.0)
        if (size <= _CLOSE * inverters.law.kva.max(initial=0.0)).all():
            break
        step, worst = np.where(size >= worst, step / 2.0, np.minimum(2.0 * step, 1.0)), size
        jacobian = unit - (found.per_pu / (2.0 * v_pu))[:, :, None] * mutual
        kvar = kvar + step[:, None] * np.linalg.solve(jacobian, missing[:, :, None])[:, :, 0]
    return kvar


class Response(NamedTuple):
    """How inverters answer to what is planned, around an AC state; each [H, n, n]."""

    per_kw: FloatArray
    """Reactive power of each agent with the net injection of each [kvar/kW]."""
    per_pv_kw: FloatArray
    """With the PV of each that is used [kvar/kW]."""


def response(
    grid: PlannedGrid, inverters: UnaskedInverters, v_pu: FloatArray, active_kw: FloatArray, slots: IntArray
) -> Response:
    """The response at these slots; voltages of all nodes [H, N], active power of the inverters [H, n]."""
    per_kw, per_kvar = (table[grid.nodes] for table in grid.sensitivity())
    found = inverters.wanted(v_pu[slots][:, grid.nodes], active_kw[slots])
    curve = (found.per_pu / (2.0 * v_pu[slots][:, grid.nodes]))[:, :, None]
    unit = np.eye(len(grid.nodes))
    direct = found.per_kw[:, :, None] * unit
    by_net = curve * per_kw + (0.0 if inverters.of_pv else direct)
    by_pv = direct if inverters.of_pv else np.zeros_like(direct)
    jacobian = unit - curve * per_kvar
    per_net, per_pv = (np.asarray(np.linalg.solve(jacobian, side), dtype=np.float64) for side in (by_net, by_pv))
    return Response(per_net, per_pv)
