"""Steps of tables: those that change within a file, nights of plants, days a row, and the clocks that times were written by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import marketsim as ms
from marketsim.core.errors import ProfileError, ScenarioError
from marketsim.profiles.day_columns import clock_columns, numbered_columns, odd_clocks
from marketsim.profiles.understand.reading import Understood, understood

BEGIN = datetime(2023, 6, 1)
Put = Callable[..., str]


def load_kw(time: datetime) -> float:
    return 0.2 if time.hour < 8 else 0.6 + time.minute / 600


def pv_kw(time: datetime) -> float:
    """Begins and ends with the day, far above nothing."""
    return 1.0 + (time.hour % 3) / 4 if 6 <= time.hour < 19 else 0.0


def times(minutes: int, days: float = 2, start: datetime = BEGIN) -> list[datetime]:
    return [start + timedelta(minutes=minutes * step) for step in range(int(days * 1440 // minutes))]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Write a table below a header; its name."""
    monkeypatch.chdir(tmp_path)

    def written(header: str, rows: Sequence[str]) -> str:
        (tmp_path / "m.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return "m.csv"

    return written


def read(header: str, rows: Sequence[str]) -> Understood:
    return understood("m.csv", "\n".join([header, *rows]).encode())


def ran(name: str) -> dict[str, float]:
    """Energy that the proposed scenario runs with [kWh]: loads, and what plants could give."""
    checked = ms.check_data(name)
    assert checked.usable, checked.problems
    agents = ms.simulate({**checked.sections, "name": "x"}).agents
    return {"load": agents.load_kwh.sum(), "pv": agents.pv_available_kwh.sum()}


def changing(unit: str, fine: int, coarse_first: bool) -> list[str]:
    """Hours and finer steps, a day of each, of a household that takes 0.4 kW."""
    parts = [times(60, 1), times(fine, 1, BEGIN + timedelta(days=1))]
    steps = [60, fine]
    if not coarse_first:
        parts, steps = [times(fine, 1), times(60, 1, BEGIN + timedelta(days=1))], [fine, 60]
    value = {"kWh": lambda minutes: 0.4 * minutes / 60, "kW": lambda minutes: 0.4}[unit]
    return [f"{time.isoformat()},{value(minutes)}" for own, minutes in zip(parts, steps, strict=True) for time in own]


@pytest.mark.parametrize("fine", [15, 30])
@pytest.mark.parametrize("coarse_first", [True, False])
def test_energies_whose_steps_change_are_refused_at_the_place(put: Put, fine: int, coarse_first: bool) -> None:
    """Filled, an hour would count as often as there are steps in it: 25 kWh a day for 9.6."""
    name = put("time,house (kWh)", changing("kWh", fine, coarse_first))
    checked = ms.check_data(name)
    line = 2 + (24 if coarse_first else 24 * 60 // fine)
    (problem,) = checked.problems
    assert (problem.line, checked.usable) == (line, False)
    assert "from 2023-06-02 00:00:00 on" in problem.message
    scenario = {
        "name": "x",
        "clock": {"start": "2023-06-01", "slots": 48, "slot_minutes": 60},
        "tariff": {"flat": {"retail": 0.3, "feed_in": 0.1}},
        "agents": [{"name": "house", "kind": "consumer"}],
        "profiles": {"source": "file", "path": name, "values": "kwh", "gaps": "interpolate", "longest_gap_minutes": 60,
                     "columns": {"house": {"load": "house (kWh)"}}},
    }  # fmt: skip
    with pytest.raises((ProfileError, ScenarioError), match=rf"m\.csv:{line}.*2023-06-02 00:00:00 on"):
        ms.simulate(scenario)


def test_energies_of_hours_in_cells_of_quarters_are_no_gaps() -> None:
    rows = [f"{time.isoformat()},{0.1 if not time.minute else ''},0.1" for time in times(15)]
    found = read("time,a (kWh),b (kWh)", rows)
    (problem,) = found.problems
    assert (problem.path, problem.line) == ("a (kWh)", 2)
    assert "values stand in steps of 1:00:00 and not of 0:15:00" in problem.message
    assert [each.name for each in found.used] == ["b (kWh)"]


def test_powers_whose_steps_change_are_told_and_keep_their_energy(put: Put) -> None:
    name = put("time,house (kW)", changing("kW", 15, coarse_first=True))
    checked = ms.check_data(name)
    assert any("go on in steps of 0:15:00 and not of 1:00:00 from 2023-06-02" in each for each in checked.remarks)
    assert ran(name)["load"] == pytest.approx(2 * 9.6, abs=0.01)


def test_a_gap_is_no_change_of_steps() -> None:
    rows = [f"{time.isoformat()},0.1" for time in times(15) if not (time.day == 2 and 9 <= time.hour < 11)]
    found = read("time,house (kWh)", rows)
    assert (found.problems, found.facts[0].n_missing) == ((), 8)


@pytest.mark.parametrize("blank", [True, False])
def test_a_plant_that_sleeps_yields_nothing_at_night(put: Put, blank: bool) -> None:
    """Straight lines from evening to morning would give it some 10 kWh a night."""
    rows = [
        f"{time.isoformat()},{load_kw(time):.3f},{pv_kw(time) if pv_kw(time) else ''}" if blank
        else f"{time.isoformat()},{pv_kw(time)}"
        for time in times(15, 3)
        if blank or pv_kw(time)
    ]  # fmt: skip
    name = put("time,house load (kW),house PV (kW)" if blank else "time,house PV (kW)", rows)
    checked = ms.check_data(name)
    days = checked.sections["clock"]["slots"] * checked.sections["clock"]["slot_minutes"] / 1440
    per_day = sum(map(pv_kw, times(15, 1))) / 4
    assert checked.section["gaps"] == "zero"
    assert any("no values at night" in each for each in checked.remarks)
    assert checked.series.kwh_a_day["house PV (kW)"] == pytest.approx(per_day)
    assert ran(name)["pv"] == pytest.approx(days * per_day, abs=0.01)


def test_a_night_is_not_filled_by_lines_in_a_run_either(put: Put) -> None:
    rows = [f"{time.isoformat()},0.3,{pv_kw(time) if pv_kw(time) or time.hour < 6 else ''}" for time in times(15, 3)]
    name = put("time,house_load_kw,house_pv_kw", rows[:-20])
    scenario = {
        "name": "x",
        "clock": {"start": "2023-06-01", "slots": 48, "slot_minutes": 60},
        "tariff": {"flat": {"retail": 0.3, "feed_in": 0.1}},
        "agents": [{"name": "house", "kind": "prosumer", "pv_kw": 2}],
        "profiles": {"source": "file", "path": name, "gaps": "previous", "longest_gap_minutes": 720},
    }
    with pytest.raises(
        (ProfileError, ScenarioError), match=r"m\.csv:78: house_pv_kw: .*would yield at night\n.*gaps: zero"
    ):
        ms.simulate(scenario)
    zero = {**scenario, "profiles": {**scenario["profiles"], "gaps": "zero"}}
    per_day = sum(map(pv_kw, times(15, 1))) / 4
    assert ms.simulate(zero).agents.pv_available_kwh.sum() == pytest.approx(2 * per_day, abs=0.01)


def test_a_plant_that_sleeps_beside_other_gaps_is_refused() -> None:
    rows = [
        f"{time.isoformat()},{'' if time.hour == 12 else 0.3},{pv_kw(time) if pv_kw(time) else ''}"
        for time in times(15, 3)
    ]
    found = read("time,house load (kW),house PV (kW)", rows)
    (problem,) = found.problems
    assert problem.path == "house PV (kW)"
    assert "write 0 where it yields nothing" in problem.hint


HEADS = {
    "H01..": [f"H{hour:02}" for hour in range(1, 25)],
    "Value_1..": [f"Value_{hour}" for hour in range(1, 25)],
    "hh_0..": [f"hh_{half}" for half in range(48)],
    "Q1..": [f"Q{quarter}" for quarter in range(1, 97)],
    "0000..": [f"{quarter // 4:02}{quarter % 4 * 15:02}" for quarter in range(96)],
    "T0000..": [f"T{quarter // 4:02}{quarter % 4 * 15:02}" for quarter in range(96)],
    "00h15..": [f"{quarter // 4:02}h{quarter % 4 * 15:02}" for quarter in range(96)],
    "12:00 AM..": [f"{hour % 12 or 12}:00 {'AM' if hour < 12 else 'PM'}" for hour in range(24)],
    "00:00 kWh..": [f"{hour:02}:00 kWh" for hour in range(24)],
}


@pytest.mark.parametrize("heads", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("several", [True, False])
def test_a_run_of_columns_of_steps_is_a_day_a_row(put: Put, heads: list[str], several: bool) -> None:
    """With the energy of each household, and no household of a step."""
    minutes = 1440 // len(heads)
    steps = times(minutes, 1)
    rows = [
        f"{f'Z{meter},' if several else ''}{day:%Y-%m-%d},"
        + ",".join(f"{load_kw(time) * minutes / 60 / meter:.5f}" for time in steps)
        for meter in ((1, 2) if several else (1,))
        for day in times(1440, 7)
    ]
    name = put(",".join([*(["meter"] if several else []), "day", *heads]), rows)
    checked = ms.check_data(name)
    per_day = sum(map(load_kw, steps)) * minutes / 60
    assert checked.series.kwh_a_day.tolist() == pytest.approx([per_day, per_day / 2][: 1 + several], rel=1e-3)
    days = checked.sections["clock"]["slots"] * checked.sections["clock"]["slot_minutes"] / 1440
    assert ran(name)["load"] == pytest.approx(days * per_day * (1.5 if several else 1), rel=1e-3)


@pytest.mark.parametrize("word", ["House ", "Kunde_", "H"])
@pytest.mark.parametrize("count", [24, 25, 96, 100])
def test_a_run_of_numbered_columns_beside_dates_is_no_households(word: str, count: int) -> None:
    if (word, count) in (("H", 24), ("H", 96)):
        pytest.skip("they are read")
    rows = [f"{day:%Y-%m-%d}," + ",".join(["0.5"] * count) for day in times(1440, 20)]
    with pytest.raises(ProfileError, match=rf"{word}1 to {word}{count} look like the steps of a day"):
        read(",".join(["day", *(f"{word}{number}" for number in range(1, count + 1))]), rows)


def test_numbered_households_with_hours_are_households() -> None:
    rows = [f"{time.isoformat()}," + ",".join(["0.5"] * 24) for time in times(60)]
    found = read(",".join(["time", *(f"House {number} (kWh)" for number in range(1, 25))]), rows)
    assert [each.name for each in found.used] == [f"House {number} (kWh)" for number in range(1, 25)]


def test_years_and_a_few_times_are_no_day() -> None:
    assert clock_columns(["2015", "2016", "2017"]) == {}
    assert numbered_columns(["a1", "a2", "b"]) == []
    assert odd_clocks(["01:00", "02:00", "02:00B", "id"]) == ["02:00B"]


def test_the_hour_that_stands_twice_in_a_column_of_its_own_is_refused_where_it_holds_something() -> None:
    heads = [*(f"{hour:02}:00" for hour in range(3)), "02:00B", *(f"{hour:02}:00" for hour in range(3, 24))]

    def table(second: str) -> Understood:
        rows = [
            f"{day:%d.%m.%Y};" + ";".join(second if head == "02:00B" else "0,5" for head in heads)
            for day in times(1440, 3)
        ]
        return read(";".join(["Datum", *heads]), rows)

    assert round(table("").facts[0].kwh_a_day, 6) == 12
    with pytest.raises(ProfileError, match=r"m\.csv:2: 02:00B: .*would be left out \(got '0,7'\)"):
        table("0,7")


@pytest.mark.parametrize(
    ("header", "above"),
    [("Timestamp (UTC),kWh", ""), ("utc_time,kWh", ""), ("time,kWh", "# Units: time in UTC\n"), ("time GMT,kWh", "")],
)
def test_times_that_say_utc_stay_so_and_are_told(header: str, above: str) -> None:
    rows = [f"{time:%Y-%m-%dT%H:%M},0.5" for time in times(60)]
    found = understood("m.csv", f"{above}{header}\n{chr(10).join(rows)}".encode())
    assert found.form["time_zone"] == "UTC"
    assert any(each.startswith("Times are in UTC, as ") for each in found.remarks)


def test_times_of_summer_become_standard_time(put: Put) -> None:
    """What was taken from eight on by clocks of summer was taken from seven on."""
    rows = [f"{time:%Y-%m-%dT%H:%M},{1.0 if time.hour == 8 else 0.1}" for time in times(60, 3)]
    checked = ms.check_data(put("Zeit (MESZ),kWh", rows))
    assert checked.section["time_zone"] == "Europe/Berlin"
    run = ms.simulate({**checked.sections, "name": "x"})
    assert run.agents.load_kwh[:24].round(3).tolist().index(1.0) == 7
    found = read("Zeit (MESZ),kWh", [f"{time:%Y-%m-%dT%H:%M},0.5" for time in times(60, 3, datetime(2023, 1, 1))])
    assert "time_zone" not in found.form
    assert any("MESZ, which is of summer, and not all times are" in each for each in found.remarks)


def test_of_two_times_the_local_one_is_taken() -> None:
    zone = ZoneInfo("Europe/Berlin")
    rows = [
        f"{time:%Y-%m-%d %H:%M},{(time.replace(tzinfo=ZoneInfo('UTC'))).astimezone(zone):%Y-%m-%d %H:%M},0.5"
        for time in times(60, 4, datetime(2023, 3, 24))
    ]
    found = read("utc_time,local_time,kWh", rows)
    assert (found.form["time"], found.form["time_zone"]) == ("local_time", "Europe/Berlin")


def test_standard_time_and_a_time_of_export_are_no_zone() -> None:
    rows = [f"{time:%Y-%m-%dT%H:%M},0.5" for time in times(60)]
    for above, header in (
        ("", "Zeit (MEZ),kWh"),
        ("Export: 2023-06-30 10:00 UTC\n", "time,kWh"),
        ("", "best time,kWh"),
    ):
        assert "time_zone" not in understood("m.csv", f"{above}{header}\n{chr(10).join(rows)}".encode()).form


def test_sites_one_behind_another_and_rows_of_days_are_told() -> None:
    rows = [f"{time.isoformat()},{'A' if time.day < 3 else 'B'},0.5" for time in times(60, 4)]
    assert any(
        "Rows of 'A', 'B' (site) stand one behind another" in each for each in read("time,site,kWh", rows).remarks
    )
    daily = read("day,house (kWh)", [f"{day:%Y-%m-%d},{8 + day.day % 3}" for day in times(1440, 9)])
    assert any(each.startswith("Each row is a day") for each in daily.remarks)


def test_titles_filled_up_with_separators_stand_above_the_header() -> None:
    rows = [f"{time:%Y/%m/%d},{time:%H:%M},0.5,Real" for time in times(60)]
    above = ["Leituras,,,", "CPE,PT0002,,", ""]
    found = understood("m.csv", "\n".join([*above, 'Data,Hora,"Consumo, Ativa (kW)",Estado', *rows]).encode())
    assert (found.form["skip_lines"], found.form["time"]) == (3, ["Data", "Hora"])
    assert [(each.name, each.values) for each in found.used] == [("Consumo, Ativa (kW)", "kw")]


def test_a_revision_is_no_time_and_numbers_of_meters_are_none() -> None:
    rows = [f"10443720000123456,{time:%m/%d/%Y},{time:%m/%d/%Y} 08:00:00,{time:%H:%M},0.125" for time in times(15, 20)]
    found = read("ESIID,USAGE_DATE,REVISION_DATE,USAGE_START_TIME,USAGE_KWH", rows)
    assert found.form["time"] == ["USAGE_DATE", "USAGE_START_TIME"]
    assert [(each.name, each.kwh_a_day) for each in found.used] == [("USAGE_KWH", 12.0)]
    halves = ",".join(f"HH{half},F{half}" for half in range(1, 49))
    days = [f"10{m}2345678,{day:%d/%m/%Y}," + ",".join(["0.25,A"] * 48) for m in (0, 1) for day in times(1440, 14)]
    meters = read(f"MPAN,Date,{halves}", days)
    assert (meters.form["time"], meters.form["id_column"]) == ("Date", "MPAN")
    assert [each.kwh_a_day for each in meters.used] == [12.0, 12.0]


@pytest.mark.parametrize("stamp", ["%d-%m-%Y %H.%M.%S", "%d.%m.%Y, %H:%M:%S", "%d/%m/%Y %Hh%M"])
def test_clocks_are_written_in_several_ways(stamp: str) -> None:
    found = read("Fra_dato;Mængde (kWh)", [f"{time:{stamp}};0,5" for time in times(60, 20)])
    assert found.form["date_format"] == stamp
    assert round(found.facts[0].kwh_a_day, 6) == 12


def test_no_message_is_empty() -> None:
    rows = [f"{time:%Y-%m-%d}T{time:%H} Uhr,0.5" for time in times(60)]
    with pytest.raises(ProfileError) as caught:
        read("time,kWh", rows)
    assert all(problem.message and problem.hint for problem in caught.value.problems)
