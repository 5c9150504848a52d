"""``marketsim data check``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from marketsim.cli.options import overrides_of, set_option, trust_option
from marketsim.cli.saying import say
from marketsim.cli.tables import table
from marketsim.metrics.wording import number
from marketsim.scenario.dump import flow

if TYPE_CHECKING:
    from marketsim.app.data_check import CheckedData
    from marketsim.profiles.understand.series_facts import SeriesFacts

_HEAD = ("series", "for", "holds", "kWh a day", "largest kW", "missing", "from", "until", "plausible")
_RIGHT = (3, 4, 5)
_MOST_ROWS = 60
"""Series that are shown; ``--json`` has all."""


@click.group()
def data() -> None:
    """Say what tables of your own mean, and how a scenario reads them."""


@data.command()
@click.argument("file", type=click.Path())
@click.option("--scenario", type=click.Path(), metavar="FILE", help="Look for the columns of its agents.")
@set_option
@trust_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def check(file: str, scenario: str | None, overrides: tuple[str, ...], trust: bool, as_json: bool) -> None:
    """Read the table FILE (.csv, .txt, .tsv or .parquet) and say what it was taken for.

    Separator, decimals, times, layout and units are guessed; each series is held against what households and plants have. At
    the end stand sections of a scenario that reads it, to be pasted. Exit code 0 if it can be used so, 2 if not.
    """
    from marketsim.app.data_check import check_data
    from marketsim.core.errors import InputError

    try:
        checked = check_data(file, scenario, overrides_of(overrides, None), trust=trust)
    except InputError as error:
        if not as_json:
            raise
        say(json.dumps({"usable": False, "problems": [problem._asdict() for problem in error.problems]}, indent=2))
        raise SystemExit(error.exit_code) from error
    if as_json:
        say(json.dumps(_document(file, checked), indent=2))
    else:
        _tell(file, checked)
    if not _usable(checked):
        raise SystemExit(2)


def _usable(checked: CheckedData) -> bool:
    return bool(checked.sections) and not checked.problems


def _document(file: str, checked: CheckedData) -> dict[str, object]:
    found = checked.found
    return {
        "usable": _usable(checked),
        "file": file,
        "rows": len(found.sheet.table.lines),
        "form": found.form,
        "series": [_facts(each) for each in found.facts],
        "remarks": [*found.remarks, *checked.notes],
        "problems": [problem._asdict() for problem in checked.problems],
        "sections": checked.sections,
        "text": checked.text,
    }


def _facts(each: SeriesFacts) -> dict[str, object]:
    known = each.first is not None
    gap = each.longest_gap
    return {
        "name": each.name,
        "for": each.role,
        "values": each.values,
        "begins": str(each.first) if known else None,
        "ends": str(each.last) if known else None,
        "step_minutes": None if each.steps is None else each.steps.hours * 60,
        "kwh_a_day": each.kwh_a_day if known else None,
        "largest_kw": each.largest_kw if known else None,
        "missing": each.n_missing,
        "longest_gap": None if gap is None else {"begins": str(gap.begins), "minutes": gap.lasts.total_seconds() / 60},
        "negative": each.n_negative,
        "spikes": [{"begins": str(begins), "kw": kw, "line": line} for begins, kw, line in each.spikes],
        "plausible": each.is_plausible if known else None,
        "range": None if each.range is None else each.range.words,
    }


def _tell(file: str, checked: CheckedData) -> None:
    found = checked.found
    step = next((each.steps for each in found.facts if each.steps is not None), None)
    steps = "" if step is None else f", steps of {step.hours * 60:g} minutes"
    say(f"{file}: {len(found.sheet.table.lines)} rows, {len(found.facts)} series{steps}")
    written = [f"{key}: {flow(value)}" for key, value in found.form.items() if key != "path"]
    say(f"Taken as: {', '.join(written) or 'plain CSV with a column time'}.")
    say()
    table(_HEAD, [_row(each) for each in found.facts[:_MOST_ROWS]], right=_RIGHT)
    if len(found.facts) > _MOST_ROWS:
        say(f"... and {len(found.facts) - _MOST_ROWS} more; --json has all.")
    ranges = dict.fromkeys(each.range.words for each in found.facts if each.range is not None)
    if ranges:
        say(f"Plausible: {'; '.join(ranges)}.")
    for remark in (*found.remarks, *checked.notes):
        say(f"- {remark}")
    for problem in checked.problems:
        say(f"! {problem}")
    say()
    if not checked.sections:
        say("No series can be used as it stands.")
        return
    say("# To be pasted into a scenario beside the file; names and prices are yours to change.")
    say(checked.text.rstrip())


def _row(each: SeriesFacts) -> tuple[str, ...]:
    what = {"export": "fed in", "part": "part of a load", "other": "-"}.get(each.role, each.role)
    if each.first is None or each.last is None:
        return each.name, what, "?", "-", "-", "-", "-", "-", "not read"
    judged = "-" if each.range is None or each.values is None else "yes" if each.is_plausible else "NO"
    return (
        each.name,
        what,
        each.values or "?",
        number(each.kwh_a_day),
        number(each.largest_kw),
        str(each.n_missing),
        f"{each.first:%Y-%m-%d %H:%M}",
        f"{each.last:%Y-%m-%d %H:%M}",
        judged,
    )
