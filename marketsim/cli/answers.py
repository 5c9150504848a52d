"""What the commands that answer a question about a feeder share: JSON, files, and what they say while they work."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from marketsim.cli.saying import say

F = TypeVar("F", bound=Callable[..., Any])
AnswerRows = Sequence[Mapping[str, object]]


def answer_options(what: str) -> Callable[[F], F]:
    """``--out``, ``--force`` and ``--json``; a CSV file gets a row for each ``what``."""

    def add(function: F) -> F:
        out = f"Also write the whole answer to a file: .json, or .csv with a row for each {what}."
        function = click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")(function)
        function = click.option("--force", is_flag=True, help="Replace the file in --out.")(function)
        return click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help=out)(function)

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


def teller(as_json: bool) -> Callable[[str], None] | None:
    """Says on a terminal's standard error what is being done; None where nobody reads it."""
    if as_json or not sys.stderr.isatty():
        return None
    return lambda text: say(f"{text} ...", err=True)


def give(document: Mapping[str, object], rows: AnswerRows, *, as_json: bool, out: str | None) -> bool:
    """Write ``--out`` and print ``--json``; whether there is nothing more to print. InputError if it cannot be written."""
    if out is not None:
        _write(Path(out), document, rows)
    if as_json:
        say(json.dumps(document, indent=2))
    return as_json


def _write(path: Path, document: Mapping[str, object], rows: AnswerRows) -> None:
    from marketsim.core.errors import InputError
    from marketsim.core.files import replace

    try:
        replace(path, json.dumps(document, indent=2) + "\n" if path.suffix == ".json" else _csv(rows), durable=False)
    except OSError as error:
        raise InputError(f"--out: {path} cannot be written ({error.strerror})") from error


def _csv(rows: AnswerRows) -> str:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
