from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from marketsim.core.records import Forecast
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.params import ClimatologyParams, PerfectParams

Make = Callable[..., object]


class Counting:
    """Days whose load is their number; it counts how often it is asked."""

    names = ("load_kw", "pv_kw")
    first_day = -(10**6)

    def __init__(self, n_agents: int, steps: int = 96) -> None:
        self.shape = (steps, n_agents)
        self.made: list[int] = []

    def actual(self, run_day: int) -> dict[str, np.ndarray]:
        self.made.append(run_day)
        return {"load_kw": np.full(self.shape, float(run_day)), "pv_kw": np.zeros(self.shape)}

    def expected(self, run_day: int, today: int, method: ClimatologyParams) -> dict[str, np.ndarray]:
        return {name: np.full(self.shape, -1.0) for name in self.names}

    def source_day(self, run_day: int, agents: np.ndarray) -> np.ndarray:
        return np.full(len(agents), run_day)


def test_each_day_is_made_once_as_a_run_goes_on(agent: Make, context: Make) -> None:
    source = Counting(1)
    profiles = DayProfiles(context([agent()], slots=960), source, ClimatologyParams())
    loads = [profiles.at(profiles.context.clock.at(slot))["load_kw"][0] for slot in range(960)]
    assert loads == [slot // 96 for slot in range(960)]
    assert source.made == list(range(10))


def test_memory_stays_flat_however_many_agents_and_days_there_are(agent: Make, context: Make) -> None:
    source = Counting(30_000)
    profiles = DayProfiles(context([agent()], slots=960), source, ClimatologyParams())
    for day in (0, 1, 2, 3, 0):
        profiles.actual(day)
    assert source.made == [0, 1, 2, 3, 0]


def test_nothing_is_computed_before_a_forecast_is_asked_for(agent: Make, context: Make) -> None:
    source = Counting(1)
    profiles = DayProfiles(context([agent()]), source, PerfectParams())
    forecast: Forecast = profiles.forecast(profiles.context.clock.at(5), np.array([0]))
    assert source.made == []
    assert forecast.series("load_kw", 100)[-1, 0] == 1.0
    assert source.made == [0, 1]


def test_vehicles_are_there_if_anybody_owns_one(agent: Make, context: Make, ev: Make) -> None:
    with_ev = context([agent(), agent("a1", devices={"ev": ev()})])
    series = DayProfiles(with_ev, Counting(2), ClimatologyParams()).at(with_ev.clock.at(0))
    assert {"ev_connected", "ev_slots_left", "ev_arrival_kwh"} <= series.keys()
    without = context([agent()])
    assert "ev_connected" not in DayProfiles(without, Counting(1), ClimatologyParams()).at(without.clock.at(0))


def test_the_source_day_is_public(agent: Make, context: Make) -> None:
    profiles = DayProfiles(context([agent()]), Counting(1), ClimatologyParams())
    assert profiles.source_day(3, np.array([0])).tolist() == [3]


def test_an_unknown_method_of_forecasting_is_refused(agent: Make, context: Make) -> None:
    one = context([agent()])
    forecast = DayProfiles(one, Counting(1), one.agents[0].strategy.params).forecast(one.clock.at(0), np.array([0]))
    with pytest.raises(TypeError, match="no forecast of a day by Params"):
        forecast.series("load_kw", 2)
