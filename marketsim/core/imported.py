"""What an importer makes of data of others: a scenario, the tables that it names, and what became of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

Held: TypeAlias = Literal["series", "sessions", "agents"]
HELD: Final = ("series", "sessions", "agents")
"""Where a quantity stands that was imported: a column of a table of series, the sessions of a vehicle, or a key of agents."""


class ImportedQuantity(NamedTuple):
    """A sum over the source, which has to stand in what was written, too."""

    what: str
    """In words, such as ``load of Building_1``."""
    source: str
    """File of the source and what in it, such as ``Building_1.csv: non_shiftable_load``."""
    amount: float
    """Sum over what was taken of the source, in ``unit``."""
    unit: str
    """``kWh`` of series and sessions; of agents that of the key."""
    held: Held
    """``series``: energy of a column; ``sessions``: energy that a vehicle lacks on arrival, all of its sessions together;
    ``agents``: a number that agents have."""
    file: str
    """Table that was written; empty for agents."""
    column: str
    """Its column or its vehicle; of agents the path of the key, such as ``load.peak_kw`` or ``battery.energy_kwh``."""


class ImportedScenario(NamedTuple):
    """A scenario made of data of others."""

    scenario: Mapping[str, Any]
    """As a scenario file holds it; the tables are named by their file names alone."""
    tables: Mapping[str, bytes]
    """Files beside the scenario by file name."""
    sources: Mapping[str, str]
    """SHA-256 of each file that was read, by its name within the source."""
    taken: tuple[str, ...]
    """What was taken, a sentence each."""
    assumed: tuple[str, ...]
    """What the source does not say and was assumed."""
    left_out: tuple[str, ...]
    """What the source holds and the scenario does not."""
    quantities: tuple[ImportedQuantity, ...]
    """Sums that have to be the same on both sides."""
