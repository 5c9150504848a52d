"""What each failure costs: energy not served, customers, limits broken; restoration over tie switches first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.contingency.failures import SOURCE_STEP, Contingency, failures
from marketsim.analysis.trajectory import Trajectory, follow, needs_feeder, outside
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.errors import InputError
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net.feeder import CAVEAT
from marketsim.grid.net.network import Network
from marketsim.grid.net.outage import Tie, supplied, with_tie
from marketsim.grid.net.topology import has_supply

HOURS: Final = 4.0
"""Until a failure is repaired; an assumption of ours."""


class Damage(NamedTuple):
    """What one failure does."""

    kind: str
    name: str
    unserved_kwh: float
    """Consumption without supply in the worst window of the repair time, after restoration."""
    customers: int
    """Agents without supply after restoration."""
    lost_kwh: float
    """The same before restoration."""
    violated: int
    """Slots of the run that break a limit then and did not before."""
    deepest_pu: float
    """Farthest that a supplied bus lies outside the band [p.u.]."""
    highest_loading: float
    """Of any branch, as a share of its rating."""
    restored: str
    """Tie that was closed, or why none was; empty where nothing lost supply."""


class Contingencies(NamedTuple):
    """All failures, the worst first."""

    scenario: str
    hours: float
    ranked: tuple[Damage, ...]
    notes: tuple[str, ...]


class _After(NamedTuple):
    """The supplied part of a feeder in all slots."""

    broken: BoolArray
    """[n_slots]."""
    deepest_pu: float
    highest_loading: float


def contingencies(
    ready: ReadyScenario,
    hours: float = HOURS,
    source_step: float = SOURCE_STEP,
    tell: Callable[[str], None] | None = None,
) -> Contingencies:
    """Try every single failure on all slots of a scenario, and rank them.

    ``hours``: until it is repaired [h]; ``source_step``: rise and sag of the source [p.u.]. InputError for numbers that
    are none, and without a feeder.
    """
    needs_feeder(ready, "contingency")
    if not (hours > 0.0 and 0.0 < source_step < 0.5):
        raise InputError(
            f"hours must be positive and the source's step within 0.5 p.u., not {hours:g} and {source_step:g}"
        )
    say = tell or (lambda _: None)
    say("running the scenario")
    path = follow(ready)
    names = tuple(agent.name for agent in ready.agents)
    ties = ties_of(ready, path.network)
    before = outside(path.network, path.v_pu, path.loading)
    damages = []
    for failure in failures(path, names, path.agent_kw, source_step):
        say(failure.name)
        damages.append(_damage(path, failure, ties, before, hours))
    ranked = sorted(damages, key=lambda d: (-d.unserved_kwh, -d.customers, -d.violated, -d.deepest_pu, d.name))
    said = (
        f"{len(ties)} tie switches named in grid.ties"
        if ties
        else "no tie switches: the scenario names none (grid.ties)"
    )
    return Contingencies(ready.name, hours, tuple(ranked), (said + ".", CAVEAT))


def ties_of(ready: ReadyScenario, network: Network) -> tuple[Tie, ...]:
    """Tie switches that the scenario names; NetworkError for buses that the feeder has not."""
    feeder = ready.feeder
    if feeder is None:
        return ()
    found = []
    for tie in ready.model.grid.ties:
        a, b = feeder.nodes_of(list(tie.buses)).tolist()
        if network.base_kv[a] != network.base_kv[b]:
            raise InputError(
                f"grid.ties: {tie.name} joins buses of {network.base_kv[a]:g} and {network.base_kv[b]:g} kV"
            )
        rating = np.inf if tie.rating_a is None else tie.rating_a
        found.append(Tie(tie.name, (a, b), complex(tie.r_ohm, tie.x_ohm), rating))
    return tuple(found)


def _damage(path: Trajectory, failure: Contingency, ties: Sequence[Tie], before: BoolArray, hours: float) -> Damage:
    dark = ~has_supply(failure.network)
    lost_kwh = _unserved(path, dark, hours)
    network, restored = failure.network, ""
    if dark.any():
        network, restored = _restored(path, failure, ties, dark, before)
        dark = ~has_supply(network)
    after = _solve(path, network, failure.lost_kw)
    return Damage(
        kind=failure.kind,
        name=failure.name,
        unserved_kwh=_unserved(path, dark, hours),
        customers=int(dark[path.node_of].sum()),
        lost_kwh=lost_kwh,
        violated=int((after.broken & ~before).sum()),
        deepest_pu=after.deepest_pu,
        highest_loading=after.highest_loading,
        restored=restored,
    )


def _restored(
    path: Trajectory, failure: Contingency, ties: Sequence[Tie], dark: BoolArray, before: BoolArray
) -> tuple[Network, str]:
    """The feeder after the best tie was closed: one that keeps every limit in all slots, at the lowest loading."""
    able = [tie for tie in ties if dark[tie.ends[0]] != dark[tie.ends[1]]]
    if not able:
        return failure.network, "no tie reaches it"
    tried = []
    for tie in able:
        closed = with_tie(failure.network, tie)
        after = _solve(path, closed, failure.lost_kw)
        tried.append((int((after.broken & ~before).sum()), after.highest_loading, tie.name, closed))
    broken, _, name, closed = min(tried, key=lambda each: each[:3])
    if broken:
        return failure.network, f"{name} would break a limit in {broken} slots"
    return closed, f"over {name}"


def _solve(path: Trajectory, network: Network, lost_kw: FloatArray | None) -> _After:
    part = supplied(network)
    net_kw = path.net_kw if lost_kw is None else path.net_kw - lost_kw
    if not part.network.n_branches:
        return _After(np.zeros(path.n_slots, dtype=np.bool_), 0.0, 0.0)
    flow = Validator(part.network).solve(
        np.ascontiguousarray(net_kw[:, part.nodes]), np.ascontiguousarray(path.kvar[:, part.nodes])
    )
    v = flow.v_pu[:, 1:]
    beyond = np.maximum(part.network.v_min_pu[1:] - v, v - part.network.v_max_pu[1:])
    return _After(
        broken=outside(part.network, flow.v_pu, flow.loading),
        deepest_pu=float(np.nanmax(beyond, initial=0.0)),
        highest_loading=float(np.nanmax(flow.loading, initial=0.0)),
    )


def _unserved(path: Trajectory, dark: BoolArray, hours: float) -> float:
    """Consumption at nodes without supply in the worst window of ``hours`` [kWh]."""
    energy = path.demand_kw[:, dark].sum(axis=1) * path.hours
    window = min(max(round(hours / path.hours), 1), len(energy))
    total = np.concatenate(([0.0], np.cumsum(energy)))
    return float((total[window:] - total[:-window]).max())
