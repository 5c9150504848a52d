"""Array types that the whole package shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[np.int64]
FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
KeyArray: TypeAlias = NDArray[np.uint64]


R = TypeVar("R", bound=tuple[Any, ...])


def joined(records: Sequence[R]) -> R:
    """Records of arrays one after the other, in a record of their type; one alone as it is. ValueError for none."""
    if len(records) == 1:
        return records[0]
    if not records:
        raise ValueError("of no records nobody knows the type")
    return type(records[0])(*(np.concatenate(columns) for columns in zip(*records, strict=True)))


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
