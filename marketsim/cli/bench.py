"""``marketsim bench``."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import click

from marketsim.cli.saying import say
from marketsim.cli.tables import number, table

if TYPE_CHECKING:
    from marketsim.analysis.bench.rows import BenchRow

_PARTS: Final = (
    *("matching", "grid", "nets", "day", "rollouts", "setpoints", "experts", "sharing", "process", "scale", "year"),
    *("learning", "updates"),
)


@click.command()
@click.option("--only", type=click.Choice(_PARTS), multiple=True, help="Measure these parts only (repeatable).")
@click.option("--scale", is_flag=True, help="Show how time and memory of runs and updates grow instead.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def bench(only: tuple[str, ...], scale: bool, as_json: bool) -> None:
    """Measure the program against references, in one run.

    Results are checked against their references before a time is reported. Ratios are taken in one run; absolute times
    move with the machine by a factor of two. All parts take about five minutes.
    """
    rows = _measured(("growth", "crowd", *only) if scale else only or _PARTS)
    if as_json:
        say(json.dumps([{**row._asdict(), "met": row.met} for row in rows], indent=2))
        return
    shown = []
    for row in rows:
        met = {None: "", True: "yes", False: "NO"}[row.met]
        shown.append((row.name, f"{number(row.value)} {row.unit}", _target(row), met, row.detail))
    versions = ", ".join(f"{name} {version(name)}" for name in ("marketsim", "numpy", "numba", "pandapower"))
    table(("what", "value", "target (stretch)", "met", "workload"), shown, right=(1,))
    say(f"Python {platform.python_version()}, {versions}.")


def _target(row: BenchRow) -> str:
    if row.target is None:
        return ""
    stretch = "" if row.stretch is None else f" ({number(row.stretch)})"
    return f"{'>=' if row.higher_is_better else '<='} {number(row.target)}{stretch}"


def _measured(parts: tuple[str, ...]) -> list[BenchRow]:
    """Rows of all parts; says on a terminal which one is under way."""
    from marketsim.analysis.bench import (
        experts,
        grid,
        growth,
        learning,
        matching,
        nets,
        process,
        rollouts,
        runs,
        setpoints,
        sharing,
        updates,
    )

    one_runpp_s = grid.runpp_s() if {"grid", "day"} & set(parts) else 0.0
    known: dict[str, Callable[[], list[BenchRow]]] = {
        "matching": matching.rows,
        "grid": lambda: grid.rows(one_runpp_s),
        "day": lambda: runs.day_rows(one_runpp_s),
        "nets": nets.rows,
        "rollouts": rollouts.rows,
        "setpoints": setpoints.rows,
        "experts": experts.rows,
        "sharing": sharing.rows,
        "growth": growth.rows,
        "process": process.rows,
        "scale": runs.scale_rows,
        "year": runs.year_rows,
        "learning": learning.rows,
        "updates": updates.rows,
        "crowd": updates.crowd_rows,
    }
    rows: list[BenchRow] = []
    for place, part in enumerate(parts, start=1):
        if sys.stderr.isatty():
            say(f"[{place}/{len(parts)}] measuring {part} ...", err=True)
        rows += known[part]()
    return rows
