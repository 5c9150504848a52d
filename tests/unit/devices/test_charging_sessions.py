"""Charging sessions from a file: read strictly, put into slots, refused where they do not fit."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from marketsim.core.clock import Clock
from marketsim.core.errors import ProfileError
from marketsim.core.fence import Fence
from marketsim.devices.sessions import read_sessions, sessions_of

HEAD = "vehicle,arrival,departure,energy_kwh"
CLOCK = Clock(date(2016, 7, 12), 96, 15)


@pytest.fixture
def read(tmp_path):
    """``read(lines, head)``: sessions by vehicle."""

    def of(*lines, head=HEAD):
        (tmp_path / "s.csv").write_text("\n".join((head, *lines)) + "\n", encoding="utf-8")
        return read_sessions("s.csv", Fence(tmp_path, tmp_path))

    return of


def in_slots(table, vehicle="v", capacity_kwh=40.0):
    return sessions_of(table, vehicle, capacity_kwh, CLOCK, "s.csv", "agents[0].ev")


def test_hours_become_slots_with_fractions(read):
    """A session of the evening before begins at a negative slot."""
    table = read(
        "v,2016-07-11T23:00,2016-07-12T06:05,7.5",
        "v,2016-07-12T18:10,2016-07-13T07:00,12",
        "w,2016-07-12T01:00,2016-07-12T02:00,0",
    )
    found = in_slots(table)
    assert found.arrival_slot.tolist() == pytest.approx([-4.0, 18 * 4 + 2 / 3])
    assert found.departure_slot.tolist() == pytest.approx([24 + 1 / 3, 31 * 4])
    assert found.energy_kwh.tolist() == [7.5, 12.0]
    assert not found.energy_kwh.flags.writeable


def test_levels_are_shares_of_the_battery(read):
    """What lacks is the difference; who comes with more than it needs lacks nothing."""
    head = "vehicle,arrival,departure,arrival_soc,departure_soc"
    table = read(
        "v,2016-07-12T01:00,2016-07-12T02:00,0.2,0.8", "v,2016-07-12T03:00,2016-07-12T04:00,0.9,0.8", head=head
    )
    assert in_slots(table).energy_kwh.tolist() == pytest.approx([24.0, 0.0])


@pytest.mark.parametrize(
    ("lines", "head", "said"),
    [
        (["v,2016-07-12T02:00,2016-07-12T01:00,1"], HEAD, r"s\.csv:2: departure: not after the arrival"),
        (["v,12.7.2016,2016-07-12T01:00,1"], HEAD, r"s\.csv:2: arrival: not a time \(got '12\.7\.2016'\)"),
        (["v,2016-07-12T01:00Z,2016-07-12T02:00,1"], HEAD, "without an offset"),
        (["v,2016-07-12T01:00,2016-07-12T02:00,1_0"], HEAD, r"energy_kwh: not a plain number from 0 to 1e\+06 \(got '1_0'\)"),
        (["v,2016-07-12T01:00,2016-07-12T02:00,-1"], HEAD, "not a plain number"),
        ([",2016-07-12T01:00,2016-07-12T02:00,1"], HEAD, "a session of no vehicle"),
        (["v,2016-07-12T01:00,2016-07-12T02:00"], HEAD, "3 values for 4 columns"),
        (["v,2016-07-12T01:00,2016-07-12T05:00,1", "v,2016-07-12T04:00,2016-07-12T06:00,1"], HEAD, "begins before its last one ends"),
        (["v,2016-07-12T01:00,2016-07-12T02:00,1"], "vehicle,arival,departure,energy_kwh", "did you mean 'arrival'"),
        (["v,2016-07-12T01:00,2016-07-12T02:00"], "vehicle,arrival,departure", "not told in one way"),
        (["v,2016-07-12T01:00,2016-07-12T02:00,1"], "vehicle,arrival,departure,arrival_soc", "give either energy_kwh, or both"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(read, lines, head, said):
    with pytest.raises(ProfileError, match=said):
        read(*lines, head=head)


def test_two_sessions_in_one_slot_are_refused(read):
    """The series of a slot know one departure; one slot later is fine."""
    table = read("v,2016-07-12T01:00,2016-07-12T02:05,1", "v,2016-07-12T02:10,2016-07-12T03:00,1")
    with pytest.raises(
        ProfileError, match=r"s\.csv:3: arrival: .*in the slot of 15 minutes in which the last one ends"
    ):
        in_slots(table)
    in_slots(read("v,2016-07-12T01:00,2016-07-12T02:05,1", "v,2016-07-12T02:15,2016-07-12T03:00,1"))


def test_more_than_the_battery_holds_is_refused(read):
    with pytest.raises(ProfileError, match=r"more than the battery of 'v' holds \(got 41 kWh\)"):
        in_slots(read("v,2016-07-12T01:00,2016-07-12T02:00,41"))


def test_a_vehicle_that_there_is_not_is_told_with_those_that_there_are(read):
    with pytest.raises(
        ProfileError, match=r"agents\[0\]\.ev: .*no sessions of this vehicle \(got 'car2'\)\n.*did you mean 'car1'"
    ):
        in_slots(read("car1,2016-07-12T01:00,2016-07-12T02:00,1"), "car2")


def test_sessions_of_another_year_are_refused(read):
    with pytest.raises(ProfileError, match="the run lasts from 2016-07-12"):
        in_slots(read("v,2017-07-12T01:00,2017-07-12T02:00,1"))


def test_the_columns_know_their_lines(read):
    assert read("v,2016-07-12T01:00,2016-07-12T02:00,1", "", "v,2016-07-12T03:00,2016-07-12T04:00,1")[
        "v"
    ].line.tolist() == [2, 4]
    assert np.isnan(read("v,2016-07-12T01:00,2016-07-12T02:00,1")["v"].lacking).all()
