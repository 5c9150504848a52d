"""Columns of the table of slots as plain arrays, and the same by day where a run is long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.errors import Problem, RunFolderError
from marketsim.core.units import TICKS_PER_CURRENCY, WH_PER_KWH
from marketsim.results.reader import Run

PlotSeries = dict[str, FloatArray]
"""Columns by name, NaN where undefined [n]."""

MOST_SLOTS: Final = 1_500
"""Slots that are shown one by one; longer runs are shown by day."""

_PER_CURRENCY: Final = 1.0 / TICKS_PER_CURRENCY
_PER_KWH: Final = 1.0 / WH_PER_KWH


class _Source(NamedTuple):
    """Where a series comes from and how it is summed up over a day."""

    column: str
    scale: float
    by_day: str
    """``sum``, ``min``, ``max``, or the series whose weight a mean has."""
    digits: int


_SOURCES: Final[Mapping[str, _Source]] = {
    "tradable": _Source("tradable_wh", _PER_KWH, "sum", 3),
    "demand": _Source("demand_wh", _PER_KWH, "sum", 3),
    "pv": _Source("pv_wh", _PER_KWH, "sum", 3),
    "p2p": _Source("p2p_wh", _PER_KWH, "sum", 3),
    "import": _Source("import_wh", _PER_KWH, "sum", 3),
    "export": _Source("export_wh", _PER_KWH, "sum", 3),
    "curtailed": _Source("curtailed_wh", _PER_KWH, "sum", 3),
    "refused": _Source("rejected_wh", _PER_KWH, "sum", 3),
    "losses": _Source("losses_wh", _PER_KWH, "sum", 3),
    "trades": _Source("trades", 1.0, "sum", 0),
    "retail": _Source("retail_ticks", _PER_CURRENCY, "max", 5),
    "feed_in": _Source("feed_in_ticks", _PER_CURRENCY, "min", 5),
    "price": _Source("mean_price_ticks", _PER_CURRENCY, "p2p", 5),
    "price_min": _Source("price_min_ticks", _PER_CURRENCY, "min", 5),
    "price_max": _Source("price_max_ticks", _PER_CURRENCY, "max", 5),
    "v_min": _Source("voltage_min_pu", 1.0, "min", 5),
    "v_max": _Source("voltage_max_pu", 1.0, "max", 5),
    "out_of_band": _Source("voltage_violations", 1.0, "sum", 0),
    "loading": _Source("loading_max_percent", 1.0, "max", 2),
    "ftg": _Source("ftg", 1.0, "tradable", 4),
    "fbs": _Source("fbs", 1.0, "tradable", 4),
    "fpp": _Source("fpp", 1.0, "tradable", 4),
    "ftb": _Source("ftb", 1.0, "tradable", 4),
    "efficiency": _Source("trade_efficiency", 1.0, "tradable", 4),
}
DIGITS: Final[Mapping[str, int]] = {name: source.digits for name, source in _SOURCES.items()}


def slot_series(run: Run) -> PlotSeries:
    """Energies [kWh], prices [currency/kWh], voltages [p.u.], loadings [%] and scores of each slot that was written."""
    table = run.table("slots")
    found: PlotSeries = {}
    for name, source in _SOURCES.items():
        if source.column in table.column_names:
            demand_numbers(run, "slots", table.schema.field(source.column))
            found[name] = numbers(table.column(source.column)) * source.scale
    return found


def demand_numbers(run: Run, table: str, field: Any) -> None:
    """A column that is shown under a name of ours holds numbers, whoever wrote it; RunFolderError."""
    if str(field.type) not in ("int32", "int64", "double"):
        message = f"this column of the table of {table} must hold numbers"
        raise RunFolderError([Problem(message, field.name, str(field.type), file=str(run.path or ""))])


def numbers(column: Any) -> FloatArray:
    """An Arrow column as floats, NaN where it is null."""
    return np.asarray(column.to_numpy(), dtype=np.float64)


def slots_of(run: Run) -> IntArray:
    """Numbers of the slots that were written."""
    table = run.table("slots", columns=["slot"])
    return np.asarray(table.column("slot").to_numpy(), dtype=np.int64) if table.num_rows else np.zeros(0, np.int64)


def by_day(series: PlotSeries, slots_per_day: int) -> PlotSeries:
    """The same summed up by day: energies added, extremes kept, prices and scores as weighted means [n_days]."""
    n_slots = len(next(iter(series.values())))
    day = np.arange(n_slots) // slots_per_day
    rules = {name: _SOURCES[name].by_day for name in series}
    return {
        name: _FOLDS.get(rules[name], _mean)(values, day, series.get(rules[name])) for name, values in series.items()
    }


Fold = Callable[[FloatArray, IntArray, FloatArray | None], FloatArray]


def _total(values: FloatArray, day: IntArray, _: FloatArray | None) -> FloatArray:
    return np.bincount(day, weights=np.nan_to_num(values)).astype(np.float64)


def _extreme(pick: Any, start: float) -> Fold:
    def fold(values: FloatArray, day: IntArray, _: FloatArray | None) -> FloatArray:
        found = np.full(int(day[-1]) + 1, start)
        known = ~np.isnan(values)
        pick.at(found, day[known], values[known])
        found[np.isinf(found)] = np.nan
        return found

    return fold


def _mean(values: FloatArray, day: IntArray, weight: FloatArray | None) -> FloatArray:
    weights = np.ones_like(values) if weight is None else np.nan_to_num(weight)
    known = ~np.isnan(values) & (weights > 0.0)
    total = np.bincount(day, weights=np.where(known, values * weights, 0.0), minlength=int(day[-1]) + 1)
    weight_sum = np.bincount(day, weights=np.where(known, weights, 0.0), minlength=int(day[-1]) + 1)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / weight_sum)


_FOLDS: Final[Mapping[str, Fold]] = {
    "sum": _total,
    "min": _extreme(np.minimum, np.inf),
    "max": _extreme(np.maximum, -np.inf),
}
"""What is no sum and no extreme is a mean."""


def rounded(series: PlotSeries) -> dict[str, list[float | None]]:
    """Ready for JSON: rounded to what can be read, None where undefined; series that are never defined left out."""
    return {name: plain(values, DIGITS[name]) for name, values in series.items() if np.isfinite(values).any()}


def plain(values: FloatArray, digits: int) -> list[float | None]:
    """Numbers for JSON, None for what is not finite; whole numbers without a point."""
    listed: list[float] = np.round(values, digits).tolist()
    return [None if value != value or value in (np.inf, -np.inf) else _short(value) for value in listed]


def _short(value: float) -> float:
    return int(value) if value == int(value) and abs(value) < 1e15 else value
