from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.core.errors import ProfileError
from marketsim.profiles import simbench, synthetic
from marketsim.profiles.calendar import MONTH_OF, SEASON_OF, WEEKDAY_OF, WHOLE_YEAR, chain_of, same_date, shifted
from marketsim.profiles.days import DayMap
from marketsim.profiles.params import SimbenchParams, SyntheticParams
from marketsim.profiles.parts import IS_OF, PARTS

Make = Callable[..., object]


def used_days(agents: list, context: Make, part: str, seed: int, n_days: int = 40) -> set[tuple[str, int]]:
    """Every (series, source day) that the actual series of some days are taken from."""
    params = SimbenchParams.model_validate({"days": {"part": part}})
    source = simbench.build(params, context(agents, seeds=(seed, seed + 1))).source
    every = np.arange(2 * len(agents))
    used = set()
    for run_day in range(n_days):
        used |= {("load", day) for day in source.source_day(run_day, every).tolist()}
        used |= {("pv", day) for day in source.weather_days(run_day).tolist()}
    return used


@given(seed=st.integers(0, 2**40))
@settings(max_examples=8)
def test_no_series_and_day_is_used_by_two_parts(agent: Make, context: Make, seed: int) -> None:
    """Whatever the seed: draws and shifts stay within their part."""
    agents = [agent(f"a{n}", pv_kw=4.0) for n in range(6)]
    used = [used_days(agents, context, part, seed) for part in PARTS]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert used[one].isdisjoint(used[other])
    assert all(used)


def test_parts_are_whole_weeks_a_day_apart() -> None:
    """No day of a part lies beside a day of another, across the ends of months, too."""
    owner = np.full(366, -1)
    for number, part in enumerate(PARTS):
        assert (owner[IS_OF[part]] == -1).all()
        owner[IS_OF[part]] = number
    for today, tomorrow in zip(owner, np.roll(owner, -1), strict=True):
        assert today == tomorrow or -1 in (today, tomorrow)
    for month in range(1, 13):
        days = month == MONTH_OF
        assert np.flatnonzero(days & IS_OF["validation"])[0] == np.flatnonzero(days)[0]
        assert (days & IS_OF["validation"]).sum() == (days & IS_OF["test"]).sum() == 7
        assert set(WEEKDAY_OF[days & IS_OF["test"]]) == set(range(7))
        assert 11 <= (days & IS_OF["training"]).sum() <= 14


@pytest.mark.parametrize("part", PARTS)
def test_a_shift_within_a_part_stays_there_and_keeps_weekday_and_season(part: str) -> None:
    """For every day and any number of weeks; no shift is no change."""
    days = np.flatnonzero(IS_OF[part])
    chain = chain_of(days)
    weeks = np.arange(-6, 7)
    moved = shifted(days[:, None], weeks[None, :], chain)
    assert IS_OF[part][moved].all()
    assert (WEEKDAY_OF[moved] == WEEKDAY_OF[days][:, None]).all()
    assert (SEASON_OF[moved] == SEASON_OF[days][:, None]).all()
    np.testing.assert_array_equal(moved[:, 6], days)
    assert (moved[:, 7] != days).all()


def test_the_chain_of_all_days_is_that_of_the_year() -> None:
    every = np.arange(366)
    for ours, theirs in zip(chain_of(every), WHOLE_YEAR, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_known_beforehand_comes_from_the_training_days(agent: Make, context: Make) -> None:
    """Scales, forecasts and medians are those of the training part in all parts, and not those of the whole year."""
    agents = [agent(pv_kw=4.0)]
    built = {
        part: simbench.build(SimbenchParams.model_validate({"days": {"part": part}}), context(agents)).source
        for part in PARTS
    }
    whole = simbench.build(SimbenchParams(), context(agents)).source
    training = built["training"]
    for part in ("validation", "test"):
        np.testing.assert_array_equal(built[part]._sunny, training._sunny)
        for name, mean in training._mean_days.items():
            np.testing.assert_array_equal(built[part]._mean_days[name], mean)
            np.testing.assert_array_equal(built[part]._components[name].scale_kw, training._components[name].scale_kw)
    assert (whole._sunny != training._sunny).any()
    assert whole._components["load_kw"].scale_kw != training._components["load_kw"].scale_kw


def test_a_load_has_its_yearly_energy_by_the_mean_of_the_training_days(agent: Make, context: Make) -> None:
    source = simbench.build(SimbenchParams.model_validate({"days": {"part": "test"}}), context([agent()])).source
    load = source._components["load_kw"]
    mean_kw = load.years[load.row[0]][IS_OF["training"]].mean() * load.scale_kw[0]
    assert mean_kw * 8784 == pytest.approx(3000.0, rel=1e-12)


def test_half_of_the_training_days_of_a_month_are_sunny(agent: Make, context: Make) -> None:
    source = simbench.build(SimbenchParams.model_validate({"days": {"part": "training"}}), context([agent()])).source
    for month in range(1, 13):
        days = np.flatnonzero((month == MONTH_OF) & IS_OF["training"])
        assert len(days) / 2 <= source._sunny[0][days].sum() <= len(days) / 2 + 1


def test_season_weather_and_weekday_hold_within_a_part(agent: Make, context: Make) -> None:
    days = {"part": "test", "season": "summer", "weather": "sunny"}
    profiles = simbench.build(SimbenchParams.model_validate({"days": days}), context([agent()]))
    for run_day in range(14):
        day = int(profiles.source.weather_days(run_day)[0])
        assert IS_OF["test"][day]
        assert SEASON_OF[day] == 2
        assert profiles.source._sunny[0][day]


def test_the_synthetic_source_has_parts_too(agent: Make, context: Make) -> None:
    source = synthetic.build(
        SyntheticParams.model_validate({"days": {"part": "validation"}}), context([agent()])
    ).source
    drawn = [int(source.weather_days(day)[0]) for day in range(30)]
    assert IS_OF["validation"][drawn].all()


def test_a_wish_that_no_day_of_the_part_fulfils_names_it(agent: Make, context: Make) -> None:
    params = SyntheticParams.model_validate({"days": {"part": "test", "season": "winter", "weather": "sunny"}})
    with pytest.raises(ProfileError, match="part test, season winter, weather sunny"):
        DayMap(context([agent()]), [np.zeros(366, dtype=bool)], params.days)


def test_the_public_weather_is_seen_today_and_unknown_tomorrow(agent: Make, context: Make) -> None:
    ctx = context([agent(pv_kw=3.0)], seeds=(1, 2))
    profiles = simbench.build(SimbenchParams.model_validate({"days": {"part": "training"}}), ctx)
    flags = profiles.forecast(ctx.clock.at(90), np.array([0, 1])).series("sunny", 10)
    np.testing.assert_array_equal(flags[:6], np.tile(profiles.source.sunny(0), (6, 1)))
    assert (flags[6:] == 0.5).all()
    assert set(np.unique([profiles.source.sunny(day) for day in range(20)])) == {0.0, 1.0}


BY_DATE = {"split": {"first_days": 1, "last_days": 7}, "order": "dates"}


def test_days_by_date_are_all_days_of_the_year_once() -> None:
    """The first of each month, its last seven, and what lies between; other lengths likewise."""
    selection = SimbenchParams.model_validate({"days": BY_DATE}).days
    assert selection is not None
    parts = np.stack([selection.days_of(part) for part in PARTS])
    assert (parts.sum(axis=0) == 1).all()
    assert [int(part.sum()) for part in parts] == [366 - 12 * 8, 12, 12 * 7]
    assert np.flatnonzero(selection.days_of("validation"))[:3].tolist() == [0, 31, 60]
    assert np.flatnonzero(selection.days_of("test"))[:8].tolist() == [24, 25, 26, 27, 28, 29, 30, 53]


@pytest.mark.parametrize("part", PARTS)
def test_dates_are_played_in_order_by_all_markets_and_abreast_by_one_each(
    agent: Make, context: Make, part: str
) -> None:
    """From the clock's date on, and round; loads are those of the day itself."""
    agents = [agent(f"a{row}", pv_kw=4.0) for row in range(3)]
    for order, shift in (("dates", 0), ("abreast", 1)):
        params = SimbenchParams.model_validate({"days": {**BY_DATE, "part": part, "order": order}})
        assert params.days is not None
        days = np.flatnonzero(params.days.days_of(part))
        built = context(agents, seeds=(1, 2))
        first = int(np.searchsorted(days, same_date(built.clock.start)))
        source = simbench.build(params, built).source
        every = np.arange(2 * len(agents))
        for run_day in range(30):
            places = first + (2 * run_day + np.array([0, 1]) if shift else np.full(2, run_day))
            expected = days[places % len(days)]
            assert source.weather_days(run_day).tolist() == expected.tolist()
            assert source.source_day(run_day, every).tolist() == np.repeat(expected, len(agents)).tolist()


def test_a_selection_without_a_split_is_written_as_before() -> None:
    """Neither split nor order stands in a scenario that does not name them: its hash stays."""
    written = SimbenchParams.model_validate({"days": {"part": "test"}}).model_dump(mode="json")["days"]
    assert written == {"part": "test", "season": None, "weather": None}
    named = SimbenchParams.model_validate({"days": BY_DATE}).model_dump(mode="json")["days"]
    assert SimbenchParams.model_validate({"days": named}).days == SimbenchParams.model_validate({"days": BY_DATE}).days
