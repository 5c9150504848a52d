"""``marketsim data check``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from marketsim.cli.options import overrides_of, set_option, trust_option
from marketsim.cli.saying import say
from marketsim.cli.tables import table

if TYPE_CHECKING:
    from marketsim.app.checked_data import CheckedData


@click.group()
def data() -> None:
    """Say what tables of your own mean, and how a scenario reads them."""


@data.command()
@click.argument("file", type=click.Path())
@click.option("--scenario", type=click.Path(), metavar="FILE", help="Look for the columns of its agents.")
@click.option("--begins", metavar="TIME", help="When the first row begins, where no column tells times.")
@click.option(
    "--step-minutes", type=int, metavar="MINUTES", help="How long each row lasts, where no column tells times."
)
@set_option
@trust_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def check(
    file: str,
    scenario: str | None,
    begins: str | None,
    step_minutes: int | None,
    overrides: tuple[str, ...],
    trust: bool,
    as_json: bool,
) -> None:
    """Read the table FILE (.csv, .txt, .tsv or .parquet) and say what it was taken for.

    Separator, decimals, times, layout and units are guessed; each series is held against what households and plants have. At
    the end stand sections of a scenario that reads it, to be pasted. Exit code 0 if it can be used so, 2 if not.
    """
    from marketsim.app.data_check import check_data
    from marketsim.core.errors import InputError

    try:
        checked = check_data(
            file, scenario, overrides_of(overrides, None), begins=begins, step_minutes=step_minutes, trust=trust
        )
    except InputError as error:
        if not as_json:
            raise
        say(json.dumps({"usable": False, "problems": [problem._asdict() for problem in error.problems]}, indent=2))
        raise SystemExit(error.exit_code) from error
    if as_json:
        say(json.dumps(checked.document(), indent=2))
    else:
        _tell(checked)
    if not checked.usable:
        raise SystemExit(2)


def _tell(checked: CheckedData) -> None:
    from marketsim.app.checked_data import HEAD, MOST_ROWS, NUMBERS

    found = checked.found
    say(f"{checked.file}: {checked.extent}")
    say(f"Taken as: {checked.taken_as}.")
    say()
    table(HEAD, checked.rows, right=NUMBERS)
    if len(found.facts) > MOST_ROWS:
        say(f"... and {len(found.facts) - MOST_ROWS} more; --json has all.")
    ranges = dict.fromkeys(each.range.words for each in found.facts if each.range is not None)
    if ranges:
        say(f"Plausible: {'; '.join(ranges)}.")
    for remark in checked.remarks:
        say(f"- {remark}")
    for problem in checked.problems:
        say(f"! {problem}")
    say()
    if not checked.sections:
        say("No series can be used as it stands.")
        return
    say("# To be pasted into a scenario beside the file; names and prices are yours to change.")
    say(checked.text.rstrip())
