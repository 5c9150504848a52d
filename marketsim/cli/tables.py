"""Tables on standard output: boxed on a terminal, plain columns in a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich import box
from rich.console import Console
from rich.table import Table

from marketsim.core.plain_text import harmless
from marketsim.metrics.wording import number

__all__ = ["console", "number", "percent", "progress_bar", "table"]


def console(*, stderr: bool = False) -> Console:
    """A console that writes full lines to pipes."""
    made = Console(stderr=stderr, highlight=False, markup=False)
    return (
        made if made.is_terminal else Console(stderr=stderr, highlight=False, markup=False, width=200, soft_wrap=True)
    )


def percent(share: float | None) -> str:
    """A share in per cent; a dash where it is undefined."""
    return "-" if share is None else f"{100 * share:.1f} %"


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None, right: Sequence[int] = ()
) -> None:
    """Print rows under a head; columns listed in ``right`` are numbers."""
    out = console()
    grid = Table(
        title=None if title is None else harmless(title),
        title_justify="left",
        box=box.SIMPLE_HEAD if out.is_terminal else None,
        pad_edge=False,
    )
    for position, text in enumerate(head):
        grid.add_column(harmless(text), justify="right" if position in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*map(harmless, row))
    out.print(grid)


class Advance(Protocol):
    """Moves a progress bar on."""

    def __call__(self, done: int, total: int, told: str = "") -> None:
        """``told`` stands behind the bar."""
        ...


def can_draw() -> bool:
    """Whether standard error is a terminal whose lines can be written over; that of ``!marketsim`` in a notebook is none."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and "JPY_PARENT_PID" not in os.environ


@contextmanager
def progress_bar(name: str, unit: str, *, quiet: bool = False, elapsed: bool = False) -> Iterator[Advance | None]:
    """What moves a bar on standard error on; None if nobody wants to see it, or that is no terminal that can be drawn on.

    It tells the time that is left, or with ``elapsed`` the time that has gone by.
    """
    if quiet or not can_draw():
        yield None
        return
    from rich import progress as bars

    head = (bars.TextColumn(harmless(name)), bars.BarColumn(), bars.MofNCompleteColumn(), bars.TextColumn(unit))
    tail = (bars.TimeElapsedColumn() if elapsed else bars.TimeRemainingColumn(), bars.TextColumn("{task.fields[told]}"))
    with bars.Progress(*head, *tail, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None, told="")

        def advance(done: int, total: int, told: str = "") -> None:
            bar.update(task, completed=done, total=total, told=told)

        yield advance
