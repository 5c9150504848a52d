"""Vehicles whose sessions are data: their series are those of the file, all others' stay what they were."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.profiles.vehicles import NAMES, Vehicles

HEAD = "vehicle,arrival,departure,energy_kwh"


@pytest.fixture
def vehicles(agent, context, ev, tmp_path):
    """``vehicles(lines)``: one with these sessions beside one whose stays are drawn."""

    def build(*lines, minutes=15, seeds=(1,)):
        (tmp_path / "s.csv").write_text("\n".join((HEAD, *lines)) + "\n", encoding="utf-8")
        devices = [{"ev": ev(file="s.csv", vehicle="v")}, {"ev": ev()}]
        agents = [agent(f"a{row}", devices=own) for row, own in enumerate(devices)]
        return Vehicles(
            context(agents, slot_minutes=minutes, folder=tmp_path, seeds=seeds, slots=3 * 24 * 60 // minutes)
        )

    return build


def series_of(vehicles, days):
    blocks = [vehicles.actual(day) for day in days]
    return {name: np.concatenate([block[name] for block in blocks]) for name in NAMES}


def test_the_series_are_those_of_the_file(vehicles):
    """At home by the fraction of a slot, slots left to the departure, energy in the slot of the arrival; over midnight, too."""
    of = vehicles("v,2016-07-12T08:30,2016-07-12T10:00,5", "v,2016-07-12T22:00,2016-07-13T01:00,7", minutes=60)
    series = {name: column[:, 0] for name, column in series_of(of, range(2)).items()}
    assert series["ev_connected"][8:11].tolist() == [0.5, 1.0, 0.0]
    assert series["ev_slots_left"][8:10].tolist() == [2.0, 1.0]
    assert np.flatnonzero(series["ev_arrival_kwh"]).tolist() == [8, 22]
    assert series["ev_arrival_kwh"].sum() == 12.0
    assert series["ev_connected"][22:26].tolist() == [1.0, 1.0, 1.0, 0.0]
    assert series["ev_slots_left"][24] == 1.0


def test_several_sessions_a_day_are_all_there(vehicles):
    lines = [f"v,2016-07-12T{hour:02}:00,2016-07-12T{hour:02}:45,{hour}" for hour in range(1, 23)]
    arrivals = vehicles(*lines).actual(0)["ev_arrival_kwh"][:, 0]
    assert arrivals[arrivals > 0].tolist() == list(range(1, 23))


def test_what_began_before_the_run_brings_what_uniform_charging_leaves(vehicles):
    """Four of eight hours are gone."""
    of = vehicles("v,2016-07-11T20:00,2016-07-12T04:00,8", minutes=60)
    assert of.actual(0)["ev_arrival_kwh"][:, 0].tolist() == [4.0] + [0.0] * 23
    assert of.actual(-1)["ev_arrival_kwh"][20, 0] == 8.0


def test_those_that_are_drawn_stay_what_they_were(vehicles, agent, context, ev):
    """Also in a second market, which has the same sessions and other draws."""
    of = vehicles("v,2016-07-12T08:00,2016-07-12T10:00,5", seeds=(1, 2))
    plain = Vehicles(context([agent(f"a{row}", devices={"ev": ev()}) for row in range(2)], seeds=(1, 2)))
    for day in range(3):
        for name in NAMES:
            own = of.actual(day)[name]
            assert np.array_equal(own[:, [1, 3]], plain.actual(day)[name][:, [1, 3]])
            assert np.array_equal(own[:, 0], own[:, 2])


def test_the_owner_knows_the_departure_and_expects_later_stays_at_the_mean_hours(vehicles):
    """The mean hours of the parameters, 18:00 to 7:00; the file's next session is not known."""
    of = vehicles("v,2016-07-12T08:00,2016-07-12T10:00,5", "v,2016-07-12T12:00,2016-07-12T13:00,5", minutes=60)
    known = {name: column[8] for name, column in of.actual(0).items()}
    expected = of.expected(8, 16, known)
    assert expected["ev_connected"][:, 0].tolist() == [1.0] * 2 + [0.0] * 8 + [1.0] * 6
    assert expected["ev_slots_left"][0, 0] == 2.0
