"""Sums and spreads of a flat axis by market; sums of integers are exact."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray

A = TypeVar("A", IntArray, FloatArray)


def sum_by(values: A, segment: IntArray, n_segments: int) -> A:
    """Sum of ``values`` [n] by ``segment`` [n] in 0..n_segments-1, zero for empty ones [n_segments]."""
    if n_segments == 1:
        return np.add.reduce(values, keepdims=True)
    total = np.zeros(n_segments, dtype=values.dtype)
    np.add.at(total, segment, values)
    return total


def spread_by(values: FloatArray, segment: IntArray, n_segments: int) -> FloatArray:
    """Largest less smallest value by segment, NaN for empty ones [n_segments]."""
    largest = np.full(n_segments, -np.inf)
    smallest = np.full(n_segments, np.inf)
    np.maximum.at(largest, segment, values)
    np.minimum.at(smallest, segment, values)
    return np.where(largest >= smallest, largest - smallest, np.nan)
