from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from marketsim.core.build import BuildContext, LoadSpec
from marketsim.core.errors import ProfileError
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.file import build
from marketsim.profiles.params import FileParams

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
        "agents[1].load.shape: the file has no column for the load of 'a1' (got 'haus_kw')",
        "did you mean 'house_kw'?",
        "no column for the pv of 'a0' (got 'a0_pv_kw')",
        "roof: the name of the column does not end in _kw or _kwh",
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
