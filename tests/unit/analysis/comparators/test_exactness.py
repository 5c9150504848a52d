"""Whether an exact gate is: distances on two buses against the quadratic by hand, and gates that are wrong on purpose."""

from __future__ import annotations

from dataclasses import replace
from math import floor

import numpy as np
import pytest

import marketsim as ms
from marketsim.analysis.comparators.exactness import (
    Admission,
    FeederAudit,
    SlotCheck,
    audit,
    audits,
    counted,
    first_beyond,
)
from marketsim.analysis.comparators.walk import Traders, WalkOptions
from marketsim.builtin import built_in_registry
from marketsim.core.errors import InputError
from marketsim.core.records import NOWHERE
from marketsim.extension.registry import Registry
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.net.feeder import Feeder, FeederOptions
from marketsim.grid.net.feeders import load
from marketsim.testing.grids import tree_network

R, X = 0.0002, 0.0001
WH_PER_PU = 250_000
"""1 p.u. of 1,000 kVA for a quarter of an hour."""
VILLAGE = "pandapower:create_kerber_landnetz_freileitung_1"
GUARD = 1e-8


def two_laterals(rating_pu: float = np.inf) -> Feeder:
    """Two buses, each alone behind its line at the source, with a load of its own; 1 Wh moves a voltage by less than 1e-9 p.u."""
    network = tree_network([0, 0], np.full(2, R + X * 1j), rating_pu=rating_pu)
    network = network._replace(nominal_kw=np.array([0.0, 100.0, 100.0]))
    return Feeder(network, {f"b{node}": node for node in range(3)}, np.arange(3))


def most_wh(v: float) -> float:
    """What one bus may draw (v < 1) or inject in all at a voltage [Wh], by the quadratic of a line."""
    sign = 1.0 if v < 1.0 else -1.0
    roots = np.roots([R**2 + X**2, sign * 2.0 * R * v**2, v**4 - v**2])
    return float(roots[roots > 0.0].min()) * WH_PER_PU


@pytest.mark.parametrize(("v", "ends"), [(0.95, (NOWHERE, 0)), (1.05, (0, NOWHERE))])
def test_two_buses_by_hand(v: float, ends: tuple[int, int]) -> None:
    """From rest the gate stops where the voltage meets the limit less the guard; the limit itself lies some Wh further."""
    on = Traders("two", two_laterals())
    gate, check = on.gate(built_in_registry(), "ac"), SlotCheck(on)
    rest = np.zeros(2, dtype=np.int64), np.zeros(2)
    gate.open(*rest)
    assert check.open(*rest) == pytest.approx(-0.05, abs=1e-12)
    admitted = gate.admit(0, *ends, 10**9)[0]
    at_guard, at_limit = most_wh(v + GUARD if v < 1.0 else v - GUARD), most_wh(v)
    assert admitted == pytest.approx(floor(at_guard), abs=1)
    assert at_limit - at_guard > 10.0
    check.commit(*ends, 0)
    further = first_beyond(lambda wh: check.excess(*ends, admitted + wh), 0.0, 10**6)
    assert further == pytest.approx(floor(at_limit) + 1 - admitted, abs=1)


def test_a_walk_on_two_buses_finds_the_same_distances() -> None:
    """Wherever a slot starts, the way from the guard to the limit is the same in Wh, and the next Wh meets the guard."""
    found = audit("two", two_laterals(), WalkOptions("ac", 60, seed=3))
    parts = [each for each in found.admissions if each.to_limit_wh is not None]
    assert len(parts) > 15
    ways = [most_wh(v) - most_wh(v + GUARD if v < 1.0 else v - GUARD) for v in (0.95, 1.05)]
    beside = [each for each in parts if each.to_guard_wh is not None and abs(each.to_guard_wh - 1) <= 1]
    assert len(beside) == len(parts)
    inside = [each for each in parts if each.excess < -0.5 * GUARD and each.to_limit_wh > 2]
    assert inside
    assert all(min(ways) - 2 <= each.to_limit_wh <= max(ways) + 3 for each in inside)


def test_limits_of_a_slot_that_starts_beyond_them() -> None:
    """A voltage that is too low before trade may fall by the tolerance, and a branch that is overloaded carry 0.1 % more."""
    on = Traders("two", two_laterals())
    check, much = SlotCheck(on), floor(1.1 * most_wh(0.95))
    assert check.open(np.array([-much, 0]), np.zeros(2)) > 0.0
    assert check.excess(NOWHERE, NOWHERE, 0) == pytest.approx(-1e-4, abs=1e-12)
    assert check.excess(NOWHERE, 1, 1000) == pytest.approx(-1e-4, abs=1e-12)  # another lateral
    rated = Traders("two", two_laterals(rating_pu=1.0))
    check = SlotCheck(rated)
    check.open(np.array([-2 * WH_PER_PU, 0]), np.zeros(2))
    assert check.excess(NOWHERE, NOWHERE, 0) == pytest.approx(-1e-3, abs=1e-12)
    turned = check.excess(0, NOWHERE, 4 * WH_PER_PU)
    assert turned == pytest.approx(1.0, abs=1e-2)  # 2 p.u. the other way, of a rating of 1


def test_the_first_wh_beyond() -> None:
    """Doubling and bisection find the one step; what lies beyond already is 0, what never does is None."""
    for step in (1, 2, 3, 17, 1024, 1025):
        assert first_beyond(lambda wh, at=step: float(wh >= at), 0.5, 10**6) == step
    assert first_beyond(lambda wh: 1.0, 0.5, 10) == 0
    assert first_beyond(lambda wh: 0.0, 0.5, 10) is None
    assert first_beyond(lambda wh: float(wh >= 10), 0.5, 10) == 10


def test_counts_of_given_admissions() -> None:
    """Each trade is counted once; a refusal for which nothing breaks leaves no largest distance."""
    admissions = (
        Admission(100, 100, -0.01),
        Admission(100, 90, -2e-8, 1, 2),
        Admission(100, 80, -5e-8, 2, 700),
        Admission(100, 100, 0.25),
    )
    rows = counted([FeederAudit("a", admissions), FeederAudit("b", (Admission(9, 0, -0.1, None, None),))])
    assert rows[0] == ("a", 4, 2, 1, 0.25, 1, 2, 1, 700, 5e-8)
    assert rows[1] == ("b", 1, 1, 0, 0.0, 0, None, 0, None, 0.1)
    assert rows[2] == ("all", 5, 3, 1, 0.25, 1, None, 1, None, 0.1)
    assert counted([FeederAudit("a", admissions[:1])]) == [("a", 1, 0, 0, 0.0, 0, None, 0, None, None)]


def test_the_gate_is_exact_on_a_real_net() -> None:
    (found,) = counted(audits([VILLAGE], WalkOptions("ac", 60)))
    assert (found.trades, found.broken) == (60, 0)
    assert found.in_part > 15
    assert found.guard_next == found.in_part
    assert found.limit_near == found.in_part


def registry_with(name: str, **settings: float) -> Registry:
    """Built-in parts, and a gate whose settings are wrong."""

    def build(params: ms.Params, context: object) -> RadialGate:
        return RadialGate(context.network, context.nodes, 1, context.hours, replace(context.settings, **settings))

    registry = built_in_registry()
    registry.add(ms.Entry(kind="gate", name=name, build=build, traits=frozenset({"exact"})), "wrong")
    return registry


def test_a_lenient_gate_is_caught() -> None:
    """One that overlooks a millionth of a p.u. admits what breaks limits; how far is told."""
    registry = registry_with("lenient", guard_voltage_pu=-1e-6, guard_loading=-1e-6)
    (found,) = counted(audits([VILLAGE], WalkOptions("lenient", 40), registry))
    assert found.broken > 5
    assert 1e-7 < found.farthest < 1.1e-6


def test_a_timid_gate_is_caught() -> None:
    """One that stops a thousandth of a p.u. early breaks nothing, and the next Wh is far from doing so."""
    registry = registry_with("timid", guard_voltage_pu=1e-3, guard_loading=1e-3)
    (found,) = counted(audits([VILLAGE], WalkOptions("timid", 40), registry))
    assert found.broken == 0 < found.in_part
    assert found.guard_next < 0.5 * found.in_part
    assert found.limit_most_wh > 100


def test_a_meshed_net_is_checked_by_another_solver() -> None:
    village = load(VILLAGE, None, FeederOptions(voltage_band_pu=(0.95, 1.05)))
    again = ("kind", "z_pu", "y_from_pu", "y_to_pu", "ratio", "rating_from_pu", "rating_to_pu")
    columns = {name: np.append(getattr(village.network, name), getattr(village.network, name)[-1:]) for name in again}
    tied = village.network._replace(
        **columns,
        from_node=np.append(village.network.from_node, 3),
        to_node=np.append(village.network.to_node, village.network.n_nodes - 1),
        branch_names=(*village.network.branch_names, "tie"),
    )
    (found,) = counted([audit("tied", village._replace(network=tied), WalkOptions("ac", 20))])
    assert (found.trades, found.broken) == (20, 0)
    assert found.guard_next == found.in_part > 3


def test_only_gates_that_claim_to_be_exact_are_audited() -> None:
    with pytest.raises(InputError, match="there is ac"):
        next(audits([VILLAGE], WalkOptions("lindistflow", 5)))
