"""The reward of a game, as its scenario chooses it: where scores come from, and how they are credited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np

from marketsim.app.counterfactual import Counterfactual, Matcher, OnGrid, Sizes, WithoutWires
from marketsim.app.game_parts import Parts
from marketsim.app.ready import ReadyScenario
from marketsim.app.wiring import Built, copied_world
from marketsim.core.arrays import FloatArray
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.potential import availability
from marketsim.core.records import SlotRecord
from marketsim.core.world import World
from marketsim.fairness.shaping import Shaping, ShapingRule, influence

_CONSTANT_SCORE: Final = 0.5

Credit: TypeAlias = Callable[[World, SlotRecord, FloatArray], tuple[FloatArray, FloatArray | float]]
"""(world, record, scores [M, 3]) -> what each agent is credited with [M, A, 3], NaN where undefined, and its weight."""


def credit_of(ready: ReadyScenario, parts: Parts, critic: Any) -> Credit:
    """The credit rule of the scenario."""
    section = ready.model.learning.reward
    shape = (parts.built.context.community.n_markets, len(parts.learners), 3)
    everybody = np.zeros(shape)
    if section.scores == "constant":
        return lambda _, __, scores: (np.where(np.isfinite(scores), _CONSTANT_SCORE, np.nan)[:, None] + everybody, 1.0)
    rule = section.credit or ("difference" if _is_formula(ready) else "shared")
    if rule == "shared":
        return lambda _, __, scores: (scores[:, None] + everybody, 1.0)
    if rule == "influence":
        return lambda _, record, scores: (scores[:, None] + everybody, _influence(record, parts))
    counterfactual = _counterfactual(ready, parts, critic)

    def difference(world: World, record: SlotRecord, scores: FloatArray) -> tuple[FloatArray, float]:
        legs = parts.player.truthful
        flat = legs._replace(agent=parts.rows[legs.agent])
        relevant = np.asarray(np.isfinite(scores).any(axis=1))
        return counterfactual.differences(world, record, flat, relevant), 1.0

    return difference


def _is_formula(ready: ReadyScenario) -> bool:
    return "formula" in ready.registry.traits("critic", ready.model.critic.name)


def _counterfactual(ready: ReadyScenario, parts: Parts, critic: Any) -> Counterfactual:
    if not _is_formula(ready):
        hint = "use shared or influence, or critic: rule"
        message = f"the critic {ready.model.critic.name} is asked once a slot and cannot score what did not happen"
        raise ScenarioError([Problem(message, "learning.reward.credit", "difference", hint)])
    community = parts.built.context.community
    sizes = Sizes(community.n_markets, community.n_agents // community.n_markets, parts.learners)
    world = parts.built.world
    matcher: Matcher = WithoutWires(world.engine, sizes.markets * sizes.copies)
    if ready.model.learning.reward.counterfactual == "grid" and (world.node_of >= 0).any():
        seeds = np.repeat(np.array(world.streams.seeds), sizes.copies).tolist()
        matcher = OnGrid(copied_world(ready, parts.built, seeds), sizes.original)
    return Counterfactual(sizes, critic, matcher)


def _influence(record: SlotRecord, parts: Parts) -> FloatArray:
    community = parts.built.context.community
    available = availability(record.positions, record.inputs.tariffs, community)
    shape = (community.n_markets, -1)
    return influence(*(each.reshape(shape)[:, parts.learners] for each in available))


def shaping_of(ready: ReadyScenario, built: Built, parts: Parts, rounds: int) -> Shaping | None:
    """The shaping of a training of so many ``rounds``; None where there is none."""
    section = ready.model.learning.reward
    if section.scores == "none" or section.eta == 0.0:
        return None
    begins, ends = (share * rounds for share in section.ramp)
    rule = ShapingRule(
        weights=(section.weights.ftg, section.weights.fbs, section.weights.fpp),
        eta=section.eta,
        ramp=(begins, ends),
        cap=section.cap,
        placebo=section.scores == "placebo",
        centred=section.centred,
    )
    return Shaping(rule, len(parts.learners), built.context.clock.slots_per_day, built.context.streams)
