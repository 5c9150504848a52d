"""Forecasts from context: nothing of the future, the same in any company, and better than what is usual where there is context."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import pairwise

import numpy as np
import pytest

import marketsim as ms
from marketsim.analysis.coordination.scores import covered, pinball
from marketsim.app.wiring import build as wired
from marketsim.core.errors import InputError, ProfileError, RunError
from marketsim.core.records import UncertainForecast
from marketsim.profiles.calendar import MONTH_OF, WEEKDAY_OF
from marketsim.profiles.context_model import KINDS, RIDGE, ContextModel, Looked, Windows, usual_days
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.params import SimbenchParams, SyntheticParams
from marketsim.profiles.parts import IS_OF
from marketsim.profiles.simbench import build
from marketsim.profiles.synthetic import build as build_synthetic
from marketsim.profiles.training_days import class_of, months_apart

Make = Callable[..., object]
N, STEPS = 4, 24
EVERY = np.arange(N)
CONTEXTS = ("none", "own", "shared")


@pytest.fixture
def profiles(agent: Make, context: Make, heat_pump: Make) -> Callable[..., DayProfiles]:
    """Four homes in hours, three with PV and one with a heat pump, on test days from April on."""

    def make(
        told: str = "own", source: Callable = build, params: type = SimbenchParams, **facts: object
    ) -> DayProfiles:
        agents = [
            agent(f"a{row}", pv_kw=5.0 * (row < 3), devices={"heat_pump": heat_pump()} if row == 3 else {})
            for row in range(N)
        ]
        given = {"forecast": {"contextual": {"context": told}}, "days": {"part": "test", "order": "dates"}}
        facts = {"slots": STEPS * 5, "slot_minutes": 60, "start": date(2016, 4, 23), **facts}
        return source(params.model_validate(given), context(agents, **facts))

    return make


def at(profiles: DayProfiles, slot: int, agents: np.ndarray = EVERY):
    return profiles.forecast(profiles.context.clock.at(slot), agents)


@pytest.mark.parametrize("told", CONTEXTS)
@pytest.mark.parametrize("closure", [0, 2])
def test_nothing_of_the_future_is_in_it(profiles: Make, told: str, closure: int) -> None:
    """All series from the first slot that is not metered on are made others: forecasts, quantiles and paths stay, to the bit."""
    for slot in (9, 35, 47, 48):
        plain, changed = (profiles(told, closure_slots=closure) for _ in range(2))
        first = slot + 1 if closure == 0 else slot
        actual = changed.source.actual

        def otherwise(run_day: int, actual=actual, first=first) -> dict[str, np.ndarray]:
            ahead = run_day * STEPS + np.arange(STEPS) >= first
            return {name: np.where(ahead[:, None], 3.0 * each + 1.0, each) for name, each in actual(run_day).items()}

        changed.source.actual = otherwise
        assert (changed.actual(slot // STEPS + 1)["load_kw"] != plain.actual(slot // STEPS + 1)["load_kw"]).all()
        for name in ("load_kw", "pv_kw", "heat_kw"):
            one, other = at(plain, slot), at(changed, slot)
            np.testing.assert_array_equal(one.series(name, 30), other.series(name, 30))
            np.testing.assert_array_equal(one.paths(name, 30, 5), other.paths(name, 30, 5))
            np.testing.assert_array_equal(one.quantiles(name, 30, [0.1, 0.9]), other.quantiles(name, 30, [0.1, 0.9]))


@pytest.mark.parametrize("told", ["own", "shared"])
def test_what_was_metered_moves_it(profiles: Make, told: str) -> None:
    """The same change an hour earlier is context; without context it is not. A neighbour's moves it where context is shared."""
    for place, moves in ((0, {"own", "shared"}), (1, {"shared"})):
        plain, changed, without = profiles(told), profiles(told), profiles("none")
        for each in (changed, without):
            actual = each.source.actual

            def otherwise(run_day: int, actual=actual, place=place) -> dict[str, np.ndarray]:
                series = {name: block.copy() for name, block in actual(run_day).items()}
                if run_day == 1:
                    series["load_kw"][8:12, place] += 2.0
                return series

            each.source.actual = otherwise
        mine, theirs, unmoved = (at(each, 36).series("load_kw", 12)[1:, 0] for each in (plain, changed, without))
        assert (np.abs(theirs - mine) > 1e-6).any() == (told in moves)
        np.testing.assert_array_equal(unmoved, at(profiles("none"), 36).series("load_kw", 12)[1:, 0])


def test_this_slot_is_in_it_as_it_is_metered(profiles: Make) -> None:
    """In all paths and quantiles; with a gate closure it is one like the others."""
    there = profiles()
    actual = there.at(there.context.clock.at(36))["load_kw"]
    assert (at(there, 36).paths("load_kw", 3, 4)[:, 0] == actual).all()
    assert (at(there, 36).quantiles("load_kw", 3, [0.0, 1.0])[:, 0] == actual).all()
    closed = profiles(closure_slots=1)
    assert (at(closed, 36).paths("load_kw", 1, 4)[:, 0] != actual).all()


def test_it_is_the_mean_of_members_that_were_days_of_the_season_and_the_weather(profiles: Make) -> None:
    """Of training days within a month, of PV with the flag of the day, without context of both. A longer look begins as a short one."""
    there = profiles()
    forecast = at(there, 36)
    members = forecast._contextual.ensemble(36, 0)
    source = there.source
    for days in members.days.values():
        assert IS_OF["training"][days].all()
        assert (months_apart(days, int(source.weather_days(1)[0])) <= 1).all()
    taught = source.training_days()
    without = at(profiles("none"), 36)._contextual.ensemble(36, 0)
    for ensemble, alike in ((members, True), (without, False)):
        flags = taught.sunny[np.searchsorted(taught.days, ensemble.days["pv_kw"]), 0]
        assert (flags == source.sunny(1)[0]).all() == alike
        assert len(set(taught.sunny[np.searchsorted(taught.days, ensemble.days["load_kw"]), 0])) == 2
    np.testing.assert_allclose(forecast.series("pv_kw", 24), members.of("pv_kw", 24).mean(axis=0))
    np.testing.assert_array_equal(forecast.series("load_kw", 100)[:30], forecast.series("load_kw", 30))
    far = forecast.series("load_kw", 24 * 4)
    np.testing.assert_allclose(far[48:72], far[24:48])
    assert (members.of("pv_kw", 48) >= 0).all()


def test_paths_of_all_series_are_of_the_same_days(profiles: Make) -> None:
    """Spread over what all draw; vehicles and the weather are as expected; reactive power goes with the load."""
    there = profiles()
    forecast = at(there, 36)
    assert isinstance(forecast, UncertainForecast)
    members = forecast._contextual.ensemble(36, 0)
    load, pv = (forecast.paths(name, 24, 6) for name in ("load_kw", "pv_kw"))
    chosen = [int(np.flatnonzero((members.of("load_kw", 24) == each).all(axis=(1, 2)))[0]) for each in load]
    np.testing.assert_array_equal(pv, members.of("pv_kw", 24)[chosen])
    drawn = (load - pv).sum(axis=(1, 2))
    assert (np.diff(drawn) >= 0).all()
    every = (members.of("load_kw", 24) - members.of("pv_kw", 24)).sum(axis=(1, 2))
    assert np.quantile(every, 0.25) < np.median(drawn) < np.quantile(every, 0.75)
    assert (forecast.paths("sunny", 24, 3) == forecast.series("sunny", 24)).all()
    np.testing.assert_allclose(forecast.paths("load_kvar", 5, 2), forecast.paths("load_kw", 5, 2) * there.tan[EVERY])


def test_a_market_has_the_same_forecasts_alone_and_beside_others(profiles: Make) -> None:
    """And an agent the same whoever else is asked about; and every time it is asked for."""
    for told in CONTEXTS:
        alone, batch = profiles(told, seeds=(7,)), profiles(told, seeds=(3, 7))
        for slot in (12, 40):
            mine = at(alone, slot).paths("load_kw", 30, 4)
            np.testing.assert_array_equal(at(batch, slot, N + EVERY).paths("load_kw", 30, 4), mine)
            np.testing.assert_array_equal(
                at(batch, slot, np.array([N + 2, 1])).paths("load_kw", 30, 4)[:, :, 0], mine[:, :, 2]
            )
            np.testing.assert_array_equal(at(profiles(told, seeds=(7,)), slot).paths("load_kw", 30, 4), mine)


def test_a_computed_year_can_be_learned_from_too(profiles: Make) -> None:
    """The sun of the next hours is known better by what it was: the error of PV halves."""
    errors = {}
    for told in ("none", "own"):
        there = profiles(told, build_synthetic, SyntheticParams)
        slots = [24 * day + hour for day in range(4) for hour in (9, 11, 13)]
        foreseen = np.array([at(there, slot).series("pv_kw", 3)[1:, :3] for slot in slots])
        came = np.array([[there.at(there.context.clock.at(slot + h))["pv_kw"][:3] for h in (1, 2)] for slot in slots])
        errors[told] = np.abs(foreseen - came).mean()
    assert errors["own"] < 0.6 * errors["none"]


def test_what_is_usual_is_the_mean_of_like_days() -> None:
    """Plain reference: the own month twice, its neighbours once, workdays for themselves; PV of all days."""
    rng = np.random.default_rng(1)
    days = np.flatnonzero(IS_OF["training"])
    series = rng.uniform(0, 1, (len(days), 2, 3))
    usual = usual_days(series, days, KINDS["load_kw"])
    january, work = MONTH_OF[days] == 1, WEEKDAY_OF[days] < 5
    beside = np.isin(MONTH_OF[days], (12, 2))
    weight = (2.0 * january + beside) * work
    np.testing.assert_allclose(usual[12], np.tensordot(weight, series, 1) / weight.sum())
    weight = 2.0 * january + beside
    np.testing.assert_allclose(
        usual_days(series, days, KINDS["pv_kw"])[0], np.tensordot(weight, series, 1) / weight.sum()
    )
    assert class_of(np.array([0, 1, 31])).tolist() == [12, 0, 13]  # a Friday, a Saturday, a Monday of February


def test_coefficients_are_those_of_least_squares() -> None:
    """A series that is what it was an hour before, less a tenth, and noise: the coefficients of the first lead tell so, and are those of
    lstsq with the ridge as rows of its own; what is missed is what is left."""
    rng = np.random.default_rng(2)
    days = np.flatnonzero(IS_OF["training"])
    runs = [slice(int(a), int(b)) for a, b in _runs(days)]
    series = np.zeros((len(days), STEPS, 2))
    for run in runs:
        flat = np.zeros(((run.stop - run.start) * STEPS, 2))
        for slot in range(1, len(flat)):
            flat[slot] = 0.9 * flat[slot - 1] + rng.normal(0, 0.1, 2)
        series[run] = 2.0 + flat.reshape(-1, STEPS, 2)
    model = ContextModel(KINDS["load_kw"], days, runs, series, np.zeros(len(days)), own=True, shared=False)
    b = model.usual[class_of(days)]
    off = series - b
    rows, came = [], []
    for run in runs:
        own, usual = off[run].reshape(-1, 2), b[run].reshape(-1, 2)
        for known in range(STEPS, len(own) - 1):
            flag = -0.5 * (known % STEPS + 1 < STEPS) * usual[known + 1, 0]
            rows.append([*_recent(own, known), own[known - 23, 0], flag])
            came.append(own[known + 1, 0])
    x, y = np.array(rows), np.array(came)
    ridge = np.diag(np.sqrt(RIDGE * (x**2).sum(axis=0)))
    plain = np.linalg.lstsq(np.vstack((x, ridge)), np.concatenate((y, np.zeros(5))), rcond=None)[0]
    assert model._coefficients[:, 0, 0] == pytest.approx(plain, rel=1e-6, abs=1e-9)
    assert plain[:2].sum() == pytest.approx(0.9, abs=0.1)
    run = runs[3]
    own, usual, known = off[run].reshape(-1, 2), b[run].reshape(-1, 2), 2 * STEPS + 9
    day = slice(known - 23, known + 1)
    looked = Looked(own[None, day], usual[None, day], usual[None, known + 1 : known + 49], np.zeros(1))
    told = model.beyond(looked, 9)
    np.testing.assert_allclose(
        told[0, 0, 0], [*_recent(own, known), own[known - 23, 0], -0.5 * usual[known + 1, 0]] @ plain
    )
    np.testing.assert_allclose(model.missed(np.array([run.start + 2]), 9), own[known + 1 : known + 49] - told)


def _recent(own: np.ndarray, known: int) -> list[float]:
    return [own[known + 1 - window : known + 1, 0].mean() for window in (1, 3, 24)]


def _runs(days: np.ndarray) -> list[tuple[int, int]]:
    borders = [0, *(np.flatnonzero(np.diff(days) != 1) + 1).tolist(), len(days)]
    return list(pairwise(borders))


@pytest.mark.parametrize("steps", [1, 4, 24, 96, 288])
def test_windows_and_leads_are_whole_slots_in_order(steps: int) -> None:
    windows = Windows.of(steps)
    assert windows.recent[-1] == steps
    assert all(1 <= each <= steps for each in windows.recent)
    assert list(windows.leads) == sorted(set(windows.leads))


def test_quantiles_hold_about_as_often_as_they_say(profiles: Make) -> None:
    """Over three weeks of test days: eight of ten within the interval of eight of ten, give or take; the deciles ascend."""
    there = profiles("own", slots=STEPS * 21)
    levels = np.arange(1, 10) / 10
    inside, loss, flat = [], [], []
    usual = profiles("none", slots=STEPS * 21)
    for slot in range(24, 24 * 19, 7):
        came = np.array([there.at(there.context.clock.at(slot + h))["load_kw"] for h in range(1, 25)])
        own, plain = (at(each, slot).quantiles("load_kw", 25, levels)[:, 1:] for each in (there, usual))
        assert (np.diff(own, axis=0) >= 0).all()
        inside.append(covered(came, own[0], own[-1]))
        loss.append(pinball(came, own, levels))
        flat.append(pinball(came, plain, levels))
    assert 0.6 < np.mean(inside) < 0.9
    assert np.mean(loss) < 1.1 * np.mean(flat)


def test_scores_are_those_of_their_definition() -> None:
    """Pinball loss of a median is half the absolute error; a plain loop agrees; of all levels it is least at the quantiles."""
    rng = np.random.default_rng(3)
    came, levels = rng.normal(0, 1, 4000), (0.1, 0.5, 0.9)
    quantiles = np.quantile(came, levels)[:, None] * np.ones_like(came)
    plain = [
        max(q * (y - z), (q - 1) * (y - z)) for q, z in zip(levels, quantiles[:, 0], strict=True) for y in came.tolist()
    ]
    assert pinball(came, quantiles, levels) == pytest.approx(np.mean(plain))
    assert pinball(came, np.zeros((1, 4000)), (0.5,)) == pytest.approx(0.5 * np.abs(came).mean())
    for wrong in (-0.3, 0.3):
        assert pinball(came, quantiles + wrong, levels) > pinball(came, quantiles, levels)
    assert covered(came, quantiles[0], quantiles[-1]) == pytest.approx(0.8, abs=0.001)


def test_what_cannot_be_is_refused(profiles: Make, tmp_path) -> None:
    """A series that there is not, quantiles beyond 0..1, more paths than days, and a file of series without a year to learn from."""
    forecast = at(profiles(), 36)
    with pytest.raises(KeyError, match="wind_kw"):
        forecast.paths("wind_kw", 3, 2)
    with pytest.raises(KeyError, match="wind_kw"):
        forecast.quantiles("wind_kw", 3, [0.5])
    with pytest.raises(ValueError, match="within 0..1"):
        forecast.quantiles("load_kw", 3, [1.5])
    with pytest.raises(RunError, match="500 scenarios are asked for, and there are"):
        forecast.paths("load_kw", 3, 500)
    (tmp_path / "own.csv").write_text(
        "time,home_load_kw\n" + "\n".join(f"2016-07-12T{hour:02d}:00,1" for hour in range(24)) + "\n"
    )
    scenario = {
        "clock": {"start": "2016-07-12", "slots": 24, "slot_minutes": 60},
        "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
        "profiles": {"source": "file", "path": str(tmp_path / "own.csv"), "forecast": {"contextual": {}}},
        "agents": [{"name": "home", "kind": "consumer", "load": {}}],
    }
    with pytest.raises((ProfileError, InputError), match=r"profiles\.forecast\.contextual: the series hold no year"):
        wired(ms.load_scenario(scenario, trust=True))
    with pytest.raises(InputError, match="contextual"):
        ms.load_scenario(
            {**scenario, "profiles": {"source": "simbench_2016", "forecast": {"contextual": {"context": "all"}}}}
        )
