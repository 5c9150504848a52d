"""The frontier of constants: what traders reach that learn nothing and all offer the same share of their surplus.

Holding back trades FTG for FBS along this line, without any critic. A critic does something of its own only where it lies
beyond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Final

import numpy as np

from marketsim.analysis.evaluation.arms import ARMS, SHARES
from marketsim.analysis.evaluation.measures import by_name
from marketsim.analysis.evaluation.statistics import Estimate, estimate_of
from marketsim.analysis.evaluation.totals import WeeklyTotals
from marketsim.core.arrays import FloatArray

CONSTANTS: Final = tuple(f"share_{share:.1f}" for share in SHARES)
CONSTANTS_IN_TRANCHES: Final = tuple(f"{name}_tranches" for name in CONSTANTS)
_IN_TRANCHES: Final = frozenset(arm.name for arm in ARMS if arm.in_tranches)


def best_fbs(ftg: FloatArray, constants_ftg: FloatArray, constants_fbs: FloatArray) -> FloatArray:
    """Largest FBS of constants, or of mixtures of two, with at least this FTG, or with the largest FTG that a constant has [...].

    ``ftg`` [...]; constants [n, ...], those without an FBS are left out. NaN where none is left.
    """
    known = np.isfinite(constants_ftg) & np.isfinite(constants_fbs)
    fbs = np.where(known, constants_fbs, -np.inf)
    aimed = np.minimum(ftg, np.where(known, constants_ftg, -np.inf).max(axis=0))
    enough = known & (constants_ftg >= aimed)
    best = np.where(enough, fbs, -np.inf).max(axis=0)
    for more, less in permutations(range(len(fbs)), 2):
        between = enough[more] & known[less] & ~enough[less]
        apart = constants_ftg[more] - constants_ftg[less]
        part = np.divide(aimed - constants_ftg[less], apart, out=np.zeros_like(best), where=between)
        gained = np.subtract(fbs[more], fbs[less], out=np.zeros_like(best), where=between)
        best = np.where(between, np.maximum(best, fbs[less] + part * gained), best)
    return np.where(known.any(axis=0), best, np.nan)


def _above_constants(arms: Sequence[WeeklyTotals], alone: WeeklyTotals) -> FloatArray:
    """FBS of the first arm less the best of the others at its FTG [...]."""
    ftg, fbs = (np.stack([measure.compute(arm, alone) for arm in arms]) for measure in map(by_name, ("ftg", "fbs")))
    return np.asarray(fbs[0] - best_fbs(ftg[0], ftg[1:], fbs[1:]))


def beyond_constants(
    totals: Mapping[str, WeeklyTotals], arms: Sequence[str], alone: WeeklyTotals, rng_seed: int, draws: int
) -> dict[str, Estimate]:
    """FBS of each arm less the best of the constants at its FTG, seed by seed; arms in parts against constants in parts.

    Totals are stacked [S, W, ...]; seeds and weeks are drawn as for measures, the arm's and the constants' alike. Arms for which
    fewer than two constants ran are left out.
    """
    found = {}
    for arm in arms:
        names = CONSTANTS_IN_TRANCHES if arm in _IN_TRANCHES else CONSTANTS
        constants = [totals[name] for name in names if name in totals]
        if len(constants) > 1:
            rng = np.random.default_rng(rng_seed)
            found[arm] = estimate_of(_above_constants, (totals[arm], *constants), alone, rng, draws)
    return found
