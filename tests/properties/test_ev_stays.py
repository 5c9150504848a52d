"""A vehicle charges only while it is at home: hours inside a slot count by the fraction, whichever strategy plans."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import marketsim as ms

POWER_KW = 11.0
DAYS = 3
HOUR = st.integers(0, 24 * 60 - 1).map(lambda minute: minute / 60.0)


def simulated(arrival: float, departure: float, minutes: int, strategy: Any, daily_kwh: float) -> Any:
    ev = {"arrival_hour": arrival, "departure_hour": departure, "arrival_spread_h": 0, "departure_spread_h": 0}
    ev |= {"daily_kwh": daily_kwh, "energy_kwh": daily_kwh, "power_kw": POWER_KW, "efficiency": 1.0}
    return ms.simulate(
        {
            "name": "stays",
            "clock": {"start": "2016-07-12", "slots": DAYS * 24 * 60 // minutes, "slot_minutes": minutes},
            "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
            "profiles": {"source": "synthetic"},
            "agents": [
                {"name": "h", "kind": "consumer", "load": {"annual_kwh": 3000.0}, "ev": ev, "strategy": strategy},
                {"name": "p", "kind": "prosumer", "load": {"annual_kwh": 3000.0}, "pv_kw": 15},
            ],
        }
    )


def at_home_h(arrival: float, departure: float, minutes: int) -> np.ndarray:
    """Hours of each slot of the run in which the vehicle is at home, by hand."""
    slot_h, stay_h = minutes / 60.0, (departure - arrival) % 24.0
    begins = np.arange(DAYS * 24 * 60 // minutes) * slot_h
    hours = np.zeros(len(begins))
    for day in range(-1, DAYS):
        comes = 24.0 * day + arrival
        overlap = np.minimum(comes + stay_h, begins + slot_h) - np.maximum(comes, begins)
        hours += np.maximum(overlap, 0.0)
    return hours


@pytest.mark.parametrize(
    "strategy",
    ["utility_only", {"truthful": {"deferrable": "on_arrival"}}, {"truthful": {}}, "zip"],
    ids=["utility", "on_arrival", "flexible", "zip"],
)
@settings(max_examples=8)
@example(arrival=7.05, departure=7.2, minutes=15, daily_kwh=8.0)
@example(arrival=7.2, departure=7.3, minutes=15, daily_kwh=8.0)
@example(arrival=23.9, departure=0.1, minutes=60, daily_kwh=8.0)
@example(arrival=18.0, departure=7.0, minutes=60, daily_kwh=8.0)
@given(arrival=HOUR, departure=HOUR, minutes=st.sampled_from([15, 60, 240]), daily_kwh=st.sampled_from([2.0, 40.0]))
def test_no_slot_and_no_stay_gives_more_than_power_times_its_time(
    strategy: Any, arrival: float, departure: float, minutes: int, daily_kwh: float
) -> None:
    if arrival == departure:
        return
    run = simulated(arrival, departure, minutes, strategy, daily_kwh)
    own = run.frame("agents", raw=True)[run.frame("agents", raw=True).name == "h"]
    drawn_wh = -own.ev_wh.to_numpy()
    most_wh = POWER_KW * 1e3 * at_home_h(arrival, departure, minutes)
    assert (drawn_wh >= 0).all()
    assert (drawn_wh <= most_wh + 1e-3).all()
    assert run.summary["energy_imbalance_wh"] == 0


def test_a_stay_inside_a_slot_gives_power_times_stay_and_misses_the_rest() -> None:
    """9 minutes at 11 kW are 1650 Wh of the 8 kWh that a battery of 8 kWh lacks; on the first day nothing came before."""
    run = simulated(7.05, 7.2, 15, {"truthful": {"deferrable": "on_arrival"}}, 8.0)
    own = run.frame("agents", raw=True)[run.frame("agents", raw=True).name == "h"].set_index("slot")
    assert own.ev_wh[own.ev_wh < 0].to_dict() == {28: -1650, 124: -1650, 220: -1650}
    assert own.ev_unserved_wh[own.ev_unserved_wh > 0].to_dict() == {28: 6350, 124: 6350, 220: 6350}


def test_parts_of_slots_at_both_ends_count() -> None:
    """From 18:50 to 20:20 in hours: 10 minutes, an hour, 20 minutes; what is due is taken at full power."""
    run = simulated(18 + 50 / 60, 20 + 20 / 60, 60, {"truthful": {"deferrable": "on_arrival"}}, 40.0)
    drawn = -run.frame("agents", raw=True)[run.frame("agents", raw=True).name == "h"].ev_wh.to_numpy()[18:21]
    assert drawn.tolist() == [1833, 11000, 3666]
