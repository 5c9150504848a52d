"""Data on its way into a page: small, and harmless whatever names it carries."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from marketsim.core.arrays import FloatArray

_LEVELS = 65_534
"""Steps of a packed matrix; 65535 stands for what is undefined."""


def packed(matrix: FloatArray, low: float, high: float) -> dict[str, Any]:
    """A matrix as 16-bit steps between ``low`` and ``high`` in base64, row after row; NaN becomes undefined.

    The error is at most half a step, (high - low) / 131068: 2e-6 p.u. on voltages between 0.9 and 1.1.
    """
    span = high - low if high > low else 1.0
    steps = np.rint((np.clip(matrix, low, high) - low) / span * _LEVELS)
    codes = np.where(np.isnan(matrix), _LEVELS + 1, np.nan_to_num(steps)).astype("<u2")
    return {
        "low": low,
        "high": low + span,
        "columns": int(matrix.shape[1]),
        "data": base64.b64encode(codes.tobytes()).decode("ascii"),
    }


def shown(value: Any) -> Any:
    """Text of a stranger for a page: what turns its direction round, or is no character, stands as its escape."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _ACTING.sub(lambda found: repr(found[0])[1:-1], value)


_ACTING: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def script_json(content: Any) -> Markup:
    """JSON for inside a ``<script>``: nothing in it can end the element or begin another."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter, escape in (
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        text = text.replace(letter, escape)
    text = _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return Markup(text)


def short_numbers(values: FloatArray) -> list[float | None]:
    """Numbers for JSON with seven significant digits, None for what is not finite."""
    return [float(f"{value:.7g}") if np.isfinite(value) else None for value in values.tolist()]
