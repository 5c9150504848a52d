"""``marketsim report``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="RUN|STUDY", type=click.Path())
@click.option("--out", type=click.Path(), metavar="FILE", help="File to write [default: report.html in the folder].")
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
def report(folder: str, out: str | None, show: bool) -> None:
    """Write the report of a run or a study: one HTML file that needs no network.

    RUN is a run folder, complete or not: an interrupted run is reported as far as it came.
    """
    from marketsim.report.write import report_folder

    path = report_folder(Path(folder), None if out is None else Path(out))
    click.echo(f"Written to {path} ({path.stat().st_size / 1e6:.1f} MB).")
    if show:
        click.launch(str(path))
