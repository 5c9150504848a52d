"""``marketsim feeder``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from marketsim.cli.options import plugin_option, teller
from marketsim.cli.saying import say

if TYPE_CHECKING:
    from marketsim.app.feeder_table import FeederTable
    from marketsim.grid.net.bus_table import BusRow

_HOW: Final = (
    "An agent sits at `bus: <agents: bus>`; a group takes `buses: [...]` of these in turn, `buses: loads` all with a load, and "
    "`buses: {sample: loads}` draws from them."
)


@click.command()
@click.argument("spec")
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def feeder(spec: str, plugin_files: tuple[Path, ...], as_json: bool) -> None:
    """List the buses of the feeder SPEC: where an agent can sit, and what `bus:` says for it.

    SPEC is what grid.feeder says: feeder141, pandapower:NETWORK, simbench:CODE, file:NET.json, or a plugin's.
    """
    from marketsim.app.feeder_table import feeder_table
    from marketsim.app.ready import full_registry

    found = feeder_table(spec, full_registry(plugin_files, teller(quiet=as_json)))
    if as_json:
        say(json.dumps(_document(found), indent=2))
        return
    _tell(found)


def _document(found: FeederTable) -> dict[str, object]:
    return {
        "feeder": found.name,
        "lines": found.lines,
        "transformers": found.transformers,
        "sources": [each._asdict() for each in found.sources],
        "buses": [{**asdict(row), "takes_agents": row.takes_agents} for row in found.buses],
        "notes": list(found.notes),
    }


def _tell(found: FeederTable) -> None:
    from marketsim.cli.tables import table

    seats = [row for row in found.buses if row.takes_agents]
    loads = [row for row in seats if row.load_kw or row.load_kvar]
    source = ", ".join(f"bus {each.bus} at {each.v_pu:g} p.u." for each in found.sources)
    say(
        f"{found.name}: {len(found.buses)} buses, {found.lines} lines, {found.transformers} transformers; source: {source}; "
        f"{len(seats)} buses take agents, {len(loads)} have a nominal load ({sum(row.load_kw for row in loads):.1f} kW)."
    )
    head = ("index", "name", "agents: bus", "kV", "load kW", "load kvar", "area", "remark")
    table(head, [_cells(row) for row in found.buses], right=(0, 3, 4, 5, 6))
    say(_HOW)
    for note in found.notes:
        say(note)


def _cells(row: BusRow) -> tuple[str, ...]:
    area = f"island {row.island}" if row.island is not None else "" if row.area is None else str(row.area)
    return (
        "" if row.index is None else str(row.index),
        row.name,
        "-" if row.refer is None else row.refer,
        f"{row.kv:g}",
        f"{row.load_kw:g}" if row.load_kw else "",
        f"{row.load_kvar:g}" if row.load_kvar else "",
        area,
        row.remark,
    )
