"""The rules that choose set-points, in random slots: each of them does what it says, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from marketsim.agents.params import SetpointsParams
from marketsim.agents.setpoints.player import SetpointPlayer
from marketsim.agents.setpoints.rules import build
from marketsim.core.records import UNDECLARED, Decisions, Observations
from marketsim.core.units import WH_PER_KWH
from marketsim.devices.params import BatteryParams, CurtailableLoadParams, GeneratorParams
from marketsim.testing.strategy_kit import random_observations, strategy_context

DEVICES = (
    {
        "battery": BatteryParams(energy_kwh=10, power_kw=5),
        "generator": GeneratorParams(max_kw=4, cost_per_kwh=0.17, quadratic_cost=0.02),
        "curtailable_load": CurtailableLoadParams(share=0.2),
    },
    {"battery": BatteryParams(energy_kwh=4, power_kw=2)},
    {"generator": GeneratorParams(max_kw=4, cost_per_kwh=0.5)},
    {},
)
CONTEXT = strategy_context(DEVICES, (1,))


def decided(**params: str) -> Iterator[tuple[SetpointPlayer, Observations, Decisions]]:
    player = build(SetpointsParams.model_validate(params), CONTEXT)
    for seed in range(30):
        seen = random_observations(CONTEXT, np.random.default_rng(seed))
        yield player, seen, player.decide(seen)


def test_all_pv_is_used_and_all_load_served() -> None:
    """Nothing is withheld, nothing curtailed, and no reactive power asked for."""
    for player, seen, found in decided():
        assert found.pv_wh is not None
        assert (found.pv_wh == seen.pv_wh).all()
        assert found.kvar is not None
        assert not found.kvar.any()
        fleet = player.devices.curtailable
        assert fleet is not None
        assert (found.dispatch_wh[fleet] == seen.ranges[fleet].lo_wh).all()


def test_a_battery_takes_own_surplus_and_serves_own_need() -> None:
    """It never draws from the grid and never feeds into it; at one price all day it serves whatever it can."""
    moved = set()
    for player, seen, found in decided(generator="rest"):
        fleet = player.devices.battery
        assert fleet is not None
        others_wh = np.delete(found.dispatch_wh, fleet, axis=0).sum(axis=0)
        need_wh = seen.load_wh - others_wh - seen.pv_wh
        wanted = np.clip(need_wh, seen.ranges[fleet].lo_wh, seen.ranges[fleet].hi_wh)
        assert (found.dispatch_wh[fleet] == wanted).all()
        assert not (found.orders.component == fleet).any()
        moved |= set(np.sign(found.dispatch_wh[fleet]).tolist())
    assert moved == {-1, 0, 1}


def test_a_generator_serves_own_need_as_far_as_it_pays() -> None:
    """At 0.30 a kWh one of 0.17 + 0.04 P pays up to 3.25 kW, one of 0.50 never."""
    most = 0
    for player, seen, found in decided(battery="rest"):
        fleet = player.devices.generator
        assert fleet is not None
        ran_wh = found.dispatch_wh[fleet] - np.maximum(seen.ranges[fleet].firm_wh, 0)
        dearest = (seen.retail_ticks.max() / 1e6 - 0.17) / 0.04
        assert ran_wh[0] <= max(dearest * seen.time.hours * WH_PER_KWH, 0) + 1
        assert ran_wh[2] == 0
        most = max(most, int(ran_wh[0]))
    assert most > 0


@pytest.mark.parametrize("rest", ["battery", "generator"])
def test_what_rests_rests(rest: str) -> None:
    """A device at rest does what it has to, and is not offered."""
    for player, seen, found in decided(**{rest: "rest"}):
        fleet = getattr(player.devices, rest)
        assert (found.dispatch_wh[fleet] == np.clip(0, seen.ranges[fleet].lo_wh, seen.ranges[fleet].hi_wh)).all()
        assert (found.marginal_ticks[fleet] == UNDECLARED).all()
