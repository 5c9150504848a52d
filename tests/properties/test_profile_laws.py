"""Laws of profiles: energy, scale, determinism, independence of markets, and no look into the future."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from marketsim.core.build import AgentSpec, BuildContext, Choice, LoadSpec
from marketsim.core.clock import Clock
from marketsim.core.params import Params
from marketsim.core.rng import Streams
from marketsim.devices.params import EvParams, HeatPumpParams
from marketsim.profiles import simbench, synthetic
from marketsim.profiles.calendar import SEASON_OF, WEEKDAY_OF, shifted
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.params import SimbenchParams, SyntheticParams
from marketsim.profiles.resample import resampled
from marketsim.testing.fleets import declared
from marketsim.testing.worlds import FixedTariff, community

DIVISORS = [minutes for minutes in range(1, 1441) if 1440 % minutes == 0]
LENGTHS = st.sampled_from([5, 10, 15, 20, 30, 60, 90])
SEEDS = st.lists(st.integers(0, 2**40), min_size=1, max_size=3, unique=True)
STARTS = st.dates(date(2015, 1, 1), date(2030, 12, 31))
SOURCES: dict[str, Callable[[dict[str, object], BuildContext], DayProfiles]] = {
    "simbench_2016": lambda params, context: simbench.build(SimbenchParams.model_validate(params), context),
    "synthetic": lambda params, context: synthetic.build(SyntheticParams.model_validate(params), context),
}
DEVICES = {"ev": EvParams(), "heat_pump": HeatPumpParams(power_kw=3.0)}


def agents(n: int) -> tuple[AgentSpec, ...]:
    """Every second one with PV, every third one with a vehicle and a heat pump."""
    return tuple(
        AgentSpec(
            name=f"a{row}",
            kind="prosumer",
            group=0,
            bus=None,
            load=LoadSpec(annual_kwh=1000.0 * (row + 1), power_factor=0.95),
            pv_kw=4.0 * (row % 2),
            pv_shape=None,
            devices=DEVICES if row % 3 == 0 else {},
            strategy=Choice("utility_only", Params()),
        )
        for row in range(n)
    )


def context(n_agents: int, seeds: list[int], start: date = date(2016, 7, 12), slot_minutes: int = 15) -> BuildContext:
    clock = Clock(start, 96, slot_minutes)
    markets = community(n_agents, len(seeds))
    return declared(BuildContext(clock, Streams(seeds), markets, agents(n_agents), tariff=FixedTariff(len(seeds))))


@given(
    day=arrays(np.float64, 96, elements=st.floats(0, 1e3)),
    minutes=st.sampled_from(DIVISORS),
    again=st.sampled_from(DIVISORS),
)
def test_resampling_keeps_energy_sign_and_bounds(day: np.ndarray, minutes: int, again: int) -> None:
    other = resampled(resampled(day, 1440 // minutes), 1440 // again)
    np.testing.assert_allclose(other.sum() * again, day.sum() * 15, rtol=1e-9, atol=1e-9)
    assert other.min() >= 0
    assert other.max() <= day.max() * (1 + 1e-12)


@given(day=st.integers(0, 365), weeks=st.integers(-11, 11))
def test_a_shift_never_leaves_weekday_and_season(day: int, weeks: int) -> None:
    moved = int(shifted(day, weeks))
    assert (WEEKDAY_OF[moved], SEASON_OF[moved]) == (WEEKDAY_OF[day], SEASON_OF[day])
    assert (moved == day) or weeks != 0


@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=15)
@given(seeds=SEEDS, start=STARTS, minutes=LENGTHS, slot=st.integers(0, 200), n=st.integers(1, 6))
def test_a_market_in_a_batch_equals_the_market_alone(
    source: str, seeds: list[int], start: date, minutes: int, slot: int, n: int
) -> None:
    batch = SOURCES[source]({}, context(n, seeds, start, minutes))
    for market, seed in enumerate(seeds):
        alone = SOURCES[source]({}, context(n, [seed], start, minutes))
        rows = np.arange(market * n, (market + 1) * n)
        time = batch.context.clock.at(slot)
        for name, values in alone.at(time).items():
            np.testing.assert_array_equal(batch.at(time)[name][rows], values)
            np.testing.assert_array_equal(
                batch.forecast(time, rows).series(name, 40), alone.forecast(time, np.arange(n)).series(name, 40)
            )


@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=20)
@given(seeds=SEEDS, start=STARTS, minutes=LENGTHS, slot=st.integers(0, 500))
def test_series_are_finite_not_negative_and_none_where_nothing_is_owned(
    source: str, seeds: list[int], start: date, minutes: int, slot: int
) -> None:
    there = SOURCES[source]({"diversification": {"noise": 0.5}}, context(7, seeds, start, minutes))
    series = there.at(there.context.clock.at(slot))
    own = np.tile(np.arange(7) % 3 == 0, len(seeds))
    for name, values in series.items():
        assert values.shape == own.shape
        assert np.isfinite(values).all(), name
        assert (values >= 0).all(), name
        if name.startswith(("ev_", "heat")):
            assert (values[~own] == 0).all(), name
    assert (series["pv_kw"][np.tile(np.arange(7) % 2 == 0, len(seeds))] == 0).all()


@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=15)
@given(scale=st.floats(0, 3), slot=st.integers(0, 95))
def test_scales_are_exact_and_touch_nothing_else(source: str, scale: float, slot: int) -> None:
    one = SOURCES[source]({}, context(4, [1]))
    other = SOURCES[source]({"pv_scale": scale, "demand_scale": scale}, context(4, [1]))
    time = one.context.clock.at(slot)
    before, after = one.at(time), other.at(time)
    for name in before:
        factor = scale if name in ("load_kw", "load_kvar", "pv_kw") else 1.0
        np.testing.assert_allclose(after[name], before[name] * factor, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=10)
@given(start=STARTS, minutes=LENGTHS, shorter=LENGTHS)
def test_a_day_has_the_same_energy_at_any_slot_length(source: str, start: date, minutes: int, shorter: int) -> None:
    plain = {"diversification": {"noise": 0.0}}
    energy = []
    for length in (minutes, shorter):
        there = SOURCES[source](plain, context(3, [5], start, length))
        clock = there.context.clock
        slots = [there.at(clock.at(slot)) for slot in range(clock.slots_per_day)]
        energy.append([sum(slot[name] for slot in slots) * length for name in ("load_kw", "pv_kw", "heat_kw")])
    np.testing.assert_allclose(energy[0], energy[1], rtol=1e-9, atol=1e-9)


class _Changed:
    """A source of days whose later days are another's: what has not happened yet, changed."""

    def __init__(self, source: object, day: int, of_day: int) -> None:
        self._source, self._day, self._of_day = source, day, of_day
        self.names, self.first_day = source.names, source.first_day

    def actual(self, run_day: int) -> dict[str, np.ndarray]:
        block = {name: values.copy() for name, values in self._source.actual(run_day).items()}
        begins = 0 if run_day > self._day else self._of_day + 1 if run_day == self._day else None
        if begins is not None:
            for values in block.values():
                values[begins:] = values[begins:] * 3 + 7
        return block

    def expected(self, run_day: int, today: int, method: object) -> dict[str, np.ndarray]:
        return self._source.expected(run_day, today, method)


@pytest.mark.parametrize(
    ("method", "looks_ahead"),
    [("climatology", False), ("persistence", False), ("noisy_perfect", True), ("perfect", True)],
)
@settings(max_examples=20)
@given(slot=st.integers(0, 250), horizon=st.integers(2, 200))
def test_only_perfect_forecasts_change_with_what_has_not_happened_yet(
    method: str, looks_ahead: bool, slot: int, horizon: int
) -> None:
    plain = SOURCES["simbench_2016"]({"forecast": method}, context(4, [3]))
    changed = SOURCES["simbench_2016"]({"forecast": method}, context(4, [3]))
    time = plain.context.clock.at(slot)
    changed.source = _Changed(changed.source, time.day, time.of_day)
    for name in ("load_kw", "pv_kw", "heat_kw"):
        before, after = (there.forecast(time, np.arange(4)).series(name, horizon) for there in (plain, changed))
        assert (before != after).any() == looks_ahead


@settings(max_examples=10)
@given(seed=st.integers(0, 2**40))
def test_markets_of_different_seeds_differ(seed: int) -> None:
    there = SOURCES["simbench_2016"]({}, context(6, [seed, seed + 1]))
    load = there.at(there.context.clock.at(72))["load_kw"]
    assert (load[:6] != load[6:]).any()


@settings(max_examples=30)
@given(start=STARTS, days=st.integers(0, 400))
def test_any_run_day_has_a_source_day_of_its_weekday(start: date, days: int) -> None:
    there = SOURCES["simbench_2016"]({}, context(2, [1], start))
    weekday = (start + timedelta(days=days)).weekday()
    assert (WEEKDAY_OF[there.source_day(days, np.arange(2))] == weekday).all()
