"""The reward of a slot: what an agent paid less than with the utility alone, and fairness shaping."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.records import SlotRecord, State
from marketsim.core.units import MONEY_PER_CURRENCY
from marketsim.core.world import World
from marketsim.fairness.critic import Critic
from marketsim.fairness.shaping import Shaping, ShapingRule
from marketsim.games.market.credit import Credit
from marketsim.games.market.parts import AgentScales, Parts

ECONOMIC, SHAPING = REWARDS = ("economic", "shaping")
"""Parts of the reward: economic, scaled; and fairness shaping after centring, ramp and cap."""


class Bills(NamedTuple):
    """What the economic reward is made of [1e-9 currency] [M, A]."""

    reference: FloatArray
    paid: FloatArray
    """Payments, network charges and wear."""
    stored: FloatArray
    """Change of stored energy, at the mean feed-in price, negative ones counted as 0."""


class Rewarded(NamedTuple):
    """The reward of a slot and what it is made of."""

    bills: Bills
    economic: FloatArray
    """[M, A]"""
    shaping: FloatArray
    """[M, A]"""
    scores: FloatArray
    """Of the critic [M, 3]."""


class Played(NamedTuple):
    """A slot that was played."""

    world: World
    record: SlotRecord
    reference: IntArray
    """Bills of the reference run [n_agents]."""
    before: State
    after: State


class Reward:
    """(reference - paid + stored) / scale + shaping, each [M, A]."""

    def __init__(
        self, parts: Parts, scales: AgentScales, critic: Critic, credit: Credit, shaping: Shaping | None
    ) -> None:
        self._rows, self._critic, self._credit, self.shaping = parts.rows, critic, credit, shaping
        self._feed_in_ticks = scales.feed_in_ticks
        self._shape = (parts.context.community.n_markets, len(parts.learners))
        self._currency = np.tile(scales.currency, (self._shape[0], 1)) * MONEY_PER_CURRENCY

    def __call__(self, slot: Played, episode: int) -> Rewarded:
        """The reward of a slot of an episode."""
        bills = self._billed(slot)
        economic = (bills.reference - bills.paid + bills.stored) / self._currency
        scores = np.stack(self._critic.review(slot.record), axis=1)
        return Rewarded(bills, economic, self._shaped(slot, scores, economic, episode), scores)

    def _billed(self, slot: Played) -> Bills:
        record, rows = slot.record, self._rows
        paid = record.ledger.money.sum(axis=0) + record.wear_money
        stored = np.zeros(len(paid))
        for stores, had, has in zip(slot.world.stores, slot.before.devices, slot.after.devices, strict=True):
            if stores:
                stored += has[0] - had[0]
        parts = (
            slot.reference[rows].astype(np.float64),
            paid[rows].astype(np.float64),
            stored[rows] * self._feed_in_ticks,
        )
        return Bills(*(part.reshape(self._shape) for part in parts))

    def _shaped(self, slot: Played, scores: FloatArray, economic: FloatArray, episode: int) -> FloatArray:
        if self.shaping is None:
            return np.zeros_like(economic)
        credit, weight = self._credit(slot.world, slot.record, scores)
        time = slot.record.inputs.time
        return self.shaping(credit, economic, weight, episode, time.slot, time.of_day)


def shaping_of(parts: Parts) -> Shaping | None:
    """The shaping of a training; None where there is none."""
    context = parts.context
    section = context.reward
    if section.scores == "none" or section.eta == 0.0:
        return None
    begins, ends = _ramp_of(parts)
    rule = ShapingRule(
        weights=(section.weights.ftg, section.weights.fbs, section.weights.fpp),
        eta=section.eta,
        ramp=(begins, ends),
        cap=section.cap,
        placebo=section.scores == "placebo",
        centred=section.centred,
    )
    return Shaping(rule, len(parts.learners), context.clock.slots_per_day, context.streams)


def _ramp_of(parts: Parts) -> tuple[float, float]:
    """Episodes between which the weights grow."""
    section, needs = parts.context.reward, parts.context.needs
    if section.ramp is None:
        begins, ends = section.ramp_updates
        return begins * needs.rounds_per_update, ends * needs.rounds_per_update
    begins, ends = section.ramp
    rounds = needs.rounds(len(parts.learners), parts.slots_per_episode)
    return begins * rounds, ends * rounds
