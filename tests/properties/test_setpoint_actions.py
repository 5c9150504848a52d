"""Actions and set-points stand for each other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.setpoints import (
    ACTIONS,
    IDLE,
    Available,
    Setpoints,
    SteeredRatings,
    kvar_limit,
    to_actions,
    to_setpoints,
)

N = 3
SIZES = st.lists(st.floats(0.0, 1e4), min_size=N, max_size=N).map(np.array)
LIMITS = st.lists(st.one_of(st.just(np.inf), st.floats(0.0, 2.0)), min_size=N, max_size=N).map(np.array)
RATINGS = st.builds(SteeredRatings, SIZES, SIZES, SIZES, SIZES, LIMITS)
AVAILABLE = st.builds(Available, SIZES, SIZES)
NUMBERS = st.lists(st.floats(-1.0, 1.0), min_size=2 * N * 5, max_size=2 * N * 5).map(
    lambda values: np.array(values).reshape(2, N, 5)
)


def settable(setpoints: Setpoints, ratings: SteeredRatings, available: Available) -> np.ndarray:
    """Which numbers of an action mean something [2, N, 5]: those of a share of something that is not vanishing."""
    battery = np.minimum(ratings.charge_kw, ratings.discharge_kw)
    sizes = (ratings.generator_kw, battery, available.curtailable_kw, available.pv_kw)
    sizes = (*sizes, kvar_limit(setpoints.pv_kw, ratings))
    return np.stack(np.broadcast_arrays(*sizes), axis=-1) > 1e-3


@given(NUMBERS, RATINGS, AVAILABLE)
def test_actions_come_back_from_their_set_points(
    numbers: np.ndarray, ratings: SteeredRatings, available: Available
) -> None:
    """What an action asks of devices that there are says which action it was; of others, that they are idle."""
    setpoints = to_setpoints(numbers, ratings, available)
    back = to_actions(setpoints, ratings, available)
    mine = settable(setpoints, ratings, available)
    np.testing.assert_allclose(back[mine], numbers[mine], atol=1e-6)
    nothing = SteeredRatings(*(np.zeros(N) for _ in SteeredRatings._fields))
    none = to_setpoints(numbers, nothing, Available(np.zeros(N), np.zeros(N)))
    assert (to_actions(none, nothing, Available(np.zeros(N), np.zeros(N))) == IDLE).all()


@given(NUMBERS, RATINGS, AVAILABLE)
def test_set_points_come_back_from_their_actions(
    numbers: np.ndarray, ratings: SteeredRatings, available: Available
) -> None:
    """Set-points within the ratings are what their actions ask for, and lie within them."""
    setpoints = to_setpoints(numbers, ratings, available)
    again = to_setpoints(to_actions(setpoints, ratings, available), ratings, available)
    for name, one, other in zip(Setpoints._fields, setpoints, again, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-6, err_msg=name)
    assert ((setpoints.generator_kw >= 0.0) & (setpoints.generator_kw <= ratings.generator_kw)).all()
    assert ((setpoints.battery_kw >= -ratings.charge_kw) & (setpoints.battery_kw <= ratings.discharge_kw)).all()
    assert ((setpoints.curtailed_kw >= 0.0) & (setpoints.curtailed_kw <= available.curtailable_kw)).all()
    assert ((setpoints.pv_kw >= 0.0) & (setpoints.pv_kw <= available.pv_kw)).all()
    beside = np.sqrt(np.maximum(ratings.kva**2 - setpoints.pv_kw**2, 0.0))
    assert (np.abs(setpoints.kvar) <= beside + 1e-9).all()
    bounded = np.isfinite(ratings.kvar_per_kw)
    most = np.where(bounded, np.where(bounded, ratings.kvar_per_kw, 0.0) * setpoints.pv_kw, np.inf)
    assert (np.abs(setpoints.kvar) <= most + 1e-9).all()


def test_the_ends_of_each_number_are_what_the_page_says() -> None:
    """-1 and 1 of each number for one agent with everything; the idle action leaves PV and load alone."""
    ratings = SteeredRatings(*(np.array([size]) for size in (400.0, 100.0, 150.0, 1100.0, 0.5)))
    available = Available(np.array([60.0]), np.array([800.0]))
    ends = {name: [to_setpoints(_only(name, end), ratings, available) for end in (-1.0, 1.0)] for name in ACTIONS}
    assert [each.generator_kw[0] for each in ends["generator"]] == [0.0, 400.0]
    assert [each.battery_kw[0] for each in ends["battery"]] == [-100.0, 150.0]
    assert [each.curtailed_kw[0] for each in ends["curtailed"]] == [0.0, 60.0]
    assert [each.pv_kw[0] for each in ends["pv"]] == [0.0, 800.0]
    assert [each.kvar[0] for each in ends["kvar"]] == [-400.0, 400.0]
    idle = to_setpoints(np.array([IDLE]), ratings, available)
    assert [part[0] for part in idle] == [0.0, 0.0, 0.0, 800.0, 0.0]


def test_without_a_least_power_factor_the_circle_alone_bounds_reactive_power() -> None:
    """S = 1000 kVA at 600 kW leave 800 kvar, and all of S by night."""
    ratings = SteeredRatings(*(np.array([size]) for size in (0.0, 0.0, 0.0, 1000.0, np.inf)))
    assert kvar_limit(np.array([600.0]), ratings) == [800.0]
    assert kvar_limit(np.array([0.0]), ratings) == [1000.0]


def _only(name: str, number: float) -> np.ndarray:
    action = np.array([IDLE])
    action[0, ACTIONS.index(name)] = number
    return action
