"""The weather that agents are told of: a day-ahead forecast with the error that the scenario states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from math import erf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.profiles import file, simbench, synthetic
from marketsim.profiles.calendar import MONTH_OF
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.file_params import FileParams
from marketsim.profiles.library import shape_names, simbench_library
from marketsim.profiles.params import SimbenchParams, SyntheticParams

Make = Callable[..., object]
YIELDS = sum(simbench_library().shape(name).sum(axis=1) for name in shape_names("pv"))
RATIO = YIELDS / np.array([np.median(YIELDS[month == MONTH_OF]) for month in range(1, 13)])[MONTH_OF - 1]
"""Yield of each source day over the median of its month, counted by hand."""


@pytest.fixture(scope="session")
def told(agent: Make, context: Make) -> Callable[..., np.ndarray]:
    """``told(error, seeds, days)``: the flags [days, agents] of two agents a market that are published at each midnight."""

    def ask(error: float, seeds: Sequence[int] = (1,), days: int = 366, **params: object) -> np.ndarray:
        where = context([agent("a0", pv_kw=3.0), agent("a1")], seeds=tuple(seeds), start=datetime(2016, 1, 1).date())
        made = simbench.build(SimbenchParams.model_validate({"weather_error": error, **params}), where)
        return np.array([flags(made, day, 1)[0] for day in range(days)])

    return ask


def flags(profiles: DayProfiles, day: int, horizon: int, slot: int = 0) -> np.ndarray:
    clock, everyone = profiles.context.clock, np.arange(profiles.context.community.n_agents)
    return profiles.forecast(clock.at(day * clock.slots_per_day + slot), everyone).series("sunny", horizon)


def test_without_an_error_it_is_the_days_own_weather(told: Callable[..., np.ndarray]) -> None:
    np.testing.assert_array_equal(told(0.0)[:, 0], RATIO >= 1.0)


def test_who_foresees_everything_foresees_the_weather(told: Callable[..., np.ndarray]) -> None:
    """``forecast: perfect`` says the actual series, so its flag does not contradict them."""
    np.testing.assert_array_equal(told(0.5, forecast="perfect")[:, 0], RATIO >= 1.0)
    assert (told(0.5, forecast="noisy_perfect")[:, 0] != (RATIO >= 1.0)).any()


@pytest.mark.parametrize("error", [0.1, 0.2, 0.5])
def test_it_is_right_as_often_as_its_error_says(told: Callable[..., np.ndarray], error: float) -> None:
    """A day is told right with probability Phi(|ln r| / sigma), r its yield over its month's median; 5 standard errors."""
    seeds = range(40)
    with np.errstate(divide="ignore"):
        right = np.array([0.5 + 0.5 * erf(abs(log) / error / 2**0.5) for log in np.log(RATIO)])
    counted = (told(error, seeds)[:, ::2] == (RATIO >= 1.0)[:, None]).mean(axis=1)
    spread = np.sqrt((right * (1.0 - right)).sum() / len(seeds)) / 366
    assert abs(counted.mean() - right.mean()) < 5.0 * spread
    assert np.corrcoef(counted, right)[0, 1] > 0.8, "days near the median are those that are told wrong"


def test_the_default_is_right_on_most_days_and_not_on_all(told: Callable[..., np.ndarray]) -> None:
    """What the pages state: 85 % of the days, where yesterday's weather is right on 57 %."""
    default = SimbenchParams().weather_error
    sunny = RATIO >= 1.0
    assert default == 0.2
    assert (told(default, range(40))[:, ::2] == sunny[:, None]).mean() == pytest.approx(0.85, abs=0.01)
    assert (sunny[1:] == sunny[:-1]).mean() == pytest.approx(0.57, abs=0.005)


def test_all_agents_of_a_market_are_told_the_same_all_day_and_nothing_of_tomorrow(agent: Make, context: Make) -> None:
    where = context([agent(f"a{row}", pv_kw=row) for row in range(3)], seeds=(1, 2))
    made = simbench.build(SimbenchParams(weather_error=0.5), where)
    differ = []
    for day in range(30):
        of_day = flags(made, day, 96)
        assert (of_day == of_day[0, [0, 0, 0, 3, 3, 3]]).all()
        for slot in (1, 40, 95):
            np.testing.assert_array_equal(flags(made, day, 1, slot)[0], of_day[0])
        assert (flags(made, day, 10, 90)[6:] == 0.5).all()
        differ.append(of_day[0, 0] != of_day[0, 3])
    assert any(differ), "markets have errors of their own"


@given(seeds=st.lists(st.integers(0, 2**40), min_size=2, max_size=3, unique=True), error=st.floats(0.0, 2.0))
@settings(max_examples=15)
def test_a_market_in_a_batch_is_told_what_it_is_told_alone(
    told: Callable[..., np.ndarray], seeds: list[int], error: float
) -> None:
    together = told(error, seeds, 20)
    for row, seed in enumerate(seeds):
        np.testing.assert_array_equal(together[:, 2 * row : 2 * row + 2], told(error, [seed], 20))


def test_an_error_changes_no_actual_series(agent: Make, context: Make) -> None:
    where = context([agent(pv_kw=3.0)])
    plain, wrong = (synthetic.build(SyntheticParams(weather_error=error), where) for error in (0.0, 2.0))
    for day in range(5):
        for name, series in plain.actual(day).items():
            np.testing.assert_array_equal(series, wrong.actual(day)[name])


def test_the_weather_of_a_file_is_compared_with_its_past_alone(
    agent: Make, context: Make, write_csv: Make, tmp_path: object
) -> None:
    """Days of 1, 3, 2, 1 kW: nothing to compare the first with, then above, at the median of what was, and below it."""
    name = write_csv({"a0_load_kw": [1.0] * 96, "a0_pv_kw": [(1.0, 3.0, 2.0, 1.0)[row // 24] for row in range(96)]})
    where = context([agent("a0", pv_kw=3.0)], seeds=range(20), slots=96, slot_minutes=60, folder=str(tmp_path))

    def told_of(error: float) -> np.ndarray:
        made = file.build(FileParams.model_validate({"path": name, "weather_error": error}), where)
        return np.array([flags(made, day, 1)[0] for day in range(4)])

    assert (told_of(0.0) == np.array([[0.5], [1.0], [1.0], [0.0]])).all()
    wrong = told_of(1.5)
    assert (wrong[0] == 0.5).all()
    for day in (1, 2, 3):
        assert set(wrong[day]) == {0.0, 1.0}, "each market has an error of its own"
