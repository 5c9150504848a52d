"""Random homes with devices, as they plan a day together."""

from __future__ import annotations

import numpy as np

from marketsim.core.programme import PlannedSlots
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
from marketsim.optimise.members import PooledMembers, owned_blocks
from marketsim.testing.device_kit import context
from marketsim.testing.worlds import clock

FLEETS = (
    (battery.build, BatteryParams(energy_kwh=8, power_kw=4)),
    (ev.build, EvParams(power_kw=7)),
    (heat_pump.build, HeatPumpParams(power_kw=3, buffer_kwh=12)),
    (curtailable_load.build, CurtailableLoadParams(cost_per_kwh=0.35)),
    (generator.build, GeneratorParams(max_kw=2, ramp_kw_per_h=1, cost_per_kwh=0.25)),
    (shiftable_load.build, ShiftableLoadParams(share=0.2)),
)
APPLIANCES = ((appliance.build, ApplianceParams()),)
"""With a yes or no in each slot."""


def pool(n, seed, fleets=FLEETS, slots=24, peak_price=0.0, feed_in=0.08, late=False):
    """A random day of ``n`` homes, each with half of the devices; ``late``: vehicles leave too soon to be charged."""
    rng = np.random.default_rng(seed)
    hours, none = 24 / slots, np.zeros((slots, n))
    hour = np.arange(slots) * hours
    load = rng.gamma(2.0, 0.4, (slots, n)) + np.exp(-(((hour - 19) / 2) ** 2))[:, None]
    pv = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0)[:, None] * rng.uniform(0, 8, n)
    arrives = none.copy()
    arrives[round(18 / hours)] = 30.0 if late else rng.uniform(4, 12, n)
    leaves = 20 if late else 7
    series = {
        "load_kw": load,
        "heat_kw": rng.uniform(0.2, 2.5, (slots, n)),
        "ev_connected": ((hour - 18) % 24 < (leaves - 18) % 24).astype(float)[:, None] + none,
        "ev_slots_left": ((leaves - hour) % 24 / hours)[:, None] + none,
        "ev_arrival_kwh": arrives,
    }
    minutes = round(60 * hours)
    devices = [
        build([params if rng.random() < 0.5 else None for _ in range(n)], context(n, slots, minutes))
        for build, params in fleets
    ]
    firm = 1.0 - sum((own.info.load_share for own in devices if own.info.load_share is not None), np.zeros(n))
    blocks, owner = owned_blocks([_of_one(row, devices, series, clock(slots, minutes).at(0)) for row in range(n)])
    retail = np.where((hour >= 17) & (hour < 21), 0.40, 0.25)
    prices = retail, np.full(slots, feed_in)
    return PooledMembers(
        blocks, owner, (load * firm - pv) * hours, np.maximum(pv - load, 0.0) * hours, *prices, hours, peak_price
    )


def _of_one(row, devices, series, time):
    only = np.array([row])
    ahead = PlannedSlots(only, time, len(series["load_kw"]), lambda name: series[name][:, only])
    return [device.linear(device.initial()[:, only], ahead) for device in devices if device.info.owned[row]]
