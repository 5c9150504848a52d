"""Whole parts of a whole sum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray


def portions(total: int, weights: IntArray, names: Sequence[str]) -> IntArray:
    """``total`` in whole parts in proportion to ``weights`` (>= 0, not all of them 0) that sum to it exactly.

    By largest remainder: each part is rounded towards zero, and the units that are left go to those who lost most by it,
    one each; among equals to those whose names come first, so that the order of agents does not matter.
    Weights and their sum have to be below 2^63.
    """
    whole = sum(weights.tolist())
    if whole <= 0 or weights.min() < 0:
        raise ValueError("weights have to be at least 0, and one of them more")
    exact = weights.astype(object) * abs(total)
    parts, rest = (exact // whole).astype(np.int64), (exact % whole).astype(np.int64)
    left = abs(total) - sum(parts.tolist())
    parts[np.lexsort((np.array(names), -rest))[:left]] += 1
    return np.asarray(parts if total >= 0 else -parts)


def whole_parts(shares: FloatArray, total: int, names: Sequence[str]) -> IntArray:
    """Whole numbers next to ``shares`` that sum to ``total``: rounded down, what is left to those who lost most by it.

    What ``shares`` themselves are off by goes to all alike; among equals those whose names come first get more.
    """
    parts = np.floor(shares).astype(np.int64)
    to_all, left = divmod(total - sum(parts.tolist()), len(parts))
    rest = shares - np.floor(shares)
    parts += to_all
    parts[np.lexsort((np.array(names), -rest))[:left]] += 1
    return parts
