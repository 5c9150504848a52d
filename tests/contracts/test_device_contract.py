"""Every built-in device keeps the contract that plugins are held to."""

from marketsim.devices import appliance, battery, curtailable_load, ev, generator, heat_pump, shiftable_load
from marketsim.devices.params import (
    ApplianceParams,
    BatteryParams,
    CurtailableLoadParams,
    EvParams,
    GeneratorParams,
    HeatPumpParams,
    ShiftableLoadParams,
)
from marketsim.testing.device_kit import DeviceContract


class TestBattery(DeviceContract):
    build = staticmethod(battery.build)
    examples = (
        BatteryParams(energy_kwh=400.0, power_kw=100.0),
        BatteryParams(energy_kwh=0.01, power_kw=5.0, charge_efficiency=0.7, discharge_efficiency=0.333),
        BatteryParams(energy_kwh=10.0, power_kw=3.3, soc_min=0.0, soc_max=1.0, soc_initial=1.0),
    )


class TestEv(DeviceContract):
    build = staticmethod(ev.build)
    examples = (EvParams(), EvParams(power_kw=3.7, energy_kwh=80.0, efficiency=0.85), EvParams(power_kw=0.001))


class TestHeatPump(DeviceContract):
    build = staticmethod(heat_pump.build)
    examples = (
        HeatPumpParams(power_kw=4.0),
        HeatPumpParams(power_kw=2.0, cop=2.7, buffer_kwh=0.0, loss_per_h=0.3),
        HeatPumpParams(power_kw=0.001, cop=4.1),
    )


class TestCurtailableLoad(DeviceContract):
    build = staticmethod(curtailable_load.build)
    examples = (CurtailableLoadParams(), CurtailableLoadParams(share=1.0), CurtailableLoadParams(share=0.0))


class TestGenerator(DeviceContract):
    build = staticmethod(generator.build)
    examples = (
        GeneratorParams(max_kw=37.5, ramp_kw_per_h=15.0),
        GeneratorParams(max_kw=5.0, min_kw=2.0, ramp_kw_per_h=0.001),
        GeneratorParams(max_kw=5.0, min_kw=4.9999),
    )


class TestShiftableLoad(DeviceContract):
    build = staticmethod(shiftable_load.build)
    examples = (ShiftableLoadParams(), ShiftableLoadParams(share=1.0, delay_h=0.1), ShiftableLoadParams(share=0.0))


class TestAppliance(DeviceContract):
    build = staticmethod(appliance.build)
    examples = (
        ApplianceParams(),
        ApplianceParams(power_kw=0.0011, cycle_h=1.1, earliest_hour=0.1, usual_hour=0.1, latest_hour=24.0),
        ApplianceParams(power_kw=3.0, cycle_h=12.0, earliest_hour=10.0, usual_hour=12.0, latest_hour=24.0),
    )


class TestHourlyAppliance(TestAppliance):
    slot_minutes = 60


class TestHourlyBattery(TestBattery):
    slot_minutes = 60


class TestHourlyEv(TestEv):
    slot_minutes = 60


class TestFiveMinuteHeatPump(TestHeatPump):
    slot_minutes = 5
