"""Tables that users hand over, checked column by column: every wrong row is told, nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import InputError, Problem
from marketsim.core.records import Side

MOST_PRICE: Final = 1e6
"""[currency/kWh]"""
MOST_ENERGY_KWH: Final = 1e9
_SIDES: Final = {"buy": int(Side.BUY), "sell": int(Side.SELL)}
_LISTED: Final = 100
"""Problems told one by one; the rest is counted."""


def columns_of(table: Any, required: Sequence[str], what: str, fault: type[InputError]) -> dict[str, Any]:
    """The required columns of a DataFrame, or of a mapping of columns, each an array [n_rows].

    Raises ``fault``, with ``what`` the rows are, for what is no table, a missing column and columns of several lengths.
    """
    if not hasattr(table, "keys"):
        raise fault(f"{what} must be a table with columns {', '.join(required)}, got {type(table).__name__}")
    missing = [name for name in required if name not in table]
    if missing:
        hint = f"{what} need {', '.join(required)}"
        raise fault([Problem("column is missing", name, hint=hint) for name in missing])
    raw = {name: _column(table[name]) for name in required}
    lengths = {name: values.shape for name, values in raw.items()}
    if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
        raise fault(f"columns must be of one length, got {', '.join(f'{k}: {v}' for k, v in lengths.items())}")
    return raw


def names(problems: list[Problem], agents: Any) -> None:
    """Tell of agents that are None or NaN."""
    tell(problems, "agent", agents, _nameless(agents), "names nobody")


def sides(problems: list[Problem], values: Any) -> IntArray:
    """``Side`` of each row [n_rows]."""
    if values.dtype.kind in "iuf":
        buys, sells = (np.asarray(values == side, dtype=bool) for side in _SIDES.values())
    else:
        said = [_side(value) for value in values.tolist()]
        buys, sells = (np.array([side == one for side in said], dtype=bool) for one in _SIDES.values())
    tell(problems, "side", values, ~(buys | sells), 'is no side; use "buy", "sell", 1 or -1')
    return np.where(buys, int(Side.BUY), int(Side.SELL))


def _side(value: object) -> int:
    if isinstance(value, str):
        return _SIDES.get(value, 0)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value in (-1, 1) else 0


def demand_tariffs(retail: float, feed_in: float, fault: type[InputError]) -> None:
    """Raise ``fault`` unless both are prices, of any sign, and feed-in <= retail [currency/kWh]."""
    numeric = all(isinstance(price, int | float | np.number) for price in (retail, feed_in))
    if not (numeric and -MOST_PRICE <= feed_in <= retail <= MOST_PRICE):
        raise fault(f"the utility's prices must be feed_in <= retail, got feed_in {feed_in!r}, retail {retail!r}")


def _column(values: Any) -> Any:
    """The values as an array, each as it was: numpy would write numbers among texts as texts."""
    if isinstance(values, list | tuple) and any(isinstance(value, str) for value in values):
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column
    return np.asarray(values)


def _nameless(agents: Any) -> BoolArray:
    """Which names are None, NaN or pandas' NA, as tables write what is not there, or can be no name [n_rows]."""
    if agents.dtype.kind in "biuUS":
        return np.zeros(agents.shape, dtype=bool)
    return np.array([not _is_name(agent) for agent in agents.tolist()], dtype=bool)


def _is_name(agent: object) -> bool:
    try:
        hash(agent)
        return agent is not None and bool(agent == agent)
    except TypeError:  # NA has no truth; what has no hash is no name
        return False


def amounts(problems: list[Problem], name: str, values: Any, most: float, *, signed: bool = False) -> FloatArray:
    """Finite numbers from 0, or minus ``most`` where they are ``signed``, to ``most`` [n_rows]."""
    try:
        if values.dtype.kind in "bcmM":
            raise TypeError("truths, complex numbers and times are no amounts")
        numbers: FloatArray = values.astype(np.float64)
    except (TypeError, ValueError):
        numbers = np.array([_number(value) for value in values.tolist()], dtype=np.float64)
    finite = np.isfinite(numbers)
    tell(problems, name, values, ~finite, "is no finite number")
    if not signed:
        tell(problems, name, values, finite & (numbers < 0), "is negative")
    tell(problems, name, values, finite & (numbers > most), f"is too large, the most is {most:g}")
    if signed:
        tell(problems, name, values, finite & (numbers < -most), f"is too small, the least is {-most:g}")
    return numbers


def _number(value: object) -> float:
    try:
        return float("nan") if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")


def tell(problems: list[Problem], name: str, values: Any, wrong: BoolArray, what: str) -> None:
    """Add a problem for each row that is wrong."""
    rows = np.flatnonzero(wrong)
    problems += [
        Problem(f"row {row}: {what}", name, repr(values[row : row + 1].tolist()[0])) for row in rows[:_LISTED].tolist()
    ]
    if len(rows) > _LISTED:
        problems.append(Problem(f"and {len(rows) - _LISTED} more rows: {what}", name))


def codes(labels: Any) -> IntArray:
    """A number >= 0 for each different label."""
    if labels.dtype.kind in "iu" and (len(labels) == 0 or (labels.min() >= 0 and labels.max() < 2**62)):
        return np.asarray(labels, dtype=np.int64)
    seen: dict[object, int] = {}
    return np.array([seen.setdefault(label, len(seen)) for label in labels.tolist()], dtype=np.int64)
