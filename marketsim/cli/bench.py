"""``marketsim bench``."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import version

import click

from marketsim.cli.tables import number, table

_PARTS = ("matching", "grid", "day", "process", "scale", "year", "learning")


@click.command()
@click.option("--only", type=click.Choice(_PARTS), multiple=True, help="Measure these parts only (repeatable).")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def bench(only: tuple[str, ...], as_json: bool) -> None:
    """Measure the program against references, in one run.

    Results are checked against their references before a time is reported. Ratios are taken in one run; absolute times
    move with the machine by a factor of two. All parts take about five minutes.
    """
    rows = [row for part in _measured(only or _PARTS) for row in part()]
    if as_json:
        click.echo(json.dumps([{**row._asdict(), "met": row.met} for row in rows], indent=2))
        return
    shown = []
    for row in rows:
        sign = ">=" if row.higher_is_better else "<="
        stretch = "" if row.stretch is None else f" ({number(row.stretch)})"
        target = f"{sign} {number(row.target)}{stretch}"
        shown.append((row.name, f"{number(row.value)} {row.unit}", target, "yes" if row.met else "NO", row.detail))
    versions = ", ".join(f"{name} {version(name)}" for name in ("marketsim", "numpy", "numba", "pandapower"))
    table(("what", "value", "target (stretch)", "met", "workload"), shown, right=(1,))
    click.echo(f"Python {platform.python_version()}, {versions}.")


def _measured(parts: tuple[str, ...]) -> Iterator[Callable[[], list]]:  # type: ignore[type-arg]
    from marketsim.analysis.bench import grid, learning, matching, process, runs

    one_runpp_s = grid.runpp_s() if {"grid", "day"} & set(parts) else 0.0
    known = {
        "matching": matching.rows,
        "grid": lambda: grid.rows(one_runpp_s),
        "day": lambda: runs.day_rows(one_runpp_s),
        "process": process.rows,
        "scale": runs.scale_rows,
        "year": runs.year_rows,
        "learning": learning.rows,
    }
    for part in parts:
        yield known[part]
