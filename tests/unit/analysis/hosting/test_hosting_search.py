"""The largest kept level, whatever shape the answers have."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marketsim.analysis.hosting.placements import placements
from marketsim.analysis.hosting.search import largest_levels


@given(st.lists(st.integers(0, 500), min_size=1, max_size=12), st.integers(1, 500))
def test_monotone_answers_are_bisected_exactly(limits: list[int], most: int) -> None:
    """Each row's level is its own limit, or the highest level where it keeps that."""
    bound = np.array(limits)
    found = largest_levels(lambda rows, levels: levels <= bound[rows], len(limits), most)
    assert found.level.tolist() == [min(limit, most) for limit in limits]
    assert found.monotone.all()
    assert found.capped.tolist() == [limit >= most for limit in limits]


def test_bisection_asks_few_questions() -> None:
    asked = 0

    def keeps(rows: np.ndarray, levels: np.ndarray) -> np.ndarray:
        nonlocal asked
        asked += len(rows)
        return levels <= 31_415

    assert largest_levels(keeps, 1, 1_000_000).level.tolist() == [31_415]
    assert asked < 50


def test_where_more_is_kept_again_the_first_limit_counts() -> None:
    """A row that keeps high levels but not some lower ones is scanned: what is in between has to be gone through."""
    found = largest_levels(lambda rows, levels: (levels < 190) | (levels > 200) & (levels <= 400), 1, 512)
    assert found.monotone.tolist() == [False]
    assert found.level.tolist() == [189]


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 2**31), st.integers(0, 20), st.integers(0, 20))
def test_more_units_hold_the_fewer_ones(nodes: int, count: int, seed: int, some: int, more: int) -> None:
    """Nested: every node has at least as much with more units; each round gives every node one."""
    where = placements(np.arange(1, nodes + 1), nodes + 1, 5.0, count, 24, seed)
    few, many = sorted((some, more))
    fewer, greater = (where.installed_kw(np.full(count, level)) for level in (few, many))
    assert (greater >= fewer).all()
    assert fewer.sum(axis=1).tolist() == [5.0 * min(few, 24)] * count
    assert np.ptp(where.installed_kw(np.full(count, nodes))[:, 1:]) == 0.0


def test_placements_depend_on_the_seed_and_their_number_alone() -> None:
    nodes = np.arange(1, 30)
    one, other = (placements(nodes, 30, 1.0, 3, 29, seed).order for seed in (1, 2))
    assert not (one == other).all()
    assert (placements(nodes, 30, 1.0, 5, 29, 1).order[:3] == one).all()
