"""One convex quadratic programme with sparse rows, solved by Clarabel (interior points; Goulart and Chen 2024)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csc_array, csc_matrix, diags_array, eye_array, vstack

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import MissingDependency, RunError

SOLVED = "solved"
"""Status of an optimum."""


class Quadratic(NamedTuple):
    """min sum(quadratic x^2 + linear x), equal x = equal_to, most x <= at_most, low <= x <= high; ``quadratic`` >= 0."""

    quadratic: FloatArray
    linear: FloatArray
    equal: csc_array
    equal_to: FloatArray
    most: csc_array
    at_most: FloatArray
    low: FloatArray
    """-inf: none."""
    high: FloatArray
    """inf: none."""


class QuadraticOptimum(NamedTuple):
    """Where a programme is least."""

    x: FloatArray
    objective: float
    status: str
    """``solved``, or that the optimum is of reduced accuracy."""


def optimum(given: Quadratic) -> QuadraticOptimum:
    """The optimum; RunError where there is none, MissingDependency without Clarabel."""
    clarabel = _library()
    rows, sides = _rows(given)
    cones = [clarabel.ZeroConeT(len(given.equal_to)), clarabel.NonnegativeConeT(len(sides) - len(given.equal_to))]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    curvature = csc_matrix(diags_array(2.0 * given.quadratic, format="csc"))
    found = clarabel.DefaultSolver(curvature, given.linear, csc_matrix(rows), sides, cones, settings).solve()
    status = str(found.status)
    if status not in ("Solved", "AlmostSolved"):
        raise RunError(f"the programme of a day has no optimum: the solver ended with {status}")
    return QuadraticOptimum(
        np.array(found.x), float(found.obj_val), SOLVED if status == "Solved" else "of reduced accuracy"
    )


def _rows(given: Quadratic) -> tuple[csc_array, FloatArray]:
    """All rows, those that hold exactly first, and their sides; bounds become rows."""
    n = len(given.linear)
    below, above = np.flatnonzero(np.isfinite(given.low)), np.flatnonzero(np.isfinite(given.high))
    unit = csc_array(eye_array(n))
    rows = vstack((given.equal, given.most, -unit[below], unit[above]), format="csc")
    return csc_array(rows), np.concatenate((given.equal_to, given.at_most, -given.low[below], given.high[above]))


def _library() -> Any:
    try:
        import clarabel  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingDependency("clarabel", "experts", "a quadratic programme") from error
    return clarabel
