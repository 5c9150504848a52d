"""What a gate holds trade to: the voltage band and ratings of its feeder, limits of connections and heads, and its guards.

``limits_kernel`` freezes them as a slot opens, where the untraded state breaks one already, and tests a state against them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.grid_model import GridModel
from marketsim.core.units import UNLIMITED_WH, WH_PER_KWH
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.net.radial import RadialFeeder


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What a gate allows. Arrays are for one market; every market has the same."""

    import_limit_wh: IntArray | None = None
    """Of each connection a slot [Wh] [n_connections]; None: unlimited."""
    export_limit_wh: IntArray | None = None
    head_import_kw: float = np.inf
    """Of each feeder head, i.e. each branch at the source, without losses [kW]."""
    head_export_kw: float = np.inf
    background_kw: FloatArray | None = None
    """Load that belongs to no agent, at each node of the network [kW], consumption positive; None: none."""
    background_kvar: FloatArray | None = None
    source_kvar_per_kw: FloatArray | None = None
    """Reactive power that is injected with each admitted kW of injection [n_connections]; None: none."""
    sink_kvar_per_kw: FloatArray | None = None
    """Reactive power that is drawn with each admitted kW of withdrawal [n_connections]; None: none."""
    curve_pu: FloatArray | None = None
    """Voltages of a volt-var curve [4]: full injection, none, none, full absorption; None or empty: no curve."""
    curve_kvar: FloatArray | None = None
    """Full reactive power of the curve; 0: the connection follows none [n_connections]."""
    inverter_kva: FloatArray | None = None
    """Apparent power of the inverter, which the curve keeps within at any P [n_connections]."""
    behind_kw: Callable[[], FloatArray] | None = None
    """What inverters deliver to loads behind the same meter in the slot that opens [n_markets * n_connections];
    None: nothing, the inverter's P is the connection's net injection."""
    kvar_per_kw: FloatArray | None = None
    """Most reactive power for each kW of an inverter that is steered, inf: any [n_connections]; None: none is steered."""
    asked_kvar: Callable[[], FloatArray] | None = None
    """What is asked of steered inverters in the slot that opens [kvar] [n_markets * n_connections]; None: none is steered."""
    worsen_voltage_pu: float = 1e-4
    """How far a voltage that the untraded state breaks may get worse by the sum of a slot's trades [p.u.]."""
    worsen_loading: float = 1e-3
    """The same for a loading, as a share of the rating."""
    guard_voltage_pu: float = 1e-8
    """Distance kept to every limit of a voltage [p.u.]."""
    guard_loading: float = 1e-8
    """Distance kept to every rating, as a share of it."""
    tolerance_pu: float = 1e-11
    """Of the power flow [p.u.]."""
    max_sweeps: int = 200
    screen_band: float = 1e-4
    """Guard band of mode ``sensitivity`` [p.u. of voltage, share of a rating]."""
    rated_export_wh: IntArray | None = None
    """What each connection is rated to inject a slot, for operating envelopes [Wh] [n_connections]; None: nothing."""
    rated_import_wh: IntArray | None = None
    """What each connection's flexible devices are rated to draw a slot [Wh] [n_connections]; None: nothing."""
    planner: GridModel | None = None
    """AC model that maximal envelopes are planned with."""
    skip_solves: bool = True
    """Whether a bound may admit trades without a power flow where no limit is near; decisions are the same."""


def stated_limits(feeder: RadialFeeder, settings: GateSettings) -> dict[int, FloatArray]:
    """Voltage band and ratings as the gate keeps them, less the guard: voltages and shares of ratings as squares, by row."""
    least = 1e-12  # p.u.; a rating of 0 would make every share infinite
    kept, guard = 1.0 - settings.guard_loading, settings.guard_voltage_pu * np.abs(feeder.scale)
    parent = np.maximum(feeder.rating_parent_pu, least)
    child = np.maximum(feeder.rating_child_pu, least)
    return {
        row.V_MIN: feeder.v_min_pu,
        row.V_MAX: feeder.v_max_pu,
        row.RATING_PARENT: parent,
        row.RATING_CHILD: child,
        row.V2_LOW_PLAIN: np.maximum(feeder.v_min_pu + guard, 0.0) ** 2,
        row.V2_HIGH_PLAIN: (feeder.v_max_pu - guard) ** 2,
        row.PER_PARENT_PLAIN: 1.0 / (parent * kept) ** 2,
        row.PER_CHILD_PLAIN: 1.0 / (child * kept) ** 2,
        row.RATING: np.minimum(parent, child) * kept - 2.0 * largest_end(feeder),
    }


def largest_end(feeder: RadialFeeder) -> FloatArray:
    """Larger magnitude of the two end admittances of each branch [p.u.] [n_nodes]."""
    return np.maximum(np.abs(feeder.y_parent_pu), np.abs(feeder.y_child_pu))


def head_limit_wh(limit_kw: float, hours: float) -> int:
    """Limit of a feeder head a slot [Wh], rounded down; UNLIMITED_WH for inf."""
    return int(limit_kw * hours * WH_PER_KWH) if np.isfinite(limit_kw) else UNLIMITED_WH


def or_unlimited(values: IntArray | None, size: int) -> IntArray:
    """Limits of energy [Wh] [size]; UNLIMITED_WH where none are given."""
    return np.full(size, UNLIMITED_WH) if values is None else np.asarray(values, dtype=np.int64)
