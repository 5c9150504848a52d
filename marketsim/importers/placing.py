"""Where the agents sit, of data that know no feeder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from marketsim.core.build import ImportContext
from marketsim.core.errors import ImportedDataError
from marketsim.core.files import MIB, read_bytes
from marketsim.importers.params import FeederChoice
from marketsim.importers.source import refused

NET: Final = "net.json"
_FILE: Final = "file:"


class Placing(NamedTuple):
    """A feeder and its buses."""

    grid: Mapping[str, Any]
    """Section of the scenario; empty: no grid."""
    buses: tuple[str, ...]
    """Taken in turn; empty without a grid."""
    tables: Mapping[str, bytes]
    """The net, where it is a file."""
    told: str

    def of(self, place: int) -> dict[str, str]:
        """``bus:`` of the agent at a place."""
        return {"bus": self.buses[place % len(self.buses)]} if self.buses else {}


def placing(params: FeederChoice, context: ImportContext) -> Placing:
    """What the parameters choose; NetworkError for a feeder that there is not."""
    if params.feeder is None:
        return Placing({}, (), {}, "The data know no feeder, and none was chosen (feeder): no grid limits trade")
    buses = tuple(map(str, params.buses or ())) or context.buses(params.feeder).loaded
    if not buses:
        hint = f"name buses by --set buses=[...]; marketsim feeder {params.feeder} lists them"
        raise refused("the feeder has no bus with a load", value=params.feeder, hint=hint)
    told = f"The data know no feeder: agents sit in turn on {len(buses)} buses of {params.feeder}"
    if not params.feeder.startswith(_FILE):
        return Placing({"feeder": params.feeder}, buses, {}, told)
    data = read_bytes(Path(params.feeder.removeprefix(_FILE).strip()), 64 * MIB, ImportedDataError)
    return Placing({"feeder": f"{_FILE}{NET}"}, buses, {NET: data}, told)
