"""Columns of a net file's tables: values of the type that the file declares, or as they are where one does not fit.

pandas itself would make 1.5 a 1, -1 a 4294967295 and the text ``false`` a true in such a cast, without a word. What
does not fit stays as it is written, so that the checks of a net find and name it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

_FLOATS: Final = frozenset({"float16", "float32", "float64"})
_INTS: Final = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_NULLABLE: Final = {
    **{name.replace("int", "Int").replace("uI", "UI"): name for name in _INTS},
    "Float32": "float32",
    "Float64": "float64",
    "boolean": "bool",
}
_TEXTS: Final = frozenset({"string", "str"})
_NONE: Final = type(None)
DTYPES: Final = frozenset({"", "object", "bool", "category", *_FLOATS, *_INTS, *_NULLABLE, *_TEXTS})
"""Types that a table of a net may have."""


def column_of(values: list[Any], dtype: str, index: Any) -> Any:
    """A column [len(values)] of ``dtype``, or of the type that the values have where one of them is of another."""
    present = [value for value in values if value is not None] if dtype in _NULLABLE else values
    if dtype == "object" or not _fit(present, _NULLABLE.get(dtype, dtype)):
        return _as_they_are(values, index, dtype)
    return pd.Series(values, index=index, dtype=dtype)


def _fit(values: list[Any], dtype: str) -> bool:
    """Whether values are of a type without any loss."""
    types = set(map(type, values))
    if dtype in _FLOATS:
        return types <= {_NONE, int, float} and not (int in types and _exceeds(values, 2**1023))
    if dtype in _INTS:
        limits = np.iinfo(dtype)
        return types <= {int} and (not values or (int(limits.min) <= min(values) and max(values) <= int(limits.max)))
    if dtype == "bool":
        return types <= {bool}
    if dtype in _TEXTS:
        return types <= {_NONE, str}
    return dtype == "category" and types <= {_NONE, int, float, str}


def _exceeds(values: list[Any], most: int) -> bool:
    return any(value is not None and abs(value) >= most for value in values)


def _as_they_are(values: list[Any], index: Any, dtype: str) -> Any:
    """Values without a cast; a number that is missing is NaN, anything else that is missing None."""
    types = set(map(type, values))
    if dtype != "object" and types & {int, float} and types <= {_NONE, int, float} and not _exceeds(values, 2**63):
        return pd.Series(values, index=index)
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return pd.Series(made, index=index, dtype=object)
