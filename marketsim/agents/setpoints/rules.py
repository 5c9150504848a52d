"""Rules that choose set-points from the own state and today's prices: what every learner and expert is compared with.

- The battery takes own surplus, and serves own need where retail is as high as it gets within the day to come: what is spent at
  a lower price is missing at the higher one.
- The generator serves own need at the power at which another kWh of it costs what the utility asks, at most.
- All PV is used, no load is curtailed, and no reactive power is asked for: what inverters do by themselves says
  ``grid.reactive``.
"""

from __future__ import annotations

import numpy as np

from marketsim.agents.params import SetpointsParams
from marketsim.agents.setpoints.devices import Steerable
from marketsim.agents.setpoints.player import SetpointPlayer
from marketsim.agents.strategies.fleets import OwnedFleet, own_fleets, price_of
from marketsim.core.arrays import FloatArray
from marketsim.core.build import BuildContext
from marketsim.core.records import Observations
from marketsim.core.setpoints import Setpoints
from marketsim.core.units import WH_PER_KWH, to_price


class OwnUseRules:
    """Implements ``Chooser``."""

    sees: tuple[str, ...] = ("slots_per_day", "forecast")

    def __init__(self, params: SetpointsParams, context: BuildContext) -> None:
        self._serves = params.battery == "own_use"
        self._runs = params.generator == "own_use"
        self._fleets = {fleet.index: fleet for fleet in own_fleets(context)}

    def points(self, seen: Observations, devices: Steerable) -> Setpoints:
        """See ``Chooser``."""
        available = devices.available(seen)
        none = np.zeros(len(seen.load_wh))
        load_kw = seen.load_wh / (WH_PER_KWH * seen.time.hours) + available.curtailable_kw
        need_kw = load_kw - available.pv_kw
        generator_kw = self._generator_kw(seen, devices, need_kw)
        battery_kw = self._battery_kw(seen, need_kw - generator_kw) if self._serves else none
        return Setpoints(generator_kw, battery_kw, none, available.pv_kw, none)

    def _generator_kw(self, seen: Observations, devices: Steerable, need_kw: FloatArray) -> FloatArray:
        """What own need and retail ask for, within what minimum, rating and ramp allow."""
        wanted = np.zeros(len(need_kw))
        if self._runs and devices.generator is not None:
            worth_kw = _pays_up_to(self._fleets[devices.generator], to_price(seen.retail_ticks))
            wanted = np.minimum(need_kw, worth_kw)
        lo_wh, hi_wh = devices.reach(devices.generator, seen)
        to_kw = 1.0 / (WH_PER_KWH * seen.time.hours)
        return np.asarray(np.clip(wanted, lo_wh * to_kw, hi_wh * to_kw))

    def _battery_kw(self, seen: Observations, need_kw: FloatArray) -> FloatArray:
        """Own surplus in at any time, own need out where energy is dear."""
        retail, _ = seen.forecast.tariffs(seen.slots_per_day)
        dear = seen.retail_ticks >= retail.max(axis=0)
        return np.where((need_kw < 0.0) | dear, need_kw, 0.0)


def _pays_up_to(fleet: OwnedFleet, price: FloatArray) -> FloatArray:
    """Power at which a kWh more costs ``price``, from b + 2 a P = price [kW]."""
    linear, quadratic = price_of(fleet)
    rises = quadratic > 0.0
    return np.where(
        rises,
        np.maximum(price - linear, 0.0) / np.where(rises, 2.0 * quadratic, 1.0),
        np.where(price >= linear, np.inf, 0.0),
    )


def build(params: SetpointsParams, context: BuildContext) -> SetpointPlayer:
    """The strategy ``setpoints``: by rules."""
    return SetpointPlayer(OwnUseRules(params, context), context)
