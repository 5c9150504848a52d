from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from marketsim.profiles.vehicles import NAMES, Vehicles

Make = Callable[..., object]


def days_of(vehicles: Vehicles, days: range) -> dict[str, np.ndarray]:
    """Series of consecutive days, one after another [slots, n_agents]."""
    blocks = [vehicles.actual(day) for day in days]
    return {name: np.concatenate([block[name] for block in blocks]) for name in NAMES}


@pytest.fixture
def vehicles(agent: Make, context: Make, ev: Make) -> Callable[..., Vehicles]:
    def build(n: int = 1, *, slot_minutes: int = 15, seeds: tuple[int, ...] = (1,), **fields: float) -> Vehicles:
        own = {"arrival_spread_h": 0.0, "departure_spread_h": 0.0, **fields}
        agents = [agent(f"a{row}", devices={"ev": ev(**own)}) for row in range(n)]
        return Vehicles(context(agents, slot_minutes=slot_minutes, seeds=seeds))

    return build


def test_without_spread_a_vehicle_is_at_home_between_its_mean_hours(vehicles: Callable[..., Vehicles]) -> None:
    series = days_of(vehicles(), range(1, 2))
    at_home = series["ev_connected"][:, 0].astype(bool)
    assert np.flatnonzero(~at_home).tolist() == list(range(28, 72))  # 07:00 to 18:00
    assert np.flatnonzero(series["ev_arrival_kwh"][:, 0]).tolist() == [72]


def test_slots_left_count_down_to_1_in_the_last_slot_at_home(vehicles: Callable[..., Vehicles]) -> None:
    left = days_of(vehicles(), range(1, 3))["ev_slots_left"][:, 0]
    assert left[72 : 96 + 28].tolist() == list(range(52, 0, -1))
    assert (left[28:72] == 0).all()


def test_a_stay_may_lie_within_the_day(vehicles: Callable[..., Vehicles]) -> None:
    series = days_of(vehicles(arrival_hour=8.0, departure_hour=16.0), range(1, 2))
    assert np.flatnonzero(series["ev_connected"][:, 0]).tolist() == list(range(32, 64))


def test_a_run_begins_with_the_rest_of_the_stay_in_progress(vehicles: Callable[..., Vehicles]) -> None:
    """18:00 to 07:00 are 13 h; at midnight 7 h and 7/13 of the energy are left."""
    fleet = vehicles(daily_kwh=13.0)
    lacking = fleet.stays(-1).energy_kwh[0]
    series = days_of(fleet, range(1))
    assert series["ev_slots_left"][0, 0] == 28
    assert series["ev_arrival_kwh"][0, 0] == pytest.approx(lacking * 7 / 13)


@pytest.mark.parametrize("slot_minutes", [5, 15, 60, 240])
def test_stays_never_overlap_whatever_the_spreads_are(vehicles: Callable[..., Vehicles], slot_minutes: int) -> None:
    fleet = vehicles(200, slot_minutes=slot_minutes, arrival_spread_h=12.0, departure_spread_h=12.0)
    stays = [fleet.stays(day) for day in range(-1, 20)]
    for stay in stays:
        assert (stay.departure > stay.arrival).all()
    for earlier, later in pairwise(stays):
        assert (earlier.departure <= later.arrival).all()


def test_every_stay_asks_for_its_energy_once_in_its_first_slot(vehicles: Callable[..., Vehicles]) -> None:
    fleet = vehicles(50, arrival_spread_h=3.0, departure_spread_h=3.0)
    series = days_of(fleet, range(30))
    arrived = series["ev_arrival_kwh"] > 0
    before = np.vstack([np.zeros((1, 50)), series["ev_slots_left"][:-1]])
    np.testing.assert_array_equal(arrived, (series["ev_connected"] > 0) & (before <= 1))
    whole = sum(fleet.stays(day).energy_kwh for day in range(-1, 30))
    assert (series["ev_arrival_kwh"].sum(axis=0) <= whole).all()


def test_mean_energy_is_the_stated_one_and_never_beyond_the_battery(vehicles: Callable[..., Vehicles]) -> None:
    for battery_kwh in (50.0, 9.0):
        fleet = vehicles(500, energy_kwh=battery_kwh, daily_kwh=8.0)
        energy = np.array([fleet.stays(day).energy_kwh for day in range(20)])
        assert energy.max() <= battery_kwh
        assert energy.mean() == pytest.approx(8.0, abs=0.15)


def test_a_market_in_a_batch_has_the_vehicles_that_it_has_alone(vehicles: Callable[..., Vehicles]) -> None:
    spreads = {"arrival_spread_h": 2.0, "departure_spread_h": 2.0}
    both, alone = vehicles(3, seeds=(4, 9), **spreads).actual(2), vehicles(3, seeds=(9,), **spreads).actual(2)
    for name in NAMES:
        np.testing.assert_array_equal(both[name][:, 3:], alone[name])


def test_who_has_no_vehicle_has_zeros(agent: Make, context: Make, ev: Make) -> None:
    fleet = Vehicles(context([agent("a0"), agent("a1", devices={"ev": ev()}), agent("a2")]))
    series = fleet.actual(1)
    assert series["ev_connected"].sum(axis=0)[[0, 2]].tolist() == [0, 0]
    assert series["ev_connected"][:, 1].any()


def test_owners_know_the_stay_in_progress_to_its_end(vehicles: Callable[..., Vehicles]) -> None:
    fleet = vehicles(40, arrival_spread_h=3.0, departure_spread_h=3.0)
    series = days_of(fleet, range(3))
    slot = 96 + 90
    known = {name: values[slot] for name, values in series.items()}
    expected = fleet.expected(slot, 60, known)
    for row in range(40):
        left = int(known["ev_slots_left"][row])
        for name in NAMES:
            np.testing.assert_array_equal(expected[name][:left, row], series[name][slot : slot + left, row])


def test_owners_expect_later_stays_at_the_mean_hours(vehicles: Callable[..., Vehicles]) -> None:
    fleet = vehicles(arrival_spread_h=3.0, daily_kwh=8.0)
    noon = 96 + 48
    away = {name: np.zeros(1) for name in NAMES}
    expected = fleet.expected(noon, 96, away)
    assert np.flatnonzero(expected["ev_arrival_kwh"][:, 0]).tolist() == [24]
    assert expected["ev_arrival_kwh"][24, 0] == 8.0
    assert expected["ev_connected"][:, 0].sum() == 13 * 4


def test_a_late_vehicle_is_not_expected_to_be_there_already(vehicles: Callable[..., Vehicles]) -> None:
    away = {name: np.zeros(1) for name in NAMES}
    expected = vehicles().expected(96 + 80, 96, away)
    assert np.flatnonzero(expected["ev_connected"][:, 0])[0] == 88
