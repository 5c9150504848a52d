"""Voltages and loadings of a run's slots, solved again from what its agents metered."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from marketsim.app.grid import rated
from marketsim.app.ready import ReadyScenario, load_scenario
from marketsim.core.arrays import FloatArray
from marketsim.core.errors import InputError
from marketsim.core.units import WH_PER_KWH
from marketsim.grid.feeder import Feeder
from marketsim.grid.layout import drawing
from marketsim.grid.network import BranchKind, Network
from marketsim.results.folder import SCENARIO
from marketsim.results.grid_history import FeederMap, GridHistory
from marketsim.results.reader import Run

_COLUMNS: Final = ("slot", "market", "agent", "net_wh", "kvar")


def feeder_map(ready: ReadyScenario, feeder: Feeder) -> FeederMap:
    """The feeder of a scenario as it is drawn."""
    network = feeder.network
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
        agents_at=tuple(tuple(agents) for agents in at),
    )


def grid_history(ready: ReadyScenario, run: Run, slots: range, market: int = 0) -> GridHistory:
    """Solve ``slots`` of a run (those that it has) with the independent power flow; InputError without a feeder.

    What a slot metered decides its power flow, so nothing has to be stored: injections and reactive power of the table
    of agents, and the background load of the scenario.
    """
    from marketsim.grid.power_flow_check import Validator

    if ready.feeder is None:
        raise InputError("this run has no grid, so there is nothing to draw")
    network = rated(ready, ready.feeder.network)
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
    solved = Validator(network).solve(net_kw, kvar)
    return GridHistory(feeder_map(ready, ready.feeder), found.astype(np.int64), solved.v_pu, solved.loading, net_kw)


def _nodes(ready: ReadyScenario, feeder: Feeder) -> Any:
    return feeder.nodes_of([str(agent.bus) for agent in ready.agents])


def _background(ready: ReadyScenario, hours: float) -> tuple[FloatArray, FloatArray]:
    """Injection of buses without an agent, in whole Wh of a slot as the gate meters it [n_nodes]."""
    assert ready.feeder is not None
    network: Network = ready.feeder.network
    scale = ready.model.grid.load_scale if ready.model.grid.background else 0.0
    free = np.ones(network.n_nodes)
    free[_nodes(ready, ready.feeder)] = 0.0
    slot_wh = hours * WH_PER_KWH
    return -np.rint(network.nominal_kw * free * scale * slot_wh) / slot_wh, -network.nominal_kvar * free * scale


def scenario_of(run: Run) -> ReadyScenario:
    """The scenario of a run as it was resolved; ScenarioError or PluginError where it cannot be read here."""
    return load_scenario(run.scenario_text if run.path is None else run.path / SCENARIO)
