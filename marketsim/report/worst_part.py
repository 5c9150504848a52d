"""The tables of a planner: the worst buses and the most loaded branches of a run, as texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from marketsim.metrics.wording import number
from marketsim.results.worst import WorstElements, branch_table, bus_table

MOST_ROWS: Final = 10
BUS_HEAD: Final = (
    ("Bus", ""),
    ("Below", "h"),
    ("Above", "h"),
    ("Beyond the band", "p.u."),
    ("Beyond the band", "V"),
    ("Lowest", "p.u."),
    ("Lowest", "V"),
    ("Lowest at", ""),
    ("Highest", "p.u."),
    ("Highest", "V"),
    ("Highest at", ""),
)
BRANCH_HEAD: Final = (
    ("Branch", ""),
    ("Over the limit", "h"),
    ("Loading", "%"),
    ("At", ""),
    ("Current", "A"),
    ("Limit", "A"),
    ("Power", "kVA"),
    ("Limit", "kVA"),
)
"""Label and unit of the columns."""


class WorstTable(NamedTuple):
    """Heads with units, and rows of text."""

    head: tuple[tuple[str, str], ...]
    rows: Sequence[tuple[str, ...]]
    said: str
    """How many are outside, in a sentence."""


def worst_buses(found: WorstElements, begins: Any) -> WorstTable:
    """The buses that a planner looks at first."""
    every = bus_table(found, begins, None)
    out = int(((every["hours_below"] + every["hours_above"]) > 0.0).sum())
    rows = [
        (
            str(name),
            _hours(row["hours_below"]),
            _hours(row["hours_above"]),
            number(row["depth_pu"], "p.u."),
            _volts(row["depth_v"]),
            number(row["v_min_pu"], "p.u."),
            _volts(row["v_min_v"]),
            _at(row["v_min_at"]),
            number(row["v_max_pu"], "p.u."),
            _volts(row["v_max_v"]),
            _at(row["v_max_at"]),
        )
        for name, row in every.head(MOST_ROWS).iterrows()
    ]
    said = _said(out, len(every), "bus", "buses", "out of band", "those nearest to a limit follow")
    return WorstTable(BUS_HEAD, rows, said)


def worst_branches(found: WorstElements, begins: Any) -> WorstTable:
    """The branches that a planner looks at first; none where none has a rating."""
    every = branch_table(found, begins, None)
    out = int((every["hours_over"] > 0.0).sum())
    rows = [
        (
            str(name),
            _hours(row["hours_over"]),
            f"{row['loading_percent']:.1f}",
            _at(row["at"]),
            *(number(float(row[key])) for key in ("current_a", "limit_a", "power_kva", "limit_kva")),
        )
        for name, row in every.head(MOST_ROWS).iterrows()
    ]
    said = _said(out, len(every), "rated branch", "rated branches", "overloaded", "the most loaded follow")
    return WorstTable(BRANCH_HEAD, rows, said)


def _said(out: int, size: int, one: str, several: str, state: str, rest: str) -> str:
    noun = one if size == 1 else several
    if not out:
        return f"None of {size:,} {noun} was ever {state}; {rest}."
    return f"{out:,} of {size:,} {noun} {'was' if out == 1 else 'were'} {state}."


def _hours(hours: float) -> str:
    return f"{hours:,.2f}".rstrip("0").rstrip(".")


def _volts(volts: float) -> str:
    return f"{volts:,.1f}" if abs(volts) < 1_000.0 else f"{volts:,.0f}"


def _at(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
