"""What a member adds by place, and with whom it is worth most."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.sharing import joining as module
from marketsim.sharing.joining import joining, partners
from tests.unit.sharing.games import AIRPORT, GLOVE, Game, drawn


def test_the_runway_of_the_second_aeroplane():
    """First 2; in the middle 1 after the small one, 0 after the large; last 0."""
    found = joining(AIRPORT, 1, 2, np.random.default_rng(1))
    assert (found.first, found.middle, found.last) == pytest.approx((2.0, 0.5, 0.0))
    assert found.middle_error is None


def test_of_an_even_number_the_middle_is_two_places():
    found = joining(Game(4, lambda group: float(len(group) ** 2)), 0, 2, np.random.default_rng(1))
    assert found == pytest.approx((1.0, (3 + 5) / 2, 7.0, None))


def test_sampled_middles_are_within_their_errors(monkeypatch):
    exact = [joining(drawn(9, seed), 2, 2, np.random.default_rng(0)) for seed in range(30)]
    monkeypatch.setattr(module, "MOST_EXACT", 3)
    found = [joining(drawn(9, seed), 2, 300, np.random.default_rng(seed)) for seed in range(30)]
    scores = [(one.middle - other.middle) / one.middle_error for one, other in zip(found, exact, strict=True)]
    assert 0.5 < np.sqrt(np.mean(np.square(scores))) < 1.5
    assert [one[::2] for one in found] == [pytest.approx(other[::2]) for other in exact]


def test_a_left_glove_is_worth_most_with_a_right_one():
    met = partners(GLOVE, 0)
    assert met.alone[1:].tolist() == [1.0, 1.0]
    assert met.among_all[1:].tolist() == [0.0, 0.0]
    assert np.isnan(met.alone[0])
    assert partners(GLOVE, 1).alone.tolist()[0::2] == [1.0, 0.0]


def test_among_all_is_the_second_difference_at_everybody():
    game = drawn(4, 3)
    costs = {tuple(group): game.cost(np.array([[m in group for m in range(4)]]))[0] for group in ([0, 2, 3], [1, 2, 3], [2, 3], [0, 1, 2, 3])}  # fmt: skip
    expected = costs[1, 2, 3] + costs[0, 2, 3] - costs[2, 3] - costs[0, 1, 2, 3]
    assert partners(game, 0).among_all[1] == pytest.approx(expected)


def test_two_members_save_the_same_either_way():
    met = partners(drawn(2, 1), 0)
    assert met.alone[1] == pytest.approx(met.among_all[1])
