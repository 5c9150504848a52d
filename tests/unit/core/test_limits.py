"""Positions follow from load, PV and dispatch; orders are held to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.arrays import IntArray
from marketsim.core.limits import hold_orders, stand
from marketsim.core.records import FIRM, PV, DeviceRange, Positions, Reason
from marketsim.testing.worlds import OrderRow, batch, community

BUY, SELL, KEEP = 1, -1, 0


def reach(lo: Sequence[int], firm: Sequence[int], hi: Sequence[int]) -> DeviceRange:
    return DeviceRange(*(np.array(x, dtype=np.int64) for x in (lo, firm, hi)), level=np.full(len(lo), 0.5))


def ints(*values: int) -> IntArray:
    return np.array(values, dtype=np.int64)


def test_pv_serves_own_load_first() -> None:
    """What is left is surplus, what is missing is firm demand; never both."""
    standing = stand(ints(400, 900), ints(1000, 300), [], [], np.zeros((0, 2), dtype=np.int64))
    assert standing.surplus_wh.tolist() == [600, 0]
    assert standing.firm_demand_wh.tolist() == [0, 600]
    assert standing.own_use_wh.tolist() == [400, 300]


def test_must_run_beyond_load_flows_out() -> None:
    """A generator at minimum power of 700 Wh over a load of 500 Wh leaves 200 Wh of must-run surplus, and all PV."""
    standing = stand(ints(500), ints(100), [reach([700], [700], [900])], [False], ints(700)[None])
    assert (standing.must_run_wh[0], standing.surplus_wh[0], standing.up_wh[0, 0]) == (200, 100, 200)


def test_a_store_discharges_unasked_only_into_own_use() -> None:
    """A dispatch of 900 Wh into a load of 300 Wh is held to 300 Wh, and its mode is discharge: nothing more to draw."""
    standing = stand(ints(300), ints(0), [reach([-800], [0], [1000])], [True], ints(900)[None])
    assert standing.dispatch_wh[0, 0] == 300
    assert standing.up_wh[0, 0] == 700
    assert standing.down_wh[0, 0] == 0
    assert standing.must_run_wh[0] == 0


def test_dispatch_is_held_to_the_range() -> None:
    """Beyond hi and below lo is cut."""
    standing = stand(ints(0, 0), ints(0, 0), [reach([-5, -5], [0, 0], [3, 3])], [False], ints(99, -99)[None])
    assert standing.dispatch_wh[0].tolist() == [3, -5]


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 10**5),
    st.integers(0, 10**5),
    st.integers(-(10**6), 10**6),
)
def test_whatever_trades_stays_in_the_range(load: int, pv: int, down: int, up: int, wish: int) -> None:
    """Dispatch plus any part of up, or minus any part of down, is feasible; demand and must-run exclude each other."""
    fleet = reach([-down], [0], [up])
    standing = stand(ints(load), ints(pv), [fleet], [True], ints(wish)[None])
    dispatch = standing.dispatch_wh[0, 0]
    assert -down <= dispatch - standing.down_wh[0, 0] <= dispatch + standing.up_wh[0, 0] <= up
    assert standing.firm_demand_wh[0] * standing.must_run_wh[0] == 0
    assert standing.own_use_wh[0] + standing.surplus_wh[0] == pv
    assert load - dispatch == standing.own_use_wh[0] + standing.firm_demand_wh[0] - standing.must_run_wh[0]


def place(firm: int = 0, surplus: int = 0, up: int = 0, down: int = 0) -> Positions:
    two = np.zeros((1, 2), dtype=np.int64)
    return Positions(
        dispatch_wh=two,
        firm_demand_wh=ints(firm, 0),
        must_run_wh=ints(0, 0),
        surplus_wh=ints(surplus, 0),
        own_use_wh=ints(0, 0),
        up_wh=np.array([[up, 0]]),
        down_wh=np.array([[down, 0]]),
        marginal_ticks=two - 1,
        absorb=np.zeros(2, dtype=bool),
    )


def held(positions: Positions, rows: list[OrderRow]) -> tuple[list[int], list[tuple[int, int]]]:
    orders, rejects = hold_orders(community(2), positions, [True], batch(rows), np.arange(len(rows)))
    return orders.energy_wh.tolist(), list(zip(rejects.energy_wh.tolist(), rejects.reason.tolist(), strict=True))


def test_orders_beyond_the_position_are_cut_in_sequence() -> None:
    """Two asks of 700 Wh on a surplus of 1,000 Wh: the second keeps 300 Wh, the rest is rejected."""
    rows = [(0, SELL, 1, 700, PV, KEEP), (0, SELL, 2, 700, PV, KEEP)]
    assert held(place(surplus=1000), rows) == ([700, 300], [(400, Reason.EXCEEDS_POSITION)])


def test_nobody_sells_what_is_not_there() -> None:
    """Firm demand, PV and a store are separate positions; each order draws on its own."""
    rows = [
        (0, BUY, 9, 500, FIRM, KEEP),
        (0, SELL, 1, 500, PV, KEEP),
        (0, BUY, 9, 500, PV, KEEP),
        (1, SELL, 1, 5, 0, KEEP),
    ]
    energies, rejects = held(place(firm=300), rows)
    assert energies == [300, 0, 0, 0]
    assert [energy for energy, _ in rejects] == [200, 500, 500, 5]


def test_a_store_is_in_one_mode_a_slot() -> None:
    """An ask and a bid for the same battery: the later one is refused, whatever its energy."""
    rows = [(0, SELL, 9, 100, 0, KEEP), (0, BUY, 1, 100, 0, KEEP), (0, SELL, 9, 100, 0, KEEP)]
    energies, rejects = held(place(up=150, down=150), rows)
    assert energies == [100, 0, 50]
    assert rejects == [(100, Reason.BOTH_MODES), (50, Reason.EXCEEDS_POSITION)]


def test_firm_orders_move_nothing_physically() -> None:
    """Only the firm component starts with a firm leg."""
    rows = [(0, BUY, 9, 300, FIRM, KEEP), (0, SELL, 9, 100, 0, KEEP)]
    orders, _ = hold_orders(community(2), place(firm=300, up=100), [True], batch(rows), np.arange(2))
    assert orders.firm_wh.tolist() == [300, 0]


@pytest.mark.parametrize("energy", [0, -5])
def test_empty_orders_are_harmless(energy: int) -> None:
    """They stay in the table with no energy, and nothing is rejected for them."""
    assert held(place(surplus=10), [(0, SELL, 1, energy, PV, KEEP)]) == ([0], [])
