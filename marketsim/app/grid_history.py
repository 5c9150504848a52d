"""Voltages and loadings of a run's slots, solved again from what its agents metered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from marketsim.app.grid import is_regulated, network_of_run, own_load_share, rated, tap_laws
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.errors import InputError
from marketsim.core.units import WH_PER_KWH
from marketsim.grid.net.feeder import Feeder
from marketsim.grid.net.layout import drawing
from marketsim.grid.net.network import BranchKind, Network
from marketsim.results.grid_history import NO_GRID, FeederMap, GridHistory
from marketsim.results.reader import Run

if TYPE_CHECKING:
    from marketsim.grid.flow.tap_changer import TapPositions

_COLUMNS: Final = ("slot", "market", "agent", "net_wh", "kvar")


def feeder_map(ready: ReadyScenario, feeder: Feeder) -> FeederMap:
    """The feeder of a scenario as it is drawn."""
    network = rated(ready, feeder.network)
    limit_kva, limit_a = _limits(network)
    drawn = drawing(network, feeder.coordinates)
    at: list[list[int]] = [[] for _ in range(network.n_nodes)]
    for agent, node in enumerate(_nodes(ready, feeder).tolist()):
        at[node].append(agent)
    return FeederMap(
        name=network.name,
        buses=network.bus_names,
        branches=network.branch_names,
        from_node=network.from_node,
        to_node=network.to_node,
        is_trafo=network.kind == BranchKind.TRAFO,
        rated=np.isfinite(network.rating_from_pu) | np.isfinite(network.rating_to_pu),
        x=drawn.x,
        y=drawn.y,
        geographic=drawn.geographic,
        in_tree=drawn.in_tree,
        v_min_pu=network.v_min_pu,
        v_max_pu=network.v_max_pu,
        base_kv=network.base_kv,
        limit_a=limit_a,
        limit_kva=limit_kva,
        agents_at=tuple(tuple(agents) for agents in at),
    )


def _limits(network: Network) -> tuple[FloatArray, FloatArray]:
    """What each branch may carry, at its from end if it is rated there: [kVA] at nominal voltage, and [A]."""
    at_from = np.isfinite(network.rating_from_pu)
    kva = network.base_kva * np.where(at_from, network.rating_from_pu, network.rating_to_pu)
    kv = network.base_kv[np.where(at_from, network.from_node, network.to_node)]
    return kva, kva / (np.sqrt(3.0) * kv)


def grid_history(ready: ReadyScenario, run: Run, slots: range, market: int = 0) -> GridHistory:
    """Solve ``slots`` of a run (those that it has) with the independent power flow; InputError without a feeder.

    What a slot metered decides its power flow, so nothing has to be stored: injections and reactive power of the table
    of agents, and the background load of the scenario.
    """
    from marketsim.grid.flow.power_flow_check import Validator, batch_threads
    from marketsim.grid.flow.tap_changer import at_position

    if ready.feeder is None:
        raise InputError(NO_GRID)
    network = network_of_run(ready)
    rows = run.table("agents", columns=_COLUMNS, slot=slots)
    table = {name: rows.column(name).to_numpy() for name in _COLUMNS}
    own = table["market"] == market
    found, place = np.unique(table["slot"][own], return_inverse=True)
    hours = ready.model.clock.slot_minutes / 60.0
    node = _nodes(ready, ready.feeder)[table["agent"][own]]
    net_kw, kvar = (
        np.broadcast_to(values, (len(found), network.n_nodes)).copy() for values in _background(ready, hours)
    )
    np.add.at(net_kw, (place, node), table["net_wh"][own] / (WH_PER_KWH * hours))
    np.add.at(kvar, (place, node), np.nan_to_num(np.asarray(table["kvar"][own], dtype=np.float64)))
    v_pu, loading = np.empty_like(net_kw), np.empty((len(found), network.n_branches))
    for at, chosen in _by_position(ready, run, found).items():
        tapped = at_position(network, tap_laws(ready), at) if at else network
        solved = Validator(tapped, threads=batch_threads()).solve(net_kw[chosen], kvar[chosen])
        v_pu[chosen], loading[chosen] = solved.v_pu, solved.loading
    return GridHistory(feeder_map(ready, ready.feeder), found.astype(np.int64), v_pu, loading, net_kw, hours)


def _by_position(ready: ReadyScenario, run: Run, slots: IntArray) -> dict[TapPositions, IntArray]:
    """Which of the slots each setting of the tap changers was in; no positions without changers."""
    if not is_regulated(ready):
        return {(): np.arange(len(slots))}
    positions = tap_positions(ready, run, range(int(slots.min(initial=0)), int(slots.max(initial=-1)) + 1))
    own = [positions[int(slot)] for slot in slots]
    return {at: np.flatnonzero([each == at for each in own]) for at in dict.fromkeys(own)}


def tap_positions(ready: ReadyScenario, run: Run, slots: range | int) -> dict[int, TapPositions]:
    """Where the tap changers stood in slots of a run, by the table of slots; nothing without changers."""
    if not is_regulated(ready):
        return {}
    columns = [law.column for law in tap_laws(ready)]
    rows = run.table("slots", columns=["slot", *columns], slot=slots)
    values = zip(*(rows.column(name).to_pylist() for name in columns), strict=True)
    return dict(zip(rows.column("slot").to_pylist(), values, strict=True))


def _nodes(ready: ReadyScenario, feeder: Feeder) -> Any:
    return feeder.nodes_of([str(agent.bus) for agent in ready.agents])


def _background(ready: ReadyScenario, hours: float) -> tuple[FloatArray, FloatArray]:
    """Injection of buses without an agent, in whole Wh of a slot as the gate meters it [n_nodes]."""
    assert ready.feeder is not None
    network: Network = ready.feeder.network
    share = own_load_share(ready)
    slot_wh = hours * WH_PER_KWH
    return -np.rint(network.nominal_kw * share * slot_wh) / slot_wh, -network.nominal_kvar * share
