"""What a scenario did to its feeder, slot by slot and node by node: what grid questions start from."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from marketsim.app.grid import has_trait, is_regulated
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.wiring import Built, build
from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import InputError, PowerFlowDiverged
from marketsim.core.metric import Metric, Value
from marketsim.core.records import SlotRecord
from marketsim.core.simulation import Simulation
from marketsim.core.units import WH_PER_KWH
from marketsim.grid.net.network import Network


class Trajectory(NamedTuple):
    """A run of one market on a feeder; powers are injections, axes [n_slots, n_nodes] unless said otherwise."""

    network: Network
    """As rated for the run."""
    node_of: IntArray
    """Node of each agent [n_agents]."""
    hours: float
    """Length of a slot [h]."""
    starts: tuple[str, ...]
    """Day and time of each slot, ISO 8601."""
    net_kw: FloatArray
    kvar: FloatArray
    firm_kw: FloatArray
    """Before anything traded."""
    firm_kvar: FloatArray
    load_kw: FloatArray
    """Firm load by profile, background included; positive."""
    demand_kw: FloatArray
    """All consumption: load and what devices draw; positive."""
    v_pu: FloatArray
    loading: FloatArray
    """[n_slots, n_branches]."""
    agent_kw: FloatArray
    """Net power of each agent [n_slots, n_agents]."""
    curtailed_kwh: FloatArray
    """PV that was not generated [n_agents]."""
    pv_kwh: FloatArray
    """PV that could have been generated [n_agents]."""
    summary: Mapping[str, Value]
    """KPIs of the metrics that looked on."""
    slot_s: FloatArray
    """Wall time of each slot [s] [n_slots]."""

    @property
    def n_slots(self) -> int:
        """Number of slots."""
        return len(self.net_kw)

    @property
    def violated(self) -> BoolArray:
        """Slots that end outside a limit [n_slots]."""
        return outside(self.network, self.v_pu, self.loading)


TOLERANCE = 1e-6
"""Beyond a limit by less counts as kept (p.u. of voltage, share of a rating)."""


def outside(network: Network, v_pu: FloatArray, loading: FloatArray) -> BoolArray:
    """Cases in which a voltage or loading is beyond its limit, or without solution [n_cases]."""
    v = v_pu[:, 1:]
    unsolved = np.isnan(v_pu).all(axis=1)
    low, high = v < network.v_min_pu[1:] - TOLERANCE, v > network.v_max_pu[1:] + TOLERANCE
    over = np.nan_to_num(loading) > 1.0 + TOLERANCE
    return np.asarray(unsolved | (low | high).any(axis=1) | over.any(axis=1))


def needs_feeder(ready: ReadyScenario, what: str) -> None:
    """InputError where a scenario has no grid to ask about."""
    if ready.feeder is None or has_trait(ready, "blind"):
        raise InputError(f"{what} asks about a feeder, and {ready.name} has none: set grid.feeder and grid.gate")
    if is_regulated(ready):
        raise InputError(
            f"{what} holds the voltage of the source and every tap: set grid.tap_changer to null and grid.regulators to []"
        )


def follow(ready: ReadyScenario, metrics: Sequence[Metric] = (), built: Built | None = None) -> Trajectory:
    """Run a scenario with a feeder and keep what its nodes did. ``metrics`` look on without a reference run.

    Raises PowerFlowDiverged where a slot's untraded state alone has no solution.
    """
    built = build(ready) if built is None else built
    if built.grid is None:
        raise InputError(f"{ready.name} has no feeder")
    rows: list[dict[str, FloatArray]] = []
    times: list[float] = []
    curtailed, pv = np.zeros((2, built.world.community.n_agents))
    simulation = Simulation(built.world)
    while not simulation.done:
        began = time.perf_counter()
        record = simulation.step()
        times.append(time.perf_counter() - began)
        if not record.grid.converged[0]:
            raise PowerFlowDiverged(f"{ready.name}: slot {len(rows)} has no power flow solution")
        rows.append(_row(built, record))
        curtailed += record.exchange.curtailed_wh
        pv += record.inputs.pv_wh
        for metric in metrics:
            metric.observe(record, None)
    return Trajectory(
        network=built.grid,
        node_of=built.world.node_of,
        hours=built.world.clock.slot_hours,
        starts=tuple(built.world.clock.at(slot).begins.isoformat(" ", "minutes") for slot in range(len(rows))),
        **{name: np.array([row[name] for row in rows]) for name in rows[0]},
        curtailed_kwh=curtailed / WH_PER_KWH,
        pv_kwh=pv / WH_PER_KWH,
        summary={name: value for metric in metrics for name, value in metric.summary().items()},
        slot_s=np.array(times),
    )


def _row(built: Built, record: SlotRecord) -> dict[str, FloatArray]:
    """What ``Trajectory`` keeps of one slot, by the names of its fields."""
    grid, place, world = record.grid, record.positions, built.world
    to_kw = 1.0 / (WH_PER_KWH * record.inputs.time.hours)
    n_nodes = grid.net_wh.shape[1]

    def by_node(values: IntArray) -> FloatArray:
        return np.asarray(np.bincount(world.node_of, weights=values, minlength=n_nodes), dtype=np.float64)

    net = grid.net_wh[0].astype(np.float64)
    traded = by_node(record.energy.net_wh - place.must_run_wh + place.firm_demand_wh)
    background = by_node(record.energy.net_wh) - net
    drawn = np.maximum(-record.energy.device_wh, 0).sum(axis=0)
    load = by_node(record.inputs.load_wh) + background
    return {
        "net_kw": net * to_kw,
        "kvar": grid.kvar[0].copy(),
        "firm_kw": (net - traded) * to_kw,
        "firm_kvar": grid.firm_kvar[0].copy(),
        "load_kw": load * to_kw,
        "demand_kw": (load + by_node(drawn)) * to_kw,
        "v_pu": grid.v_pu[0].copy(),
        "loading": grid.loading[0].copy(),
        "agent_kw": np.asarray(record.energy.net_wh * to_kw, dtype=np.float64),
    }
