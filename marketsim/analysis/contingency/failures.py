"""Every single failure that a feeder is tried with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.trajectory import Trajectory
from marketsim.core.arrays import FloatArray
from marketsim.grid.net.network import BranchKind, Network
from marketsim.grid.net.outage import without_branches

TAP_STEP: Final = 0.025
"""Step of a transformer's tap, of its ratio; an assumption of ours."""
SOURCE_STEP: Final = 0.05
"""Rise and sag of the source's voltage [p.u.]."""


class Contingency(NamedTuple):
    """Something that fails, and the feeder after it."""

    kind: str
    """``source``, ``tap``, ``unit``, ``capacitor`` or ``line``."""
    name: str
    network: Network
    """May have nodes without supply."""
    lost_kw: FloatArray | None = None
    """Injection that is gone [n_slots, n_nodes]; None: none."""


def failures(
    path: Trajectory, agents: tuple[str, ...], agent_kw: FloatArray, source_step: float
) -> Iterator[Contingency]:
    """All failures, one after the other. ``agent_kw``: net power of each agent [n_slots, n_agents]."""
    network = path.network
    for change in (-source_step, source_step):
        yield Contingency(
            "source", f"source {100 * change:+g} %", network._replace(source_pu=network.source_pu * (1.0 + change))
        )
    yield from _taps(network)
    yield from _units(path, agents, agent_kw)
    for node in np.flatnonzero(network.shunt_pu.imag > 0.0).tolist():
        shunts = network.shunt_pu.copy()
        shunts[node] = complex(shunts[node].real, min(shunts[node].imag, 0.0))
        yield Contingency("capacitor", f"capacitor at bus {network.bus_names[node]}", network._replace(shunt_pu=shunts))
    for branch in range(network.n_branches):
        lost = np.arange(network.n_branches) == branch
        yield Contingency("line", f"{network.branch_names[branch]} open", without_branches(network, lost))


def _taps(network: Network) -> Iterator[Contingency]:
    for branch in np.flatnonzero(network.kind == BranchKind.TRAFO).tolist():
        for steps in (-1, 1):
            ratio = network.ratio.copy()
            ratio[branch] *= 1.0 + steps * TAP_STEP
            yield Contingency(
                "tap", f"{network.branch_names[branch]} tap {steps:+d} step", network._replace(ratio=ratio)
            )


def _units(path: Trajectory, agents: tuple[str, ...], agent_kw: FloatArray) -> Iterator[Contingency]:
    """The largest injection, and the largest consumption, trips."""
    for sign, what in ((1, "generation"), (-1, "load")):
        own = np.maximum(sign * agent_kw, 0.0)
        agent = int(own.max(axis=0).argmax())
        if own[:, agent].any():
            lost = np.zeros_like(path.net_kw)
            lost[:, path.node_of[agent]] = sign * own[:, agent]
            yield Contingency("unit", f"largest {what}, {agents[agent]}, lost", path.network, lost)
