"""Array types that the whole package shares."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[np.int64]
FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
KeyArray: TypeAlias = NDArray[np.uint64]


def frozen(array: NDArray[np.generic]) -> None:
    """Make ``array`` read-only: records never change after they are built."""
    array.flags.writeable = False
