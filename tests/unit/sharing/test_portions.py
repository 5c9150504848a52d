"""Whole parts by largest remainder."""

import numpy as np
import pytest

from marketsim.sharing.portions import portions


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10, [1, 1, 1], [4, 3, 3]),  # the unit left goes to the first name
        (10, [6, 3, 1], [6, 3, 1]),
        (7, [5, 3, 2], [4, 2, 1]),  # 3.5, 2.1, 1.4: the first lost most
        (-7, [5, 3, 2], [-4, -2, -1]),
        (0, [5, 3, 2], [0, 0, 0]),
        (5, [0, 1, 0], [0, 5, 0]),
        (2, [1, 0, 1], [1, 0, 1]),
    ],
)
def test_parts_by_hand(total, weights, parts):
    assert portions(total, np.array(weights), ("a", "b", "c")).tolist() == parts


def test_names_decide_among_equals_not_places():
    """Whoever stands where, the same agent has the unit that cannot be divided."""
    assert portions(1, np.array([1, 1]), ("b", "a")).tolist() == [0, 1]
    assert portions(1, np.array([1, 1]), ("a", "b")).tolist() == [1, 0]


def test_products_beyond_64_bits_are_exact():
    """A third of 2^62 - 1 of three huge weights, although weight times sum has 124 bits."""
    total, weight = 2**62 - 1, 2**60
    parts = portions(total, np.array([weight, weight, weight]), ("a", "b", "c")).tolist()
    assert sum(parts) == total
    assert max(parts) - min(parts) <= 1


@pytest.mark.parametrize("weights", [[0, 0], [2, -1]])
def test_weights_that_divide_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="at least 0, and one of them more"):
        portions(5, np.array(weights), ("a", "b"))
