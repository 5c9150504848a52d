from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from marketsim.core.build import LoadSpec
from marketsim.core.errors import ProfileError
from marketsim.profiles.calendar import SEASON_OF, WEEKDAY_OF
from marketsim.profiles.library import simbench_library
from marketsim.profiles.params import DaySelection, DiversificationParams, SimbenchParams
from marketsim.profiles.simbench import build
from marketsim.profiles.weather import yields_of_days


def sunny_days(pv_year):
    yields, medians = yields_of_days(pv_year)
    return yields >= medians


Make = Callable[..., object]
PLAIN = DiversificationParams(shift_weeks=0, noise=0.0)
JULY_12 = 193


def whole_day(profiles: object, name: str, day: int = 0) -> np.ndarray:
    """A series of one day [slots_per_day, n_agents]."""
    clock = profiles.context.clock
    steps = clock.slots_per_day
    return np.array([profiles.at(clock.at(slot))[name] for slot in range(day * steps, (day + 1) * steps)])


def test_load_is_the_shape_of_the_date_times_its_scale(agent: Make, context: Make) -> None:
    spec = agent(load=LoadSpec(shape="H0-C", peak_kw=5.0))
    profiles = build(SimbenchParams(diversification=PLAIN, demand_scale=0.7), context([spec]))
    shape = simbench_library().shape("H0-C")
    np.testing.assert_allclose(whole_day(profiles, "load_kw")[:, 0], 0.7 * 5.0 / shape.max() * shape[JULY_12])


def test_pv_is_the_shape_times_the_rating(agent: Make, context: Make) -> None:
    profiles = build(SimbenchParams(pv_scale=2.0), context([agent(pv_kw=10.0, pv_shape="PV5")]))
    np.testing.assert_allclose(
        whole_day(profiles, "pv_kw")[:, 0], 2.0 * 10.0 * simbench_library().shape("PV5")[JULY_12]
    )


def test_a_year_of_load_has_the_energy_asked_for(agent: Make, context: Make) -> None:
    year = context([agent(load=LoadSpec(annual_kwh=3500.0))], start=date(2016, 1, 1), slot_minutes=60)
    profiles = build(SimbenchParams(diversification=PLAIN), year)
    energy = sum(profiles.at(year.clock.at(slot))["load_kw"][0] for slot in range(366 * 24))
    assert energy == pytest.approx(3500.0, rel=1e-9)


def test_a_year_of_heat_has_the_energy_of_the_heat_pump(agent: Make, context: Make, heat_pump: Make) -> None:
    owner = agent(devices={"heat_pump": heat_pump(annual_heat_kwh=12_000.0)})
    year = context([agent(), owner], start=date(2016, 1, 1), slot_minutes=120)
    profiles = build(SimbenchParams(), year)
    heat = np.array([profiles.at(year.clock.at(slot))["heat_kw"] for slot in range(366 * 12)])
    assert (heat[:, 0] == 0).all()
    assert heat[:, 1].sum() * 2 == pytest.approx(12_000.0, rel=1e-9)
    assert heat[: 31 * 12, 1].sum() > 5 * heat[181 * 12 : 212 * 12, 1].sum()


def test_reactive_power_rides_along_at_the_power_factor(agent: Make, context: Make) -> None:
    profiles = build(SimbenchParams(), context([agent(load=LoadSpec(peak_kw=5.0, power_factor=0.9))]))
    series = profiles.at(profiles.context.clock.at(40))
    assert series["load_kvar"][0] == pytest.approx(series["load_kw"][0] * 0.484322, rel=1e-6)


def test_an_agent_without_load_and_pv_has_zeros(agent: Make, context: Make) -> None:
    profiles = build(SimbenchParams(), context([agent(load=LoadSpec())]))
    series = profiles.at(profiles.context.clock.at(48))
    assert (series["load_kw"].tolist(), series["pv_kw"].tolist()) == ([0.0], [0.0])
    assert "heat_kw" not in series


def test_shifted_agents_stay_in_weekday_and_season_and_differ(agent: Make, context: Make) -> None:
    profiles = build(SimbenchParams(), context([agent(f"a{row}") for row in range(100)]))
    days = profiles.source_day(0, np.arange(100))
    assert (WEEKDAY_OF[days] == WEEKDAY_OF[JULY_12]).all()
    assert (SEASON_OF[days] == SEASON_OF[JULY_12]).all()
    assert set((days - JULY_12).tolist()) == {7 * weeks for weeks in range(-4, 5)}


def test_source_day_is_where_the_load_comes_from(agent: Make, context: Make) -> None:
    agents = [agent(f"a{row}", load=LoadSpec(shape="H0-A", peak_kw=1.0)) for row in range(20)]
    profiles = build(SimbenchParams(diversification=DiversificationParams(noise=0.0)), context(agents, slots=960))
    shape = simbench_library().shape("H0-A")
    for day in (0, 7, 9):
        days = profiles.source_day(day, np.arange(20))
        np.testing.assert_allclose(whole_day(profiles, "load_kw", day).T, shape[days] / shape.max())


def test_neighbours_share_the_weather(agent: Make, context: Make) -> None:
    agents = [agent(f"a{row}", pv_kw=4.0, pv_shape="PV2") for row in range(12)]
    pv = whole_day(build(SimbenchParams(), context(agents)), "pv_kw")
    assert pv.max() > 0
    assert (pv == pv[:, :1]).all()


def test_chosen_weather_is_that_of_the_pv(agent: Make, context: Make) -> None:
    library = simbench_library()
    sunny = sunny_days(np.stack([library.shape(name) for name in library.names("pv")]))
    for weather in ("sunny", "cloudy"):
        params = SimbenchParams(days=DaySelection(season="summer", weather=weather))
        profiles = build(params, context([agent()], seeds=(1, 2, 3)))
        drawn = np.array([profiles.source.weather_days(day) for day in range(10)])
        assert (sunny[drawn] == (weather == "sunny")).all()


def test_scale_spread_is_constant_in_time_and_within_its_bounds(agent: Make, context: Make) -> None:
    agents = [agent(f"a{row}", load=LoadSpec(shape="G0-A", peak_kw=1.0)) for row in range(200)]
    spread = DiversificationParams(shift_weeks=0, noise=0.0, scale_spread=0.2)
    load = whole_day(build(SimbenchParams(diversification=spread), context(agents)), "load_kw")
    factor = load / (simbench_library().shape("G0-A")[JULY_12] / simbench_library().shape("G0-A").max())[:, None]
    np.testing.assert_allclose(factor, factor[:1].repeat(96, axis=0))
    assert 0.8 <= factor.min() < 0.82
    assert 1.18 < factor.max() <= 1.2


def test_noise_keeps_the_mean_and_the_sign(agent: Make, context: Make) -> None:
    agents = [agent(f"a{row}", load=LoadSpec(shape="G0-A", peak_kw=1.0)) for row in range(400)]
    noisy = DiversificationParams(shift_weeks=0, noise=0.3)
    load = whole_day(build(SimbenchParams(diversification=noisy), context(agents)), "load_kw")
    plain = whole_day(build(SimbenchParams(diversification=PLAIN), context(agents[:1])), "load_kw")
    ratio = load / plain
    assert ratio.min() > 0
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)
    assert np.log(ratio).std() == pytest.approx(0.3, abs=0.01)


def test_a_day_is_the_same_in_whatever_order_it_is_asked_for(agent: Make, context: Make, ev: Make) -> None:
    agents = [agent(f"a{row}", pv_kw=3.0, devices={"ev": ev()}) for row in range(5)]
    week = context(agents, slots=96 * 7)
    forward, back = build(SimbenchParams(), week), build(SimbenchParams(), week)
    first = [forward.at(week.clock.at(slot)) for slot in range(0, 96 * 7, 13)]
    second = [back.at(week.clock.at(slot)) for slot in reversed(range(0, 96 * 7, 13))]
    for one, other in zip(first, reversed(second), strict=True):
        assert one.keys() == other.keys()
        assert all((one[name] == other[name]).all() for name in one)


def test_series_cannot_be_changed_by_who_reads_them(agent: Make, context: Make) -> None:
    profiles = build(SimbenchParams(), context([agent()]))
    with pytest.raises(ValueError, match="read-only"):
        profiles.at(profiles.context.clock.at(0))["load_kw"][0] = 1.0


def test_unknown_shapes_stop_the_build(agent: Make, context: Make) -> None:
    with pytest.raises(ProfileError, match="no pv shape of this name"):
        build(SimbenchParams(), context([agent(pv_kw=1.0, pv_shape="PV12")]))
