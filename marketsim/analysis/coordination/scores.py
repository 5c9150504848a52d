"""How good quantiles are: proper scores, and how often they hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketsim.core.arrays import FloatArray


def pinball(actual: FloatArray, quantiles: FloatArray, levels: Sequence[float]) -> float:
    """Mean pinball loss of ``quantiles`` [n_levels, ...] of what was ``actual`` [...], in its unit; 0 is perfect.

    max(q (y - z), (q - 1) (y - z)) for the level q, what came y and its quantile z: least in the mean where z is the quantile.
    """
    q = np.array(levels).reshape(-1, *(1,) * actual.ndim)
    beyond = actual - quantiles
    return float(np.maximum(q * beyond, (q - 1.0) * beyond).mean())


def covered(actual: FloatArray, low: FloatArray, high: FloatArray) -> float:
    """Share of what was actual that lies within an interval [-]."""
    return float(((low <= actual) & (actual <= high)).mean())
