"""The forms that files of series may have beside one table with a column for each series in standard time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from marketsim.core.build import BuildContext, LoadSpec
from marketsim.core.errors import ProfileError
from marketsim.core.fence import Fence
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.day_columns import clock_columns
from marketsim.profiles.file import build
from marketsim.profiles.file_params import FileParams

Make = Callable[..., object]
AS_METERED = LoadSpec()
BEGIN = datetime(2016, 7, 12)
FIRST = BEGIN.date()
HOURS = [float(hour) for hour in range(24)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    """Write a file of lines below a header."""

    def written(name: str, header: str, rows: list[str]) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")

    return written


@pytest.fixture
def profiles(context: Make, tmp_path: Path) -> Callable[..., DayProfiles]:
    def make(agents: list[object], path: object, *, start: date = FIRST, **params: object) -> DayProfiles:
        where: BuildContext = context(agents, slots=24, slot_minutes=60, start=start, folder=str(tmp_path))
        return build(FileParams.model_validate({"path": path, **params}), where)

    return make


def series(profiles: DayProfiles, name: str = "load_kw") -> np.ndarray:
    clock = profiles.context.clock
    return np.array([profiles.at(clock.at(slot))[name] for slot in range(clock.slots)])


def problems_of(profiles: Make, *args: object, **params: object) -> list[object]:
    with pytest.raises(ProfileError) as caught:
        profiles(*args, **params)
    return list(caught.value.problems)


def day(start: datetime = BEGIN, values: list[float] = HOURS) -> list[str]:
    return [f"{(start + timedelta(hours=row)).isoformat()},{value}" for row, value in enumerate(values)]


# --- times ----------------------------------------------------------------------------------------------------------


def test_rows_may_stand_at_the_end_of_their_steps(profiles: Make, agent: Make, write: Make) -> None:
    write("s.csv", "time,a0_load_kw", day(BEGIN + timedelta(hours=1)))
    there = profiles([agent(load=AS_METERED)], "s.csv", stamps="end")
    assert series(there)[:, 0].tolist() == HOURS
    (problem,) = problems_of(profiles, [agent(load=AS_METERED)], "s.csv")
    assert "the run lasts from" in problem.message


def test_times_that_end_their_steps_are_told_how_to_say_so(profiles: Make, agent: Make, write: Make) -> None:
    write("s.csv", "time,a0_load_kw", day(BEGIN + timedelta(hours=1), [float(hour % 5) for hour in range(24)]))
    (problem,) = problems_of(profiles, [agent(load=AS_METERED)], "s.csv")
    assert "set profiles.stamps: end" in problem.hint


@pytest.mark.parametrize("start", [datetime(2016, 10, 29), datetime(2016, 3, 26)])
def test_clocks_on_the_wall_become_standard_time(profiles: Make, agent: Make, write: Make, start: datetime) -> None:
    """Three days with 73 or 71 hours on the wall; every hour of standard time has its value."""
    from zoneinfo import ZoneInfo

    berlin, standard = ZoneInfo("Europe/Berlin"), ZoneInfo("Etc/GMT-1")
    hours = [start.replace(tzinfo=standard) + timedelta(hours=hour) for hour in range(72)]
    rows = [f"{hour.astimezone(berlin):%Y-%m-%d %H:%M},{number % 7}" for number, hour in enumerate(hours)]
    write("s.csv", "time,a0_load_kw", rows)
    there = profiles(
        [agent(load=AS_METERED)], "s.csv", time_zone="Europe/Berlin", start=start.date() + timedelta(days=1)
    )
    assert series(there)[:, 0].tolist() == [float(hour % 7) for hour in range(24, 48)]
    (problem,) = problems_of(profiles, [agent(load=AS_METERED)], "s.csv", start=start.date() + timedelta(days=1))
    assert "profiles.time_zone" in problem.hint


def test_a_time_that_no_clock_showed_is_refused(profiles: Make, agent: Make, write: Make) -> None:
    start = datetime(2016, 3, 27)
    write("s.csv", "time,a0_load_kw", day(start))
    params = {"time_zone": "Europe/Berlin", "start": start.date()}
    (problem,) = problems_of(profiles, [agent(load=AS_METERED)], "s.csv", **params)
    assert problem.message == "clocks in Europe/Berlin never showed this time: they go forward"
    assert (problem.line, problem.value) == (4, "'2016-03-27T02:00:00'")


def test_a_place_turns_offsets_into_its_standard_time(profiles: Make, agent: Make, write: Make) -> None:
    """22:00 UTC is 23:00 of standard time in Berlin, in July too."""
    write("s.csv", "time,a0_load_kw", [row.replace(",", "Z,") for row in day(BEGIN - timedelta(hours=1))])
    assert series(profiles([agent(load=AS_METERED)], "s.csv", time_zone="Europe/Berlin"))[:, 0].tolist() == HOURS


def test_times_with_and_without_offset_are_not_mixed(profiles: Make, agent: Make, write: Make) -> None:
    rows = day()
    rows[3] = rows[3].replace(",", "Z,")
    write("s.csv", "time,a0_load_kw", rows)
    (problem,) = problems_of(profiles, [agent(load=AS_METERED)], "s.csv", time_zone="Europe/Berlin")
    assert (problem.line, problem.message) == (5, "a time with an offset from UTC")
    assert "write all in the same way" in problem.hint


def test_date_and_hour_may_be_columns_of_their_own(profiles: Make, agent: Make, write: Make) -> None:
    write("s.csv", "Tag;Uhr;a0_load_kw", [f"12.07.2016;{hour:02}:00;{hour}" for hour in range(24)])
    params = {"time": ["Tag", "Uhr"], "date_format": "%d.%m.%Y %H:%M"}
    assert series(profiles([agent(load=AS_METERED)], "s.csv", **params))[:, 0].tolist() == HOURS
    (problem,) = problems_of(profiles, [agent(load=AS_METERED)], "s.csv", time=["Tag", "Uhrzeit"])
    assert (problem.path, problem.value) == ("profiles.time", "'Uhrzeit'")
    assert "did you mean 'Uhr'?" in problem.hint


def test_a_step_may_be_a_day(profiles: Make, agent: Make, write: Make) -> None:
    """Energies of whole days, called by their dates alone."""
    write("s.csv", "Tag;a0_load_kwh", ["12.07.2016;12", "13.07.2016;24"])
    there = profiles([agent(load=AS_METERED)], "s.csv", time="Tag", date_format="%d.%m.%Y")
    assert series(there)[:, 0].tolist() == [0.5] * 24


def test_days_may_be_chosen(profiles: Make, agent: Make, write: Make) -> None:
    """Days that are not read may hold anything but wrong times; of a counter the reading behind the last is kept."""
    rows = [*day(BEGIN - timedelta(days=1), ["x"] * 24), *day(), *day(BEGIN + timedelta(days=1), [""] * 24)]
    write("s.csv", "time,a0_load_kw", rows)
    params = {"first_day": "2016-07-12", "last_day": "2016-07-12"}
    assert series(profiles([agent(load=AS_METERED)], "s.csv", **params))[:, 0].tolist() == HOURS
    readings = [str(100.0 + row) for row in range(25)]
    write("c.csv", "time,a0_load_kwh", day(BEGIN, readings))
    there = profiles([agent(load=AS_METERED)], "c.csv", values="counter_kwh", **params)
    assert series(there)[:, 0].tolist() == [1.0] * 24
    params = {"first_day": "2017-01-01", "last_day": "2017-01-02"}
    (problem,) = problems_of(profiles, [agent(load=AS_METERED)], "s.csv", **params)
    assert problem.message == "s.csv has no row from 2017-01-01 to 2017-01-02"


def test_minute_24_is_no_midnight(profiles: Make, agent: Make, write: Make) -> None:
    """``00:24:00`` ends like 24:00 and is another time."""
    stamps = [(BEGIN + timedelta(minutes=12 * step)).strftime("%d.%m.%Y %H:%M:%S") for step in range(120)]
    write("s.csv", "time,a0_load_kw", [f"{stamp},1" for stamp in stamps])
    there = profiles([agent(load=AS_METERED)], "s.csv", date_format="%d.%m.%Y %H:%M:%S")
    assert series(there)[:, 0].tolist() == [1.0] * 24


# --- layouts --------------------------------------------------------------------------------------------------------


def test_meters_may_stand_one_below_another(profiles: Make, agent: Make, write: Make) -> None:
    """Each with its own range; the run needs what all have in common."""
    rows = [f"{row.split(',')[0]},m{meter},{float(row.split(',')[1]) * meter}" for meter in (1, 2) for row in day()]
    rows += [f"{row.split(',')[0]},m2,9" for row in day(BEGIN + timedelta(days=1))]
    write("l.csv", "time,id,kW", rows)
    form = {"layout": "long", "id_column": "id", "value_column": "kW", "values": "kw"}
    agents = [agent("m1", load=AS_METERED), agent("m2", load=AS_METERED)]
    there = profiles(agents, "l.csv", columns={"all": {"load": "{agent}"}}, **form)
    np.testing.assert_array_equal(series(there), np.outer(HOURS, [1.0, 2.0]))
    later = {"start": BEGIN.date() + timedelta(days=1)}
    (problem,) = problems_of(profiles, agents, "l.csv", columns={"all": {"load": "{agent}"}}, **form, **later)
    assert "m1 ends 2016-07-13 00:00:00" in problem.message


def test_faults_of_meters_have_their_own_lines(profiles: Make, agent: Make, write: Make) -> None:
    rows = [f"{row.split(',')[0]},{name},{row.split(',')[1]}" for name in ("m1", "m2") for row in day()]
    rows[30] = rows[30].replace(",6.0", ",six")
    del rows[3]
    write("l.csv", "time,id,kW", rows)
    form = {"layout": "long", "id_column": "id", "value_column": "kW", "values": "kw"}
    agents = [agent("m1", load=AS_METERED), agent("m2", load=AS_METERED)]
    gap, cell = problems_of(profiles, agents, "l.csv", columns={"all": {"load": "{agent}"}}, **form)
    assert (gap.line, gap.message) == (5, "1 step is missing between 2016-07-12 02:00:00 and 2016-07-12 04:00:00")
    assert (cell.line, cell.path, cell.value) == (31, "m2", "'six'")


def test_a_kind_makes_columns_of_one_meter(profiles: Make, agent: Make, write: Make) -> None:
    rows = [f"{row.split(',')[0]},h,{kind},{value}" for row in day() for kind, value in (("use", 1), ("pv", 500))]
    write("l.csv", "time,id,kind,value", rows)
    form = {"layout": "long", "id_column": "id", "kind_column": "kind", "value_column": "value"}
    columns = {"h": {"load": "{agent} use", "pv": "h pv"}}
    there = profiles(
        [agent("h", load=AS_METERED, pv_kw=3.0)], "l.csv", columns=columns, **form, values={"load": "kw", "pv": "w"}
    )
    assert series(there)[0].tolist() == [1.0]
    assert series(there, "pv_kw")[0].tolist() == [0.5]


def test_a_row_of_no_meter_is_refused(profiles: Make, agent: Make, write: Make) -> None:
    rows = [f"{row.split(',')[0]},h,1" for row in day()]
    write("l.csv", "time,id,kW", [*rows, "2016-07-13T00:00,,24"])
    form = {"layout": "long", "id_column": "id", "value_column": "kW", "values": "kw", "columns": {"h": {"load": "h"}}}
    (problem,) = problems_of(profiles, [agent("h", load=AS_METERED)], "l.csv", **form)
    assert (problem.line, problem.message) == (26, "a row of no meter")


def test_columns_of_a_layout_must_exist(profiles: Make, agent: Make, write: Make) -> None:
    write("l.csv", "time,meter,kW", [f"{row.split(',')[0]},h,1" for row in day()])
    form = {"layout": "long", "id_column": "metre", "value_column": "kwh", "values": "kw"}
    first, second = problems_of(profiles, [agent("h", load=AS_METERED)], "l.csv", **form)
    assert (first.path, "did you mean 'meter'?" in first.hint) == ("profiles.id_column", True)
    assert second.path == "profiles.value_column"


def test_a_row_may_be_a_day(profiles: Make, agent: Make, write: Make) -> None:
    """Columns called 1:00 to 0:00 are the ends of the hours; 24:00 would be the same."""
    head = ",".join(["id", "date", *(f"{(hour + 1) % 24}:00" for hour in range(24))])
    values = ",".join(str(hour) for hour in range(24))
    write("d.csv", head, [f"h,{number}/07/2016,{values}" for number in (12, 13)])
    form = {
        "layout": "days",
        "time": "date",
        "date_format": "%d/%m/%Y",
        "id_column": "id",
        "stamps": "end",
        "values": "kw",
    }
    there = profiles([agent("h", load=AS_METERED)], "d.csv", columns={"h": {"load": "h"}}, **form)
    assert series(there)[:, 0].tolist() == HOURS


def test_a_day_that_is_none_is_told_with_its_line(profiles: Make, agent: Make, write: Make) -> None:
    head = ",".join(["id", "date", *(f"{hour:02}:00" for hour in range(24))])
    write("d.csv", head, [f"h,{day},{','.join(['1'] * 24)}" for day in ("2016-07-12", "total")])
    form = {"layout": "days", "time": "date", "id_column": "id", "values": "kw", "columns": {"h": {"load": "h"}}}
    problem, *_ = problems_of(profiles, [agent("h", load=AS_METERED)], "d.csv", **form)
    assert (problem.line, problem.value) == (3, "'total'")


def test_a_table_without_times_of_the_day_is_no_table_of_days(profiles: Make, agent: Make, write: Make) -> None:
    write("d.csv", "id,date,kwh", ["h,2016-07-12,3"])
    form = {"layout": "days", "time": "date", "id_column": "id", "values": "kwh"}
    (problem,) = problems_of(profiles, [agent("h", load=AS_METERED)], "d.csv", **form)
    assert "no columns are called by times of the day" in problem.message


def test_midnight_behind_other_times_is_the_end_of_the_day() -> None:
    clocks = clock_columns(["id", "0:30", " 1:00", "24:00", "0:00", "x:00", "12:30:00"])
    assert [time / timedelta(hours=1) for time in clocks.values()] == [0.5, 1.0, 24.0, 24.0, 12.5]


def test_lines_above_the_header_are_left_out_and_counted(profiles: Make, agent: Make, write: Make) -> None:
    rows = day()
    rows[2] = rows[2].replace("2.0", "x")
    write("s.csv", 'Name,"someone"\n\ntime,a0_load_kw', rows)
    (problem,) = problems_of(profiles, [agent(load=AS_METERED)], "s.csv", skip_lines=2)
    assert problem.line == 6


# --- several files --------------------------------------------------------------------------------------------------


def test_every_agent_may_have_a_file(profiles: Make, agent: Make, write: Make) -> None:
    """Its columns need not say whose they are; who takes nothing needs none."""
    for name, factor in (("a0", 1.0), ("a1", 2.0)):
        write(f"meters/{name}.csv", "time,load_kw", day(BEGIN, [factor * hour for hour in HOURS]))
    agents = [agent("a0", load=AS_METERED), agent("a1", load=AS_METERED), agent("x", load=LoadSpec(annual_kwh=0.0))]
    load = series(profiles(agents, "meters/{agent}.csv"))
    np.testing.assert_array_equal(load, np.outer(HOURS, [1.0, 2.0, 0.0]))


def test_a_file_of_an_agent_may_be_mapped(profiles: Make, agent: Make, write: Make) -> None:
    write("m/a0.csv", "time,Verbrauch", day())
    agents = [agent("a0", load=AS_METERED)]
    assert series(profiles(agents, "m/{agent}.csv", columns={"all": {"load": "Verbrauch"}}, values="kw")).sum() == 276.0
    (problem,) = problems_of(profiles, agents, "m/{agent}.csv", columns={"all": {"load": "Verbauch"}}, values="kw")
    assert problem.message == "the file m/a0.csv has no column for the load of 'a0'"
    assert "did you mean 'Verbrauch'?" in problem.hint


def test_files_of_agents_that_are_missing_are_told_once(profiles: Make, agent: Make, write: Make) -> None:
    write("meters/a01.csv", "time,load_kw", day())
    agents = [agent(f"a{number}", load=AS_METERED) for number in range(3)]
    (problem,) = problems_of(profiles, agents, "meters/{agent}.csv")
    assert problem.message == "there is no file for 'a0', 'a1', 'a2'"
    assert (problem.path, problem.value) == ("profiles.path", "'meters/a0.csv'")
    assert "did you mean 'a01.csv'?" in problem.hint


def test_a_file_of_an_agent_lies_within_the_fence(context: Make, agent: Make, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "a0.csv").write_text("time,load_kw\n")
    where = context([agent("a0", load=AS_METERED)], folder=tmp_path / "s")
    with pytest.raises(ProfileError, match="lies outside the scenario's folder"):
        build(FileParams(path="../{agent}.csv"), where)
    open_to = where.__class__(
        **{name: getattr(where, name) for name in where.__dataclass_fields__ if name != "fence"},
        fence=Fence(tmp_path / "s", tmp_path / "s", own=frozenset(["../{agent}.csv"])),
    )
    with pytest.raises(ProfileError, match="at least two rows"):  # the user's own word opens it
        build(FileParams(path="../{agent}.csv"), open_to)


def test_files_with_the_same_columns_follow_one_another(profiles: Make, agent: Make, write: Make) -> None:
    values = [float(hour % 5) for hour in range(24)]
    write("june.csv", "time,a0_load_kw", day(BEGIN, values)[:12])
    write("july.csv", "time,a0_load_kw", day(BEGIN, values)[12:])
    agents = [agent(load=AS_METERED)]
    assert series(profiles(agents, ["june.csv", "july.csv"]))[:, 0].tolist() == values
    (problem,) = problems_of(profiles, agents, ["july.csv", "june.csv"])
    assert (problem.file, problem.line) == ("june.csv", 2)
    assert "lies before that of the row above" in problem.message


def test_faults_of_several_files_have_their_own_file(profiles: Make, agent: Make, write: Make) -> None:
    first, second = day()[:12], day()[12:]
    first[1], second[1] = first[1].replace("1.0", "x"), second[1].replace("13.0", "x")
    write("a.csv", "time,a0_load_kw", first)
    write("b.csv", "time,a0_load_kw", second)
    found = problems_of(profiles, [agent(load=AS_METERED)], ["a.csv", "b.csv"])
    assert [(problem.file, problem.line) for problem in found] == [("a.csv", 3), ("b.csv", 3)]


def test_files_with_other_columns_stand_side_by_side(profiles: Make, agent: Make, write: Make) -> None:
    """In steps of their own, and each over its own time; energies stay as they are."""
    write("loads.csv", "time,a0_load_kw", day(BEGIN - timedelta(days=1), [float(hour % 5) for hour in range(48)]))
    quarters = [f"{(BEGIN + timedelta(minutes=15 * row)).isoformat()},{row % 4}" for row in range(96)]
    write("pv.csv", "time,a0_pv_kw", quarters)
    there = profiles([agent(load=AS_METERED, pv_kw=3.0)], ["loads.csv", "pv.csv"])
    assert series(there)[:, 0].tolist() == [float(hour % 5) for hour in range(24, 48)]
    assert series(there, "pv_kw")[:, 0].tolist() == [1.5] * 24


def test_a_column_in_two_files_is_refused(profiles: Make, agent: Make, write: Make) -> None:
    write("a.csv", "time,a0_load_kw", day())
    write("b.csv", "time,a0_load_kw,a1_load_kw", [f"{row},1" for row in day()])
    (problem,) = problems_of(profiles, [agent(load=AS_METERED)], ["a.csv", "b.csv"])
    assert problem.message == "the column stands in a.csv and in b.csv"


def test_series_without_a_common_time_are_refused(profiles: Make, agent: Make, write: Make) -> None:
    write("a.csv", "time,a0_load_kw", day())
    write("b.csv", "time,a0_pv_kw", day(BEGIN + timedelta(days=2)))
    (problem,) = problems_of(profiles, [agent(load=AS_METERED, pv_kw=1.0)], ["a.csv", "b.csv"])
    assert (
        "no time in common: a0_pv_kw begins 2016-07-14 00:00:00, a0_load_kw ends 2016-07-13 00:00:00" in problem.message
    )


# --- columns and values ---------------------------------------------------------------------------------------------


def test_a_pattern_names_the_columns_of_all(profiles: Make, agent: Make, write: Make) -> None:
    write("s.csv", "time,a0_consumption,a1_consumption", [f"{row},{row.split(',')[1]}" for row in day()])
    agents = [agent("a0", load=AS_METERED), agent("a1", load=AS_METERED), agent("b", load=AS_METERED)]
    columns = {"all": {"load": "{agent}_consumption", "values": "kw"}}
    assert series(profiles(agents[:2], "s.csv", columns=columns)).sum() == 552.0
    (problem,) = problems_of(profiles, agents, "s.csv", columns=columns)
    assert (problem.path, problem.value) == ("profiles.columns.all.load", "'b_consumption'")


def test_power_by_rating_is_scaled_to_each_plant(profiles: Make, agent: Make, write: Make) -> None:
    """500 W for each kW of the plant."""
    write("s.csv", "time,roof", day(BEGIN, [500.0] * 24))
    agents = [agent(f"a{row}", load=LoadSpec(annual_kwh=0.0), pv_kw=float(row)) for row in range(1, 4)]
    columns = {"all": {"pv": "roof", "values": "w_per_kw"}}
    assert series(profiles(agents, "s.csv", columns=columns), "pv_kw")[0].tolist() == [0.5, 1.0, 1.5]


def test_loads_have_no_rating(profiles: Make, agent: Make, write: Make) -> None:
    write("s.csv", "time,x", day())
    (problem,) = problems_of(
        profiles, [agent(load=AS_METERED)], "s.csv", columns={"all": {"load": "x"}}, values="w_per_kw"
    )
    assert "cannot hold w_per_kw" in problem.message
    assert "values: {pv: w_per_kw, load: kwh}" in problem.hint


@pytest.mark.parametrize(("policy", "filled"), [("zero", [0.0, 0.0]), ("previous_day", [2.0, 3.0])])
def test_gaps_are_filled_by_zero_or_by_the_day_before(
    profiles: Make, agent: Make, write: Make, policy: str, filled: list[float]
) -> None:
    rows = [*day(BEGIN - timedelta(days=1)), *day(BEGIN, [9.0] * 24)]
    rows[26:28] = [rows[26].replace("9.0", ""), rows[27].replace("9.0", "NA")]
    write("s.csv", "time,a0_load_kw", rows)
    there = profiles([agent(load=AS_METERED)], "s.csv", gaps=policy)
    assert series(there)[:5, 0].tolist() == [9.0, 9.0, *filled, 9.0]
    assert there.notes[0].startswith("2 missing values of s.csv (a0_load_kw) were filled")


def test_the_first_day_has_no_day_before(profiles: Make, agent: Make, write: Make) -> None:
    write("s.csv", "time,a0_load_kw", [row.replace(",3.0", ",") for row in day()])
    (problem,) = problems_of(profiles, [agent(load=AS_METERED)], "s.csv", gaps="previous_day")
    assert (problem.message, problem.line) == ("no value to fill the gap from", 5)


@pytest.mark.parametrize("policy", ["zero", "previous_day"])
def test_a_gap_of_a_counter_keeps_its_energy_or_is_refused(
    profiles: Make, agent: Make, write: Make, policy: str
) -> None:
    rows = day(BEGIN, [100.0 + hour for hour in range(25)])
    write("s.csv", "time,a0_load_kwh", [row.replace(",104.0", ",") for row in rows])
    agents = [agent(load=AS_METERED)]
    (problem,) = problems_of(profiles, agents, "s.csv", gaps=policy, values="counter_kwh")
    assert (problem.message, problem.line) == (f"a gap of a counter is not filled by {policy}", 6)
    there = profiles(agents, "s.csv", gaps="interpolate", values="counter_kwh")
    assert series(there)[:, 0].tolist() == [1.0] * 24


# --- doubts ---------------------------------------------------------------------------------------------------------


def test_energies_that_no_household_takes_are_told(profiles: Make, agent: Make, write: Make) -> None:
    """A counter that is called kWh runs, and is told; so are watts that are called kilowatts."""
    write("s.csv", "time,a0_load_kw,a1_load_kw", [f"{row},0.001" for row in day(BEGIN, [300.0] * 24)])
    agents = [agent("a0", load=AS_METERED), agent("a1", load=AS_METERED)]
    much, little = profiles(agents, "s.csv").notes
    assert much.startswith("As metered, the load of 'a0' is 7,200 kWh a day (a0); a household takes 2 to 60 kWh a day.")
    assert little.startswith("As metered, the load of 'a1' is 0.024 kWh a day (a1)")
    scaled = [agent("a0", load=LoadSpec(annual_kwh=3000.0)), agent("a1", load=LoadSpec(annual_kwh=3000.0))]
    assert profiles(scaled, "s.csv").notes == ()


def test_a_plant_above_its_rating_is_told(profiles: Make, agent: Make, write: Make) -> None:
    write("s.csv", "time,a0_load_kw,a0_pv_kw", [f"{row},8" for row in day(BEGIN, [0.5] * 24)])
    (note,) = profiles([agent(load=AS_METERED, pv_kw=3.0)], "s.csv").notes
    assert note.startswith("The pv of 'a0' is above pv_kw: up to 8 kW (a0).")


# --- parameters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"layout": "long"}, "layout 'long' needs id_column; layout 'long' needs value_column"),
        ({"layout": "days", "value_column": "x"}, "value_column belongs to layout: long"),
        ({"id_column": "x"}, "id_column belongs to layout: long or days, and layout is 'wide'"),
        ({"layout": "days", "id_column": "x", "value_column": "y"}, "value_column belongs to layout: long"),
        ({"time_zone": "Europe/Berln"}, "did you mean 'Europe/Berlin'?"),
        ({"time_zone": "Europe/Berlin", "utc_offset_hours": 1}, "say the same"),
        ({"stamps": "end", "values": "counter_kwh"}, "readings of a counter stand at their own time"),
        ({"stamps": "end", "columns": {"a": {"values": {"pv": "counter_wh"}}}}, "readings of a counter"),
        ({"first_day": date(2016, 2, 1), "last_day": date(2016, 1, 1)}, "lies after last_day"),
        ({"layout": "days", "id_column": "x", "date_format": "%d.%m.%Y %H:%M"}, "rows have dates alone"),
        ({"path": ["a.csv", "{agent}.csv"]}, "a list has no {agent}"),
    ],
)
def test_parameters_that_do_not_fit_together_are_refused(params: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        FileParams.model_validate({"path": "a.csv", **params})
    assert said in str(caught.value)


def test_what_versions_before_wrote_stays_the_same() -> None:
    """Keys that came later are left out at their defaults, so that scenarios keep their hashes."""
    written = json.loads(FileParams(path="a.csv").model_dump_json())
    assert list(written)[4:] == [
        *("path", "time", "utc_offset_hours", "columns", "separator", "decimal", "date_format", "values", "gaps"),
        *("longest_gap_minutes", "largest_kw"),
    ]
    changed = FileParams.model_validate({"path": ["a.csv", "b.csv"], "stamps": "end", "first_day": date(2016, 1, 1)})
    assert FileParams.model_validate_json(changed.model_dump_json()) == changed
