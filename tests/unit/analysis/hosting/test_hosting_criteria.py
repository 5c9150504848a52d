"""Criteria judge what an assessment says and nothing else; checked on assessments that are made up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.analysis.hosting.criteria import CRITERIA, holds, mostly_kept
from marketsim.analysis.hosting.placements import placements
from marketsim.grid.flow.cases import Assessment

SLOTS, HOURS, DEPTH = 672, 0.25, 0.5


class MadeUp:
    """Port ``Cases`` that knows its answers; one case a row."""

    def __init__(self, excess: float = 0.0, outside: int = 0, depth: float = 0.0, hard: float = -1.0) -> None:
        one, node = np.ones(1), np.zeros((1, 3))
        out, deep = node.astype(np.int64), node.copy()
        out[0, 1], deep[0, 1] = outside, depth
        whole = np.zeros(1, dtype=np.int64)
        self._seen = Assessment(one * excess, whole, whole, whole, out, deep, one * hard)
        self.share = np.ones((1, 4))

    def assess(self, installed_kw: np.ndarray, *, stop: bool = False) -> Assessment:
        return self._seen

    def kept_share(self, installed_kw: np.ndarray, patience: float = np.inf) -> np.ndarray:
        return self.share


def taken(criterion: str, cases: MadeUp) -> bool:
    return bool(holds(criterion, cases, np.zeros((1, 3)), SLOTS, HOURS, DEPTH)[0])


@pytest.mark.parametrize("criterion", CRITERIA)
def test_an_overload_is_taken_by_no_criterion(criterion: str) -> None:
    """However short: loadings and heads are held in every slot."""
    assert taken(criterion, MadeUp())
    assert not taken(criterion, MadeUp(excess=1e-3, hard=1e-3))


@pytest.mark.parametrize("criterion", CRITERIA)
def test_what_has_no_solution_is_taken_by_no_criterion(criterion: str) -> None:
    assert not taken(criterion, MadeUp(excess=np.inf, hard=np.inf))


def test_the_week_allows_five_percent_of_its_slots_at_each_bus() -> None:
    """33 of 672 slots outside are 4.9 %, 34 are 5.06 %; strict allows none."""
    assert taken("en50160", MadeUp(excess=0.01, outside=33))
    assert not taken("en50160", MadeUp(excess=0.01, outside=34))
    assert not taken("strict", MadeUp(excess=0.01, outside=1))


def test_depth_counts_distance_times_duration() -> None:
    """Distances sum to 2 p.u. over quarter hours: 0.5 p.u. h, which is allowed, and no more."""
    assert taken("depth_hours", MadeUp(excess=0.1, depth=2.0))
    assert not taken("depth_hours", MadeUp(excess=0.1, depth=2.01))


@given(st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4), st.floats(0.0, 0.99))
def test_curtailment_is_judged_by_energy(kept: list[float], most: float) -> None:
    """Shares count by what the unit does in the slot, injecting or drawing; a slot at night counts for nothing."""
    cases, unit = MadeUp(), np.array([0.0, 0.5, -1.0, 0.5])
    cases.share = np.array([kept])
    lost = (1.0 - kept[1]) * 0.5 + (1.0 - kept[2]) + (1.0 - kept[3]) * 0.5
    answer = bool(mostly_kept(cases, np.zeros((1, 3)), unit, most)[0])
    if abs(lost - 2.0 * most) > 1e-9:
        assert answer == (lost <= 2.0 * most)


@given(st.integers(1, 5), st.integers(0, 2**31), st.integers(0, 40))
def test_what_is_installed_is_units_times_their_rating(nodes: int, seed: int, units: int) -> None:
    """Whole units at the nodes asked for and nowhere else, spread by at most one."""
    where = placements(np.arange(2, nodes + 2), nodes + 3, 7.5, 1, 40, seed)
    installed = where.installed_kw(np.array([units]))[0]
    assert installed.sum() == 7.5 * units
    assert installed[[0, 1, nodes + 2]].sum() == 0.0
    assert np.ptp(installed[2 : nodes + 2]) <= 7.5
