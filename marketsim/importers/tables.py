"""Tables as scenarios read them, written so that numbers read back exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from marketsim.core.arrays import FloatArray

SERIES: Final = "series.csv"
SESSIONS: Final = "sessions.csv"
PRICES: Final = "prices.csv"


class ChargingSession(NamedTuple):
    """A stay of a vehicle."""

    vehicle: str
    arrival: datetime
    departure: datetime
    energy_kwh: float
    """What the battery lacks on arrival."""


def series_csv(begins: datetime, step: timedelta, columns: Mapping[str, FloatArray]) -> bytes:
    """Series of equal length [n_steps] as a table with a column of times."""
    cells = [[repr(value) for value in column.tolist()] for column in columns.values()]
    n_steps = len(cells[0]) if cells else 0
    times = [(begins + place * step).isoformat(timespec="minutes") for place in range(n_steps)]
    return _text(("time", *columns), list(zip(times, *cells, strict=True)))


def sessions_csv(sessions: Sequence[ChargingSession]) -> bytes:
    """Sessions as a table."""
    rows = [
        (each.vehicle, each.arrival.isoformat(timespec="minutes"), each.departure.isoformat(timespec="minutes"),
         repr(each.energy_kwh))
        for each in sessions
    ]  # fmt: skip
    return _text(("vehicle", "arrival", "departure", "energy_kwh"), rows)


def _text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    return "".join(f"{','.join(row)}\n" for row in (header, *rows)).encode()
