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
