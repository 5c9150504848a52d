"""Technologies whose hosting capacity is asked for, and what a kilowatt of one does to a feeder in each slot."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.hosting.added_series import for_anybody, has_own_plants, own_pv_per_kw
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.wiring import build
from marketsim.core.arrays import FloatArray
from marketsim.core.simulation import Simulation
from marketsim.core.units import WH_PER_KWH

LOW_VOLTAGE_KV: Final = 1.0
PACKAGE: Final = 20
"""Units of household size in one unit on a medium-voltage feeder, whose buses are whole neighbourhoods."""


class Asset(NamedTuple):
    """A technology; its numbers are defaults of ours, stated in every report."""

    name: str
    noun: str
    unit_kw: float
    """Rating of one unit on a low-voltage bus [kW]."""
    sample: int
    """Units whose mean is what one does: their times of use differ."""
    text: str


ASSETS: Final = MappingProxyType(
    {
        each.name: each
        for each in (
            Asset("pv", "PV", 5.0, 1, "PV at power factor 1, no curtailment of its own"),
            Asset("ev", "vehicles", 11.0, 40, "vehicles that charge on arrival at full power, mean of 40"),
            Asset("heat_pump", "heat pumps", 3.0, 20, "heat pumps with their buffer, mean of 20"),
            Asset("battery", "batteries", 5.0, 0, "batteries that feed in, or charge, at full power in any slot"),
        )
    }
)


def unit_kw(asset: Asset, ready: ReadyScenario, asked: float | None) -> float:
    """Rating of a unit [kW]: as asked for, else the default, times ``PACKAGE`` on medium voltage."""
    if asked is not None:
        return asked
    feeder = ready.feeder
    low = feeder is not None and float(np.min(feeder.network.base_kv)) < LOW_VOLTAGE_KV
    return asset.unit_kw * (1.0 if low else PACKAGE)


def per_kw(asset: Asset, ready: ReadyScenario) -> FloatArray:
    """Net injection of one installed kW in every slot of the scenario's clock [kW/kW] [n_signs, n_slots].

    Units run in a world of their own, without a grid and with the scenario's series: PV feeds in all it has, vehicles and
    heat pumps take what they need. A battery has two rows: all in, and all out. Where series are those of the scenario's own
    agents, PV is what their plants do, and what else there is comes from the default source.
    """
    slots = ready.model.clock.slots
    if not asset.sample:
        return np.stack((np.ones(slots), -np.ones(slots)))
    if asset.name == "pv" and has_own_plants(ready):
        return own_pv_per_kw(ready)[None, :]
    alone = ready.variant({**for_anybody(ready), **_alone(asset)})
    built = build(alone)
    world = built.world
    installed = sum(agent.pv_kw for agent in alone.agents)
    installed = installed or sum(float(fleet.rated_in_kw.sum()) for fleet in built.context.fleets)
    hours = world.clock.slot_hours
    nets = [int(record.energy.net_wh.sum()) for record in Simulation(world).run()]
    return np.array(nets)[None, :] / (WH_PER_KWH * hours * installed)


def _alone(asset: Asset) -> dict[str, object]:
    """Overrides that leave nothing of a scenario but its clock and series, and units of the asset."""
    common: dict[str, object] = {"kind": "prosumer", "count": asset.sample, "strategy": "utility_only"}
    devices: dict[str, dict[str, object]] = {
        "pv": {"pv_kw": 1_000.0},
        "ev": {"ev": {"power_kw": asset.unit_kw}},
        "heat_pump": {"heat_pump": {"power_kw": asset.unit_kw}},
    }
    return {
        "grid": {"feeder": None, "gate": "none"},
        "agents": [{**common, **devices[asset.name]}],
        "market.engine": "double_auction",
        "market.charges": "none",
        "market.gate_closure_slots": 0,
        "profiles.pv_scale": 1.0,
    }
