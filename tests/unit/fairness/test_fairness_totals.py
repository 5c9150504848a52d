"""Totals that stay exact, means that leave out what is undefined."""

import numpy as np

from marketsim.fairness.totals import AgentTotals, WeightedMeans

BIG = 2**61 + 1


def add(totals, *amounts):
    table = np.array(amounts)
    totals.part += table
    totals.grown(int(np.abs(table).max()))


def test_totals_exceed_int64_without_wrapping():
    totals = AgentTotals(2, 2)
    for _ in range(7):
        add(totals, [BIG, -BIG], [1, 2])
    assert totals.values(0) == [7 * BIG, -7 * BIG]
    assert totals.values(1) == [7, 14]


def test_totals_of_small_amounts_stay_in_place():
    totals = AgentTotals(1, 2)
    add(totals, [3, -4])
    add(totals, [5, 6])
    assert totals.values(0) == [8, 2]
    assert totals.scaled(0, 2.0).tolist() == [4.0, 1.0]


def test_means_weigh_scores_and_skip_undefined_ones():
    means = WeightedMeans(2)
    slot = means.add(np.array([[1.0, 0.0], [np.nan, 0.5]]), np.array([3, 1]))
    assert slot == [0.75, 0.5]
    means.add(np.array([[0.0, np.nan], [np.nan, np.nan]]), np.array([4, 0]))
    assert means.means() == [3 / 8, 0.5]
    assert means.null_shares() == [0.25, 0.75]


def test_means_of_nothing_are_undefined():
    means = WeightedMeans(1)
    assert (means.means(), means.null_shares()) == ([None], [None])
    assert means.add(np.array([[1.0]]), np.array([0])) == [None]
