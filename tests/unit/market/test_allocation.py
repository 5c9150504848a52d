"""Who gets scarce capacity before matching."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.records import PV, Reason
from marketsim.market.allocation import (
    ByRight,
    EqualPriority,
    InTurn,
    build_arrival,
    build_merit,
    build_proportional,
    with_rights,
)
from marketsim.market.double_auction import DoubleAuction
from marketsim.market.params import ArrivalParams, MeritParams, ProportionalParams
from marketsim.testing.engine_kit import orders_of, tariffs_of
from marketsim.testing.gates_kernel import capacity_gate, head_gate

BUY, SELL = 1, -1
SELLERS = [(0, SELL, 100_000, 60), (1, SELL, 200_000, 40), (2, BUY, 250_000, 80, 80)]
ARRIVAL, PROPORTIONAL = build_arrival(ArrivalParams(), None), build_proportional(ProportionalParams(), None)
MERIT, EXPORTED, EQUAL = build_merit(MeritParams(), None), ByRight(), EqualPriority()
ALL = [ARRIVAL, PROPORTIONAL, MERIT, EXPORTED, EQUAL]


def sensitive(gate, values):
    gate.sensitivity = lambda: np.array(values, dtype=np.float64)
    return gate


def cuts(rejects):
    columns = (rejects.sell_order, rejects.energy_wh, rejects.reason, rejects.element)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("allocation", ALL, ids=lambda allocation: type(allocation).__name__)
def test_without_scarcity_nobody_loses_anything(allocation):
    orders = orders_of(SELLERS)
    granted, rejects = allocation.grant(orders, head_gate(1_000, 5), tariffs_of())
    assert (granted.energy_wh == orders.energy_wh).all()
    assert rejects.size == 0


def test_by_arrival_the_gate_is_not_asked():
    gate = head_gate(0, 5)
    orders = orders_of(SELLERS)
    assert ARRIVAL.grant(orders, gate, tariffs_of())[0] is orders
    assert gate.calls == 0


@pytest.mark.parametrize("compiled", [True, False])
def test_one_factor_for_all_sellers_leaves_the_gate_as_it_was(compiled):
    gate = head_gate(50, 5, compiled=compiled)
    granted, rejects = PROPORTIONAL.grant(orders_of(SELLERS), gate, tariffs_of())
    assert granted.energy_wh.tolist() == [30, 20, 80]
    assert cuts(rejects) == [(0, 30, Reason.ALLOCATION, 0), (1, 20, Reason.ALLOCATION, 0)]
    assert (rejects.buy_order == -1).all()
    assert not gate.net_wh.any()


def test_firm_energy_of_sellers_is_not_scarce():
    orders = orders_of([(0, SELL, 100_000, 60, 60), (1, SELL, 100_000, 40)])
    granted, _ = PROPORTIONAL.grant(orders, head_gate(10, 5), tariffs_of())
    assert granted.energy_wh.tolist() == [60, 10]


def test_each_market_has_its_own_factor():
    gate = head_gate(50, 5, n_markets=2)
    orders = orders_of([(0, SELL, 100_000, 100), (0, SELL, 100_000, 40), (1, SELL, 100_000, 60)], [0, 1, 1])
    assert PROPORTIONAL.grant(orders, gate, tariffs_of(2))[0].energy_wh.tolist() == [50, 20, 30]


@pytest.mark.parametrize(
    ("sensitivity", "expected"),
    [([1, 1, 1], [50, 0]), ([4, 1, 1], [10, 40]), ([2, 1, 1], [50, 0]), ([1, 0, 1], [10, 40]), ([1, -1, 1], [10, 40])],
)
def test_merit_goes_by_gain_for_each_unit_of_the_limit(sensitivity, expected):
    """Gains are 200,000 and 100,000 ticks: the second seller is ahead where it uses less than half as much."""
    gate = sensitive(head_gate(50, 5), sensitivity)
    granted, rejects = MERIT.grant(orders_of(SELLERS), gate, tariffs_of())
    assert granted.energy_wh[:2].tolist() == expected
    assert rejects.energy_wh.sum() == 50
    assert set(rejects.reason.tolist()) == {Reason.ALLOCATION}
    assert not gate.net_wh.any()


def test_merit_looks_at_the_limit_that_the_sellers_reach():
    """The sensitivity is asked for while the common share, 30 and 20 Wh, flows."""
    gate, seen = head_gate(50, 5), []

    def sensitivity():
        seen.append(gate.net_wh[0, :2].tolist())
        return np.ones(5)

    gate.sensitivity = sensitivity
    MERIT.grant(orders_of(SELLERS), gate, tariffs_of())
    assert seen == [[30, 20]]


def test_surplus_by_right_is_committed_in_its_feasible_part_and_selling_it_moves_nothing():
    gate = head_gate(50, 5)
    granted, rejects = EXPORTED.grant(orders_of(SELLERS), gate, tariffs_of())
    assert granted.energy_wh.tolist() == [60, 40, 80]
    assert granted.firm_wh.tolist() == [30, 20, 80]
    assert rejects.size == 0
    assert gate.net_wh[0, :3].tolist() == [30, 20, 0]
    trades, _ = DoubleAuction().match(granted, gate, tariffs_of())
    assert trades.energy_wh[trades.moves == 0].sum() == 50


def test_with_equal_priority_surplus_is_admitted_by_arrival_and_the_rest_is_gone():
    gate = capacity_gate([50, 30, 9, 9, 9])
    granted, rejects = EQUAL.grant(orders_of(SELLERS), gate, tariffs_of())
    assert granted.energy_wh.tolist() == granted.firm_wh.tolist() == [50, 30, 80]
    assert cuts(rejects) == [(0, 10, Reason.CONNECTION_EXPORT, 0), (1, 10, Reason.CONNECTION_EXPORT, 1)]
    assert gate.net_wh[0, :2].tolist() == [50, 30]


@pytest.mark.parametrize("allocation", [EXPORTED, EQUAL], ids=lambda allocation: type(allocation).__name__)
def test_stored_energy_does_not_flow_by_right(allocation):
    orders = orders_of(SELLERS)
    orders = orders._replace(component=np.array([0, PV, PV]))
    granted, _ = allocation.grant(orders, head_gate(1_000, 5), tariffs_of())
    assert granted.firm_wh.tolist() == [0, 40, 80]


@pytest.mark.parametrize("allocation", [EXPORTED, EQUAL], ids=lambda allocation: type(allocation).__name__)
def test_a_right_that_costs_is_not_used(allocation):
    """At a negative feed-in tariff surplus stays deferrable, and nothing is asked of the gate; at zero it flows."""
    gate = head_gate(1_000, 5)
    orders = orders_of(SELLERS)
    orders = orders._replace(component=np.array([PV, PV, -1]))
    kept, rejects = allocation.grant(orders, gate, tariffs_of(1, 300_000, -1))
    assert (kept.firm_wh.tolist(), rejects.size, gate.net_wh.any()) == (orders.firm_wh.tolist(), 0, False)
    assert allocation.grant(orders, gate, tariffs_of(1, 300_000, 0))[0].firm_wh.tolist() == [60, 40, 80]


def test_grants_in_turn_build_on_each_other():
    gate = head_gate(50, 5)
    granted, rejects = InTurn([PROPORTIONAL, EQUAL]).grant(orders_of(SELLERS), gate, tariffs_of())
    assert granted.energy_wh.tolist() == granted.firm_wh.tolist() == [30, 20, 80]
    assert [row[1] for row in cuts(rejects)] == [30, 20]


def test_the_default_rights_add_nothing():
    assert with_rights(PROPORTIONAL, "withheld", "peers") is PROPORTIONAL


@pytest.mark.parametrize(
    ("untraded", "priority", "energy", "firm"),
    [
        ("exported", "peers", [60, 40], [30, 20]),
        ("withheld", "equal", [50, 0], [50, 0]),
        ("exported", "equal", [30, 20], [30, 20]),
    ],
)
def test_rights_follow_the_allocation(untraded, priority, energy, firm):
    rights = with_rights(ARRIVAL, untraded, priority)
    granted, _ = rights.grant(orders_of(SELLERS), head_gate(50, 5), tariffs_of())
    assert granted.energy_wh[:2].tolist() == energy
    assert granted.firm_wh[:2].tolist() == firm
