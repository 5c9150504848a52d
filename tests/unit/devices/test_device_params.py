import sys
from subprocess import run

import pytest
from pydantic import ValidationError

from marketsim.devices.params import BatteryParams, EvParams, GeneratorParams, HeatPumpParams


def test_bounds_of_the_state_of_charge_are_ordered():
    """A battery without room between its bounds is refused."""
    with pytest.raises(ValidationError, match=r"soc_min \(0.9\) must be below soc_max \(0.9\)"):
        BatteryParams(energy_kwh=1.0, power_kw=1.0, soc_min=0.9)


def test_the_battery_starts_within_its_bounds():
    with pytest.raises(
        ValidationError, match=r"soc_initial \(0.95\) must lie between soc_min \(0.1\) and soc_max \(0.9\)"
    ):
        BatteryParams(energy_kwh=1.0, power_kw=1.0, soc_initial=0.95)


def test_every_wrong_field_is_named_at_once():
    with pytest.raises(ValidationError) as caught:
        BatteryParams(energy_kwh=-1.0, power_kw=float("nan"), wear_cost=-0.1, colour="red")
    assert {error["loc"][0] for error in caught.value.errors()} == {"energy_kwh", "power_kw", "wear_cost", "colour"}


def test_a_vehicle_cannot_lack_more_than_its_battery_holds():
    with pytest.raises(ValidationError, match="exceeds the battery"):
        EvParams(energy_kwh=10.0, daily_kwh=11.0)


def test_a_vehicle_needs_time_to_charge():
    with pytest.raises(ValidationError, match="no time to charge"):
        EvParams(arrival_hour=7.0)


def test_minimum_power_stays_below_maximum_power():
    with pytest.raises(ValidationError, match=r"min_kw \(2.0\) exceeds max_kw \(1.0\)"):
        GeneratorParams(max_kw=1.0, min_kw=2.0)


@pytest.mark.parametrize("model", [BatteryParams, EvParams, GeneratorParams, HeatPumpParams])
def test_every_parameter_is_described_with_its_unit(model):
    """The schema describes each parameter, with the unit in brackets."""
    for name, field in model.model_json_schema()["properties"].items():
        assert "[" in field["description"], name


def test_parameters_load_no_heavy_library():
    """A scenario can be validated without numerical libraries."""
    code = (
        "import sys, marketsim.devices.params;"
        "sys.exit(bool({'numba', 'pandas', 'pandapower', 'scipy', 'mesa', 'pyarrow'} & set(sys.modules)))"
    )
    assert run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_round_trip_is_lost_in_equal_parts():
    """0.81 there and back is 0.9 each way, which is what is kept and written."""
    battery = BatteryParams(energy_kwh=1.0, power_kw=1.0, round_trip_efficiency=0.81)
    assert (battery.charge_efficiency, battery.discharge_efficiency) == pytest.approx((0.9, 0.9))
    assert "round_trip_efficiency" not in battery.model_dump(mode="json")
    assert BatteryParams(**battery.model_dump()) == battery


def test_depth_of_discharge_is_counted_from_the_highest_level():
    battery = BatteryParams(energy_kwh=1.0, power_kw=1.0, depth_of_discharge=0.8, soc_max=1.0)
    assert battery.soc_min == 0.2
    assert BatteryParams(energy_kwh=1.0, power_kw=1.0, depth_of_discharge=0.5).soc_min == 0.4


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"round_trip_efficiency": 0.8, "charge_efficiency": 0.9},
            "give round_trip_efficiency or charge_efficiency, not both",
        ),
        ({"depth_of_discharge": 0.8, "soc_min": 0.1}, "give depth_of_discharge or soc_min, not both"),
        ({"depth_of_discharge": 0.95}, r"depth_of_discharge \(0.95\) exceeds soc_max \(0.9\)"),
        ({"round_trip_efficiency": 1.2}, "less than or equal to 1"),
        ({"round_trip_efficiency": "much"}, "valid number"),
    ],
)
def test_a_battery_is_described_in_one_way(given, said):
    with pytest.raises(ValidationError, match=said):
        BatteryParams(energy_kwh=1.0, power_kw=1.0, **given)


def test_parameters_without_sessions_are_written_as_ever():
    """So scenarios of before keep their hashes."""
    assert set(EvParams().model_dump()) == {
        "energy_kwh", "power_kw", "arrival_hour", "departure_hour", "arrival_spread_h", "departure_spread_h", "daily_kwh",
        "efficiency",
    }  # fmt: skip
    assert EvParams(file="s.csv").model_dump()["file"] == "s.csv"


def test_a_vehicle_of_no_file_is_refused():
    with pytest.raises(ValidationError, match="but there is no file"):
        EvParams(vehicle="v1")
