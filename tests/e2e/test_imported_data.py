"""Real data sets, where they are at hand: imported, run on a low-voltage net, and no energy lost on the way.

What is compared is read here once more from the files themselves, by the standard library.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import marketsim as ms
from marketsim.app.importing import import_scenario

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
EVS, HEAT = DATA / "citylearn_2022_plus_evs", DATA / "citylearn_2023_phase_1"
NET = "pandapower:create_kerber_landnetz_kabel_1"
FIVE = ["Building_1", "Building_2", "Building_4", "Building_5", "Building_10"]
HOURS = 7 * 24
A_DAY_KWH = 1e-3
"""What metering in whole Wh may round away a day."""

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not EVS.is_dir(), reason="the data sets are not at hand (shared/data)"),
]


def rows_of(folder: Path, file: str, hours: int = HOURS) -> list[dict[str, str]]:
    with (folder / file).open(newline="", encoding="utf-8") as table:
        return [row for row, _ in zip(csv.DictReader(table), range(hours), strict=False)]


def schema_of(folder: Path) -> Any:
    return json.loads((folder / "schema.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> ms.Run:
    """Five buildings, three with a charger, for a week on a low-voltage net."""
    folder = tmp_path_factory.mktemp("city") / "out"
    done = import_scenario("citylearn", str(EVS), folder, {"feeder": NET, "buildings": FIVE})
    assert all(abs(each.written_sum - each.source_sum) <= 1e-4 * each.source_sum for each in done.report.sums)
    return ms.simulate(done.scenario)


def test_energies_of_a_week_are_those_of_the_files(week: ms.Run) -> None:
    """Load and PV of each building to 0.01 %, or what is rounded away a day."""
    kwh = week.frame("agents", raw=True).groupby("name", observed=True)[["load_wh", "pv_available_wh"]].sum() / 1000
    schema = schema_of(EVS)
    assert (week.status, week.summary["slots"], week.summary["validated_slots"]) == ("complete", HOURS, HOURS)
    for name in FIVE:
        rows, plant = rows_of(EVS, f"{name}.csv"), schema["buildings"][name]["pv"]["attributes"]["nominal_power"]
        load = sum(float(row["non_shiftable_load"]) for row in rows)
        sun = sum(float(row["solar_generation"]) for row in rows) * plant / 1000
        assert kwh.load_wh[name] == pytest.approx(load, rel=1e-4, abs=7 * A_DAY_KWH)
        assert kwh.pv_available_wh[name] == pytest.approx(sun, rel=1e-4, abs=7 * A_DAY_KWH)


def stays_of(file: str) -> Iterator[tuple[int, int, float]]:
    """First hour at home, the hour behind the last, and what lacks [share of the battery]."""
    rows = rows_of(EVS, file, HOURS + 48)
    first = None
    for hour, row in enumerate(rows):
        here = row["electric_vehicle_charger_state"] == "1"
        if here and first is None:
            first = hour
        if not here and first is not None:
            if first == 0:
                yield first, hour, -1.0
            else:
                came = rows[first - 1]["electric_vehicle_estimated_soc_arrival"]
                leaves = rows[hour - 1]["electric_vehicle_required_soc_departure"]
                yield first, hour, max(float(leaves) - float(came), 0.0) / 100 if came else 0.0
            first = None


def test_vehicles_get_what_their_sessions_lack(week: ms.Run) -> None:
    """What was charged and what was missed, at 95 %, lies between the sessions that ended in the week and those that began."""
    schema, found = (
        schema_of(EVS),
        week.frame("agents", raw=True).groupby("name", observed=True)[["ev_wh", "ev_unserved_wh"]].sum(),
    )
    for name in ("Building_1", "Building_4", "Building_10"):
        number = name.removeprefix("Building_")
        vehicle = {"1": "Electric_Vehicle_7", "4": "Electric_Vehicle_8", "10": "Electric_Vehicle_3"}[number]
        battery = schema["electric_vehicles_def"][vehicle]["battery"]["attributes"]
        stays = list(stays_of(f"charger_{number}_1.csv"))
        initial = battery.get("initial_soc", 1 - battery["depth_of_discharge"])
        required = float(rows_of(EVS, f"charger_{number}_1.csv")[0]["electric_vehicle_required_soc_departure"]) / 100
        lacking = [
            (first, end, battery["capacity"] * (max(required - initial, 0.0) if share < 0 else share))
            for first, end, share in stays
        ]
        began, ended = (sum(kwh for *times, kwh in lacking if times[side] < HOURS + side) for side in (0, 1))
        got = 0.95 * float(found.ev_unserved_wh[name] - found.ev_wh[name]) / 1000
        assert ended * (1 - 1e-4) <= got <= began * (1 + 1e-4), name
        assert began > 10.0


def test_cooling_is_left_out_loudly(tmp_path: Path) -> None:
    """The heat and cold of three buildings with heat pumps, by its sum; hours from 1 to 24; a year told by a weekday."""
    done = import_scenario("citylearn", str(HEAT), tmp_path / "out")
    buildings = [rows_of(HEAT, f"Building_{number}.csv", 720) for number in (1, 2, 3)]
    cooling = sum(float(row["cooling_demand"]) for rows in buildings for row in rows)
    assert done.report.left_out[0].startswith(f"cooling_demand: {cooling:.1f} kWh of heat or cold")
    ready = ms.load_scenario(done.scenario)
    assert (ready.model.clock.start.isoformat(), ready.model.clock.slots) == ("2018-06-01", HOURS)
    battery = ready.agents[0].devices["battery"]
    assert battery.charge_efficiency == pytest.approx(0.95**0.5)
    assert battery.soc_min == pytest.approx(0.2)
