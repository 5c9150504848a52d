"""Array types that the whole package shares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[np.int64]
FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
KeyArray: TypeAlias = NDArray[np.uint64]


def frozen(array: NDArray[np.generic]) -> None:
    """Make ``array`` read-only: records never change after they are built."""
    array.flags.writeable = False


def whole_column(values: NDArray[Any]) -> IntArray:
    """Values as kernels take them: int64, one after the other in memory; the same array where it is like that."""
    return np.ascontiguousarray(values, dtype=np.int64)


def rows_of(columns: Iterable[IntArray], shape: tuple[int, ...]) -> IntArray:
    """Columns [n] below each other; of ``shape`` also where there is none."""
    table = np.empty(shape, dtype=np.int64)
    for row, column in enumerate(columns):
        table[row] = column
    return table
