"""What the commands that answer a question about a feeder share: JSON, files, and what they say while they work."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import click

from marketsim.cli.saying import say

AnswerRows = Sequence[Mapping[str, object]]


class AskedAnswer(NamedTuple):
    """How a command is to answer."""

    out: str | None = None
    """File for the whole answer, .json or .csv."""
    as_json: bool = False
    """Whether it is printed as JSON."""
    force: bool = False
    """Whether files that are there may be replaced."""

    @property
    def tell(self) -> Callable[[str], None] | None:
        """Says on a terminal's standard error what is being done; None where nobody reads it."""
        if self.as_json or not sys.stderr.isatty():
            return None
        return lambda text: say(f"{text} ...", err=True)

    def give(self, document: Mapping[str, object], rows: AnswerRows) -> bool:
        """Write it, and print the JSON; whether there is nothing more to print. InputError if it cannot be written."""
        text = json.dumps(document, indent=2)
        if self.out is not None:
            path = Path(self.out)
            write_out(path, f"{text}\n" if path.suffix == ".json" else _csv(rows))
        if self.as_json:
            say(text)
        return self.as_json


def answer_options(what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """``--out``, ``--force`` and ``--json``, which the command gets as one: ``answer``; CSV has a row for each ``what``.

    A file that cannot be is refused before anything is computed.
    """
    out_help = f"Also write the whole answer to a file: .json, or .csv with a row for each {what}."

    def add(function: Callable[..., None]) -> Callable[..., None]:
        @click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help=out_help)
        @click.option("--force", is_flag=True, help="Replace the file in --out.")
        @click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
        @wraps(function)
        def command(out: str | None, force: bool, as_json: bool, **others: Any) -> None:
            check_out(out, force=force)
            function(answer=AskedAnswer(out, as_json, force), **others)

        return command

    return add


def check_out(out: str | None, *, force: bool = False) -> None:
    """UsageError or InputError for a file that no answer can be written to, before anything is computed."""
    from marketsim.core.errors import InputError
    from marketsim.core.files import demand_new

    if out is None:
        return
    path = Path(out)
    if path.suffix not in (".json", ".csv"):
        raise click.BadParameter(f"{out!r} ends neither in .json nor in .csv", param_hint="'--out'")
    if not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(path.parent)!r}", param_hint="'--out'")
    demand_new(path, InputError, force=force)


def write_out(path: Path, text: str) -> None:
    """Put the file of ``--out`` in place; InputError where that is not possible."""
    from marketsim.core.errors import InputError
    from marketsim.core.files import replace

    try:
        replace(path, text, durable=False)
    except OSError as error:
        raise InputError(f"--out: {path} cannot be written ({error.strerror})") from error


def _csv(rows: AnswerRows) -> str:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
