"""What each agent is credited with of a slot's fairness scores, as the scenario chooses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.potential import availability
from marketsim.core.records import UTILITY_ONLY_TICKS, Side, SlotRecord
from marketsim.core.world import World
from marketsim.fairness.critic import Scores
from marketsim.fairness.shaping import influence
from marketsim.games.market.counterfactual import Counterfactual, MarketSizes, Matcher, OnGrid, WithoutWires
from marketsim.games.market.parts import Parts

_CONSTANT_SCORE: Final = 0.5

Credit: TypeAlias = Callable[[World, SlotRecord, FloatArray], tuple[FloatArray, FloatArray | float]]
"""(world, record, scores [M, 3]) -> what each agent is credited with [M, A, 3], NaN where undefined, and its weight."""


def credit_of(parts: Parts, critic: Any) -> Credit:
    """The credit rule of the scenario."""
    section = parts.context.reward
    shape = (parts.context.community.n_markets, len(parts.learners), 3)
    everybody = np.zeros(shape)
    if section.scores == "constant":
        return lambda _, __, scores: (np.where(np.isfinite(scores), _CONSTANT_SCORE, np.nan)[:, None] + everybody, 1.0)
    if section.scores == "withholding":
        return lambda _, record, __: (withheld(record, parts), 1.0)
    rule = section.credit or ("difference" if parts.context.formula else "shared")
    if rule == "shared":
        return lambda _, __, scores: (scores[:, None] + everybody, 1.0)
    if rule == "influence":
        return lambda _, record, scores: (scores[:, None] + everybody, _influence(record, parts))
    counterfactual = _counterfactual(parts, critic)

    def difference(world: World, record: SlotRecord, scores: FloatArray) -> tuple[FloatArray, float]:
        legs = parts.player.truthful
        flat = legs._replace(agent=parts.rows[legs.agent])
        relevant = np.asarray(np.isfinite(scores).any(axis=1))
        opening = parts.player.opening
        offered = opening._replace(legs=opening.legs._replace(agent=parts.rows[opening.legs.agent]))
        return counterfactual.differences(world, record, flat, offered, relevant), 1.0

    return difference


def _counterfactual(parts: Parts, critic: Any) -> Counterfactual:
    context = parts.context
    if not context.formula:
        hint = "use shared or influence, or a critic that is a formula: rule, surrogate"
        message = f"the critic {context.critic_name} is asked once a slot and cannot score what did not happen"
        raise ScenarioError([Problem(message, "learning.reward.credit", "difference", hint)])
    community = context.community
    sizes = MarketSizes(community.n_markets, community.n_agents // community.n_markets, parts.learners)
    world = context.world
    matcher: Matcher = WithoutWires(world.engine, sizes.markets * sizes.copies)
    if context.reward.counterfactual == "grid" and (world.node_of >= 0).any():
        seeds = np.repeat(np.array(world.streams.seeds), sizes.copies).tolist()
        matcher = OnGrid(context.copies(seeds), sizes.original)
    return Counterfactual(sizes, critic, matcher)


def withheld(record: SlotRecord, parts: Parts) -> FloatArray:
    """Share of what each agent could sell that it does not offer to peers, in the place of FBS [M, A, 3]; NaN elsewhere."""
    orders, community = record.orders, parts.context.community
    to_peers = np.flatnonzero((orders.side == int(Side.SELL)) & (orders.limit_ticks != UTILITY_ONLY_TICKS))
    offered = np.bincount(orders.agent[to_peers], orders.energy_wh[to_peers], community.n_agents)
    supply = availability(record.positions, record.inputs.tariffs, community).supply_wh
    credit = np.full((community.n_markets, len(parts.learners), 3), np.nan)
    kept = np.divide(np.maximum(supply - offered, 0.0), supply, out=np.full(len(supply), np.nan), where=supply > 0)
    credit[:, :, Scores._fields.index("fbs")] = kept[parts.rows].reshape(credit.shape[:2])
    return credit


def _influence(record: SlotRecord, parts: Parts) -> FloatArray:
    community = parts.context.community
    available = availability(record.positions, record.inputs.tariffs, community)
    shape = (community.n_markets, -1)
    return influence(*(each.reshape(shape)[:, parts.learners] for each in available))
