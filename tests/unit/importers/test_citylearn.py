"""A folder in CityLearn's layout becomes a scenario that runs at once, and no energy is lost on the way."""

from __future__ import annotations

import json
import shutil

import pytest

import marketsim as ms
from marketsim.core.errors import ImportedDataError, InputError


def edit(path, change):
    """Change a JSON file in place."""
    value = json.loads(path.read_text("utf-8"))
    change(value)
    path.write_text(json.dumps(value), encoding="utf-8")


@pytest.fixture
def made(citylearn_folder, importing):
    return importing("citylearn", citylearn_folder, feeder="pandapower:create_kerber_landnetz_kabel_1", days=3)


def test_it_runs_at_once_with_the_energies_of_the_files(made, foreign):
    """Load and PV of each building and what the vehicle got, in the run's table, to 0.01 %."""
    run = ms.simulate(made.scenario)
    assert run.status == "complete"
    kwh = (
        run.frame("agents", raw=True)
        .groupby("name", observed=True)[["load_wh", "pv_available_wh", "ev_wh", "ev_unserved_wh"]]
        .sum()
        / 1000
    )
    hours = range(foreign.HOURS)
    for building in (1, 2):
        assert kwh.load_wh[f"Building_{building}"] == pytest.approx(
            sum(foreign.load_kwh(building, hour) for hour in hours), rel=1e-4
        )
    generated = sum(foreign.sun_w_per_kw(hour) for hour in hours) * foreign.PLANT_KW / 1000
    assert kwh.pv_available_wh["Building_1"] == pytest.approx(generated, rel=1e-4)
    lacking = 3 * (foreign.REQUIRED - foreign.CAME) * foreign.CAPACITY_KWH
    charged = 0.9 * (kwh.ev_unserved_wh - kwh.ev_wh)["Building_1"]
    assert charged == pytest.approx(lacking, rel=1e-4)
    assert run.summary["ev_unserved_kwh"] == 0


def test_the_report_reaches_the_manifest_and_says_what_was_left_out(made):
    """Cooling demand first, with its energy; the same report stands beside the scenario."""
    run = ms.simulate(ms.load_scenario(made.scenario, {"clock.slots": 2}))
    origin = run.manifest["origin"]
    assert origin == json.loads((made.folder / "import.json").read_text("utf-8"))
    assert origin["left_out"][0].startswith("cooling_demand: 216.0 kWh")
    assert any(note.startswith("The import (citylearn) left out: cooling_demand") for note in run.manifest["notes"])
    assert {each["what"]: each["source_sum"] for each in origin["sums"]} == pytest.approx(
        {each["what"]: each["written_sum"] for each in origin["sums"]}, rel=1e-9
    )
    assert set(origin["files"]) == {
        "schema.json", "Building_1.csv", "Building_2.csv", "pricing.csv", "charger_1_1.csv",
    }  # fmt: skip


def test_what_the_schema_says_is_what_the_scenario_has(made):
    """Round trip as square roots, depth of discharge as the lowest level, the vehicle's charger, prices, the date."""
    ready = ms.load_scenario(made.scenario)
    first, second = ready.agents
    battery, vehicle = first.devices["battery"], first.devices["ev"]
    assert (battery.charge_efficiency, battery.discharge_efficiency) == pytest.approx((0.9, 0.9))
    assert (battery.soc_min, battery.soc_max, battery.soc_initial) == (0.2, 1.0, 0.2)
    assert (vehicle.energy_kwh, vehicle.power_kw, vehicle.efficiency) == (50.0, 11.0, 0.9)
    assert (vehicle.arrival_hour, vehicle.departure_hour, vehicle.daily_kwh) == (9.0, 16.0, 20.0)
    assert (first.kind, first.pv_kw, second.kind, second.pv_kw) == ("prosumer", 6.0, "consumer", 0.0)
    assert {first.bus, second.bus} <= set(map(str, ready.feeder.nodes))
    assert ready.model.clock.start.isoformat() == "2024-07-01"
    prices = (made.folder / "prices.csv").read_text("utf-8").splitlines()
    assert prices[:2] == ["time,retail,feed_in", "2024-07-01T00:00,0.2,0.06"]


def test_without_a_date_the_year_is_that_of_the_weekday(citylearn_folder, importing):
    """The first row says July and Monday: 1 July 2019 is the first such day from 2016 on."""
    edit(citylearn_folder / "schema.json", lambda schema: schema.pop("start_date"))
    made = importing("citylearn", citylearn_folder)
    assert ms.load_scenario(made.scenario).model.clock.start.isoformat() == "2019-07-01"
    assert any("(Monday) (start)" in each for each in made.report.assumed)


def test_without_a_feeder_there_is_no_grid(citylearn_folder, importing):
    """And the report says so."""
    made = importing("citylearn", citylearn_folder, buildings=["Building_2"])
    ready = ms.load_scenario(made.scenario)
    assert ready.model.grid.feeder is None
    assert [agent.name for agent in ready.agents] == ["Building_2"]
    assert "The data know no feeder, and none was chosen (feeder): no grid limits trade" in made.report.assumed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "schema.json").write_text("{"), r"schema\.json.*no JSON"),
        (lambda folder: (folder / "Building_1.csv").unlink(), r"Building_1\.csv: there is no such file"),
        (
            lambda folder: (folder / "pricing.csv").write_text("electricity_pricing\nx\n" + "0.2\n" * 71),
            r"pricing\.csv:2: electricity_pricing: not a number \(got 'x'\)",
        ),
        (
            lambda folder: edit(
                folder / "schema.json",
                lambda schema: schema["buildings"]["Building_2"].update(energy_simulation="../x.csv"),
            ),
            r"x\.csv: a file of the source lies outside",
        ),
        (
            lambda folder: edit(folder / "schema.json", lambda schema: schema.update(seconds_per_time_step=7)),
            r"seconds_per_time_step: a step has to be a number of minutes.*7 s",
        ),
    ],
    ids=["no JSON", "no file", "no number", "outside", "odd step"],
)
def test_what_cannot_be_used_is_told_and_nothing_is_left(citylearn_folder, importing, tmp_path, change, said):
    """With file, line and value; there is no folder, and none half written."""
    change(citylearn_folder)
    with pytest.raises(InputError, match=said):
        importing("citylearn", citylearn_folder)
    assert {path.name for path in tmp_path.iterdir()} == {"city"}


def test_a_folder_that_is_no_data_set_is_told(importing, tmp_path):
    (tmp_path / "other").mkdir()
    with pytest.raises(ImportedDataError, match=r"no schema\.json in the folder\n.*a CityLearn data set is a folder"):
        importing("citylearn", tmp_path / "other")


def test_a_building_that_there_is_not_is_told(citylearn_folder, importing):
    with pytest.raises(ImportedDataError, match=r"no building of this name \(got 'Building_9'\)"):
        importing("citylearn", citylearn_folder, buildings=["Building_9"])


@pytest.mark.parametrize("seconds", [900, 1800, 7200])
def test_hours_that_go_on_otherwise_than_the_schema_says_are_refused(citylearn_folder, importing, seconds):
    """At 900 s a plant would yield a quarter of what it does."""
    edit(citylearn_folder / "schema.json", lambda schema: schema.update(seconds_per_time_step=seconds))
    with pytest.raises(
        ImportedDataError, match=r"Building_1\.csv:\d+: hour: the hours do not go on in steps of .*\n.*3600"
    ):
        importing("citylearn", citylearn_folder)


def test_rows_of_quarter_hours_are_taken_where_the_schema_says_so(citylearn_folder, importing):
    """Each hour stands in four rows, so that a plant yields a quarter of its power in each."""
    edit(citylearn_folder / "schema.json", lambda schema: schema.update(seconds_per_time_step=900))
    for building in (1, 2):
        path = citylearn_folder / f"Building_{building}.csv"
        header, *rows = path.read_text().splitlines()
        quarters = [row.split(",") for row in rows for _ in range(4)][: 72 * 4]
        path.write_text("\n".join([header, *(",".join(cells) for cells in quarters)]) + "\n")
    prices = citylearn_folder / "pricing.csv"
    header, *rows = prices.read_text().splitlines()
    prices.write_text("\n".join([header, *(row for row in rows for _ in range(4))]) + "\n")
    edit(citylearn_folder / "schema.json", lambda schema: schema.update(simulation_end_time_step=287))
    edit(citylearn_folder / "schema.json", lambda schema: schema["buildings"]["Building_1"].pop("chargers"))
    made = importing("citylearn", citylearn_folder, days=3)
    clock = ms.load_scenario(made.scenario).model.clock
    assert (clock.slot_minutes, clock.slots) == (15, 288)


def test_a_plant_without_a_power_and_one_that_is_sized_are_told(citylearn_folder, importing):
    edit(citylearn_folder / "schema.json", lambda schema: schema["buildings"]["Building_1"]["pv"].update(autosize=True))
    sized = importing("citylearn", citylearn_folder, days=3)
    assert any("(autosize), has the nominal power of the schema: 6 kW" in each for each in sized.report.assumed)
    edit(
        citylearn_folder / "schema.json",
        lambda schema: schema["buildings"]["Building_1"]["pv"]["attributes"].pop("nominal_power"),
    )
    shutil.rmtree(sized.folder)
    left = importing("citylearn", citylearn_folder, days=3).report.left_out
    assert (
        "the plant of Building_1: the schema gives it no nominal_power, and CityLearn sizes it itself (autosize)"
        in left
    )
