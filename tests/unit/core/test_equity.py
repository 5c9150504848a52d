"""Gini coefficients and burdens by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from marketsim.core.equity import burdens, gini_of_rows, gini_with_negatives


def floats(*values):
    return np.array(values, dtype=float)


def test_gini_of_equal_values_is_zero():
    assert gini_with_negatives(floats(2, 2, 2)) == 0.0


def test_gini_of_one_winner_is_one():
    assert gini_with_negatives(floats(0, 0, 9)) == pytest.approx(1.0)


def test_gini_of_one_winner_and_one_loser_is_one():
    assert gini_with_negatives(floats(-4, 0, 0, 9)) == pytest.approx(1.0)


def test_gini_is_the_sum_of_differences_over_its_largest_value():
    values = floats(-7, -15, 11, -10, 2, 4, 40)
    apart = sum(abs(a - b) for a, b in itertools.product(values, values))
    assert gini_with_negatives(values) == pytest.approx(apart / (2 * 6 * (57 + 32)))


def test_gini_without_negatives_is_the_plain_one_corrected_for_n():
    values = floats(1, 2, 3, 10)
    plain = sum(abs(a - b) for a, b in itertools.product(values, values)) / (2 * 16 * 4.0)
    assert gini_with_negatives(values) == pytest.approx(plain * 4 / 3)


def test_gini_is_undefined_for_one_value_and_for_zeros():
    assert math.isnan(gini_with_negatives(floats(5)))
    assert math.isnan(gini_with_negatives(floats(0, 0)))
    assert math.isnan(gini_with_negatives(floats()))


def test_rows_are_each_by_themselves():
    found = gini_of_rows(np.array([[2.0, 2.0, 2.0], [0.0, 0.0, 9.0]]))
    assert found.tolist() == pytest.approx([0.0, 1.0])


def test_a_burden_is_a_bill_over_the_income_of_its_time():
    """Of 730 an hour has 1: a day's bill of 2.4 is a tenth, and who is paid has a negative burden."""
    assert burdens(floats(2.4e9, -1.2e9), floats(730, 365), 24.0) == pytest.approx([0.1, -0.1])
