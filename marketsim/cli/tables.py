"""Tables on standard output: boxed on a terminal, plain columns in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.table import Table

from marketsim.cli.saying import say
from marketsim.core.plain_text import harmless
from marketsim.metrics.wording import number

__all__ = ["console", "number", "progress_bar", "table", "tell"]


def console(*, stderr: bool = False) -> Console:
    """A console that writes full lines to pipes."""
    made = Console(stderr=stderr, highlight=False, markup=False)
    return (
        made if made.is_terminal else Console(stderr=stderr, highlight=False, markup=False, width=200, soft_wrap=True)
    )


def tell(text: str) -> None:
    """Print a line that may hold texts of a stranger."""
    say(text)


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


@contextmanager
def progress_bar(name: str, unit: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """``advance(done, total)`` of a bar on standard error; None if that is no terminal or nobody wants to see it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(harmless(name)), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance
