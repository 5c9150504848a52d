from __future__ import annotations

import numpy as np
import pytest

from marketsim.profiles.resample import resampled

DAY = np.random.default_rng(1).random((3, 96))


def test_the_same_resolution_changes_nothing() -> None:
    assert resampled(DAY, 96) is DAY


def test_coarser_slots_get_the_mean() -> None:
    np.testing.assert_allclose(resampled(DAY, 24), DAY.reshape(3, 24, 4).mean(axis=2))


def test_finer_slots_get_the_value_of_their_part() -> None:
    assert (resampled(DAY, 1440)[:, 15:30] == DAY[:, [1]]).all()


def test_slots_across_parts_get_the_mean_weighted_by_overlap() -> None:
    """20 minutes take 15 of the first quarter hour and 5 of the second."""
    ten = resampled(DAY, 72)
    np.testing.assert_allclose(ten[:, 0], (15 * DAY[:, 0] + 5 * DAY[:, 1]) / 20)
    np.testing.assert_allclose(ten[:, 1], (10 * DAY[:, 1] + 10 * DAY[:, 2]) / 20)


@pytest.mark.parametrize("minutes", [1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 20, 24, 30, 40, 45, 60, 90, 120, 480, 1440])
def test_every_slot_length_keeps_the_energy_of_the_day(minutes: int) -> None:
    steps = 1440 // minutes
    energy = resampled(DAY, steps).sum(axis=1) * minutes
    np.testing.assert_allclose(energy, DAY.sum(axis=1) * 15, rtol=1e-12)


@pytest.mark.parametrize("steps", [24, 72, 160, 1440])
def test_a_row_of_a_batch_is_to_the_last_bit_the_row_alone(steps: int) -> None:
    batch = resampled(np.random.default_rng(2).random((50, 96)), steps)
    for row in (0, 1, 49):
        alone = resampled(np.random.default_rng(2).random((50, 96))[[row]], steps)
        np.testing.assert_array_equal(batch[[row]], alone)
