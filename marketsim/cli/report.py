"""``marketsim report``."""

from __future__ import annotations

from pathlib import Path

import click

from marketsim.cli.options import trust_option
from marketsim.cli.saying import say


@click.command()
@click.argument("folder", metavar="RUN|STUDY", type=click.Path())
@click.option("--out", type=click.Path(), metavar="FILE", help="File to write [default: report.html in the folder].")
@click.option("--force", is_flag=True, help="Replace the file in --out.")
@trust_option
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
def report(folder: str, out: str | None, force: bool, trust: bool, show: bool) -> None:
    """Write the report of a run or a study: one HTML file that needs no network.

    RUN is a run folder, complete or not: an interrupted run is reported as far as it came. No plugin is loaded and
    nothing outside the folder is read; what would need that is left out, which the page says, unless you --trust it.
    """
    from marketsim.report.write import report_folder

    made = report_folder(Path(folder), None if out is None else Path(out), force=force, trust=trust)
    say(f"Written to {made.path} ({made.path.stat().st_size / 1e6:.1f} MB).")
    for text in made.left_out:
        say(text, err=True)
    if show:
        click.launch(str(made.path))
