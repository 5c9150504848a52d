"""The packed arrays that the kernels of a gate work on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.units import WH_PER_KWH
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.flow.sweep_tree import SweepTree, sweep_tree
from marketsim.grid.gates.limits import GateSettings, head_limit_wh, largest_end, or_unlimited, stated_limits
from marketsim.grid.net.network import Network
from marketsim.grid.net.radial import RadialFeeder


class Packed(NamedTuple):
    """State of a market and what opens each slot."""

    tree: SweepTree
    ints: IntArray
    """[INT_ROWS, columns]."""
    floats: FloatArray
    """[FLOAT_ROWS, columns]."""
    base_wh: IntArray
    """Background net injection by position [Wh] [n_nodes]."""
    base_kvar_pu: FloatArray


def or_zeros(values: FloatArray | None, size: int) -> FloatArray:
    """A quantity of nodes or connections [size]; zeros where it is not given."""
    return np.zeros(size) if values is None else np.asarray(values, dtype=np.float64)


def _ints(
    network: Network, feeder: RadialFeeder, tree: SweepTree, node_of: IntArray, hours: float, settings: GateSettings
) -> IntArray:
    n, n_core, c, laterals = feeder.n_nodes, len(tree.position), len(node_of), feeder.n_laterals
    ints = np.zeros((row.INT_ROWS, max(n + 1, c, row.MIN_COLUMNS)), dtype=np.int64)
    start = np.append(0, np.repeat(tree.start[:-1], np.diff(tree.start)))
    columns: Mapping[int, IntArray] = {
        row.PARENT: feeder.parent,
        row.SUBTREE_END: feeder.subtree_end,
        row.LATERAL: feeder.lateral,
        row.NODE: feeder.node,
        row.BRANCH: feeder.branch,
        row.KIND: np.append(0, network.kind[feeder.branch[1:]]),
        row.CORE: tree.core,
        row.OWNER: tree.owner,
        row.TOP: np.maximum(tree.parent, 0)[tree.owner],
        row.JUMP: np.where(tree.parent == np.arange(-1, n_core - 1), -1, np.maximum(tree.parent - start, -1)),
        row.CHARGED: _charged(feeder),
        **_curves(feeder, node_of, settings),
        row.POSITION: np.where(node_of >= 0, feeder.position[node_of], -1),
        row.IMPORT_LIMIT: or_unlimited(settings.import_limit_wh, c),
        row.EXPORT_LIMIT: or_unlimited(settings.export_limit_wh, c),
        row.SOURCE_VARH: np.rint(or_zeros(settings.source_kvar_per_kw, c) / row.VARH_UNIT).astype(np.int64),
        row.SINK_VARH: np.rint(or_zeros(settings.sink_kvar_per_kw, c) / row.VARH_UNIT).astype(np.int64),
        row.LATERAL_START: feeder.lateral_start,
        row.CORE_START: tree.start,
        row.HEAD_IMPORT: np.full(laterals, head_limit_wh(settings.head_import_kw, hours)),
        row.HEAD_EXPORT: np.full(laterals, head_limit_wh(settings.head_export_kw, hours)),
    }
    for index, values in columns.items():
        ints[index, : len(values)] = values
    facts = ints[row.FACTS]
    facts[row.N_NODES], facts[row.N_CONNECTIONS], facts[row.N_LATERALS], facts[row.N_CORE] = n, c, laterals, n_core
    facts[row.MAX_SWEEPS] = settings.max_sweeps
    return ints


def _charged(feeder: RadialFeeder) -> IntArray:
    """Whether a branch of each lateral has admittances to ground [n_laterals]."""
    own = (feeder.y_parent_pu != 0) | (feeder.y_child_pu != 0)
    bounds = zip(feeder.lateral_start[:-1], feeder.lateral_start[1:], strict=True)
    return np.array([own[a:b].any() for a, b in bounds], dtype=np.int64)


def _has_curve(settings: GateSettings) -> bool:
    return settings.curve_pu is not None and len(settings.curve_pu) > 0


def _curves(feeder: RadialFeeder, node_of: IntArray, settings: GateSettings) -> dict[int, IntArray]:
    """Connections that follow a volt-var curve, by lateral; those at the source or off the grid have no effect."""
    position = np.where(node_of >= 0, feeder.position[node_of], 0)
    follows = or_zeros(settings.curve_kvar, len(node_of)) > 0
    if settings.kvar_per_kw is not None:  # all inverters are steered
        follows = follows | (or_zeros(settings.inverter_kva, len(node_of)) > 0)
    follows = follows & (position > 0) & _has_curve(settings)
    curved = np.flatnonzero(follows)
    curved = curved[np.argsort(position[curved], kind="stable")]
    return {
        row.CURVED: curved,
        row.CURVE_START: np.searchsorted(position[curved], feeder.lateral_start).astype(np.int64),
    }


def _along_paths(tree: SweepTree, weight: FloatArray) -> FloatArray:
    """Sum over the way from the source of |z| times all ``weight`` behind it, at each core node."""
    behind = weight.copy()
    for n in range(len(behind) - 1, 0, -1):
        behind[tree.parent[n]] += behind[n]
    total = np.abs(tree.z_pu) * behind
    for n in range(1, len(total)):
        total[n] += total[tree.parent[n]]
    return total


def _bound_constants(feeder: RadialFeeder, tree: SweepTree) -> dict[int, FloatArray]:
    """What ``skip_solve_kernel`` needs to know of impedances and admittances."""
    reach, path = np.abs(tree.z_pu), tree.z_pu.copy()
    for n in range(1, len(reach)):
        reach[n] += reach[tree.parent[n]]
        path[n] += path[tree.parent[n]]
    ground = np.abs(feeder.y_pu[tree.position])
    ground[0] = 0.0
    behind = _along_paths(tree, ground)
    tilt = np.abs(np.arctan2(path.imag, path.real))
    ends = largest_end(feeder)
    laterals = [slice(a, b) for a, b in zip(tree.start[:-1], tree.start[1:], strict=True)]
    return {
        row.REACH: reach,
        row.GROUND_REACH: np.array([behind[own].max(initial=0.0) for own in laterals]),
        row.GROUND_TOTAL: np.array([ground[own].sum() + ends.max() for own in laterals]),
        row.ANGLE_MAX: np.array([np.pi / 2 - tilt[own].max(initial=0.0) for own in laterals]),
    }


def _floats(
    network: Network, feeder: RadialFeeder, tree: SweepTree, columns: int, hours: float, settings: GateSettings
) -> FloatArray:
    floats = np.zeros((row.FLOAT_ROWS, columns))
    ground = feeder.y_pu[tree.position]
    quantities: Mapping[int, FloatArray] = {
        row.R: feeder.z_pu.real,
        row.X: feeder.z_pu.imag,
        row.G: feeder.y_pu.real,
        row.G_SHUNT: feeder.g_shunt_pu,
        row.B: feeder.y_pu.imag,
        row.G_PARENT: feeder.y_parent_pu.real,
        row.B_PARENT: feeder.y_parent_pu.imag,
        row.G_CHILD: feeder.y_child_pu.real,
        row.B_CHILD: feeder.y_child_pu.imag,
        row.PART_R: tree.part_pu.real,
        row.PART_X: tree.part_pu.imag,
        row.CARRIES: tree.carries,
        row.UNSCALE: 1.0 / np.abs(feeder.scale),
        row.CORE_R: tree.z_pu.real,
        row.CORE_X: tree.z_pu.imag,
        row.CORE_G: ground.real,
        row.CORE_B: ground.imag,
        **stated_limits(feeder, settings),
        **_bound_constants(feeder, tree),
    }
    for index, values in quantities.items():
        floats[index, : len(values)] = values
    facts = floats[row.FLOAT_FACTS]
    facts[row.WH_TO_PU] = 1.0 / (WH_PER_KWH * hours * network.base_kva)
    facts[row.TOLERANCE] = settings.tolerance_pu
    facts[row.GUARD_V], facts[row.GUARD_I] = settings.guard_voltage_pu, settings.guard_loading
    facts[row.WORSEN_V], facts[row.WORSEN_I] = settings.worsen_voltage_pu, settings.worsen_loading
    facts[row.SOURCE_PU], facts[row.SCREEN_BAND] = feeder.source_pu, settings.screen_band
    # the bound takes reactive power for given
    facts[row.SKIPS] = float(settings.skip_solves and not _has_curve(settings))
    if settings.curve_pu is not None and _has_curve(settings):
        facts[row.CURVE_V1 : row.CURVE_V4 + 1] = settings.curve_pu
        for index, kva in ((row.CURVE_FULL, settings.curve_kvar), (row.KVA, settings.inverter_kva)):
            values = or_zeros(kva, 0)
            floats[index, : len(values)] = values / network.base_kva
    if settings.kvar_per_kw is not None:
        bound = np.where(np.isfinite(settings.kvar_per_kw), settings.kvar_per_kw, 0.0)
        floats[row.KVAR_PER_KW, : len(bound)] = bound
    return floats


def pack(
    network: Network, feeder: RadialFeeder, node_of_connection: IntArray, hours: float, settings: GateSettings
) -> Packed:
    """Arrays of one market."""
    drawn_wh = np.rint(or_zeros(settings.background_kw, network.n_nodes) * (hours * WH_PER_KWH)).astype(np.int64)
    drawn_pu = or_zeros(settings.background_kvar, network.n_nodes) / network.base_kva
    connected = np.isin(np.arange(network.n_nodes), node_of_connection)
    injects = (connected | (drawn_wh != 0) | (drawn_pu != 0))[feeder.node] | (feeder.y_pu != 0)
    tree = sweep_tree(feeder, injects)
    ints = _ints(network, feeder, tree, node_of_connection, hours, settings)
    floats = _floats(network, feeder, tree, ints.shape[1], hours, settings)
    return Packed(
        tree=tree,
        ints=ints,
        floats=floats,
        base_wh=-drawn_wh[feeder.node],
        base_kvar_pu=-drawn_pu[feeder.node],
    )


def with_rows(array: IntArray | FloatArray, more: int) -> Any:
    """The array with so many rows of zeros below."""
    return np.concatenate([array, np.zeros((more, array.shape[1]), dtype=array.dtype)])
