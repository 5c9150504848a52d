"""Grid KPIs: voltages, loadings and violations, beside the reference run.

A bus-slot is a bus in a slot. The source bus is left out throughout: its voltage is given. Isolated buses and branches
without a rating (NaN) are left out too.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.build import BuildContext
from marketsim.core.metric import Kpi, Value, ratio
from marketsim.core.records import GridState, SlotRecord
from marketsim.metrics.params import GridParams

BAND_FACT: Final = "voltage_band"
"""Name in ``BuildContext.facts`` of the ``VoltageBand``; absent without a grid."""

GRID: Final = (
    Kpi("voltage_min_pu", "p.u.", "Lowest voltage of any bus and slot."),
    Kpi("voltage_max_pu", "p.u.", "Highest voltage of any bus and slot."),
    Kpi("voltage_violation_rate", "-", "Share of bus-slots outside the voltage band."),
    Kpi("market_violation_rate", "-", "Share of bus-slots outside the band that were inside it before matching."),
    Kpi("voltage_violation_depth", "p.u. h", "Distance to the voltage band times duration, summed over bus-slots."),
    Kpi("slots_with_violation", "-", "Slots and markets that end outside a voltage or loading limit.", int),
    Kpi("firm_violation_slots", "-", "Slots and markets outside a limit before anything was traded.", int),
    Kpi("loading_max_percent", "%", "Highest loading of any branch, of its rating."),
)

COLUMNS: Final = (
    Kpi("voltage_min_pu", "p.u.", "Lowest voltage of the slot."),
    Kpi("voltage_max_pu", "p.u.", "Highest voltage of the slot."),
    Kpi("voltage_violations", "-", "Buses outside the voltage band.", int),
    Kpi("market_violations", "-", "Buses outside the band that were inside it before matching.", int),
    Kpi("loading_max_percent", "%", "Highest loading of a branch."),
)


class VoltageBand(NamedTuple):
    """Limits of each node [p.u.] [n_nodes], node 0 the source, and of loading, as a share of the rating."""

    v_min_pu: FloatArray
    v_max_pu: FloatArray
    loading: float = 1.0


class Snapshot(NamedTuple):
    """Extremes and counts of one slot over all markets; NaN extremes: nothing was measured."""

    v_min_pu: float
    v_max_pu: float
    loading: float
    buses: int
    outside: int
    caused: int
    """Outside the band now and inside it before matching."""
    depth_pu: float
    broken: int
    """Markets with a limit broken."""
    firm_broken: int


def _extreme(values: FloatArray, *, largest: bool) -> float:
    """Largest or smallest value that is not NaN; NaN if there is none."""
    kind = np.fmax if largest else np.fmin
    return float(kind.reduce(values, axis=None)) if values.size else float("nan")


def snapshot(grid: GridState, band: VoltageBand) -> Snapshot:
    """Measure one slot."""
    v, firm_v = grid.v_pu[:, 1:], grid.firm_v_pu[:, 1:]
    low, high = band.v_min_pu[1:], band.v_max_pu[1:]
    outside = (v < low) | (v > high)
    firm_outside = (firm_v < low) | (firm_v > high)
    depth = float(np.where(outside, np.maximum(low - v, v - high), 0.0).sum()) if outside.any() else 0.0
    overloaded = (grid.loading > band.loading).any(axis=1)
    firm_overloaded = (grid.firm_loading > band.loading).any(axis=1)
    return Snapshot(
        v_min_pu=_extreme(v, largest=False),
        v_max_pu=_extreme(v, largest=True),
        loading=_extreme(grid.loading, largest=True),
        buses=v.size - int(np.isnan(v).sum()),
        outside=int(outside.sum()),
        caused=int((outside & ~firm_outside).sum()),
        depth_pu=depth,
        broken=int((outside.any(axis=1) | overloaded).sum()),
        firm_broken=int((firm_outside.any(axis=1) | firm_overloaded).sum()),
    )


class _Running:
    """Snapshots of all slots so far."""

    def __init__(self) -> None:
        nan = float("nan")
        self._all = Snapshot(nan, nan, nan, 0, 0, 0, 0.0, 0, 0)

    def add(self, seen: Snapshot, hours: float) -> None:
        had = self._all
        self._all = Snapshot(
            v_min_pu=float(np.fmin(had.v_min_pu, seen.v_min_pu)),
            v_max_pu=float(np.fmax(had.v_max_pu, seen.v_max_pu)),
            loading=float(np.fmax(had.loading, seen.loading)),
            buses=had.buses + seen.buses,
            outside=had.outside + seen.outside,
            caused=had.caused + seen.caused,
            depth_pu=had.depth_pu + seen.depth_pu * hours,
            broken=had.broken + seen.broken,
            firm_broken=had.firm_broken + seen.firm_broken,
        )

    def kpis(self) -> dict[str, Value]:
        """KPIs in the order of ``GRID``; all None without a feeder."""
        seen = self._all
        if not seen.buses:
            return dict.fromkeys(kpi.name for kpi in GRID)
        return {
            "voltage_min_pu": seen.v_min_pu,
            "voltage_max_pu": seen.v_max_pu,
            "voltage_violation_rate": ratio(seen.outside, seen.buses),
            "market_violation_rate": ratio(seen.caused, seen.buses),
            "voltage_violation_depth": seen.depth_pu,
            "slots_with_violation": seen.broken,
            "firm_violation_slots": seen.firm_broken,
            "loading_max_percent": _percent(seen.loading),
        }


def _percent(loading: float) -> float | None:
    return None if np.isnan(loading) else 100.0 * loading


class GridMetric:
    """Port ``Metric``: the feeder. ``band`` None: no feeder, everything undefined."""

    def __init__(self, band: VoltageBand | None) -> None:
        self._band = band
        self._here, self._reference = _Running(), _Running()

    @property
    def definitions(self) -> tuple[Kpi, ...]:
        """KPIs of the run and of the reference run; the difference is the effect of the market."""
        reference = (
            Kpi(f"{kpi.name}_grid_only", kpi.unit, f"{kpi.name} in the reference run.", kpi.kind) for kpi in GRID
        )
        return (*GRID, *reference)

    @property
    def columns(self) -> tuple[Kpi, ...]:
        """Extremes and counts of the slot."""
        return COLUMNS

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:
        """Take in a slot."""
        if self._band is None:
            return dict.fromkeys(kpi.name for kpi in COLUMNS)
        hours = record.inputs.time.hours
        seen = snapshot(record.grid, self._band)
        self._here.add(seen, hours)
        if reference is not None:
            self._reference.add(snapshot(reference.grid, self._band), hours)
        return {
            "voltage_min_pu": seen.v_min_pu if seen.buses else None,
            "voltage_max_pu": seen.v_max_pu if seen.buses else None,
            "voltage_violations": seen.outside,
            "market_violations": seen.caused,
            "loading_max_percent": _percent(seen.loading),
        }

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        only = {f"{name}_grid_only": value for name, value in self._reference.kpis().items()}
        return {**self._here.kpis(), **only}


def build(params: GridParams, context: BuildContext) -> GridMetric:  # noqa: ARG001 - part of the port
    """The metric of a simulation."""
    band = context.facts.get(BAND_FACT)
    if band is not None and not isinstance(band, VoltageBand):
        raise TypeError(f"the fact {BAND_FACT!r} has to be a VoltageBand, not {type(band).__name__}")
    return GridMetric(band)
