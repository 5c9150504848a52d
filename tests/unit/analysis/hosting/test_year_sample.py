"""Days that stand for a year: what they estimate, how sure it is, and that the rule they serve counts their weights."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.analysis.hosting.assets import ASSETS
from marketsim.analysis.hosting.criteria import mostly_kept
from marketsim.analysis.hosting.days import YearSeries
from marketsim.analysis.hosting.sample import sample_of_year

FIRST = datetime.date(2016, 1, 1)


def year(seed: int = 0, days: int = 366) -> YearSeries:
    """A made-up year whose days differ in their sun."""
    rng = np.random.default_rng(seed)
    sun = rng.uniform(0.0, 1.0, (days, 1)) * np.array([0.0, 0.5, 1.0, 0.5])
    return YearSeries(FIRST, sun, rng.uniform(0.0, 0.4, (days, 4)), rng.uniform(0.0, 1.0, (days, 4)))


def rows(periods: tuple) -> list[int]:
    assert all(each.days == 1 for each in periods)
    return [(each.start - FIRST).days for each in periods]


@given(count=st.integers(2, 400), seed=st.integers(0, 2**31), asset=st.sampled_from(sorted(ASSETS)))
def test_days_are_drawn_once_and_stand_for_the_whole_year(count: int, seed: int, asset: str) -> None:
    """Weights sum to the year; every stratum has two days, or all that it holds; a day stands for its own stratum."""
    sample = sample_of_year(ASSETS[asset], year(), count, seed)
    drawn = rows(sample.periods)
    assert len(set(drawn)) == len(drawn) == min(count, 366)
    assert sample.weight.sum() == pytest.approx(366.0, rel=1e-12)
    assert (sample.weight >= 1.0).all()
    assert sample.complete == (count >= 366)
    if not sample.complete:
        assert (sample.drawn[1:] == 2).all()
        assert sample.drawn[0] == 2 + count % 2


def test_strata_run_from_the_worst_days_to_the_best() -> None:
    there = year()
    sample = sample_of_year(ASSETS["pv"], there, 20, 3)
    burden = (there.sun - there.load).max(axis=1)[rows(sample.periods)]
    for one, other in zip(range(9), range(1, 10), strict=True):
        assert burden[sample.stratum == one].min() >= burden[sample.stratum == other].max()


def test_all_days_have_no_error() -> None:
    there, rng = year(), np.random.default_rng(1)
    sample = sample_of_year(ASSETS["pv"], there, 366, 1)
    lost, added = rng.uniform(0.0, 1.0, (2, 366))
    share, error = sample.share(lost, added)
    assert share == pytest.approx(lost.sum() / added.sum(), rel=1e-12)
    assert error == 0.0
    assert (sample.name, sample.note) == ("the year", "all 366 days of 2016")


def test_two_strata_by_hand() -> None:
    """Eight days, four drawn: share (4/2 (1 + 3) + 4/2 (0 + 0)) / (4/2 (10 + 10) + 4/2 (5 + 5)) = 8 / 60."""
    sample = sample_of_year(ASSETS["pv"], year(days=8), 4, 1)
    share, error = sample.share(np.array([1.0, 3.0, 0.0, 0.0]), np.array([10.0, 10.0, 5.0, 5.0]))
    assert share == pytest.approx(8 / 60)
    # Only the first stratum differs: s^2 = 2, N (N - n) / n s^2 = 4 x 2 / 2 x 2 = 8; over the energy 60.
    assert error == pytest.approx(8**0.5 / 60)
    assert sample.share(np.zeros(4), np.zeros(4)) == (0.0, 0.0)


def test_the_stated_error_is_that_of_drawing_again_and_again() -> None:
    """Over 400 seeds: no bias beyond what 400 show, and a spread as large as the errors say, to a fifth."""
    there = year(5)
    added = there.sun.sum(axis=1)
    lost = np.maximum(added - 1.0, 0.0) ** 2 * np.random.default_rng(2).uniform(0.5, 1.5, 366)
    truth = lost.sum() / added.sum()
    found = []
    for seed in range(400):
        sample = sample_of_year(ASSETS["pv"], there, 40, seed)
        found.append(sample.share(lost[rows(sample.periods)], added[rows(sample.periods)]))
    shares, errors = np.array(found).T
    assert abs(shares.mean() - truth) < 4.0 * shares.std() / 20.0 + 0.01 * truth
    assert np.sqrt((errors**2).mean()) == pytest.approx(shares.std(), rel=0.2)
    assert (abs(shares - truth) <= 2.0 * errors).mean() > 0.85


class Impatient:
    """Port ``Cases`` that gives up as the sweep does: what is left of a case beyond its patience has share 0."""

    def __init__(self, share: np.ndarray, energy: np.ndarray) -> None:
        self._share, self._energy = share, energy

    def assess(self, installed_kw: np.ndarray, *, stop: bool = False) -> object:
        raise AssertionError("not asked")

    def kept_share(self, installed_kw: np.ndarray, patience: float = np.inf) -> np.ndarray:
        share, lost = np.zeros(len(self._share)), 0.0
        for slot, kept in enumerate(self._share):
            share[slot] = kept
            lost += (1.0 - kept) * self._energy[slot]
            if lost > patience:
                break
        return share[None, :]


@given(
    kept=st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6),
    weight=st.lists(st.floats(1.0, 50.0), min_size=6, max_size=6),
    most=st.floats(0.0, 0.9),
)
def test_weights_count_and_impatience_changes_no_answer(kept: list[float], weight: list[float], most: float) -> None:
    unit = np.array([0.1, 0.4, -0.9, 1.0, 0.0, 0.5])
    counted = np.abs(unit) * np.array(weight)
    lost, allowed = float((1.0 - np.array(kept)) @ counted), most * float(counted.sum())
    answer = mostly_kept(Impatient(np.array(kept), np.abs(unit)), np.zeros((1, 1)), unit, most, np.array(weight))
    if abs(lost - allowed) > 1e-9:
        assert bool(answer[0]) == (lost < allowed)
