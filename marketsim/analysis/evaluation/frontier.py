"""The frontier of constants: what traders reach that learn nothing and all offer the same share of their surplus.

Holding back trades FTG for FBS along this line, without any critic. A critic does something of its own only where it lies
beyond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from marketsim.analysis.evaluation.arms import ARMS, SHARES
from marketsim.analysis.evaluation.statistics import Estimate, over_seeds
from marketsim.core.arrays import FloatArray

CONSTANTS: Final = tuple(f"share_{share:.1f}" for share in SHARES)
CONSTANTS_IN_TRANCHES: Final = tuple(f"{name}_tranches" for name in CONSTANTS)
_IN_TRANCHES: Final = frozenset(arm.name for arm in ARMS if arm.in_tranches)


def best_fbs(ftg: float, points: FloatArray) -> float:
    """Largest FBS of constants, or of mixtures of two, with at least this FTG, or with the largest FTG that a constant has.

    ``points`` [n, 2] of FTG and FBS; those without an FBS are left out. NaN where none is left.
    """
    known = points[np.isfinite(points).all(axis=1)]
    ftg = min(ftg, known[:, 0].max(initial=-np.inf))
    enough, less = known[known[:, 0] >= ftg], known[known[:, 0] < ftg]
    best = [float(fbs) for _, fbs in enough]
    for more_ftg, low_fbs in enough:
        for less_ftg, high_fbs in less:
            part = (ftg - less_ftg) / (more_ftg - less_ftg)
            best.append(float(part * low_fbs + (1.0 - part) * high_fbs))
    return max(best, default=float("nan"))


def beyond_constants(
    estimates: Mapping[str, Mapping[str, Estimate]], arms: Sequence[str], rng: np.random.Generator, draws: int
) -> dict[str, Estimate]:
    """FBS of each arm less the best of the constants at its FTG, seed by seed; arms in parts against constants in parts.

    Intervals are over seeds alone. Arms for which fewer than two constants ran are left out.
    """
    found = {}
    for arm in arms:
        names = CONSTANTS_IN_TRANCHES if arm in _IN_TRANCHES else CONSTANTS
        constants = [estimates[name] for name in names if name in estimates]
        if len(constants) < 2:
            continue
        points = np.stack([[each["ftg"].by_seed, each["fbs"].by_seed] for each in constants])
        own = estimates[arm]
        pairs = zip(own["ftg"].by_seed, own["fbs"].by_seed, np.moveaxis(points, 2, 0), strict=True)
        found[arm] = over_seeds(np.array([fbs - best_fbs(ftg, at) for ftg, fbs, at in pairs]), rng, draws)
    return found
