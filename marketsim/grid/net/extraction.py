"""Any pandapower net as a ``Network``.

pandapower's own conversion (``pd2ppc``) does the modelling: line charging, transformer T model with taps, magnetising
and vector group, three-winding stars, closed and open switches, buses and branches out of service. This module only
reads the matrices it makes, so a feeder here and ``pandapower.runpp`` with its defaults (``trafo_model="t"``,
``calculate_voltage_angles=True``) mean the same equations. The matrices follow MATPOWER: ideal transformer at the from
end; G and B hold the whole charging of a branch, G_ASYM and B_ASYM what its to end has beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, sqrt
from typing import Any, Final, NamedTuple

import numpy as np
from pandapower.auxiliary import _add_ppc_options  # type: ignore[import-untyped]
from pandapower.pd2ppc import _pd2ppc  # type: ignore[import-untyped]
from pandapower.pypower import idx_brch as br  # type: ignore[import-untyped]
from pandapower.pypower import idx_bus as bu

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import NetworkError, Problem
from marketsim.core.files import strict_json
from marketsim.grid.net.branch_ratings import branch_ratings, text_of
from marketsim.grid.net.bus_names import bus_names
from marketsim.grid.net.feeder import CAVEAT, DEFAULTS, Feeder, FeederOptions
from marketsim.grid.net.network import ComplexArray, Network
from marketsim.grid.net.preparation import Prepared, prepare
from marketsim.grid.net.quiet import quiet_pandapower

_OPTIONS: Final[dict[str, Any]] = {
    "calculate_voltage_angles": True,
    "trafo_model": "t",
    "check_connectivity": True,
    "mode": "pf",
    "switch_rx_ratio": 2,
    "enforce_p_lims": False,
    "enforce_q_lims": False,
    "recycle": None,
    "init_vm_pu": "flat",
    "init_va_degree": "flat",
}
"""Defaults of ``runpp`` (loads of constant power are left after ``prepare``)."""


def extract(net: Any, options: FeederOptions = DEFAULTS) -> Feeder:
    """The part of ``net`` that its source supplies; ``net`` is rewritten by ``prepare``, hand over a copy."""
    return read(prepare(net, options))


def read(prepared: Prepared) -> Feeder:
    """Feeder of a prepared net; its tables are left as they are."""
    net = prepared.net
    matrices = _convert(net)
    axis = _node_axis(net, matrices)
    names = bus_names(net, axis.buses)
    network = _network(net, matrices, axis, names.labels)._replace(load_pu=_load_shares(prepared, matrices, axis))
    _check(network)
    indices = np.array([buses[0] if buses else -1 for buses in axis.buses], dtype=np.int64)
    notes = (*prepared.notes, CAVEAT) if net.bus.vn_kv.min() < 1.0 else prepared.notes
    if names.by_index:
        listed = ", ".join(f"index {bus}" for bus in names.by_index[:3])
        notes = (
            *notes,
            f"{len(names.by_index)} buses are reached by {listed} ...: their numbers are other buses' names",
        )
    return Feeder(
        network=network,
        nodes=names.nodes,
        indices=indices,
        ambiguous=names.ambiguous,
        dropped=names.dropped,
        notes=notes,
        coordinates=_coordinates(net, axis),
        reasons=names.reasons,
        members=axis.buses,
    )


class _Matrices(NamedTuple):
    """pandapower's matrices, in service only on the bus side."""

    bus: FloatArray
    branch: FloatArray
    branch_in_service: BoolArray
    base_mva: float
    row_of_bus: IntArray
    """Row in ``bus`` by pandapower index; negative or beyond the end: no supply."""
    ranges: dict[str, tuple[int, int]]
    """Rows in ``branch`` of each element table."""


class _Axis(NamedTuple):
    """Node of everything."""

    node_of_row: IntArray
    """Node of each row of the bus matrix [n_rows]."""
    row_of_node: IntArray
    """A row that stands for the node [n_nodes]."""
    buses: tuple[tuple[int, ...], ...]
    """pandapower buses of each node, ascending; empty at the inner points of elements [n_nodes]."""


def _convert(net: Any) -> _Matrices:
    try:
        with quiet_pandapower():
            net._options = {}
            _add_ppc_options(net, **_OPTIONS)
            outer, inner = _pd2ppc(net)
    except Exception as error:  # whatever pandapower meets in a broken net, its user needs the same answer
        hint = "does pandapower.runpp(net) solve it?"
        raise NetworkError(
            [Problem(f"pandapower cannot convert the net: {error}", str(net.name), hint=hint)]
        ) from error
    lookups = net._pd2ppc_lookups
    return _Matrices(
        bus=np.asarray(outer["bus"][: len(inner["bus"])].real, dtype=np.float64),
        branch=np.asarray(outer["branch"].real, dtype=np.float64),
        branch_in_service=np.asarray(inner["internal"]["branch_is"], dtype=np.bool_),
        base_mva=float(outer["baseMVA"]),
        row_of_bus=np.asarray(lookups["bus"], dtype=np.int64),
        ranges=dict(lookups["branch"]),
    )


def _node_axis(net: Any, of: _Matrices) -> _Axis:
    """Source first, then in order of the smallest bus index, inner points last. External grids are one node."""
    n_rows = len(of.bus)
    members: list[list[int]] = [[] for _ in range(n_rows)]
    for bus in sorted(net.bus.index):
        row = of.row_of_bus[bus]
        if 0 <= row < n_rows and net.bus.in_service.at[bus]:
            members[row].append(int(bus))
    sources = [row for row in range(n_rows) if of.bus[row, bu.BUS_TYPE] == bu.REF]
    others = [row for row in range(n_rows) if row not in set(sources)]
    others.sort(key=lambda row: (not members[row], members[row][:1] or [row]))
    node_of_row = np.zeros(n_rows, dtype=np.int64)
    node_of_row[others] = np.arange(1, len(others) + 1)
    fed = tuple(sorted(bus for row in sources for bus in members[row]))
    row_of_node = np.array([sources[0], *others], dtype=np.int64)
    return _Axis(node_of_row, row_of_node, (fed, *(tuple(members[row]) for row in others)))


def _coordinates(net: Any, axis: _Axis) -> FloatArray | None:
    """Mean place of the buses of each node by the net's GeoJSON points, NaN without one [n_nodes, 2]; None: no points."""
    if "geo" not in net.bus:
        return None
    places = {int(bus): point for bus, text in net.bus.geo.items() if (point := _point(text)) is not None}
    if not places:
        return None
    found = np.full((len(axis.buses), 2), np.nan)
    for node, buses in enumerate(axis.buses):
        known = [places[bus] for bus in buses if bus in places]
        if known:
            found[node] = np.mean(known, axis=0)
    return found


def _point(text: object) -> tuple[float, float] | None:
    """A GeoJSON point; None for anything else."""
    try:
        x, y = (float(each) for each in strict_json(str(text))["coordinates"][:2])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return (x, y) if isfinite(x) and isfinite(y) else None


def _limits(net: Any, axis: _Axis) -> tuple[FloatArray, FloatArray]:
    """Narrowest band of the buses of each node; none at the source and at inner points."""
    low, high = np.zeros(len(axis.buses)), np.full(len(axis.buses), inf)
    for node, buses in enumerate(axis.buses):
        if node and buses:
            low[node] = net.bus.min_vm_pu.loc[list(buses)].max()
            high[node] = net.bus.max_vm_pu.loc[list(buses)].min()
    return low, high


def _sum_by_node(axis: _Axis, values: FloatArray) -> FloatArray:
    return np.bincount(axis.node_of_row, weights=values, minlength=len(axis.buses)).astype(np.float64)


def _load_shares(prepared: Prepared, of: _Matrices, axis: _Axis) -> ComplexArray:
    """Admittance of the constant-impedance shares of loads with supply [n_nodes]."""
    found = np.zeros(len(axis.buses), dtype=np.complex128)
    supplied = {bus for buses in axis.buses for bus in buses}
    for share in prepared.shares:
        if share.bus in supplied:
            node = axis.node_of_row[of.row_of_bus[share.bus]]
            found[node] += complex(share.p_mw, -share.q_mvar) / of.base_mva
    return found


def _network(net: Any, of: _Matrices, axis: _Axis, labels: tuple[str, ...]) -> Network:
    rows = np.flatnonzero(of.branch_in_service)
    ends = axis.node_of_row[of.branch[:, [br.F_BUS, br.T_BUS]].astype(np.int64)[rows]]
    rows = rows[ends[:, 0] != ends[:, 1]]  # a branch between two sources carries nothing
    branch = of.branch[rows]
    ends = axis.node_of_row[branch[:, [br.F_BUS, br.T_BUS]].astype(np.int64)]
    names, kind, from_ka, to_ka = branch_ratings(net, len(of.branch), of.ranges)
    base_kv = of.bus[axis.row_of_node, bu.BASE_KV]
    ka_per_pu = of.base_mva / (sqrt(3.0) * base_kv)
    v_min_pu, v_max_pu = _limits(net, axis)
    tap = np.where(branch[:, br.TAP] == 0.0, 1.0, branch[:, br.TAP])
    g, b = branch[:, br.BR_G], branch[:, br.BR_B]
    return Network(
        name=text_of(net.name) or "net",
        base_kva=of.base_mva * 1e3,
        bus_names=labels,
        base_kv=base_kv,
        source_pu=float(net.ext_grid.vm_pu[net.ext_grid.in_service.to_numpy(dtype=bool)].iloc[0]),
        branch_names=tuple(names[row] for row in rows),
        kind=kind[rows],
        from_node=ends[:, 0],
        to_node=ends[:, 1],
        z_pu=branch[:, br.BR_R] + 1j * branch[:, br.BR_X],
        y_from_pu=(g + 1j * b) / 2.0,
        y_to_pu=(g + branch[:, br.BR_G_ASYM] + 1j * (b + branch[:, br.BR_B_ASYM])) / 2.0,
        ratio=tap * np.exp(1j * np.pi / 180.0 * branch[:, br.SHIFT]),
        rating_from_pu=from_ka[rows] / ka_per_pu[ends[:, 0]],
        rating_to_pu=to_ka[rows] / ka_per_pu[ends[:, 1]],
        shunt_pu=_sum_by_node(axis, of.bus[:, bu.GS]) / of.base_mva
        + 1j * _sum_by_node(axis, of.bus[:, bu.BS]) / of.base_mva,
        load_pu=np.zeros(len(axis.buses), dtype=np.complex128),
        v_min_pu=v_min_pu,
        v_max_pu=v_max_pu,
        nominal_kw=_sum_by_node(axis, of.bus[:, bu.PD]) * 1e3,
        nominal_kvar=_sum_by_node(axis, of.bus[:, bu.QD]) * 1e3,
    )


def _check(network: Network) -> None:
    """Refuse what no solver can take: impedances of zero or not finite, ratings of zero, a feeder without branches."""
    problems = []
    if not network.n_branches:
        problems.append(Problem("nothing is connected to the source", network.name))
    bad = ~np.isfinite(network.z_pu) | (network.z_pu == 0.0) | ~np.isfinite(network.ratio)
    problems += _branch_problems(
        network, bad, "impedance of zero or not a number", "join its buses with a closed switch instead"
    )
    unusable = ~(network.rating_from_pu > 0.0) | ~(network.rating_to_pu > 0.0)
    problems += _branch_problems(network, unusable, "rating of zero or less", "correct max_i_ka or sn_mva")
    if problems:
        raise NetworkError(problems)


def _branch_problems(network: Network, which: BoolArray, message: str, hint: str) -> list[Problem]:
    names: Sequence[str] = [network.branch_names[row] for row in np.flatnonzero(which)[:5]]
    return [Problem(message, f"{network.name}: {name}", hint=hint) for name in names]
