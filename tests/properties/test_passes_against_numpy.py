"""The slot's compiled passes give what plain numpy, a quantity at a time, gives."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.agents.strategies.plan_kernel import better_sides, serve_own
from marketsim.core import columns_kernel as column
from marketsim.core.matching_kernel import open_orders
from marketsim.core.records import BOTH, UTILITY_ONLY_TICKS, Reason, Side
from marketsim.core.sensing import meter
from marketsim.core.slot_kernel import own_grid
from marketsim.devices.battery import stored_after
from marketsim.devices.battery_kernel import reach
from marketsim.grid.gates.report_kernel import report_branches, report_nodes
from marketsim.market.bounds import within_bounds
from marketsim.testing.engine_kit import orders_of, tariffs_of

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
examples = settings(max_examples=60)


@examples
@given(seeds, st.sampled_from([1 / 60, 0.25, 1.0]))
def test_metering(rng, hours):
    """Whole Wh half to even, never negative; the remainder is what is left."""
    power, carry = rng.uniform(0, 5, 40) * rng.integers(0, 2, 40), rng.uniform(-0.5, 0.5, 40)
    exact = power * (hours * 1_000) + carry
    whole = np.maximum(np.rint(exact), 0.0)
    metered, left = meter(power, hours, carry)
    assert metered.tolist() == whole.astype(np.int64).tolist()
    assert left.tolist() == (exact - whole).tolist()


@examples
@given(seeds)
def test_batteries(rng):
    """Stored energy to the last bit; a range that never leaves the store by as much as float noise."""
    n = 30
    stored, energy = rng.uniform(0, 9_000, n), rng.integers(-500, 500, n)
    charge, discharge = rng.uniform(0.8, 1, n), rng.uniform(0.8, 1, n)
    plain = stored + charge * np.maximum(-energy, 0) - np.maximum(energy, 0) / discharge
    assert stored_after(stored, energy, charge, discharge).tolist() == plain.tolist()
    lowest, highest = np.full(n, 100.0), np.maximum(stored, 100.0) + rng.integers(0, 3, n)
    stored = np.maximum(stored, lowest)
    energies, level = np.empty((3, n), dtype=np.int64), np.empty(n)
    reach(stored, lowest, highest, np.full(n, 400), charge, discharge, energies, level)
    lo, firm, hi = energies
    assert (lo <= 0).all()
    assert (hi >= 0).all()
    assert not firm.any()
    assert (stored_after(stored, lo, charge, discharge) <= highest).all()
    assert (stored_after(stored, hi, charge, discharge) >= lowest).all()
    one_more = stored_after(stored, lo - 1, charge, discharge) > highest - 1e-6
    assert (one_more | (lo == -400)).all()
    assert np.array_equal(np.isnan(level), highest == lowest)
    assert ((level >= 0) & (level <= 1) | np.isnan(level)).all()


@examples
@given(seeds)
def test_own_balance_and_better_side(rng):
    """A fleet serves its owner within its range; a store stands on the side that gains more."""
    n = 50
    lo, hi = -rng.integers(0, 500, n), rng.integers(0, 500, n)
    balance, fixed = rng.integers(-600, 600, n), rng.random(n) < 0.2
    moved = np.minimum(np.maximum(-balance, np.minimum(lo, 0)), np.maximum(hi, 0))
    moved[fixed] = 0
    dispatch, after = np.zeros(n, dtype=np.int64), balance.copy()
    serve_own(lo, hi, fixed, dispatch, after)
    assert dispatch.tolist() == moved.tolist()
    assert after.tolist() == (balance + moved).tolist()
    bid, ask, last = rng.integers(50, 320, (3, n))
    retail, feed_in, side = np.full(n, 300), np.full(n, 80), np.empty(n, dtype=np.int64)
    better_sides(dispatch, bid, ask, retail, feed_in, last, side)
    buys, sells = (dispatch <= 0) & (bid >= feed_in), (dispatch >= 0) & (ask <= retail)
    sells &= (last - ask >= bid - last) | ~buys
    assert side.tolist() == np.where(sells, int(Side.SELL), np.where(buys, int(Side.BUY), 0)).tolist()


@examples
@given(seeds)
def test_bounds(rng):
    """Who is inside the tariffs trades; whoever is not is told on which side, if there is energy."""
    n = 40
    price, energy = (
        rng.choice([UTILITY_ONLY_TICKS, -1, 79_999, 80_000, 200_000, 300_000, 300_001], n),
        rng.integers(0, 3, n),
    )
    side = rng.choice([-1, 1], n)
    orders = orders_of(list(zip(range(n), side.tolist(), price.tolist(), energy.tolist(), strict=True)))
    inside, rejects = within_bounds(orders, tariffs_of())
    asked = price != UTILITY_ONLY_TICKS
    below, above = asked & (price < 80_000), price > 300_000
    assert inside.tolist() == (asked & ~below & ~above).tolist()
    row = np.flatnonzero((below | above) & (energy > 0))
    told = np.maximum(rejects.buy_order, rejects.sell_order)
    assert told.tolist() == row.tolist()
    reasons = np.where(below[row], int(Reason.PRICE_BELOW_FEED_IN), int(Reason.PRICE_ABOVE_RETAIL))
    assert rejects.reason.tolist() == reasons.tolist()
    assert rejects.side.tolist() == side[row].tolist()
    assert BOTH not in rejects.side


@examples
@given(seeds)
def test_open_orders(rng):
    """The rows of the index, less what is filled; a firm leg never below nothing."""
    table = rng.integers(0, 1_000, (10, 25))
    filled, index = rng.integers(0, 1_000, 25), rng.permutation(25)[:12]
    book = open_orders(index, filled, tuple(table))
    expected = table[:, index]
    expected[column.ORDER_ENERGY_WH] -= filled[index]
    expected[column.ORDER_FIRM_WH] = np.maximum(expected[column.ORDER_FIRM_WH] - filled[index], 0)
    assert book.tolist() == expected.tolist()


@examples
@given(seeds)
def test_what_the_grid_tells_each_agent(rng):
    """Reactive power that a node moved is shared by its agents; voltages by node; NaN for who is off the grid."""
    market, node = np.sort(rng.integers(0, 2, 20)), rng.integers(-1, 4, 20)
    given, (kvar, v_pu) = rng.normal(size=20), rng.normal(size=(2, 2, 4))
    own, voltage = own_grid(market, node, given, kvar, v_pu)
    opened = np.zeros((2, 4))
    np.add.at(opened, (market[node >= 0], node[node >= 0]), given[node >= 0])
    for a in range(20):
        if node[a] < 0:
            assert own[a] == given[a]
            assert np.isnan(voltage[a])
        else:
            m, n = market[a], node[a]
            sharing = ((market == m) & (node == n)).sum()
            assert own[a] == given[a] + (kvar[m, n] - opened[m, n]) / sharing
            assert voltage[a] == v_pu[m, n]


@examples
@given(seeds)
def test_reports_in_the_networks_order(rng):
    """Positions of the tree go back to nodes and branches; what has no rating is NaN."""
    by_position, position = rng.normal(size=(3, 6)), rng.permutation(6)
    by_node, by_branch = np.empty((3, 6)), np.empty((3, 5))
    report_nodes(by_position, position, by_node)
    assert np.array_equal(by_node, by_position[:, position])
    rated, branch = np.array([1, 4]), np.array([3, 0])
    report_branches(by_position, rated, branch, by_branch)
    expected = np.full((3, 5), np.nan)
    expected[:, branch] = by_position[:, rated]
    assert np.array_equal(by_branch, expected, equal_nan=True)
