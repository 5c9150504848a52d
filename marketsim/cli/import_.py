"""``marketsim import``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from marketsim.cli.options import overrides_of, plugin_option, teller
from marketsim.cli.saying import say

if TYPE_CHECKING:
    from marketsim.app.importing import ImportDone
    from marketsim.scenario.origin import ComparedSum

_MOST_ROWS: Final = 12


@click.command("import")
@click.argument("name")
@click.argument("source")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="New folder to make.")
@click.option(
    "--set",
    "options",
    metavar="KEY=VALUE",
    multiple=True,
    help="A parameter of the importer (repeatable); marketsim plugins show NAME lists them.",
)
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def import_(
    name: str, source: str, out: Path, options: tuple[str, ...], plugin_files: tuple[Path, ...], as_json: bool
) -> None:
    """Make a scenario that runs at once of data of others: SOURCE, read by the importer NAME.

    Writes a folder with scenario.yaml, its tables and import.json: what was taken, assumed and left out, and the energies of
    source and tables side by side. marketsim plugins list --kind importer lists the importers.
    """
    from marketsim.app.importing import import_scenario
    from marketsim.app.ready import full_registry

    registry = full_registry(plugin_files, teller(quiet=as_json))
    done = import_scenario(name, source, out, overrides_of(options, None), registry=registry)
    if as_json:
        report = done.report.model_dump(mode="json")
        say(json.dumps({"folder": str(done.folder), "scenario": str(done.scenario), **report}, indent=2))
        return
    _tell(done)


def _tell(done: ImportDone) -> None:
    report = done.report
    say(f"Imported {report.source} by {report.importer} into {done.folder}: {done.agents} agents.")
    for head, sentences in (
        ("Taken", report.taken),
        ("Assumed", report.assumed),
        ("LEFT OUT", report.left_out),
    ):
        if sentences:
            say(f"\n{head}:")
            for sentence in sentences:
                say(f"  - {sentence}")
    if report.sums:
        say("\nSource and what was written, read back as a run reads it:")
        _tell_sums(report.sums)
    say(f"\nRun it: marketsim run {done.scenario}")


def _tell_sums(sums: Sequence[ComparedSum]) -> None:
    from marketsim.cli.tables import table

    def share(each: ComparedSum) -> float:
        return abs(each.written_sum - each.source_sum) / abs(each.source_sum) if each.source_sum else 0.0

    rows = [
        (each.what, each.source, f"{each.source_sum:.3f} {each.unit}", f"{each.written_sum:.3f} {each.unit}")
        for each in sums[:_MOST_ROWS]
    ]
    table(("what", "in the source", "sum", "written"), rows, right=(2, 3))
    more = len(sums) - len(rows)
    rest = f"{more} more in import.json; " if more else ""
    say(f"{rest}the largest difference of {len(sums)} sums is {100 * max(map(share, sums)):.2g} %.")
