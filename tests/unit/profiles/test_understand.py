"""What names, cells and times of somebody's table are taken for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from marketsim.core.errors import ProfileError
from marketsim.profiles.understand.proposal import entries_of, proposal
from marketsim.profiles.understand.reading import Understood, understood
from marketsim.profiles.understand.words import role_of, stem_of, unit_of

BEGIN = datetime(2023, 6, 1)


def read(header: str, row: str, hours: int = 48, stamp: str = "%Y-%m-%dT%H:%M", name: str = "m.csv") -> Understood:
    """A table with ``row`` in each hour, in which ``#`` stands for 0.5 and 1 in turn."""
    times = [BEGIN + timedelta(hours=hour) for hour in range(hours)]
    rows = [f"{time:{stamp}}{row}".replace("#", "0.5" if time.hour % 2 else "1") for time in times]
    return understood(name, "\n".join([header, *rows]).encode())


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Haus 1 (kWh)", "load"),
        ("KWH/hh (per half hour)", "load"),
        ("Stromverbrauch", "load"),
        ("photovoltaic", "pv"),
        ("PV1", "pv"),
        ("1 GG", "pv"),
        ("Erzeugung [kW]", "pv"),
        ("DE_KN_residential1_pv", "pv"),
        ("a0_heat_kwh", "heat"),
        ("Wärme", "heat"),
        ("DE_KN_residential1_heat_pump", "part"),
        ("DE_KN_residential1_ev", "part"),
        ("Sub_metering_1", "part"),
        ("1 CL", "part"),
        ("grid_export", "export"),
        ("Einspeisung", "export"),
        ("temperature", "other"),
        ("Global_reactive_power", "other"),
        ("hour", "other"),
        ("price", "other"),
    ],
)
def test_a_name_says_what_a_column_is_for(name: str, role: str) -> None:
    assert role_of(name) == role


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("load_kw", "kw"),
        ("Load [W]", "w"),
        ("house_w", "w"),
        ("Watts", "w"),
        ("Haus W", None),
        ("Haus KW12", None),
        ("energy (Wh)", "wh"),
        ("KWH/hh (per half hour)", "kwh"),
        ("solar W/kWp", "w_per_kw"),
        ("consumption", None),
    ],
)
def test_a_name_says_its_unit_where_it_has_one(name: str, unit: str | None) -> None:
    assert unit_of(name) == unit


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("house1_load_kw", "house1"),
        ("house1_consumption", "house1"),
        ("Haus 1 (kWh)", "Haus 1"),
        ("MAC000002", "MAC000002"),
        ("N0001-A", "N0001-A"),
        ("1 GC", "1"),
        ("kWh", ""),
        ("Müller/Süd [kWh]", "Müller Süd"),
        ("$$$", ""),
    ],
)
def test_a_name_says_whose_a_column_is(name: str, stem: str) -> None:
    """As an agent can be called."""
    assert stem_of(name) == stem


def test_day_and_month_are_told_by_the_order_of_the_rows() -> None:
    """June the 1st to the 3rd, or the sixths of three months: the shorter one."""
    assert read("t,a_kw", ",#", 72, "%m/%d/%Y %H:%M").form["date_format"] == "%m/%d/%Y %H:%M"
    assert read("t,a_kw", ",#", 72, "%d/%m/%Y %H:%M").form["date_format"] == "%d/%m/%Y %H:%M"


def test_day_and_month_that_cannot_be_told_are_a_remark() -> None:
    found = read("t,a_kw", ",#", 20, "%m/%d/%Y %H:%M")
    assert any("Day and month may be the other way round" in remark for remark in found.remarks)


def test_the_first_of_two_times_is_taken_unless_it_is_an_end() -> None:
    hours = [BEGIN + timedelta(hours=hour) for hour in range(48)]
    rows = "\n".join(f"{hour + timedelta(hours=1)},{hour},{1 + hour.hour % 2}" for hour in hours)
    for header in ("Ende,Beginn,a_kw", "interval_end,from,a_kw"):
        found = understood("m.csv", f"{header}\n{rows}".encode())
        assert (found.form["time"], found.facts[0].first) == (header.split(",")[1], BEGIN)
    ends = read("interval_end,a_kw", ",#")
    assert (ends.form["time"], ends.form["stamps"]) == ("interval_end", "end")


def test_numbers_in_the_range_of_spreadsheet_days_are_powers() -> None:
    """30,000 W are no day of the year 1982."""
    rows = "\n".join(f"2023-06-01T{hour:02}:00,{30_000 + 100 * hour}" for hour in range(24))
    assert understood("m.csv", f"time,x\n{rows}".encode()).form == {"path": "m.csv"}


def test_names_of_agents_match_but_for_marks_and_capitals() -> None:
    found = read("time,Haus_1_kwh,Haus_2_kwh,Dach 2 PV (kWh)", ",#,#,#")
    entries = entries_of(found, ["haus-1", "HAUS 2", "dach2", "Haus_3"])
    assert entries == {
        "haus-1": {"load": "Haus_1_kwh"},
        "HAUS 2": {"load": "Haus_2_kwh"},
        "dach2": {"pv": "Dach 2 PV (kWh)"},
    }


def test_units_that_differ_are_said_by_series_or_by_agent() -> None:
    by_series = proposal(read("time,a_kwh,a_pv_w", ",#,500"))["profiles"]
    assert by_series["values"] == {"load": "kwh", "pv": "w"}
    by_agent = proposal(read("time,a_kwh,b (W)", ",#,500"))["profiles"]
    assert "values" not in by_agent
    assert by_agent["columns"] == {"a": {"load": "a_kwh", "values": "kwh"}, "b": {"load": "b (W)", "values": "w"}}


def test_a_time_that_is_wrong_makes_no_century_of_steps() -> None:
    """A minute a row, and one of 2100: the steps between are not laid out."""
    rows = [f"2023-06-01T{minute // 60:02}:{minute % 60:02},{minute % 2}" for minute in range(600)]
    found = understood("m.csv", "\n".join(["time,a_kw", *rows, "2100-01-01T00:00,1"]).encode())
    assert [problem.message for problem in found.problems] == ["601 rows stand for 40281121 steps of 0:01:00"]


def test_less_than_a_day_is_a_shorter_run() -> None:
    assert proposal(read("time,a_load_kw", ",#", 5))["clock"] == {"start": "2023-06-01", "slots": 5, "slot_minutes": 60}


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("x" * 300 + ",a_kw", ",#", "a scenario cannot say how the file is written"),
        ("time,note", ",hello", "no column of numbers was found beside the times"),
        ("2023-05-31T23:00,1", ",#", "the file has no header"),
    ],
)
def test_what_no_scenario_can_say_is_refused(header: str, row: str, said: str) -> None:
    with pytest.raises(ProfileError, match=said):
        read(header, row)


def test_columns_without_a_usable_name_are_left_out() -> None:
    found = read(f"time,{'x' * 250},,a_kw", ",#,#,#")
    assert [each.name for each in found.used] == ["a_kw"]
