"""A study's table for the screen: a row a point, means over seeds, and only columns that say something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from marketsim.analysis.studies.designs import GRID, SOBOL
from marketsim.analysis.studies.plan import StudyPlan
from marketsim.analysis.studies.sensitivity import Sensitivity
from marketsim.analysis.studies.table import FAILED, OK
from marketsim.metrics.wording import number

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS: Final = 60
_MOST_FAILURES: Final = 5


class _Column(NamedTuple):
    label: str
    kpi: str
    form: str
    """Format of a value; empty: as long as its size asks for."""
    over_seeds: str = "mean"
    scale: float = 1.0
    incident: bool = False
    """Shown only where it happened."""


_COLUMNS: Final = (
    _Column("V min p.u.", "voltage_min_pu", "{:.4f}", "min"),
    _Column("V max p.u.", "voltage_max_pu", "{:.4f}", "max"),
    _Column("loading %", "loading_max_percent", "{:.1f}", "max"),
    _Column("slots out", "slots_with_violation", "{:.4g}", incident=True),
    _Column("refused kWh", "rejected_kwh", "", incident=True),
    _Column("curtailed kWh", "curtailed_kwh", "", incident=True),
    _Column("EVs missed kWh", "ev_unserved_kwh", "", incident=True),
    _Column("by peers %", "p2p_share", "{:.1f}", scale=100.0),
    _Column("FTG", "ftg", "{:.3f}"),
    _Column("FBS", "fbs", "{:.3f}"),
    _Column("consumers pay", "consumer_cost", ""),
    _Column("worst-off %", "worst_off_saving", "{:.1f}", scale=100.0),
)
"""What decides: the feeder, then the market, then the money."""


class ScreenTable(NamedTuple):
    """Head and rows of text."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...]
    """Columns of numbers."""
    notes: tuple[str, ...]


def screen_table(plan: StudyPlan, table: pd.DataFrame, moved: Sequence[Sensitivity] = ()) -> ScreenTable:
    """The table of a study for people: its points, or for a sampled design what moves what."""
    columns = [column for column in _COLUMNS if _says_something(column, table)]
    if plan.design != GRID and moved:
        return _influences(plan, table, columns, moved)
    return _points(plan, table, columns)


def _points(plan: StudyPlan, table: pd.DataFrame, columns: Sequence[_Column]) -> ScreenTable:
    points = list(table.groupby("point", sort=True))
    rows = tuple(
        (*(_value(rows[path].iloc[0]) for path in plan.paths), *(_cell(column, rows) for column in columns))
        for _, rows in points[:MOST_ROWS]
    )
    more = len(points) - MOST_ROWS
    numeric = [place for place, path in enumerate(plan.paths) if table[path].dtype != object]
    first = len(plan.paths)
    return ScreenTable(
        _title(plan, table),
        (*plan.paths, *(column.label for column in columns)),
        rows,
        (*numeric, *range(first, first + len(columns))),
        (f"... and {more} more points in study.csv.",) if more > 0 else (),
    )


def _influences(
    plan: StudyPlan, table: pd.DataFrame, columns: Sequence[_Column], moved: Sequence[Sensitivity]
) -> ScreenTable:
    """A row a KPI and axis."""
    good = table[table["status"] == OK]
    rows = []
    for column in columns:
        values = column.scale * good[column.kpi].astype("float64")
        span = f"{_text(column, float(values.min()))} to {_text(column, float(values.max()))}"
        for each in (each for each in moved if each.kpi == column.kpi):
            interval = "" if each.low is None or each.high is None else f"{each.low:.2f} to {each.high:.2f}"
            total = "" if each.total is None else f"{each.total:.2f}"
            rows.append((column.label, span, each.axis, f"{each.value:.2f}", interval, total))
            span = ""
    measure = "Sobol, first order" if plan.design == SOBOL else "rank correlation"
    head = ("KPI", "from .. to", "moved by", measure, "95 % interval", "Sobol, total")
    cut = len(head) if plan.design == SOBOL else len(head) - 1
    return ScreenTable(_title(plan, table), head[:cut], tuple(row[:cut] for row in rows), (1, 3, 4, 5)[: cut - 2], ())


def _title(plan: StudyPlan, table: pd.DataFrame) -> str:
    failed = int((table["status"] == FAILED).sum())
    seeds = f"{len(plan.seeds)} seeds (means)" if len(plan.seeds) > 1 else f"seed {plan.seeds[0]}"
    grid = " x ".join(str(len(axis.levels)) for axis in plan.axes)
    what = grid if plan.design == GRID else f"{len(plan.points)} {plan.design}"
    trouble = f", {failed} of them failed" if failed else ""
    return f"{plan.scenario.name}: {what} points, {seeds}, {plan.n_runs} runs{trouble}"


def _says_something(column: _Column, table: pd.DataFrame) -> bool:
    if column.kpi not in table or table[column.kpi].isna().all():
        return False
    if column.kpi == "curtailed_kwh" and table["curtailed_kwh"].equals(table["rejected_kwh"]):
        return False  # stands beside it already
    return not column.incident or bool((table[column.kpi].fillna(0) != 0).any())


def _cell(column: _Column, rows: pd.DataFrame) -> str:
    values = rows.loc[rows["status"] == OK, column.kpi].dropna().astype("float64")
    if values.empty:
        return "-"
    return _text(column, column.scale * float(getattr(values, column.over_seeds)()))


def _text(column: _Column, value: float) -> str:
    return column.form.format(value) if column.form else number(value)


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def failures(table: pd.DataFrame) -> list[str]:
    """What failed, each error once, with the runs that it stopped."""
    failed = table[table["status"] == FAILED]
    lines = []
    for error, rows in list(failed.groupby("error", sort=False))[:_MOST_FAILURES]:
        runs = ", ".join(str(run) for run in rows["run"].head(8)) + (", ..." if len(rows) > 8 else "")
        lines.append(f"Failed (run {runs}): {error}")
    kinds = failed["error"].nunique()
    if kinds > _MOST_FAILURES:
        lines.append(f"... and {kinds - _MOST_FAILURES} other errors in study.csv.")
    return lines
