from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketsim.core.build import BuildContext, LoadSpec
from marketsim.core.errors import ProfileError
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.file import build
from marketsim.profiles.file_params import FileParams

Make = Callable[..., object]
AS_METERED = LoadSpec()
HOURS = [float(hour) for hour in range(24)]


@pytest.fixture
def profiles(context: Make, tmp_path: Path) -> Callable[..., DayProfiles]:
    def make(
        agents: list[object], path: str, *, slots: int = 24, slot_minutes: int = 60, **params: object
    ) -> DayProfiles:
        where: BuildContext = context(agents, slots=slots, slot_minutes=slot_minutes, folder=str(tmp_path))
        return build(FileParams.model_validate({"path": path, **params}), where)

    return make


def series(profiles: DayProfiles, name: str) -> np.ndarray:
    clock = profiles.context.clock
    return np.array([profiles.at(clock.at(slot))[name] for slot in range(clock.slots)])


def test_columns_named_after_the_agent_are_found(profiles: Make, agent: Make, write_csv: Make) -> None:
    path = write_csv({"a0_load_kw": HOURS, "a0_pv_kwh": HOURS[::-1]})
    there = profiles([agent(load=AS_METERED, pv_kw=3.0)], path)
    assert series(there, "load_kw")[:, 0].tolist() == HOURS
    assert series(there, "pv_kw")[:, 0].tolist() == HOURS[::-1]


def test_energy_columns_are_divided_by_their_own_step(profiles: Make, agent: Make, write_csv: Make) -> None:
    path = write_csv({"a0_load_kwh": [0.5] * 96}, minutes=15)
    assert (series(profiles([agent(load=AS_METERED)], path), "load_kw") == 2.0).all()


def test_other_resolutions_keep_the_energy(profiles: Make, agent: Make, write_csv: Make) -> None:
    path = write_csv({"a0_load_kw": HOURS})
    there = profiles([agent(load=AS_METERED)], path, slots=72, slot_minutes=20)
    assert series(there, "load_kw").sum() / 3 == pytest.approx(sum(HOURS))


def test_scales_multiply_load_and_pv(profiles: Make, agent: Make, write_csv: Make) -> None:
    path = write_csv({"a0_load_kw": HOURS, "a0_pv_kw": HOURS})
    there = profiles([agent(load=AS_METERED, pv_kw=3.0)], path, demand_scale=0.5, pv_scale=2.0)
    np.testing.assert_allclose(series(there, "load_kw")[:, 0] * 4, series(there, "pv_kw")[:, 0])


def test_a_stated_peak_or_energy_scales_the_column(profiles: Make, agent: Make, write_csv: Make) -> None:
    agents = [
        agent("a0", load=LoadSpec(shape="x_kw", peak_kw=46.0)),
        agent("a1", load=LoadSpec(shape="x_kw", annual_kwh=8760.0)),
        agent("a2", load=LoadSpec(shape="x_kw")),
    ]
    load = series(profiles(agents, write_csv({"x_kw": HOURS})), "load_kw")
    assert load[:, 0].max() == 46.0
    assert load[:, 1].mean() == pytest.approx(1.0)
    assert load[:, 2].tolist() == HOURS


def test_a_shared_plant_is_scaled_to_each_agents_rating(profiles: Make, agent: Make, write_csv: Make) -> None:
    agents = [agent(f"a{row}", load=AS_METERED, pv_kw=float(row)) for row in range(3)]
    columns = {"all": {"pv": "roof_kw", "pv_rating_kw": 10.0, "load": "roof_kw"}}
    pv = series(profiles(agents, write_csv({"roof_kw": HOURS}), columns=columns), "pv_kw")
    np.testing.assert_allclose(pv, np.outer(HOURS, [0.0, 0.1, 0.2]))


def test_the_most_specific_entry_counts(profiles: Make, agent: Make, write_csv: Make) -> None:
    agents = [
        agent("a0", load=AS_METERED),
        agent("a1", load=AS_METERED),
        agent("a2", load=AS_METERED, group=1),
        agent("a3", load=AS_METERED, group=2, kind="consumer"),
        agent("a4", load=LoadSpec(shape="five_kw")),
    ]
    names = ("one", "two", "three", "four", "five")
    path = write_csv({f"{name}_kw": [float(row)] * 24 for row, name in enumerate(names)})
    columns = {
        "a0": {"load": "one_kw"},
        "agents[0]": {"load": "two_kw"},
        "prosumer": {"load": "three_kw"},
        "all": {"load": "four_kw"},
    }
    assert series(profiles(agents, path, columns=columns), "load_kw")[0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_heat_comes_as_metered_for_owners_of_a_heat_pump(
    profiles: Make, agent: Make, heat_pump: Make, write_csv: Make
) -> None:
    owner = agent("a1", load=AS_METERED, devices={"heat_pump": heat_pump()})
    there = profiles([agent("a0", load=AS_METERED), owner], write_csv({"a1_heat_kw": HOURS}))
    np.testing.assert_array_equal(series(there, "heat_kw"), np.outer(HOURS, [0.0, 1.0]))
    assert series(there, "load_kw").sum() == 0.0


def test_vehicles_come_with_any_source(profiles: Make, agent: Make, ev: Make, write_csv: Make) -> None:
    there = profiles([agent(load=AS_METERED, devices={"ev": ev()})], write_csv({"a0_load_kw": HOURS}))
    assert series(there, "ev_connected").max() == 1.0


def test_every_market_has_the_same_file(context: Make, agent: Make, write_csv: Make, tmp_path: Path) -> None:
    path = write_csv({"a0_load_kw": HOURS})
    two = context([agent(load=AS_METERED)], seeds=(1, 2), slots=24, slot_minutes=60, folder=tmp_path)
    load = series(build(FileParams(path=path), two), "load_kw")
    np.testing.assert_array_equal(load[:, 0], load[:, 1])


def test_everything_that_is_wrong_is_said_at_once(profiles: Make, agent: Make, write_csv: Make) -> None:
    cells: list[object] = [1.0] * 24
    cells[3], cells[7] = "-2", "x"
    agents = [
        agent("a0", load=AS_METERED, pv_kw=1.0),
        agent("a1", load=LoadSpec(shape="haus_kw", peak_kw=1.0), group=1),
        agent("a2", load=LoadSpec(shape="roof", peak_kw=1.0), group=1),
    ]
    times = [f"2016-07-12T{hour:02}:00" for hour in range(24)]
    times[9] = "late"
    path = write_csv({"a0_load_kw": cells, "house_kw": cells[::-1], "roof": HOURS}, times=times)
    with pytest.raises(ProfileError) as caught:
        profiles(agents, path, columns={"a9": {}})
    text = str(caught.value)
    for part in (
        "series.csv:5: a0_load_kw: a negative value (got '-2')",
        "series.csv:9: a0_load_kw: not a number (got 'x')",
        "series.csv:11: time: not a time (got 'late')",
        "agents[1].load.shape: the file series.csv has no column for the load of 'a1' (got 'haus_kw')",
        "did you mean 'house_kw'?",
        "no column for the pv of 'a0' (got 'a0_pv_kw')",
        "series.csv:1: roof: the name of the column 'roof' does not end in _kw or _kwh, so its unit is not known",
        "profiles.columns.a9: there is no such agent, group or kind",
    ):
        assert part in text
    assert caught.value.exit_code == 2


def test_the_column_of_times_must_exist(profiles: Make, agent: Make, write_csv: Make) -> None:
    with pytest.raises(ProfileError, match=r"(?s)profiles\.time: .*'tme'.*did you mean 'time'"):
        profiles([agent()], write_csv({"a0_load_kw": HOURS}), time="tme")


@pytest.mark.parametrize("start", [datetime(2016, 7, 12, 1), datetime(2016, 7, 11), datetime(2015, 7, 12)])
def test_a_file_must_cover_the_run(profiles: Make, agent: Make, write_csv: Make, start: datetime) -> None:
    with pytest.raises(ProfileError, match="the run lasts from 2016-07-12 00:00:00 to 2016-07-13 00:00:00, the file"):
        profiles([agent(load=AS_METERED)], write_csv({"a0_load_kw": HOURS}, start=start))


def test_a_file_may_begin_and_end_within_a_day(profiles: Make, agent: Make, write_csv: Make) -> None:
    path = write_csv({"a0_load_kw": [float(row) for row in range(40)]}, start=datetime(2016, 7, 11, 18))
    there = profiles([agent(load=AS_METERED)], path, slots=34)
    assert series(there, "load_kw")[:, 0].tolist() == [float(row) for row in range(6, 40)]


def three_days(profiles: Make, agent: Make, write_csv: Make, method: str) -> DayProfiles:
    """Days of 1, 2, 3, ... kW from 10 July; the run takes the third and fourth."""
    path = write_csv({"a0_load_kw": [1.0 + row // 24 for row in range(96)]}, start=datetime(2016, 7, 10))
    return profiles([agent(load=AS_METERED)], path, slots=48, forecast=method)


def expected(there: DayProfiles, slot: int, horizon: int) -> list[float]:
    return there.forecast(there.context.clock.at(slot), np.array([0])).series("load_kw", horizon)[:, 0].tolist()


def test_climatology_of_a_file_knows_its_past_alone(profiles: Make, agent: Make, write_csv: Make) -> None:
    there = three_days(profiles, agent, write_csv, "climatology")
    assert expected(there, 0, 30) == [3.0] + [1.5] * 29
    assert expected(there, 24, 30) == [4.0] + [2.0] * 29


def test_persistence_of_a_file_reaches_back_before_the_run(profiles: Make, agent: Make, write_csv: Make) -> None:
    assert expected(three_days(profiles, agent, write_csv, "persistence"), 0, 26) == [3.0] + [2.0] * 23 + [3.0, 2.0]


def test_beyond_the_end_a_perfect_forecast_repeats_the_last_day(profiles: Make, agent: Make, write_csv: Make) -> None:
    assert expected(three_days(profiles, agent, write_csv, "perfect"), 40, 60) == [4.0] * 60


@pytest.mark.parametrize("method", ["climatology", "persistence"])
def test_without_a_past_the_present_is_held(profiles: Make, agent: Make, write_csv: Make, method: str) -> None:
    there = profiles([agent(load=AS_METERED)], write_csv({"a0_load_kw": HOURS}), forecast=method)
    assert expected(there, 0, 4) == [0.0] * 4
    later = expected(there, 5, 24)
    assert later[0] == 5.0
    assert max(later) == 5.0


@pytest.mark.parametrize("method", ["climatology", "persistence"])
def test_under_gate_closure_nothing_is_known_before_the_first_slot(
    context: Make, agent: Make, write_csv: Make, tmp_path: Path, method: str
) -> None:
    path = write_csv({"a0_load_kw": [1.0 + hour for hour in range(24)]})
    params = FileParams.model_validate({"path": path, "forecast": method})
    ahead = {"slots": 24, "slot_minutes": 60, "folder": tmp_path, "closure_slots": 1}
    there = build(params, context([agent(load=AS_METERED)], **ahead))
    assert expected(there, 0, 3) == [0.0, 0.0, 0.0]
    assert expected(there, 2, 3) == [2.0, 2.0, 2.0]


def test_the_source_day_is_the_day_of_the_file(profiles: Make, agent: Make, write_csv: Make) -> None:
    there = three_days(profiles, agent, write_csv, "perfect")
    assert there.source_day(0, np.array([0, 0])).tolist() == [2, 2]


def problems_of(profiles: Make, agents: list[object], path: str, **params: object) -> list[object]:
    with pytest.raises(ProfileError) as caught:
        profiles(agents, path, **params)
    return list(caught.value.problems)


@pytest.mark.parametrize("column", ["house1_load_kw", "house-1_kwh", "Demand house 1", "HOUSE1", "meter_kw"])
def test_agents_without_a_load_beside_columns_that_nobody_uses_are_refused(
    profiles: Make, agent: Make, write_csv: Make, column: str
) -> None:
    """Columns ``house1_load_kw`` and members ``house-1``, ...: both sides are listed, with what to do."""
    agents = [agent(f"house-{number}", load=AS_METERED, group=2) for number in range(1, 13)]
    (problem,) = problems_of(profiles, agents, write_csv({column: HOURS}))
    assert problem.message == (
        "12 agents have no load ('house-1', 'house-2', 'house-3', 'house-4', 'house-5' and 7 more), while no agent uses "
        f"these columns of series.csv: {column!r}"
    )
    assert problem.path == "agents[2]"
    assert "load: {annual_kwh: 0}" in problem.hint


@pytest.mark.parametrize("columns", [["H1", "H2"], ["meter_1"], ["N0001-A"], ["temperature"]])
def test_a_file_of_which_no_agent_uses_a_column_is_refused(
    profiles: Make, agent: Make, write_csv: Make, columns: list[str]
) -> None:
    """Whatever its columns are called: a run in which nobody draws anything is not what was meant."""
    (problem,) = problems_of(profiles, [agent("home", load=AS_METERED)], write_csv(dict.fromkeys(columns, HOURS)))
    assert "'home' has no load, while no agent uses these columns of series.csv" in problem.message


def test_the_name_that_may_have_been_meant_is_told(profiles: Make, agent: Make, write_csv: Make) -> None:
    (problem,) = problems_of(profiles, [agent("house-1", load=AS_METERED)], write_csv({"house1_load_kw": HOURS}))
    assert problem.hint.startswith("did you mean 'house1_load_kw' for 'house-1'?")


@pytest.mark.parametrize("size", ["annual_kwh", "peak_kw"])
def test_an_agent_says_that_it_has_no_load_by_a_load_of_0(
    profiles: Make, agent: Make, write_csv: Make, size: str
) -> None:
    there = profiles([agent(load=LoadSpec(**{size: 0.0}))], write_csv({"other_load_kw": HOURS}))
    assert series(there, "load_kw").sum() == 0.0
    assert there.notes == ("Columns of series.csv that no agent uses: other_load_kw.",)


def test_columns_that_no_agent_uses_are_named_once(profiles: Make, agent: Make, write_csv: Make) -> None:
    columns = {"a0_load_kw": HOURS, "temperature": HOURS, "a0_pv_kw": HOURS, "a0_heat_kw": HOURS, "comment": ["x"] * 24}
    assert profiles([agent(load=AS_METERED)], write_csv(columns)).notes == (
        "Columns of series.csv that no agent uses: temperature, a0_pv_kw, a0_heat_kw, comment.",
        "Among them is the pv of 'a0', whose pv_kw is 0.",
        "Among them is the heat of 'a0', who has no heat_pump.",
    )


def test_an_agent_without_load_and_column_is_told(profiles: Make, agent: Make, write_csv: Make) -> None:
    (note,) = profiles([agent(load=AS_METERED, pv_kw=23.0)], write_csv({"a0_pv_kw": HOURS})).notes
    assert note.startswith("Without a load: 'a0'; series.csv has no column for it.")


def test_a_wrong_column_is_reported_once_with_those_who_ask_for_it(
    profiles: Make, agent: Make, write_csv: Make
) -> None:
    agents = [agent(f"a{number}", load=AS_METERED, group=number // 2) for number in range(4)]
    (problem,) = problems_of(profiles, agents, write_csv({"hous_kw": HOURS}), columns={"all": {"load": "house_kw"}})
    assert problem.message == "the file series.csv has no column for the load of 'a0', 'a1', 'a2', 'a3'"
    assert (problem.path, problem.file) == ("profiles.columns.all.load", "")
    assert "did you mean 'hous_kw'?" in problem.hint
    by_name = [agent(f"a{number}", load=LoadSpec(annual_kwh=1.0), group=1) for number in range(3)]
    (problem,) = problems_of(profiles, by_name, write_csv({"house_kw": HOURS}))
    assert (problem.path, problem.value) == ("agents[1]", "'a0_load_kw'")
    assert problem.message.endswith("for the load of 'a0', 'a1', 'a2'")


def test_values_are_stated_for_all_columns_or_for_some(profiles: Make, agent: Make, write_csv: Make) -> None:
    agents = [agent("a0", load=AS_METERED), agent("a1", load=AS_METERED)]
    path = write_csv({"one": [500.0] * 24, "two": [7.0] * 24})
    columns = {"a0": {"load": "one", "values": "wh"}, "a1": {"load": " two "}}
    load = series(profiles(agents, path, columns=columns, values="kw"), "load_kw")
    assert load[0].tolist() == [0.5, 7.0]


def test_values_that_differ_for_one_column_are_refused(profiles: Make, agent: Make, write_csv: Make) -> None:
    agents = [agent("a0", load=AS_METERED), agent("a1", load=AS_METERED)]
    columns = {"a0": {"load": "one", "values": "wh"}, "a1": {"load": "one", "values": "kw"}}
    (problem,) = problems_of(profiles, agents, write_csv({"one": [1.0] * 24}), columns=columns)
    assert problem.path == "profiles.columns.a1.values"
    assert "said to hold wh elsewhere" in problem.message


def test_a_meter_needs_a_row_beyond_the_run(profiles: Make, agent: Make, write_csv: Make) -> None:
    readings = [100.0 + 0.5 * row for row in range(25)]
    there = profiles([agent(load=AS_METERED)], write_csv({"a0_load_kwh": readings}), values="counter_kwh")
    assert series(there, "load_kw")[:, 0].tolist() == [0.5] * 24
    (problem,) = problems_of(
        profiles, [agent(load=AS_METERED)], write_csv({"a0_load_kwh": readings[:24]}), values="counter_kwh"
    )
    assert "the file from 2016-07-12 00:00:00 to 2016-07-12 23:00:00" in problem.message


def test_what_was_filled_is_told(profiles: Make, agent: Make, write_csv: Make) -> None:
    cells: list[object] = [1.0] * 23
    cells[5] = cells[6] = ""
    times = [f"2016-07-12T{hour:02}:00" for hour in range(24) if hour != 12]
    path = write_csv({"a0_load_kw": cells}, times=times)
    there = profiles([agent(load=AS_METERED)], path, gaps="interpolate")
    assert there.notes == (
        "1 of 24 steps have no row in series.csv and were filled (interpolate).",
        "2 missing values of series.csv (a0_load_kw) were filled (interpolate), the longest gap lasts 2:00:00.",
    )
    assert series(there, "load_kw").sum() == 24.0


def test_a_german_file_needs_three_options_and_says_so(profiles: Make, agent: Make, tmp_path: Path) -> None:
    rows = [f"12.07.2016 {hour:02}:00;{hour},5;1,5" for hour in range(24)]
    (tmp_path / "g.csv").write_text("Zeit;a0_load_kw;b_load_kw\n" + "\n".join(rows), encoding="utf-8")
    agents = [agent("a0", load=AS_METERED), agent("b", load=AS_METERED)]
    found = problems_of(profiles, agents, "g.csv", time="Zeit")
    assert [problem.line for problem in found] == [2, 2, 2]
    assert 'set profiles.date_format: "%d.%m.%Y %H:%M"' in found[0].hint
    assert all('set profiles.decimal: ","' in problem.hint for problem in found[1:])
    there = profiles(agents, "g.csv", time="Zeit", decimal=",", date_format="%d.%m.%Y %H:%M")
    assert series(there, "load_kw")[3].tolist() == [3.5, 1.5]


def test_a_fault_of_many_columns_is_one_problem(profiles: Make, agent: Make, write_csv: Make) -> None:
    agents = [agent(f"a{number}", load=AS_METERED) for number in range(30)]
    path = write_csv({f"a{number}_load_kw": ["x"] * 24 for number in range(30)})
    (problem,) = problems_of(profiles, agents, path)
    assert problem.message.endswith(
        "likewise in a10_load_kw, a11_load_kw, a12_load_kw, a13_load_kw, a14_load_kw and 24 more"
    )


def test_a_column_of_zeros_cannot_be_scaled(profiles: Make, agent: Make, write_csv: Make) -> None:
    agents = [agent(load=LoadSpec(shape="x_kw", annual_kwh=4000.0))]
    (problem,) = problems_of(profiles, agents, write_csv({"x_kw": [0.0] * 24}))
    assert (problem.message, problem.path) == (
        "the column 'x_kw' is 0 throughout and cannot be scaled to the load of 'a0'",
        "agents[0].load.shape",
    )


def test_times_that_end_their_steps_are_recognised(profiles: Make, agent: Make, write_csv: Make) -> None:
    path = write_csv({"a0_load_kw": HOURS}, start=datetime(2016, 7, 12, 1))
    (problem,) = problems_of(profiles, [agent(load=AS_METERED)], path)
    assert "the file from 2016-07-12 01:00:00" in problem.message


def test_a_file_that_changed_is_read_again(profiles: Make, agent: Make, write_csv: Make) -> None:
    """What was read last is remembered by its contents."""
    for value in (1.0, 2.0, 1.0):
        there = profiles([agent(load=AS_METERED)], write_csv({"a0_load_kw": [value] * 24}))
        assert series(there, "load_kw")[0, 0] == value


def test_what_is_remembered_is_read_again_for_other_columns(profiles: Make, agent: Make, write_csv: Make) -> None:
    path = write_csv({"a0_load_kw": [1.0] * 24, "b_load_kw": [2.0] * 24})
    assert series(profiles([agent("a0", load=AS_METERED)], path), "load_kw")[0].tolist() == [1.0]
    assert series(profiles([agent("b", load=AS_METERED)], path), "load_kw")[0].tolist() == [2.0]


@pytest.mark.parametrize("text", ["DD.MM.YYYY HH:mm", "%H:%M", "%Q", "", "%"])
def test_a_date_format_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="date_format"):
        FileParams(path="a.csv", date_format=text)


def test_a_file_without_a_header_is_recognised(profiles: Make, agent: Make, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("".join(f"2016-07-12T{hour:02}:00,{hour}.5\n" for hour in range(24)))
    (problem,) = problems_of(profiles, [agent(load=AS_METERED)], "h.csv")
    assert problem.message == "the file h.csv has no header"
    assert "it reads: '2016-07-12T00:00', '0.5'" in problem.hint


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.text(st.sampled_from('0123456789:-T.,;"eZ _x\r\n\t\0é'), max_size=16), max_size=4), max_size=6
    ),
    st.sampled_from(["time,a0_load_kw\n", "time;a0_load_kwh\r\n", "time\ta0_load_kw\r", "", '"time",a0_load_kw\n']),
    st.sampled_from([None, ",", ";", "tab"]),
    st.sampled_from([None, "%d.%m.%Y %H:%M", "excel", "unix_ms"]),
    st.sampled_from(["refuse", "interpolate", "previous"]),
)
def test_whatever_a_file_holds_is_read_or_refused(
    profiles: Make,
    agent: Make,
    tmp_path: Path,
    rows: list[list[str]],
    header: str,
    separator: str | None,
    date_format: str | None,
    gaps: str,
) -> None:
    (tmp_path / "f.csv").write_text(header + "\n".join(",".join(row) for row in rows), encoding="utf-8", newline="")
    with contextlib.suppress(ProfileError):
        profiles([agent(load=AS_METERED)], "f.csv", separator=separator, date_format=date_format, gaps=gaps)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 7)), min_size=1, max_size=4))
def test_damaged_parquet_is_read_or_refused(
    profiles: Make, agent: Make, tmp_path: Path, flips: list[tuple[int, int]]
) -> None:
    times = [datetime(2016, 7, 12, hour) for hour in range(24)]
    pq.write_table(pa.table({"time": times, "a0_load_kw": HOURS}), tmp_path / "d.parquet")
    data = bytearray((tmp_path / "d.parquet").read_bytes())
    for place, bit in flips:
        data[place % len(data)] ^= 1 << bit
    (tmp_path / "d.parquet").write_bytes(bytes(data))
    with contextlib.suppress(ProfileError):
        profiles([agent(load=AS_METERED)], "d.parquet")
