"""Numbers in files of users: plain decimal digits, and nothing that Python would read beside them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_FOREIGN: Final = re.compile(r"[^0-9+\-.eE \t\n]")


def number(text: str, decimal: str = ".") -> float:
    """A number as ``-12.5`` or ``1e3``, blanks around it allowed; NaN for all else, ``1_000``, ``nan`` and ``١`` too."""
    plain = text.strip()
    if decimal == ",":
        plain = plain.replace(".", "_").replace(",", ".")
    return float(plain) if _NUMBER.fullmatch(plain) else math.nan


def numbers(texts: Sequence[str], decimal: str = ".") -> FloatArray:
    """The same of many texts [n]."""
    plain = texts if decimal == "." else [text.replace(".", "_").replace(",", ".") for text in texts]
    if not _FOREIGN.search("\n".join(plain)):  # of these characters Python makes no other number than we
        try:
            return np.array([float(text) for text in plain], dtype=np.float64)
        except ValueError:
            return np.array([number(text, decimal) for text in texts], dtype=np.float64)
    return np.array([number(text, decimal) for text in texts], dtype=np.float64)
