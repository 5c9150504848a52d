"""Settings of a gate, and the packed arrays that its kernels work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.units import UNLIMITED_WH, WH_PER_KWH
from marketsim.grid import gate_layout_kernel as row
from marketsim.grid.network import Network
from marketsim.grid.radial import RadialFeeder


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
    worsen_voltage_pu: float = 1e-4
    """How far a voltage that the untraded state breaks may get worse by the sum of a slot's trades [p.u.]."""
    worsen_loading: float = 1e-3
    """The same for a loading, as a share of the rating."""
    guard: float = 1e-8
    """Distance kept to every limit [p.u. of voltage, share of a rating]."""
    tolerance_pu: float = 1e-11
    """Of the power flow [p.u.]."""
    max_sweeps: int = 200


class Packed(NamedTuple):
    """State of all markets and what opens each slot."""

    ints: IntArray
    """[n_markets, INT_ROWS, columns]."""
    floats: FloatArray
    base_wh: IntArray
    """Background net injection by position [Wh] [n_nodes]."""
    base_kvar_pu: FloatArray


def head_limit_wh(limit_kw: float, hours: float) -> int:
    """Limit of a feeder head a slot [Wh], rounded down; UNLIMITED_WH for inf."""
    return int(limit_kw * hours * WH_PER_KWH) if np.isfinite(limit_kw) else UNLIMITED_WH


def _or(values: FloatArray | IntArray | None, default: float, size: int) -> FloatArray | IntArray:
    return np.full(size, default) if values is None else np.asarray(values)


def _ints(feeder: RadialFeeder, network: Network, node_of: IntArray, hours: float, settings: GateSettings) -> IntArray:
    n, c, laterals = feeder.n_nodes, len(node_of), feeder.n_laterals
    ints = np.zeros((row.INT_ROWS, max(n + 1, c, row.MIN_COLUMNS)), dtype=np.int64)
    start = np.append(0, feeder.lateral_start[feeder.lateral[1:]])
    nodes: Mapping[int, IntArray] = {
        row.PARENT: feeder.parent,
        row.SUBTREE_END: feeder.subtree_end,
        row.LATERAL: feeder.lateral,
        row.NODE: feeder.node,
        row.BRANCH: feeder.branch,
        row.KIND: np.append(0, network.kind[feeder.branch[1:]]),
        row.LINK: np.where(feeder.parent <= 0, -1, feeder.parent - start),
    }
    for index, values in nodes.items():
        ints[index, :n] = values
    ints[row.LATERAL_START, : laterals + 1] = feeder.lateral_start
    ints[row.HEAD_IMPORT] = head_limit_wh(settings.head_import_kw, hours)
    ints[row.HEAD_EXPORT] = head_limit_wh(settings.head_export_kw, hours)
    ints[row.POSITION, :c] = np.where(node_of >= 0, feeder.position[node_of], -1)
    ints[row.IMPORT_LIMIT, :c] = _or(settings.import_limit_wh, UNLIMITED_WH, c)
    ints[row.EXPORT_LIMIT, :c] = _or(settings.export_limit_wh, UNLIMITED_WH, c)
    ints[row.SOURCE_VARH, :c] = np.rint(_or(settings.source_kvar_per_kw, 0.0, c) / row.VARH_UNIT)
    ints[row.SINK_VARH, :c] = np.rint(_or(settings.sink_kvar_per_kw, 0.0, c) / row.VARH_UNIT)
    facts = ints[row.FACTS]
    facts[row.N_NODES], facts[row.N_CONNECTIONS], facts[row.N_LATERALS] = n, c, laterals
    facts[row.MAX_SWEEPS] = settings.max_sweeps
    return ints


def _floats(feeder: RadialFeeder, base_kva: float, columns: int, hours: float, settings: GateSettings) -> FloatArray:
    floats = np.zeros((row.FLOAT_ROWS, columns))
    nodes: Mapping[int, FloatArray] = {
        row.R: feeder.z_pu.real,
        row.X: feeder.z_pu.imag,
        row.G: feeder.y_pu.real,
        row.B: feeder.y_pu.imag,
        row.G_PARENT: feeder.y_parent_pu.real,
        row.B_PARENT: feeder.y_parent_pu.imag,
        row.G_CHILD: feeder.y_child_pu.real,
        row.B_CHILD: feeder.y_child_pu.imag,
        row.V_MIN: feeder.v_min_pu,
        row.V_MAX: feeder.v_max_pu,
        row.RATING_PARENT: feeder.rating_parent_pu,
        row.RATING_CHILD: feeder.rating_child_pu,
        row.SCALE: np.abs(feeder.scale),
    }
    for index, values in nodes.items():
        floats[index, : feeder.n_nodes] = values
    facts = floats[row.FLOAT_FACTS]
    facts[row.WH_TO_PU] = 1.0 / (WH_PER_KWH * hours * base_kva)
    facts[row.TOLERANCE], facts[row.GUARD] = settings.tolerance_pu, settings.guard
    facts[row.WORSEN_V], facts[row.WORSEN_I] = settings.worsen_voltage_pu, settings.worsen_loading
    facts[row.SOURCE_PU] = feeder.source_pu
    return floats


def pack(
    network: Network,
    feeder: RadialFeeder,
    node_of_connection: IntArray,
    n_markets: int,
    hours: float,
    settings: GateSettings,
) -> Packed:
    """Arrays of ``n_markets`` replicas of the feeder."""
    ints = _ints(feeder, network, node_of_connection, hours, settings)
    floats = _floats(feeder, network.base_kva, ints.shape[1], hours, settings)
    drawn_kw = _or(settings.background_kw, 0.0, network.n_nodes)[feeder.node]
    drawn_kvar = _or(settings.background_kvar, 0.0, network.n_nodes)[feeder.node]
    return Packed(
        ints=np.tile(ints, (n_markets, 1, 1)),
        floats=np.tile(floats, (n_markets, 1, 1)),
        base_wh=-np.rint(drawn_kw * (hours * WH_PER_KWH)).astype(np.int64),
        base_kvar_pu=-drawn_kvar / network.base_kva,
    )
