"""Where one series of one agent stands in a file, and what it holds there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from marketsim.core.arrays import FloatArray
from marketsim.profiles.file_params import FileColumns, FileParams, SeriesValues, Values

MeterPart: TypeAlias = Literal["all", "drawn", "fed_in"]


class SeriesColumn(NamedTuple):
    """Where one series of one agent stands."""

    column: str
    asked_by: str
    """Path in the scenario that names the column."""
    named: bool
    """Whether the scenario names it; else it goes by the agent's name."""
    values: Values | None
    """What the scenario says that it holds."""
    scale_of: Callable[[FloatArray, float], float]
    """Factor from the column's powers [kW] and the length of its steps [h]."""
    part: MeterPart = "all"
    """What of the column it is; of a net meter what is drawn or fed in."""
    pv: str = ""
    """Column of the plant behind the meter, where the load is what was drawn and PV less what was fed in."""
    fed_in: str = ""
    """Column of what that meter fed in."""

    @property
    def key(self) -> str:
        """What its powers are called among those of the file."""
        if self.fed_in:
            return f"{self.column} + {self.pv} - {self.fed_in}"
        return self.column if self.part == "all" else f"{self.column} [{self.part}]"


def told_values(series: str, entry: FileColumns, params: FileParams) -> Values | None:
    """What the scenario says that a column of a series holds."""
    for said in (entry.values, params.values):
        own: Values | None = getattr(said, series) if isinstance(said, SeriesValues) else said
        if own is not None:
            return own
    return None
