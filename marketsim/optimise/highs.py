"""Linear programmes with a few yes-or-no columns, by HiGHS through scipy."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import RunError

_GAP: Final = 1e-7
"""Relative distance from the bound at which a programme with yes-or-no columns counts as solved."""


class SparseRows(NamedTuple):
    """Rows ``A x``, and what they are compared with."""

    matrix: Any
    """A sparse matrix by columns [n_rows, n_columns]."""
    right: FloatArray

    @classmethod
    def of(cls, row: IntArray, column: IntArray, value: FloatArray, right: FloatArray, n_columns: int) -> SparseRows:
        """Rows by their entries, those of one place added up."""
        matrix = sp.coo_matrix((value, (row, column)), shape=(len(right), n_columns)).tocsc()
        matrix.sort_indices()
        return cls(matrix, right)

    def with_row(self, values: FloatArray, right: float) -> SparseRows:
        """One row more."""
        below = sp.vstack((self.matrix, sp.csr_matrix(values[np.newaxis])), format="csc")
        return SparseRows(below, np.append(self.right, right))


class SparseProgramme(NamedTuple):
    """``min cost x`` with ``lower <= x <= upper``, ``at_most.matrix x <= at_most.right`` and equal rows."""

    cost: FloatArray
    lower: FloatArray
    upper: FloatArray
    whole: BoolArray
    at_most: SparseRows
    equal: SparseRows


class Optimum(NamedTuple):
    """A solution; duals are those of the linear programme with yes-or-no columns as found."""

    x: FloatArray
    value: float
    at_most_dual: FloatArray
    """Change of the value with the right side of each row, <= 0."""
    equal_dual: FloatArray


def optimum(programme: SparseProgramme, what: str, *, presolve: bool = True) -> Optimum:
    """The optimum; RunError with ``what`` was to be planned where HiGHS finds none.

    Of several plans of the same value the one that is found depends on ``presolve``; small programmes are solved faster without.
    """
    lower, upper = programme.lower, programme.upper
    if programme.whole.any():
        lower, upper = _decided(programme, what)
    bounds: Any = np.column_stack((lower, upper))  # an array [n, 2] is what linprog turns pairs into
    result = linprog(
        programme.cost,
        A_ub=programme.at_most.matrix,
        b_ub=programme.at_most.right,
        A_eq=programme.equal.matrix,
        b_eq=programme.equal.right,
        bounds=bounds,
        method="highs-ds",
        options={"presolve": presolve},
    )
    if result.status != 0 or result.x is None or result.fun is None:
        raise RunError(f"{what}: HiGHS stopped with '{result.message}'")
    return Optimum(result.x, float(result.fun), result.ineqlin.marginals, result.eqlin.marginals)


def _decided(programme: SparseProgramme, what: str) -> tuple[FloatArray, FloatArray]:
    """Bounds with the yes-or-no columns as the best solution has them."""
    at_most, equal = programme.at_most, programme.equal
    result = milp(
        programme.cost,
        integrality=programme.whole.astype(np.int64),
        bounds=Bounds(programme.lower, programme.upper),
        constraints=[
            LinearConstraint(at_most.matrix, -np.inf, at_most.right),
            LinearConstraint(equal.matrix, equal.right, equal.right),
        ],
        options={"mip_rel_gap": _GAP},
    )
    if result.status != 0 or result.x is None:
        raise RunError(f"{what}: HiGHS stopped with '{result.message}'")
    chosen = np.rint(result.x)
    lower, upper = (np.where(programme.whole, chosen, bound) for bound in (programme.lower, programme.upper))
    return lower, upper
