"""Plays the plans of the scenario's expert: as set-points, through market, gate and settlement."""

from __future__ import annotations

import numpy as np

from marketsim.agents.params import ExpertStrategyParams
from marketsim.agents.setpoints.devices import Steerable
from marketsim.agents.setpoints.player import SetpointPlayer
from marketsim.core.arrays import FloatArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.expert import Follower
from marketsim.core.records import Observations
from marketsim.core.setpoints import Setpoints
from marketsim.core.units import WH_PER_KWH


class ChosenByExpert:
    """Implements ``Chooser``: what who follows the expert says."""

    sees: tuple[str, ...] = ()

    def __init__(self, follower: Follower) -> None:
        self._follower = follower

    def points(self, seen: Observations, devices: Steerable) -> Setpoints:
        """See ``Chooser``."""
        available = devices.available(seen)
        load_kw = seen.load_wh / (WH_PER_KWH * seen.time.hours) + available.curtailable_kw
        return self._follower.setpoints(seen.time, _level(seen, devices), load_kw, available.pv_kw)


def _level(seen: Observations, devices: Steerable) -> FloatArray:
    if devices.battery is None:
        return np.full(len(seen.load_wh), np.nan)
    return seen.ranges[devices.battery].level


def build(params: ExpertStrategyParams, context: BuildContext) -> SetpointPlayer:  # noqa: ARG001 - of all strategies
    """The strategy ``expert``; ScenarioError where trade and delivery are apart, for a plan is followed with what is metered.

    ValueError without the rows of its agents, or before there are series.
    """
    if context.closure_slots:
        message = "an expert's plan is followed with what is metered, and this market closes earlier"
        problem = Problem(message, "market.gate_closure_slots", str(context.closure_slots), "set it to 0")
        raise ScenarioError([problem])
    if context.rows is None or context.follower is None:
        raise ValueError("a strategy that follows an expert is built with the rows of its agents, and a follower")
    return SetpointPlayer(ChosenByExpert(context.follower(context.rows)), context)
