from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from marketsim.profiles.params import SyntheticParams
from marketsim.profiles.synthetic import build, clear_sky, clearness, heat_demand, household, sun

Make = Callable[..., object]
JUNE_21, DECEMBER_21 = 172, 355


def test_the_sun_is_where_astronomy_puts_it() -> None:
    """At noon it stands 90 - latitude + declination above the horizon; directions are unit vectors."""
    south, west, up = sun(50.0)
    np.testing.assert_allclose(south**2 + west**2 + up**2, 1.0)
    noon = np.degrees(np.arcsin(up[:, 47:49].mean(axis=1)))
    assert noon[JUNE_21] == pytest.approx(63.45, abs=0.2)
    assert noon[DECEMBER_21] == pytest.approx(16.55, abs=0.2)
    assert (up > 0).mean() == pytest.approx(0.5, abs=0.01)


def test_a_plane_to_the_south_is_symmetric_about_noon_and_east_mirrors_west() -> None:
    south = clear_sky(50.0, 30.0, 0.0)
    np.testing.assert_allclose(south, south[:, ::-1], atol=1e-12)
    np.testing.assert_allclose(clear_sky(50.0, 30.0, -90.0), clear_sky(50.0, 30.0, 90.0)[:, ::-1], atol=1e-12)


@pytest.mark.parametrize("latitude", [-66, -35, 0, 35, 66])
def test_power_stays_within_the_rating_and_is_zero_at_night(latitude: float) -> None:
    power = clear_sky(latitude, 30.0, 0.0)
    assert power.min() >= 0.0
    assert power.max() <= 1.0
    assert (power[sun(latitude)[2] <= 0] == 0).all()


def test_the_southern_summer_is_in_december() -> None:
    flat = clear_sky(-35.0, 0.0, 0.0).sum(axis=1)
    assert flat[DECEMBER_21] > 1.8 * flat[JUNE_21]


@pytest.mark.parametrize("cloudiness", [0.0, 0.2, 0.5, 0.9])
def test_clouds_take_their_share_and_no_more_than_all(cloudiness: float) -> None:
    sky = clearness(np.random.default_rng(1), cloudiness)
    assert sky.min() >= 0.0
    assert sky.max() <= 1.0
    assert 1 - sky.mean() == pytest.approx(cloudiness, abs=0.04)


def test_clouds_last_longer_than_a_quarter_hour() -> None:
    sky = clearness(np.random.default_rng(1), 0.5)
    assert np.corrcoef(sky[:, :-1].ravel(), sky[:, 1:].ravel())[0, 1] > 0.9


def test_households_peak_in_the_evening_and_use_more_in_winter() -> None:
    year = household(7.5, 19.0)
    assert year.max() == 1.0
    assert abs(np.argmax(year[10]) / 4 - 19.0) < 0.5
    assert year[:31].sum() > 1.3 * year[182:213].sum()


def test_heat_is_for_the_winter_and_hot_water_for_the_summer() -> None:
    year = heat_demand()
    assert 0 < year[182:213].mean() < 0.2 * year[:31].mean()


def test_markets_have_clouds_of_their_own_and_the_same_alone_as_in_a_batch(agent: Make, context: Make) -> None:
    agents = [agent(f"a{row}", pv_kw=5.0) for row in range(4)]
    both = build(SyntheticParams(), context(agents, seeds=(2, 6)))
    alone = build(SyntheticParams(), context(agents, seeds=(6,)))
    noon = both.context.clock.at(48)
    series, single = both.at(noon), alone.at(noon)
    for name in ("load_kw", "pv_kw"):
        np.testing.assert_array_equal(series[name][4:], single[name])
        assert (series[name][:4] != series[name][4:]).any()


def test_a_year_has_the_energy_asked_for(agent: Make, context: Make) -> None:
    params = SyntheticParams.model_validate({"diversification": {"shift_weeks": 0, "noise": 0}})
    year = context([agent()], start=date(2016, 1, 1), slot_minutes=60)
    profiles = build(params, year)
    assert sum(profiles.at(year.clock.at(slot))["load_kw"][0] for slot in range(8784)) == pytest.approx(3000.0)
