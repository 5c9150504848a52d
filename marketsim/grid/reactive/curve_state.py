"""Reactive power that follows the voltage (volt-var) in a state that no gate has solved, by Newton on any power flow.

q = clip(full x share(|V|), +-sqrt(S^2 - P^2)) and |V| = V(P, Q + q) hold together. With the misfit f and the slope m < 0 of
the curves and S = d|V|/dq at the last solution, the next step solves (1 - m S) dq = f; where steps do not shrink they are
halved. The curves are those of ``sweep_curve_kernel``, which finds the same state inside its sweeps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.inverters import curve_share, most_kvar
from marketsim.core.ports import ReactiveLaw

MOST_STEPS: Final = 60
LEAST_DAMPING: Final = 1.0 / 64.0
TOLERANCE_PU: Final = 1e-12
"""Largest change of a voltage that a further step would make."""
LOOSER_PU: Final = 2e-9
"""Enough where steps no longer shrink: the power flow's own rounding."""


class InverterCurves(NamedTuple):
    """Inverters of one market that follow a curve."""

    curve_pu: FloatArray
    """Voltages of the curve [4]."""
    full_kvar: FloatArray
    """Full reactive power [n_connections]; 0: follows none."""
    room_kvar: FloatArray
    """Reactive power that the inverter has at its active power [n_connections]."""
    asked_kvar: FloatArray | float = 0.0
    """Asked on top of the curve [n_connections]."""

    @classmethod
    def of(cls, law: ReactiveLaw, rows: IntArray, p_kw: FloatArray, asked_kvar: FloatArray) -> InverterCurves:
        """Curves of these rows of the law, whose inverters are at ``p_kw`` and asked for ``asked_kvar``."""
        per_kw = None if law.kvar_per_kw is None else law.kvar_per_kw[rows]
        own = law._replace(kva=law.kva[rows], curve_kvar=law.curve_kvar[rows], kvar_per_kw=per_kw)
        return cls(law.curve_pu, own.curve_kvar, most_kvar(own, p_kw), asked_kvar)

    def wanted(self, v_pu: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(reactive injection [kvar], its slope [kvar/p.u.], <= 0) at voltages [n_connections]."""
        low, mid, high, top = self.curve_pu.tolist()
        q = self.full_kvar * curve_share(v_pu, self.curve_pu) + self.asked_kvar
        slope = np.where((v_pu > low) & (v_pu < mid), -1.0 / (mid - low), 0.0)
        slope = np.where((v_pu > high) & (v_pu < top), -1.0 / (top - high), slope) * self.full_kvar
        held = np.abs(q) > self.room_kvar
        return np.clip(q, -self.room_kvar, self.room_kvar), np.where(held, 0.0, slope)


class Solved(NamedTuple):
    """A power flow at the connections that follow a curve."""

    v_pu: FloatArray
    """Voltage magnitudes [n_connections]."""
    per_kvar: FloatArray
    """Change of each voltage with the reactive power of each connection [p.u./kvar] [n_connections, n_connections]."""


def followed(curves: InverterCurves, solve: Callable[[FloatArray], Solved | None]) -> bool:
    """Whether there is a state in which every connection follows its curve; ``solve`` has been asked for it last.

    ``solve`` gives the power flow with so much reactive power more at the connections [kvar]; None: there is none.
    """
    q = np.zeros(len(curves.full_kvar))
    before, damping = np.inf, 1.0
    for _ in range(MOST_STEPS):
        solved = solve(q)
        if solved is None:
            return False
        target, slope = curves.wanted(solved.v_pu)
        step = np.linalg.solve(np.eye(len(q)) - slope[:, None] * solved.per_kvar, target - q)
        change = float(np.abs(solved.per_kvar @ step).max())
        if change <= TOLERANCE_PU or before <= change <= LOOSER_PU:
            return True
        shrinks = change < (1.0 - 0.5 * damping) * before
        damping = min(2.0 * damping, 1.0) if shrinks else max(0.5 * damping, LEAST_DAMPING)
        before = change
        q = q + damping * step
    return False
