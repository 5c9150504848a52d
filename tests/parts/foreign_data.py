"""Small folders in the layouts of others, made up: what the importers are tested on where no real data are at hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

HOURS = 72
HOME_FROM, HOME_UNTIL = 9, 16
"""Hours between which the vehicle is at home, so that it is away whenever a day ends."""
CAPACITY_KWH, CAME, REQUIRED = 50.0, 0.4, 0.8
PLANT_KW = 6.0


def load_kwh(building: int, hour: int) -> float:
    """Load of a building in an hour."""
    return 0.3 * building + 0.05 * (hour % 24)


def sun_w_per_kw(hour: int) -> float:
    """Power of the inverter for each kW of the plant."""
    return max(0.0, 800.0 - 40.0 * (hour % 24 - 12) ** 2)


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def citylearn(folder: Path, *, hours: int = HOURS) -> Path:
    """Two buildings of three days, one with PV, battery and charger; a third that is not included."""
    folder.mkdir()
    for building in (1, 2):
        rows = [
            {
                "month": 7,
                "hour": hour % 24,
                "day_type": 1 + (hour // 24) % 7,
                "non_shiftable_load": repr(load_kwh(building, hour)),
                "dhw_demand": 0.0,
                "cooling_demand": 1.5,
                "heating_demand": "",
                "solar_generation": repr(sun_w_per_kw(hour)),
            }
            for hour in range(hours)
        ]
        _write(folder / f"Building_{building}.csv", rows)
    _write(folder / "pricing.csv", [{"electricity_pricing": 0.2 + 0.001 * (hour % 24)} for hour in range(hours)])
    _write(folder / "charger_1_1.csv", [_charger(hour) for hour in range(hours + 5)])
    (folder / "schema.json").write_text(json.dumps(_schema(hours)), encoding="utf-8")
    return folder


def _charger(hour: int) -> dict[str, object]:
    prefix, of_day = "electric_vehicle_", hour % 24
    here, incoming = HOME_FROM <= of_day < HOME_UNTIL, of_day == HOME_FROM - 1
    return {
        f"{prefix}charger_state": 1 if here else 2 if incoming else 3,
        f"{prefix}id": "EV_1" if here or incoming else "",
        f"{prefix}departure_time": float(HOME_UNTIL - 1 - of_day) if here else "",
        f"{prefix}required_soc_departure": 100 * REQUIRED if here else "",
        f"{prefix}estimated_arrival_time": 0.0 if incoming else "",
        f"{prefix}estimated_soc_arrival": 100 * CAME if incoming else "",
    }


def _schema(hours: int) -> dict[str, object]:
    battery = {"capacity": 10.0, "nominal_power": 4.0, "efficiency": 0.81, "depth_of_discharge": 0.8}
    common = {"include": True, "weather": "weather.csv", "pricing": "pricing.csv"}
    charger = {"nominal_power": 11, "efficiency": 0.9, "max_charging_power": 11}
    return {
        "seconds_per_time_step": 3600,
        "simulation_start_time_step": 0,
        "simulation_end_time_step": hours - 1,
        "start_date": "2024-07-01",
        "electric_vehicles_def": {"EV_1": {"battery": {"attributes": {"capacity": CAPACITY_KWH}}}},
        "buildings": {
            "Building_1": {
                **common,
                "energy_simulation": "Building_1.csv",
                "pv": {"attributes": {"nominal_power": PLANT_KW}},
                "electrical_storage": {"attributes": battery},
                "chargers": {"charger_1_1": {"charger_simulation": "charger_1_1.csv", "attributes": charger}},
            },
            "Building_2": {**common, "energy_simulation": "Building_2.csv", "cooling_device": {"type": "HeatPump"}},
            "Building_3": {**common, "include": False, "energy_simulation": "nowhere.csv"},
        },
    }


QUARTERS = 3 * 96
HAMLET_STARTS = 1_616_540_400
"""2021-03-24T00:00+01:00."""


def hamlet(folder: Path) -> Path:
    """Two agents of three days in quarter hours: a house with PV, battery and vehicle, and a shop with a heat pump."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import feather

    times = pa.array(HAMLET_STARTS + 900 * np.arange(QUARTERS))
    hour = (np.arange(QUARTERS) // 4) % 24
    away = (hour >= 8) & (hour < 17)
    house = {
        "l1_power": pa.array(200 + 10 * hour),
        "p1_power": pa.array(np.maximum(0, 3000 - 100 * (hour - 12) ** 2)),
        "e1_availability": pa.array((~away).astype(np.int64)),
        "e1_energy_consumed": pa.array(np.where(away & (hour == 8), 1500, 0)),
    }
    plants = {
        "l1": {"type": "inflexible-load", "sizing": {"demand": 3_000_000}},
        "p1": {"type": "pv", "sizing": {"power": 3000}},
        "b1": {"type": "battery", "sizing": {"power": 3000, "capacity": 6000, "efficiency": 0.95, "soc": 0.5}},
        "e1": {
            "type": "ev",
            "sizing": {"capacity": 40_000, "charging_home": 7200, "charging_efficiency": 0.9, "soc": 0.9},
        },
    }
    shop = {"l2_power": pa.array(np.full(QUARTERS, 500)), "h2_power": pa.array(np.full(QUARTERS, 100))}
    others = {"l2": {"type": "inflexible-load"}, "h2": {"type": "hp"}}
    for path, table, own in (("sfh/anna", house, plants), ("ctsp/shop", shop, others)):
        place = folder / "agents" / path
        place.mkdir(parents=True)
        feather.write_feather(pa.table({"timestamp": times, **table}), place / "timeseries.ft")
        (place / "plants.json").write_text(json.dumps(own), encoding="utf-8")
    return folder
