"""Columns and rows of a programme while it is put together, a whole array at a time."""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.optimise.highs import SparseProgramme, SparseRows

SHARED: Final = -1
"""Block of columns that belong to all together."""


class GrowingColumns:
    """Columns as they are appended, and the entries of rows of both kinds."""

    def __init__(self) -> None:
        self.lower: list[FloatArray] = []
        self.upper: list[FloatArray] = []
        self.cost: list[FloatArray] = []
        self.whole: list[FloatArray] = []
        self.blocks: list[IntArray] = []
        self.n = 0

    def add(
        self,
        lower: FloatArray,
        upper: FloatArray,
        cost: FloatArray,
        whole: FloatArray | bool = False,
        *,
        block: IntArray | int = SHARED,
    ) -> IntArray:
        """Positions of new columns; ``block`` says whose they are."""
        n = len(upper)
        for kept, given in zip(
            (self.lower, self.upper, self.cost, self.whole), (lower, upper, cost, whole), strict=True
        ):
            kept.append(np.broadcast_to(np.asarray(given, dtype=np.float64), n))
        self.blocks.append(np.broadcast_to(np.asarray(block, dtype=np.int64), n))
        first, self.n = self.n, self.n + n
        return np.arange(first, self.n)

    def block_of(self) -> IntArray:
        """Block of each column."""
        return np.concatenate(self.blocks)

    def programme(self, at_most: GrowingRows, equal: GrowingRows) -> SparseProgramme:
        """All of it."""
        lower, upper, cost, whole = map(np.concatenate, (self.lower, self.upper, self.cost, self.whole))
        return SparseProgramme(cost, lower, upper, whole > 0.0, at_most.done(self.n), equal.done(self.n))


class GrowingRows:
    """Entries and right sides of rows of one kind."""

    def __init__(self) -> None:
        self.entries: list[tuple[IntArray, IntArray, FloatArray]] = []
        self.right: list[FloatArray] = []
        self.n = 0

    def add(self, right: FloatArray) -> IntArray:
        """Positions of new rows."""
        self.right.append(right)
        first, self.n = self.n, self.n + len(right)
        return np.arange(first, self.n)

    def put(self, row: IntArray, column: IntArray, value: FloatArray | float) -> None:
        """Entries, spread over each other."""
        flat = np.broadcast_arrays(row, column, np.asarray(value, dtype=np.float64))
        self.entries.append((flat[0].ravel(), flat[1].ravel(), flat[2].ravel()))

    def done(self, n_columns: int) -> SparseRows:
        """The rows."""
        nothing = np.zeros(0, dtype=np.int64)
        row = np.concatenate([nothing, *(each[0] for each in self.entries)])
        column = np.concatenate([nothing, *(each[1] for each in self.entries)])
        value = np.concatenate([np.zeros(0), *(each[2] for each in self.entries)])
        right = np.concatenate(self.right) if self.right else np.zeros(0)
        return SparseRows.of(row, column, value, right, n_columns)
