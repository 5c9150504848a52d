"""What names, cells and times of somebody's table are taken for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from marketsim.core.errors import ProfileError
from marketsim.profiles.understand.names import stem_of
from marketsim.profiles.understand.proposal import entries_of, gap_notes, proposal
from marketsim.profiles.understand.reading import Understood, understood
from marketsim.profiles.understand.units import unit_of
from marketsim.profiles.understand.whose import proposed
from marketsim.profiles.understand.words import role_of

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
        ("Wheatley (kWh)", "load"),
        ("Washington (kWh)", "load"),
        ("Coventry 1 (kWh)", "load"),
        ("Solarstr 5 (kWh)", "load"),
        ("Production hall (kWh)", "load"),
        ("Price family (kWh)", "load"),
        ("Temple Rd (kWh)", "load"),
        ("1-1:1.29.0", "load"),
        ("1-1:2.29.0", "export"),
        ("Zählerstand 2.8.0 (kWh)", "export"),
        ("GridExport", "export"),
        ("Injectie Dag", "export"),
        ("Netzeinspeisung", "export"),
        ("gen [kW]", "pv"),
        ("Solar Energy (kW)", "pv"),
        ("From Powerwall (kW)", "part"),
        ("HeatPump", "part"),
        ("Gas (m3)", "other"),
        ("Gas kWh", "other"),
        ("Strom (A)", "other"),
        ("S (kVA)", "other"),
        ("Haus PV %", "other"),
        ("CO2", "other"),
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
        ("Hof kWh/h", "kw"),
        ("Feeder (MWh)", None),
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
        ("1-1:1.29.0 (kWh)", ""),
        ("use [kW]", ""),
        ("DE_KN_residential3_grid_export", "DE_KN_residential3"),
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


def said(found: Understood) -> str:
    """All that is said of a table."""
    return " ".join([*found.remarks, *proposed(found).notes, *map(str, found.problems)])


@pytest.mark.parametrize(
    ("header", "cells", "stamp"),
    [
        ("Zeit;Haus (Wh)", ["900", "1.250"], "%d.%m.%Y %H:%M"),
        ("Zeit;Haus (Wh)", ["17.000", "21.000"], "%d.%m.%Y %H:%M"),
        ("time;Haus (Wh)", ["900", "1,250"], "%Y-%m-%dT%H:%M"),
        ("Time\tHome (Wh)", ["0", "1,250"], "%m/%d/%Y %H:%M"),
        ("Zeit;Haus (Wh)", ["900,5", "1.250,5"], "%d.%m.%Y %H:%M"),
        ("time;Haus (Wh)", ["900", "1'250"], "%Y-%m-%dT%H:%M"),
        ("time;Haus (Wh)", ["900", "1\u202f250"], "%Y-%m-%dT%H:%M"),
        ("Zeit;Stand (Wh)", ["1.234.567", "1.234.900"], "%d.%m.%Y %H:%M"),
    ],
)
def test_marks_between_thousands_are_no_decimals(header: str, cells: list[str], stamp: str) -> None:
    """Such a table is refused, and what to write in place of the mark is told."""
    found = thousands(header, cells, stamp)
    assert not found.used
    assert any("mark" in str(problem) and "thousands" in str(problem) for problem in found.problems), found.problems


@pytest.mark.parametrize(
    ("header", "cells", "stamp", "largest_kw"),
    [
        ("Zeit;Haus (kWh)", ["0,125", "1,250"], "%d.%m.%Y %H:%M", 1.25),
        ("Zeit;Haus (kWh)", ["2", "1,25"], "%d.%m.%Y %H:%M", 2.0),
        ("time;Haus (kWh)", ["1.125", "1.250"], "%Y-%m-%dT%H:%M", 1.25),
        ("time;Haus (Wh)", ["1000", "1.250"], "%Y-%m-%dT%H:%M", 1.0),
        ("Zeit;Haus (kWh)", ["1,125", "2,250"], "%d.%m.%Y %H:%M", 2.25),
    ],
)
def test_decimals_of_three_digits_stay_decimals(header: str, cells: list[str], stamp: str, largest_kw: float) -> None:
    found = thousands(header, cells, stamp)
    assert [each.largest_kw for each in found.used] == pytest.approx([largest_kw])


def thousands(header: str, cells: list[str], stamp: str) -> Understood:
    """A table whose values are ``cells`` in turn."""
    separator = ";" if ";" in header else "\t"
    times = [BEGIN + timedelta(hours=hour) for hour in range(48)]
    rows = [f"{time:{stamp}}{separator}{cells[time.hour % 2]}" for time in times]
    return understood("m.csv", "\n".join([header, *rows]).encode())


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        ("time,Feeder load (MWh)", ",#", "MWh is not read: write it in kWh (times 1000)"),
        ("time,Feeder (MW)", ",#", "MW is not read: write it in kW (times 1000)"),
        ("time,value,unit", ",#,MWh", "MWh is not read"),
        ("time,value,unit", ",#,m3", "m3 is no unit of electric energy or power"),
        ("time,house_load_kwh", ",-#", "a negative value, in 48 lines"),
        (
            "time,a HT (kWh),a NT (kWh)",
            ",#,#",
            "Registers of one meter, by tariff, are left out: a HT (kWh), a NT (kWh).",
        ),
    ],
)
def test_what_is_no_load_as_it_stands_makes_no_agent(header: str, row: str, told: str) -> None:
    found = read(header, row)
    assert not proposal(found)
    assert told.replace(": ", " ") in " ".join(said(found).replace(": ", " ").split())


@pytest.mark.parametrize(
    ("header", "row", "values"),
    [
        ("time,Verbrauch (kWh),S/W", ",#,W", "kwh"),
        ("time,Haus_Leistung", ",#", "kw"),
        ("time,house power", ",500", "w"),
        ("time,house energy", ",500", "wh"),
        ("time,USAGE,UNITS", ",500,Wh", "wh"),
    ],
)
def test_the_unit_is_that_of_the_header_first(header: str, row: str, values: str) -> None:
    """A column of single letters is no unit, and power is not taken for energy."""
    assert [each.values for each in read(header, row).used] == [values]


def test_power_is_no_energy_in_half_hours_either() -> None:
    times = [BEGIN + timedelta(minutes=30 * step) for step in range(96)]
    for name, kind in (("Haus_Leistung", "kw"), ("Haus_Energie", "kwh"), ("Haus", "kwh")):
        rows = [f"{time.isoformat()},0.5" for time in times]
        assert understood("m.csv", "\n".join([f"time,{name}", *rows]).encode()).facts[0].values == kind


@pytest.mark.parametrize(
    ("header", "row", "agents", "told"),
    [
        (
            "time,a (kWh),a load (kW),a Verbrauch (kWh)",
            ",#,#,#",
            ["a"],
            "a: a (kWh) is read, and left out: a load (kW), a Verbrauch (kWh).",
        ),
        (
            "time,a (kWh),b (kWh),Gesamt (kWh)",
            ",#,#,#",
            ["a", "b"],
            "Sums are no households, and are left out: Gesamt (kWh).",
        ),
        ("time,a total (kWh),b total (kWh)", ",#,#", ["a", "b"], ""),
        ("time,Gesamtverbrauch (kWh)", ",#", ["Gesamtverbrauch"], ""),
        ("time,use [kW],gen [kW],grid [kW]", ",#,0,#", ["home"], "are read, and left out: grid [kW]."),
        ("time,{agent}_load_kwh,a_load_kwh", ",#,#", ["a"], "{agent} stands for the name of each agent"),
        ("time,Verbrauch (kWh),Einspeisung (kWh),PV (kWh)", ",#,0,0", ["home"], "feeds in is left out"),
    ],
)
def test_columns_that_nobody_has_are_named(header: str, row: str, agents: list[str], told: str) -> None:
    found = read(header, row)
    assert [agent.name for agent in proposed(found).agents] == agents
    assert told in said(found)


def test_columns_of_a_long_table_that_are_not_read_are_named() -> None:
    rows = [
        f"{BEGIN + timedelta(hours=hour)},{meter},{0.5 + hour % 2},{hour % 5},{hour % 3}"
        for hour in range(48)
        for meter in ("A", "B")
    ]
    found = understood("m.csv", "\n".join(["time,dataid,use,gen,grid", *rows]).encode())
    assert found.form["value_column"] == "use"
    assert "use is read, and these are left out: gen, grid. To read another one, name it by value_column." in said(
        found
    )


def test_more_meters_than_are_written_out_are_told() -> None:
    found = read("time," + ",".join(f"M{place} (kWh)" for place in range(120)), ",#" * 120)
    assert "The first 100 of 120 agents are written out" in said(found)
    assert len(proposal(found)["agents"]) == 100


@pytest.mark.parametrize(("cell", "plausible"), [("midnight", False), ("always", False), ("noon", True)])
def test_pv_at_night_is_not_plausible(cell: str, plausible: bool) -> None:
    yields = {"midnight": lambda hour: hour < 4, "always": lambda _: True, "noon": lambda hour: 8 <= hour < 18}[cell]
    rows = [f"2023-06-0{1 + hour // 24}T{hour % 24:02}:00,0.5,{1 if yields(hour % 24) else 0}" for hour in range(72)]
    found = understood("m.csv", "\n".join(["time,a_load_kwh,a_pv_kwh", *rows]).encode())
    assert [each.is_plausible for each in found.facts] == [True, plausible]
    assert ("when no sun shines" in said(found)) is not plausible


def test_a_net_meter_that_feeds_in_at_night_may_count_the_other_way_round() -> None:
    rows = [f"2023-06-0{1 + hour // 24}T{hour % 24:02}:00,{1 if 8 <= hour % 24 < 18 else -0.5}" for hour in range(72)]
    found = understood("m.csv", "\n".join(["time,Netz (kWh)", *rows]).encode())
    assert (found.facts[0].role, found.facts[0].is_plausible) == ("net", False)
    assert "is it positive for what is fed in" in said(found)


def test_the_policy_of_gaps_is_that_which_is_said() -> None:
    """On the first day there is no day before, and a counter keeps its energy by a straight line."""
    for lost, gaps in ((range(30, 36), "previous_day"), (range(4, 10), "interpolate"), (range(30, 32), "interpolate")):
        rows = [f"2023-06-0{1 + hour // 24}T{hour % 24:02}:00,{hour % 2}" for hour in range(72) if hour not in lost]
        section = proposal(understood("m.csv", "\n".join(["time,a_load_kw", *rows]).encode()))["profiles"]
        assert section["gaps"] == gaps
        assert all(gaps in note for note in gap_notes(section))
        assert bool(gap_notes(section)) is (len(lost) > 3)


def test_a_series_with_a_gap_that_is_never_filled_is_left_out() -> None:
    rows = [f"{BEGIN + timedelta(hours=hour)},{'' if 100 < hour < 300 else 1},0.5" for hour in range(480)]
    found = understood("m.csv", "\n".join(["time,a_load_kw,b_load_kw", *rows]).encode())
    assert [agent["name"] for agent in proposal(found)["agents"]] == ["b"]
    assert "more than is ever filled, so that it is left out" in said(found)


def test_a_day_a_row_is_told_apart_by_meters_alone() -> None:
    """Days of the week are no meters; two rows a day of nobody are refused."""
    hours = ",".join(f"H{hour:02}" for hour in range(1, 25))
    days = [BEGIN + timedelta(days=day) for day in range(14)]
    rows = [f"{day:%Y-%m-%d},{day:%a}" + ",0.5" * 24 for day in days]
    found = understood("m.csv", "\n".join([f"Date,Weekday,{hours}", *rows]).encode())
    assert "id_column" not in found.form
    assert [each.name for each in found.used] == ["load"]
    with pytest.raises(ProfileError, match="no column tells whose rows they are"):
        understood("m.csv", "\n".join([f"Date,Weekday,{hours}", *rows, *rows]).encode())


def test_meters_one_below_another_have_the_units_of_their_rows() -> None:
    """Wh beside kWh are read by what their rows say; a gas meter is no load in kWh."""
    hours = [BEGIN + timedelta(hours=hour) for hour in range(48)]
    kinds = (("A", 5.0, "kWh"), ("B", 5.0, "Wh"), ("C", 0.5, "m3"))
    rows = [f"{hour},{meter},{value + hour.hour % 2},{unit}" for hour in hours for meter, value, unit in kinds]
    found = understood("m.csv", "\n".join(["time,meter,value,unit", *rows]).encode())
    assert [(each.name, each.values) for each in found.used] == [("A", "kwh"), ("B", "wh")]
    assert "C: m3 is no unit of electric energy or power" in said(found)
