"""What an approximate gate decides otherwise than AC: counts on two buses against the quadratic by hand."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.analysis.comparators.decisions import (
    LIMITS,
    Decision,
    FeederWalk,
    counted,
    walk,
    walks,
)
from marketsim.analysis.comparators.walk import WalkOptions, gates_with
from marketsim.builtin import built_in_registry
from marketsim.core.errors import InputError, NetworkError
from marketsim.grid.net.feeder import Feeder, FeederOptions
from marketsim.grid.net.feeders import load
from marketsim.testing.grids import tree_network

R, X = 0.02, 0.01
VILLAGE = "pandapower:create_kerber_landnetz_freileitung_1"


def two_laterals() -> Feeder:
    """Two buses, each alone behind its line at the source, with a load of its own."""
    network = tree_network([0, 0], np.full(2, R + X * 1j))
    nominal = np.array([0.0, 100.0, 100.0])
    network = network._replace(nominal_kw=nominal)
    return Feeder(network, {f"b{node}": node for node in range(3)}, np.arange(3))


def most_pu(v: float, linear: bool) -> float:
    """The most that one bus may draw (v < 1) or inject at a voltage [p.u.]: the linear drop, or the quadratic of AC."""
    sign = 1.0 if v < 1.0 else -1.0
    if linear:
        return sign * (1.0 - v**2) / (2.0 * R)
    roots = np.roots([R**2 + X**2, sign * 2.0 * R * v**2, v**4 - v**2])
    return float(roots[roots > 0.0].min())


def test_two_buses_by_hand() -> None:
    """Both gates' decisions follow from how much the bus that binds already draws: the difference of the two maxima.

    At the limit the bus stands at ``most_pu`` by AC; the linear model has room for the difference more, or less.
    """
    found = walk("two", two_laterals(), WalkOptions(trades=300, seed=3))
    assert len(found.decisions) == 300
    earlier: dict[str, int] = {}
    for limit, v in (("undervoltage", 0.95), ("overvoltage", 1.05)):
        apart_wh = (most_pu(v, True) - most_pu(v, False)) * 250_000
        own = [each for each in found.decisions if each.limit == limit]
        assert len(own) > 50
        expected = np.array([max(each.exact_wh + apart_wh, 0.0) for each in own])
        off = np.array([each.most_wh for each in own]) - expected
        # from bus to bus, the linear model may find the seller's upper limit before the buyer's lower one
        assert off.max() <= 10
        earlier[limit] = int((off < -10).sum())
        for each in own:
            assert each.feasible == (each.asked_wh <= each.exact_wh)
            assert abs(each.asked_wh / each.exact_wh - 1.0) <= 0.2 + 1e-2
            assert each.accepted == (each.asked_wh <= each.most_wh)
    assert earlier["undervoltage"] <= 0.05 * 300
    assert earlier["overvoltage"] == 0
    rows = {row.limit: row for row in counted([found])}
    under, over, load_row = (rows[limit] for limit in LIMITS)
    assert under.accepted_infeasible > 0
    assert under.refused_feasible <= earlier["undervoltage"]
    assert over.refused_feasible > 0 == over.accepted_infeasible
    assert (load_row.trades, load_row.median_ratio) == (0, None)
    assert under.trades == under.accepted + under.refused
    # beyond: at most what 20 % more, or all that the linear model takes, does to the voltage
    assert 0.0 < under.beyond < 0.95 - np.sqrt(0.9025 - 2 * R * 0.2 * most_pu(0.95, False))
    assert over.beyond == 0.0


def test_counts_of_given_decisions() -> None:
    """Each trade is counted once, by what it was asked of both; a row for all feeders follows several."""
    decisions = (
        Decision("undervoltage", 110, 100, 120, feasible=False, accepted=True, beyond=0.001),
        Decision("undervoltage", 90, 100, 104, feasible=True, accepted=True, beyond=0.0),
        Decision("undervoltage", 130, 100, 110, feasible=False, accepted=False, beyond=0.0),
        Decision("overvoltage", 95, 100, 90, feasible=True, accepted=False, beyond=0.0),
    )
    rows = counted([FeederWalk("a", decisions, None), FeederWalk("b", decisions[3:], 0.1)])
    assert [(row.feeder, row.limit) for row in rows] == [(f, limit) for f in ("a", "b", "all") for limit in LIMITS]
    assert rows[0] == ("a", "undervoltage", 3, 2, 1, 1, 0, 1.1, 0.001)
    assert rows[1] == ("a", "overvoltage", 1, 0, 0, 1, 1, 0.9, 0.0)
    assert rows[7] == ("all", "overvoltage", 2, 0, 0, 2, 2, 0.9, 0.0)
    assert counted([FeederWalk("a", decisions, None)]) == rows[:3]


def test_the_direction_decides_on_real_nets() -> None:
    """At undervoltage LinDistFlow accepts what breaks the limit, at overvoltage it refuses what does not; never the reverse."""
    rows = counted(walks(["feeder141", VILLAGE], WalkOptions(trades=250)))
    under, over, loading = rows[-3:]
    assert under.accepted_infeasible > 0.15 * under.accepted > 5
    assert under.refused_feasible <= 0.02 * under.refused
    assert over.accepted_infeasible == 0 < over.refused_feasible
    assert min(loading.accepted_infeasible, loading.refused_feasible) > 0


def test_the_screen_that_keeps_a_bound_accepts_nothing_infeasible() -> None:
    """The same walk asks mode ``sensitivity``, which holds back instead."""
    found = list(walks([VILLAGE], WalkOptions(gate="sensitivity", trades=150)))
    assert found[0].off_pu is None
    rows = counted(found)
    assert sum(row.accepted_infeasible for row in rows) == 0
    assert sum(row.trades for row in rows) == 150
    assert all(row.beyond == 0.0 for row in rows)


def test_a_walk_is_the_same_beside_others_and_differs_by_seed() -> None:
    alone, beside = (
        {one.feeder: one for one in walks(names, WalkOptions(trades=20))}
        for names in ([VILLAGE], ["feeder141", VILLAGE])
    )
    assert alone[VILLAGE] == beside[VILLAGE]
    assert next(walks([VILLAGE], WalkOptions(trades=20, seed=2))) != alone[VILLAGE]


def test_wrong_numbers_are_all_named_before_anything_is_walked() -> None:
    with pytest.raises(InputError) as caught:
        next(walks([VILLAGE], WalkOptions("observe", 0, (1.05, 0.95), 1.0, -1)))
    assert [problem.path for problem in caught.value.problems] == ["--gate", "--trades", "--seed", "--spread", "--band"]
    assert set(gates_with(built_in_registry(), "screens")) == {"sensitivity", "lindistflow"}
    with pytest.raises(InputError, match="--band"):
        next(walks([VILLAGE], WalkOptions(band_pu=(float("nan"), 1.05))))


def test_a_net_without_loads_or_with_loops_is_refused() -> None:
    bare = two_laterals()
    bare = bare._replace(network=bare.network._replace(nominal_kw=np.zeros(3)))
    with pytest.raises(InputError, match="too few buses with a load"):
        walk("bare", bare, WalkOptions(trades=1))
    village = load(VILLAGE, None, FeederOptions(voltage_band_pu=(0.95, 1.05)))
    tied = village.network._replace(
        **{
            name: np.append(getattr(village.network, name), getattr(village.network, name)[-1:])
            for name in ("kind", "z_pu", "y_from_pu", "y_to_pu", "ratio", "rating_from_pu", "rating_to_pu")
        },
        from_node=np.append(village.network.from_node, 3),
        to_node=np.append(village.network.to_node, village.network.n_nodes - 1),
        branch_names=(*village.network.branch_names, "tie"),
    )
    with pytest.raises(NetworkError, match="needs a radial net"):
        walk("tied", village._replace(network=tied), WalkOptions(trades=1))
