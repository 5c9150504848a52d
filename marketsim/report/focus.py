"""Which slots a report shows one by one: all of a short run, telling days of a long one."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.report.series import MOST_SLOTS, PlotSeries, by_day


class Focus(NamedTuple):
    """A stretch of slots that is shown one by one."""

    label: str
    """Why it was chosen; the date is added where it is shown."""
    begin: int
    """Position of its first slot in the run."""
    end: int

    @property
    def positions(self) -> range:
        """Positions of its slots."""
        return range(self.begin, self.end)


_RULES: Final = (
    ("most buses out of band", "out_of_band", 1),
    ("most energy refused", "refused", 1),
    ("most energy curtailed", "curtailed", 1),
    ("lowest voltage", "v_min", -1),
    ("highest voltage", "v_max", 1),
    ("highest loading", "loading", 1),
    ("most traded", "p2p", 1),
    ("largest demand", "demand", 1),
    ("least traded", "p2p", -1),
)
"""Days that show what a person looks for: label, series, and whether its largest (1) or smallest (-1) value."""
MOST_DAYS: Final = 6


def focuses(series: PlotSeries, slots_per_day: int) -> list[Focus]:
    """All slots at once, or of a run with more than ``MOST_SLOTS`` up to ``MOST_DAYS`` days, each chosen for a reason."""
    n_slots = len(next(iter(series.values()), ()))
    if n_slots == 0:
        return []
    if n_slots <= MOST_SLOTS:
        return [Focus("all slots", 0, n_slots)]
    daily = by_day(series, slots_per_day)
    chosen: dict[int, str] = {}
    for label, name, sign in _RULES:
        day = _extreme_day(daily.get(name), sign)
        if day is None:
            continue
        if day in chosen:
            chosen[day] += f", {label}"
        elif len(chosen) < MOST_DAYS:
            chosen[day] = label
    return [Focus(label, day * slots_per_day, min((day + 1) * slots_per_day, n_slots)) for day, label in chosen.items()]


def _extreme_day(values: FloatArray | None, sign: int) -> int | None:
    """The day of the extreme; None where nothing is defined, or nothing happened."""
    if values is None or not np.isfinite(values).any() or not np.nanmax(np.abs(values)) > 0.0:
        return None
    return int(np.nanargmax(values * sign))
