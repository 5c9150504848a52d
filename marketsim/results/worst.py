"""The buses and branches of a run that a planner looks for: how long they are outside their limits, and how far.

Slots are solved again from what the agents metered (``grid_history``), piece by piece, so that memory stays flat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.results.grid_history import FeederMap, GridHistory

if TYPE_CHECKING:
    import pandas as pd

_FIRST_PIECE: Final = 96
"""Slots of the first piece, which tells how large the feeder is."""
_MOST_VALUES: Final = 4_000_000
"""Voltages that are held at once."""
TOLERANCE: Final = 1e-9
"""Distance to a limit that counts as none: what the gate holds to a limit is solved again to this [p.u., share of a rating]."""


class _Worst:
    """The largest value of each element so far, the slot of it, and the hours in which it was above 0."""

    def __init__(self, size: int) -> None:
        self.value: FloatArray = np.full(size, -np.inf)
        self.slot: IntArray = np.full(size, -1, dtype=np.int64)
        self.hours: FloatArray = np.zeros(size)

    def take(self, values: FloatArray, limit: FloatArray | float, slots: IntArray, hours: float) -> None:
        """Take in slots [n_slots, n]; NaN: nothing is known."""
        known = np.where(np.isnan(values), -np.inf, values)
        row = known.argmax(axis=0)
        most = known[row, np.arange(known.shape[1])]
        larger = most > self.value
        self.value[larger], self.slot[larger] = most[larger], slots[row[larger]]
        self.hours += hours * np.count_nonzero(known > limit + TOLERANCE, axis=0)


class WorstElements:
    """Extremes of every bus and branch over the slots of a run."""

    def __init__(self, feeder: FeederMap) -> None:
        self.feeder = feeder
        self.low, self.high = _Worst(len(feeder.buses)), _Worst(len(feeder.buses))
        self.outside_h: FloatArray = np.zeros(len(feeder.buses))
        self.load = _Worst(len(feeder.branches))

    def take(self, history: GridHistory) -> None:
        """Take in some slots."""
        if not len(history.slots):
            return
        feeder, slots, hours = self.feeder, history.slots, history.hours
        self.low.take(-history.v_pu, -feeder.v_min_pu, slots, hours)
        self.high.take(history.v_pu, feeder.v_max_pu, slots, hours)
        self.load.take(history.loading, 1.0, slots, hours)
        self.outside_h = self.low.hours + self.high.hours

    def bus_order(self) -> IntArray:
        """Buses but the source, the worst first: by hours outside, by depth, by the distance that is left to a limit."""
        inner = np.flatnonzero(np.isfinite(self.high.value) & (np.arange(len(self.outside_h)) > 0))
        left = -self.excess_pu()
        return inner[np.lexsort((inner, left[inner], -self.outside_h[inner]))]

    def branch_order(self) -> IntArray:
        """Rated branches, the worst first: by hours over the limit, then by loading."""
        rated = np.flatnonzero(np.isfinite(self.load.value))
        return rated[np.lexsort((rated, -self.load.value[rated], -self.load.hours[rated]))]

    def excess_pu(self) -> FloatArray:
        """How far each bus went beyond its nearer limit; negative: what was left [p.u.]."""
        below = self.feeder.v_min_pu + self.low.value
        return np.maximum(below, self.high.value - self.feeder.v_max_pu)


def worst_elements(history: Callable[[range], GridHistory], n_slots: int) -> WorstElements:
    """Extremes over slots 0 to ``n_slots``; ``history`` solves some of them."""
    pieces = _pieces(history, n_slots)
    first = next(pieces)
    found = WorstElements(first.feeder)
    found.take(first)
    for piece in pieces:
        found.take(piece)
    return found


def _pieces(history: Callable[[range], GridHistory], n_slots: int) -> Iterator[GridHistory]:
    first = history(range(min(_FIRST_PIECE, n_slots)))
    yield first
    size = max(_FIRST_PIECE, _MOST_VALUES // max(len(first.feeder.buses), len(first.feeder.branches), 1))
    for begin in range(_FIRST_PIECE, n_slots, size):
        yield history(range(begin, min(begin + size, n_slots)))


def bus_table(found: WorstElements, begins: Any, most: int | None) -> pd.DataFrame:
    """The worst buses. Index: name. Columns:

    ``hours_below``, ``hours_above`` the band; ``depth_pu``, ``depth_v`` beyond it at most, 0 inside; ``v_min_pu``,
    ``v_min_v`` and ``v_min_at``, the begin of that slot; the same of the highest voltage; ``low_pu`` and ``high_pu``, the
    band. Volts are line to line. ``begins`` holds the begin of each slot.
    """
    import pandas as pd

    feeder, rows = found.feeder, found.bus_order()[:most]
    volts = feeder.base_kv[rows] * 1_000.0
    lowest, highest = -found.low.value[rows], found.high.value[rows]
    excess = found.excess_pu()[rows]
    depth = np.where(excess > TOLERANCE, excess, 0.0)
    columns = {
        "hours_below": found.low.hours[rows],
        "hours_above": found.high.hours[rows],
        "depth_pu": depth,
        "depth_v": depth * volts,
        "v_min_pu": lowest,
        "v_min_v": lowest * volts,
        "v_min_at": begins[found.low.slot[rows]],
        "v_max_pu": highest,
        "v_max_v": highest * volts,
        "v_max_at": begins[found.high.slot[rows]],
        "low_pu": feeder.v_min_pu[rows],
        "high_pu": feeder.v_max_pu[rows],
    }
    return pd.DataFrame(columns, index=pd.Index([feeder.buses[row] for row in rows], name="bus"))


def branch_table(found: WorstElements, begins: Any, most: int | None) -> pd.DataFrame:
    """The most loaded branches that have a rating. Index: name. Columns:

    ``kind``; ``hours_over`` the limit; ``loading_percent`` at most, of what the scenario allows; ``at``, the begin of that
    slot; ``current_a``, ``limit_a``; ``power_kva``, ``limit_kva`` at nominal voltage. Of transformers amperes are those of
    the side that is named first.
    """
    import pandas as pd

    feeder, rows = found.feeder, found.branch_order()[:most]
    load, over = found.load.value[rows], feeder.limit_a[rows]
    columns = {
        "kind": np.where(feeder.is_trafo[rows], "transformer", "line"),
        "hours_over": found.load.hours[rows],
        "loading_percent": 100.0 * load,
        "at": begins[found.load.slot[rows]],
        "current_a": load * over,
        "limit_a": over,
        "power_kva": load * feeder.limit_kva[rows],
        "limit_kva": feeder.limit_kva[rows],
    }
    return pd.DataFrame(columns, index=pd.Index([feeder.branches[row] for row in rows], name="branch"))
