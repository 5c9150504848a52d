"""Which group would rather leave: excess, least core, nucleolus.

The excess of a group S is x(S) - c(S): what it would gain by paying for itself. A division is in the core where no group has one
above 0. The least core makes the largest excess as small as possible (Maschler, Peleg, Shapley 1979), the nucleolus the
largest, then the second largest, and so on (Schmeidler 1969): it is one division, and in the core where there is a core.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.cost_game import CostGame, Division
from marketsim.core.errors import RunError
from marketsim.sharing.coalitions import all_costs, members_of, sums

MOST_LISTED: Final = 14
"""Members whose groups a programme lists all."""
_TIGHT: Final = 1e-9
"""Price above which a group's row counts as binding in every optimum; and what is left of an indicator in a span."""


class Leaving(NamedTuple):
    """The group that gains most by paying for itself."""

    excess: float
    """What it would gain; negative: it would lose."""
    members: BoolArray
    """[n]."""
    gap: float = 0.0
    """How much more another group may gain at most, where the search was ended early."""


def excesses(costs: FloatArray, shares: FloatArray) -> FloatArray:
    """Excess of every group, by its number, 0 for the empty one [2^n]."""
    return sums(shares) - costs


def worst_of_all(costs: FloatArray, shares: FloatArray) -> Leaving | None:
    """The largest excess of a group that is neither empty nor everybody; None where there is no such group."""
    if len(shares) < 2:
        return None
    found = excesses(costs, shares)[1:-1]
    worst = int(np.argmax(found)) + 1
    return Leaving(float(found[worst - 1]), members_of(np.array([worst]), len(shares))[0])


def least_core(game: CostGame) -> Division:
    """A division of the least core."""
    levels = _Levels(all_costs(game), game.n)
    return Division(levels.lowered()[0])


def nucleolus(game: CostGame) -> Division:
    """The nucleolus: at most n programmes, each fixing the groups whose excess no optimum can lower."""
    levels = _Levels(all_costs(game), game.n)
    shares = levels.lowered()[0]
    while levels.open:
        shares = levels.lowered()[0]
    return Division(shares)


class _Levels:
    """Programmes that lower the largest excess of the groups that are not settled yet."""

    def __init__(self, costs: FloatArray, n: int) -> None:
        self._scale = max(float(np.abs(costs).max()), np.finfo(np.float64).tiny)
        self._costs, self._n = costs / self._scale, n
        self._rows: IntArray = np.arange(1, (1 << n) - 1)
        self._fixed = np.ones((1, n))
        self._sums = np.array([self._costs[-1]])
        self._settle()

    @property
    def open(self) -> bool:
        """Whether any group's excess may still change."""
        return len(self._rows) > 0

    def _settle(self) -> None:
        """Leave out the groups whose sum of shares follows from what is fixed."""
        basis = np.linalg.qr(self._fixed.T)[0]
        inside = members_of(self._rows, self._n).astype(np.float64)
        rest = inside - (inside @ basis) @ basis.T
        self._rows = self._rows[np.abs(rest).max(axis=1, initial=0.0) > 1e-7]

    def lowered(self) -> tuple[FloatArray, float]:
        """Shares with the least largest excess, and that excess; the groups that hold it there are settled."""
        from scipy.optimize import linprog

        if not self.open:
            return np.linalg.lstsq(self._fixed, self._sums, rcond=None)[0] * self._scale, 0.0
        inside = members_of(self._rows, self._n).astype(np.float64)
        found = linprog(
            c=np.append(np.zeros(self._n), 1.0),
            A_ub=np.column_stack((inside, -np.ones(len(inside)))),
            b_ub=self._costs[self._rows],
            A_eq=np.column_stack((self._fixed, np.zeros(len(self._fixed)))),
            b_eq=self._sums,
            bounds=(None, None),
            method="highs",
        )
        if found.x is None:
            raise RunError(f"the least core of {self._n} members was not found: {found.message}")
        price = -found.ineqlin.marginals
        held = np.flatnonzero(price >= max(_TIGHT, 1e-6 * price.max()))
        level = float(found.x[-1])
        for row in held.tolist():
            self._fix(inside[row], self._costs[self._rows[row]] + level)
        self._settle()
        return found.x[:-1] * self._scale, level * self._scale

    def _fix(self, row: FloatArray, total: float) -> None:
        basis = np.linalg.qr(self._fixed.T)[0]
        if np.abs(row - basis @ (basis.T @ row)).max() > 1e-7:
            self._fixed = np.vstack((self._fixed, row))
            self._sums = np.append(self._sums, total)
