from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from marketsim.core.errors import RunError
from marketsim.profiles.calendar import MONTH_OF
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.library import simbench_library
from marketsim.profiles.params import DiversificationParams, SimbenchParams
from marketsim.profiles.simbench import build

Make = Callable[..., object]
PLAIN = DiversificationParams(shift_weeks=0, noise=0.0)
JULY = MONTH_OF == 7
EVERY = np.arange(3)


@pytest.fixture
def profiles(agent: Make, context: Make, ev: Make, heat_pump: Make) -> Callable[..., DayProfiles]:
    devices = {"ev": ev(), "heat_pump": heat_pump()}
    agents = [agent(f"a{row}", pv_kw=5.0, pv_shape="PV3", devices=devices) for row in range(3)]

    def make(forecast: object, weather_error: float = 0.0, **facts: object) -> DayProfiles:
        params = {"forecast": forecast, "weather_error": weather_error, "diversification": PLAIN}
        return build(SimbenchParams.model_validate(params), context(agents, slots=96 * 4, **facts))

    return make


def actual(profiles: DayProfiles, name: str, first: int, count: int) -> np.ndarray:
    return np.array([profiles.at(profiles.context.clock.at(slot))[name] for slot in range(first, first + count)])


def expected(profiles: DayProfiles, name: str, slot: int, horizon: int) -> np.ndarray:
    return profiles.forecast(profiles.context.clock.at(slot), EVERY).series(name, horizon)


METHODS = ["climatology", "persistence", "noisy_perfect", "perfect"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["load_kw", "load_kvar", "pv_kw", "heat_kw", "ev_connected", "ev_arrival_kwh"])
def test_this_slot_is_known_as_metered(profiles: Callable[..., DayProfiles], method: str, name: str) -> None:
    there = profiles(method)
    for slot in (0, 40, 95, 96, 200):
        np.testing.assert_allclose(expected(there, name, slot, 3)[0], actual(there, name, slot, 1)[0])


@pytest.mark.parametrize("name", ["load_kw", "pv_kw", "heat_kw", "load_kvar", "ev_slots_left", "ev_arrival_kwh"])
def test_perfect_is_the_future(profiles: Callable[..., DayProfiles], name: str) -> None:
    there = profiles("perfect")
    np.testing.assert_array_equal(expected(there, name, 50, 150), actual(there, name, 50, 150))


@pytest.mark.parametrize("slot", [0, 1, 47, 95, 96, 150])
def test_persistence_is_what_was_metered_a_day_before(profiles: Callable[..., DayProfiles], slot: int) -> None:
    there = profiles("persistence")
    seen = actual(there, "pv_kw", slot - 95, 96)
    np.testing.assert_array_equal(expected(there, "pv_kw", slot, 200)[1:], np.tile(seen, (3, 1))[:199])


def test_under_gate_closure_persistence_knows_what_was_metered_before_the_slot(
    profiles: Callable[..., DayProfiles],
) -> None:
    there = profiles("persistence", closure_slots=4)
    np.testing.assert_array_equal(expected(there, "load_kw", 100, 96), actual(there, "load_kw", 100 - 96, 96))


@pytest.mark.parametrize("method", ["climatology", "noisy_perfect"])
def test_under_gate_closure_this_slot_is_a_forecast_too(profiles: Callable[..., DayProfiles], method: str) -> None:
    there = profiles(method, closure_slots=1)
    assert (expected(there, "load_kw", 48, 1) != actual(there, "load_kw", 48, 1)).all()


def test_climatology_is_the_mean_day_of_the_month_times_the_weather(profiles: Callable[..., DayProfiles]) -> None:
    """k = a + (1 - a) w for today; for tomorrow, whose weather is not published, w = 1/2."""
    there = profiles({"climatology": {"cloudy_pv": 0.4}})
    mean = 5.0 * simbench_library().shape("PV3")[JULY].mean(axis=0)
    sunny = there.source._sunny[0]
    flags = [int(sunny[there.source.weather_days(day)[0]]) for day in range(4)]
    assert set(flags) == {0, 1}
    for day, flag in enumerate(flags):
        forecast = expected(there, "pv_kw", 96 * day, 192)
        np.testing.assert_allclose(forecast[1:96, 0], (0.4 + 0.6 * flag) * mean[1:])
        np.testing.assert_allclose(forecast[96:, 0], 0.7 * mean)


def test_climatology_uses_the_weather_that_is_published_and_not_the_days_own(
    profiles: Callable[..., DayProfiles],
) -> None:
    """With an error that is as good as a coin, forecasts of PV follow the flag that agents see, right or wrong."""
    there = profiles("climatology", weather_error=2.0)
    mean = 5.0 * simbench_library().shape("PV3")[JULY].mean(axis=0)
    right = []
    for day in range(15):
        flag = expected(there, "sunny", 96 * day, 1)[0, 0]
        np.testing.assert_allclose(expected(there, "pv_kw", 96 * day, 96)[1:, 0], (0.5 + 0.5 * flag) * mean[1:])
        right.append(flag == there.source._sunny[0, there.source.weather_days(day)[0]])
    assert {True, False} == set(right)


def test_the_weather_may_scale_load_too(profiles: Callable[..., DayProfiles]) -> None:
    plain, scaled = profiles("climatology"), profiles({"climatology": {"cloudy_load": 0.5}})
    ratio = expected(scaled, "load_kw", 0, 192)[96:] / expected(plain, "load_kw", 0, 192)[96:]
    np.testing.assert_allclose(ratio, 0.75)


def test_noisy_perfect_errs_by_sigma_and_keeps_the_mean(agent: Make, context: Make) -> None:
    crowd = context([agent(f"a{row}", pv_kw=1.0) for row in range(500)])
    there = build(SimbenchParams.model_validate({"forecast": {"noisy_perfect": {"sigma": 0.2}}}), crowd)
    forecast = there.forecast(crowd.clock.at(0), np.arange(500)).series("load_kw", 97)[1:]
    ratio = forecast / actual(there, "load_kw", 1, 96)
    assert ratio.mean() == pytest.approx(1.0, abs=0.005)
    assert np.log(ratio).std() == pytest.approx(0.2, abs=0.005)


def test_noisy_perfect_does_not_change_its_mind(profiles: Callable[..., DayProfiles]) -> None:
    there = profiles("noisy_perfect")
    np.testing.assert_array_equal(expected(there, "load_kw", 10, 40)[10:], expected(there, "load_kw", 19, 31)[1:])


def test_errors_of_load_and_pv_are_not_the_same(profiles: Callable[..., DayProfiles]) -> None:
    there = profiles("noisy_perfect")
    errors = [expected(there, name, 40, 9)[1:] / actual(there, name, 41, 8) for name in ("load_kw", "pv_kw")]
    assert abs(np.corrcoef(errors[0].ravel(), errors[1].ravel())[0, 1]) < 0.9


@pytest.mark.parametrize("method", METHODS)
def test_a_part_of_the_agents_gets_its_own_columns(profiles: Callable[..., DayProfiles], method: str) -> None:
    there = profiles(method)
    part = there.forecast(there.context.clock.at(30), np.array([2, 0]))
    for name in ("load_kw", "pv_kw", "ev_connected"):
        np.testing.assert_array_equal(part.series(name, 70), expected(there, name, 30, 70)[:, [2, 0]])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("horizon", [0, 1, 5, 97, 300])
def test_every_horizon_has_its_shape(profiles: Callable[..., DayProfiles], method: str, horizon: int) -> None:
    there = profiles(method)
    for name in ("load_kw", "pv_kw", "ev_slots_left"):
        assert expected(there, name, 90, horizon).shape == (horizon, 3)


def test_who_changes_a_forecast_changes_nothing_else(profiles: Callable[..., DayProfiles]) -> None:
    there = profiles("perfect")
    before = expected(there, "load_kw", 0, 20)
    before[:] = 0.0
    assert (expected(there, "load_kw", 0, 20) > 0).all()


def test_an_unknown_series_is_a_key_error(profiles: Callable[..., DayProfiles]) -> None:
    with pytest.raises(KeyError, match="wind_kw"):
        expected(profiles("climatology"), "wind_kw", 0, 4)


def test_a_series_that_nobody_needs_is_a_key_error(agent: Make, context: Make) -> None:
    there = build(SimbenchParams(), context([agent()]))
    for name in ("heat_kw", "ev_connected"):
        with pytest.raises(KeyError, match=name):
            there.forecast(there.context.clock.at(0), np.array([0])).series(name, 4)


def test_tariffs_are_those_published_for_each_agents_market(agent: Make, context: Make) -> None:
    two = context([agent(), agent("a1")], seeds=(1, 2))
    there = build(SimbenchParams(), two)
    retail, feed_in = there.forecast(two.clock.at(90), np.array([0, 3, 1])).tariffs(12)
    assert retail.shape == feed_in.shape == (12, 3)
    assert (retail == 300_000).all()
    assert (feed_in == 80_000).all()
    assert there.forecast(two.clock.at(90), np.array([0])).tariffs(0)[0].shape == (0, 1)


def test_without_a_tariff_there_is_no_forecast_of_prices(agent: Make, context: Make) -> None:
    there = build(SimbenchParams(), replace(context([agent()]), tariff=None))
    with pytest.raises(RunError, match="without a tariff"):
        there.forecast(there.context.clock.at(0), np.array([0])).tariffs(4)
