"""numba's types of what kernels read: arrays, frozen or not, and records as plain tuples of their fields.

A kernel that Python calls takes ``record[:]`` and makes it the record again, ``Orders(*orders)``, which costs it nothing. A
record itself costs half a microsecond more in each call, and numba has another type for each mix of frozen and open arrays.
"""

from __future__ import annotations

from typing import Final

from numba import types

I1: Final = types.Array(types.int64, 1, "C", readonly=True)
I2: Final = types.Array(types.int64, 2, "C", readonly=True)
F1: Final = types.Array(types.float64, 1, "C", readonly=True)
F2: Final = types.Array(types.float64, 2, "C", readonly=True)
B1: Final = types.Array(types.boolean, 1, "C", readonly=True)

BATCH: Final = types.UniTuple(I1, 6)  # type: ignore[no-untyped-call]
POSITIONS: Final = types.Tuple((I2, I1, I1, I1, I1, I2, I2, I2, B1))  # type: ignore[no-untyped-call]
STANDING: Final = types.Tuple((I2, I1, I1, I1, I1, I2, I2))  # type: ignore[no-untyped-call]
ORDERS: Final = types.UniTuple(I1, 10)  # type: ignore[no-untyped-call]
TRADES: Final = types.UniTuple(I1, 7)  # type: ignore[no-untyped-call]
REJECTS: Final = types.UniTuple(I1, 6)  # type: ignore[no-untyped-call]
EXCHANGE: Final = types.Tuple((I1, I1, I1, I2))  # type: ignore[no-untyped-call]
ENERGY: Final = types.Tuple((I2, I1, I1, I1, I1, I2))  # type: ignore[no-untyped-call]
LEDGER: Final = types.Tuple((I2, I1, I1))  # type: ignore[no-untyped-call]
