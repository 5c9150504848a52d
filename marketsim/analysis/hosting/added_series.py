"""Series of what is added to a feeder: the scenario's, where its source has some for anybody, else those of its own plants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.wiring import build
from marketsim.core.arrays import FloatArray

_DEFAULT_SOURCE: Final[Mapping[str, object]] = {"profiles": {}}
"""Overrides by which agents have series whatever they are called: the default of a scenario that chooses none."""


def for_anybody(ready: ReadyScenario) -> Mapping[str, object]:
    """Overrides by which an agent that the scenario does not know has series."""
    return {} if _serves_anybody(ready) else _DEFAULT_SOURCE


def has_own_plants(ready: ReadyScenario) -> bool:
    """Whether the scenario's own plants say what another one would feed in: its series are those of its agents alone."""
    return not _serves_anybody(ready) and any(_own_plants(ready))


def own_pv_per_kw(ready: ReadyScenario, every: int = 1) -> FloatArray:
    """What a kW of the scenario's own plants feeds in in every so-many-th slot, by their ratings [kW/kW] [n_slots]."""
    world = build(ready.variant({"profiles.pv_scale": 1.0})).world
    own = _own_plants(ready)
    rated = sum(agent.pv_kw for agent, plant in zip(ready.agents, own, strict=True) if plant)
    slots = range(0, ready.model.clock.slots, every)
    return np.array([float(world.profiles.at(world.clock.at(slot))["pv_kw"][own].sum()) for slot in slots]) / rated


def note_of(ready: ReadyScenario, asset: str) -> str:
    """Where the series of what is added come from, for a report; empty where that goes without saying."""
    if _serves_anybody(ready):
        return ""
    if asset == "pv" and has_own_plants(ready):
        plants = [agent for agent, own in zip(ready.agents, _own_plants(ready), strict=True) if own]
        rated = sum(agent.pv_kw for agent in plants)
        whose = f"the plant of {plants[0].name}" if len(plants) == 1 else f"the {len(plants)} plants of the scenario"
        return f"series: a kW that is added feeds in what a kW of {whose} does ({rated:.4g} kW in all)."
    other = ready.variant(_DEFAULT_SOURCE).model.profiles.name
    own = ready.model.profiles.name
    return f"series: profiles.source {own} has none for {asset} that is added; {other} has been taken, so look at its weather."


def _own_plants(ready: ReadyScenario) -> list[bool]:
    """Agents with a plant whose generation is known [n_agents]; behind a net meter it is not."""
    params = ready.model.profiles.params
    return [agent.pv_kw > 0.0 and params.tells_pv_of(agent) for agent in ready.agents]


def _serves_anybody(ready: ReadyScenario) -> bool:
    return ready.model.profiles.params.serves_anybody()
