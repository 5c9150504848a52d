"""The list of failures is complete, each changes one thing, and leaves the feeder of the run alone."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.analysis.contingency.failures import TAP_STEP, Contingency, failures
from marketsim.analysis.trajectory import Trajectory, outside
from marketsim.grid.net.network import BranchKind, Network
from marketsim.testing.grids import dense_power_flow, tree_network

SLOTS, AGENTS = 3, ("house", "plant")


def feeder() -> Network:
    """Source, transformer, two lines and a branch off; a capacitor at the end."""
    network = tree_network([0, 1, 2, 1], np.full(4, 0.02 + 0.02j), rating_pu=0.5)
    shunts = np.zeros(5, dtype=np.complex128)
    shunts[3] = 0.01 + 0.05j
    return network._replace(kind=np.array([BranchKind.TRAFO, 0, 0, 0]), shunt_pu=shunts)


def path(network: Network, agent_kw: np.ndarray) -> Trajectory:
    """A trajectory of two agents at nodes 3 and 4."""
    net_kw = np.zeros((SLOTS, network.n_nodes))
    net_kw[:, [3, 4]] = agent_kw
    nothing = np.zeros_like(net_kw)
    return Trajectory(
        network=network,
        node_of=np.array([3, 4]),
        hours=1.0,
        starts=("0", "1", "2"),
        net_kw=net_kw,
        kvar=nothing,
        firm_kw=nothing,
        firm_kvar=nothing,
        load_kw=nothing,
        demand_kw=nothing,
        v_pu=np.ones_like(net_kw),
        loading=np.zeros((SLOTS, network.n_branches)),
        agent_kw=agent_kw,
        curtailed_kwh=np.zeros(2),
        pv_kwh=np.zeros(2),
        summary={},
        slot_s=np.zeros(SLOTS),
    )


@pytest.fixture(scope="module")
def found() -> dict[str, Contingency]:
    agent_kw = np.array([[-5.0, 2.0], [-8.0, 40.0], [-1.0, -3.0]])
    return {each.name: each for each in failures(path(feeder(), agent_kw), AGENTS, agent_kw, 0.05)}


def test_every_kind_is_there_once_for_each_thing_that_can_fail(found: dict[str, Contingency]) -> None:
    """Source up and down, both ways of the one tap, both units, one capacitor, four branches."""
    kinds = [each.kind for each in found.values()]
    assert {kind: kinds.count(kind) for kind in kinds} == {"source": 2, "tap": 2, "unit": 2, "capacitor": 1, "line": 4}


def test_a_failure_changes_one_thing_of_a_copy(found: dict[str, Contingency]) -> None:
    """The source's voltage, one ratio, one shunt or one branch; the rest is the feeder of the run."""
    base = feeder()
    assert [found[f"source {sign}5 %"].network.source_pu for sign in "+-"] == pytest.approx([1.05, 0.95])
    up = found[f"{base.branch_names[0]} tap +1 step"].network
    assert up.ratio[0] == pytest.approx(1.0 + TAP_STEP)
    assert (up.ratio[1:] == base.ratio[1:]).all()
    lost = found[f"capacitor at bus {base.bus_names[3]}"].network.shunt_pu
    assert lost.tolist() == [0, 0, 0, 0.01, 0]
    opened = found[f"{base.branch_names[1]} open"].network
    assert opened.branch_names == (base.branch_names[0], *base.branch_names[2:])


def test_a_capacitor_that_is_lost_lowers_its_voltage(found: dict[str, Contingency]) -> None:
    """By a dense solution: what supplied reactive power does so no more."""
    load = np.array([0, 0, 0, -0.2 - 0.1j, 0])
    with_it, without = (
        np.abs(dense_power_flow(net, load).v_pu[3])
        for net in (feeder(), found[f"capacitor at bus {feeder().bus_names[3]}"].network)
    )
    assert without < with_it


def test_the_largest_unit_is_lost_in_the_direction_in_which_it_is_largest(found: dict[str, Contingency]) -> None:
    """The plant's 40 kW of injection go, its later draw stays; the house's draw goes in every slot."""
    generation = found["largest generation, plant, lost"].lost_kw
    load = found["largest load, house, lost"].lost_kw
    assert generation is not None
    assert load is not None
    assert generation[:, 4].tolist() == [2.0, 40.0, 0.0]
    assert load[:, 3].tolist() == [-5.0, -8.0, -1.0]
    assert not np.delete(generation, 4, axis=1).any()


def test_nobody_who_injects_is_nobody_to_lose() -> None:
    agent_kw = np.array([[-5.0, -2.0]] * SLOTS)
    names = [each.name for each in failures(path(feeder(), agent_kw), AGENTS, agent_kw, 0.05)]
    assert not any("generation" in name for name in names)
    assert "largest load, house, lost" in names


def test_outside_means_beyond_a_limit_or_without_solution() -> None:
    """A bus outside the band, a branch over its rating, NaN everywhere; an unrated branch and the source do not count."""
    network = feeder()
    v = np.ones((5, 5))
    loading = np.full((5, 4), np.nan)
    v[0, 0] = 2.0
    v[1, 2] = network.v_max_pu[2] + 1e-4
    loading[2, 1] = 1.01
    v[3] = np.nan
    assert outside(network, v, loading).tolist() == [False, True, True, True, False]
