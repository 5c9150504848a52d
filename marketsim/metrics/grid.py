"""Grid KPIs: voltages, loadings and violations, beside the reference run.

A bus-slot is a bus in a slot. The source bus is left out throughout: its voltage is given. Isolated buses and branches
without a rating (NaN) are left out too.
"""

from __future__ import annotations

import math
import operator
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.build import BuildContext, VoltageBand
from marketsim.core.metric import Kpi, Value, defined, grid_only, ratio
from marketsim.core.records import GridState, SlotRecord
from marketsim.metrics.params import GridParams

GRID: Final = (
    Kpi("voltage_min_pu", "p.u.", "Lowest voltage of any bus and slot."),
    Kpi("voltage_max_pu", "p.u.", "Highest voltage of any bus and slot."),
    Kpi("voltage_violation_rate", "-", "Share of bus-slots outside the voltage band."),
    Kpi("market_violation_rate", "-", "Share of bus-slots outside the band that were inside it before matching."),
    Kpi("voltage_violation_depth", "p.u. h", "Distance to the voltage band times duration, summed over bus-slots."),
    Kpi("slots_with_violation", "-", "Slots and markets that end outside a limit, or without a solution.", int),
    Kpi(
        "firm_violation_slots", "-", "Slots and markets outside a limit, or unsolved, before anything was traded.", int
    ),
    Kpi("unsolved_slots", "-", "Slots and markets whose power flow has no solution; no voltage counts them.", int),
    Kpi("loading_max_percent", "%", "Highest loading of any branch, of its rating."),
)

DELIVERY: Final = Kpi(
    "delivery_violations",
    "-",
    "Slots and markets that end outside a limit that held before trade, since delivery differed from what was traded; "
    "only from a gate closure of one slot on, else 0.",
    int,
)

COLUMNS: Final = (
    Kpi("voltage_min_pu", "p.u.", "Lowest voltage of the slot."),
    Kpi("voltage_max_pu", "p.u.", "Highest voltage of the slot."),
    Kpi("voltage_violations", "-", "Buses outside the voltage band.", int),
    Kpi("market_violations", "-", "Buses outside the band that were inside it before matching.", int),
    Kpi("loading_max_percent", "%", "Highest loading of a branch."),
)


class Snapshot(NamedTuple):
    """Extremes and counts of one slot over all markets; infinite extremes: nothing was measured."""

    v_min_pu: float
    v_max_pu: float
    loading: float
    depth_pu: float
    buses: int
    outside: int
    caused: int
    """Outside the band now and inside it before matching."""
    broken: int
    """Markets with a limit broken or without a solution."""
    firm_broken: int
    unsolved: int = 0
    """Markets without a solution."""


def snapshot(grid: GridState, band: VoltageBand) -> Snapshot:
    """Measure one slot."""
    from marketsim.metrics.snapshot_kernel import measure_grid

    v, firm_v = np.ascontiguousarray(grid.v_pu), np.ascontiguousarray(grid.firm_v_pu)
    loading, firm_loading = np.ascontiguousarray(grid.loading), np.ascontiguousarray(grid.firm_loading)
    seen = Snapshot(*measure_grid(v, firm_v, loading, firm_loading, band.v_min_pu, band.v_max_pu, band.loading))
    return seen if grid.converged.all() else _with_unsolved(seen, grid)


def _with_unsolved(seen: Snapshot, grid: GridState) -> Snapshot:
    """What has no solution breaks every limit, and did so before trade where the untraded state had none either."""
    never = np.isnan(grid.firm_v_pu).all(axis=1)
    unsolved = int(np.count_nonzero(~grid.converged))
    return seen._replace(
        broken=seen.broken + unsolved,
        firm_broken=seen.firm_broken + int(np.count_nonzero(~grid.converged & never)),
        unsolved=unsolved,
    )


class _Running:
    """Snapshots of all slots so far."""

    def __init__(self) -> None:
        self._all = Snapshot(math.inf, -math.inf, -math.inf, 0.0, 0, 0, 0, 0, 0)

    def add(self, seen: Snapshot, hours: float) -> None:
        had, seen = self._all, seen._replace(depth_pu=seen.depth_pu * hours)
        lowest, highest = min(had.v_min_pu, seen.v_min_pu), max(had.v_max_pu, seen.v_max_pu)
        self._all = Snapshot(lowest, highest, max(had.loading, seen.loading), *map(operator.add, had[3:], seen[3:]))

    def kpis(self) -> dict[str, Value]:
        """KPIs in the order of ``GRID``; all None without a feeder."""
        seen = self._all
        if not seen.buses and not seen.unsolved:
            return dict.fromkeys(kpi.name for kpi in GRID)
        return {
            "voltage_min_pu": defined(seen.v_min_pu),
            "voltage_max_pu": defined(seen.v_max_pu),
            "voltage_violation_rate": ratio(seen.outside, seen.buses),
            "market_violation_rate": ratio(seen.caused, seen.buses),
            "voltage_violation_depth": seen.depth_pu,
            "slots_with_violation": seen.broken,
            "firm_violation_slots": seen.firm_broken,
            "unsolved_slots": seen.unsolved,
            "loading_max_percent": defined(100.0 * seen.loading),
        }


class GridMetric:
    """Port ``Metric``: the feeder. ``band`` None: no feeder, everything undefined."""

    definitions = (*GRID, DELIVERY, *map(grid_only, GRID))
    """Of the run and of the reference run; the difference is the effect of the market."""
    columns = COLUMNS

    def __init__(self, band: VoltageBand | None, traded_ahead: bool = False) -> None:
        self._band, self._traded_ahead = band, traded_ahead
        self._undelivered = 0
        self._here, self._reference = _Running(), _Running()

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:
        """Take in a slot."""
        if self._band is None:
            return dict.fromkeys(kpi.name for kpi in COLUMNS)
        hours = record.inputs.time.hours
        seen = snapshot(record.grid, self._band)
        self._here.add(seen, hours)
        if self._traded_ahead:
            self._undelivered += max(seen.broken - seen.firm_broken, 0)
        if reference is not None:
            self._reference.add(snapshot(reference.grid, self._band), hours)
        return {
            "voltage_min_pu": defined(seen.v_min_pu),
            "voltage_max_pu": defined(seen.v_max_pu),
            "voltage_violations": seen.outside,
            "market_violations": seen.caused,
            "loading_max_percent": defined(100.0 * seen.loading),
        }

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        only = {f"{name}_grid_only": value for name, value in self._reference.kpis().items()}
        undelivered = None if self._band is None else self._undelivered
        return {**self._here.kpis(), DELIVERY.name: undelivered, **only}


def build(params: GridParams, context: BuildContext) -> GridMetric:  # noqa: ARG001 - no parameters
    """The metric of a simulation."""
    return GridMetric(None if context.grid is None else context.grid.band, context.closure_slots > 0)
