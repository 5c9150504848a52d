"""Fairness in the reward: scores of a slot credited to agents, centred, ramped and capped.

``eta * sum_k lambda_k(e) * credit_k`` (FairMarket-RL, Jadhav et al. 2025, arXiv 2508.18610, in words: ramped
coefficients and tunable scaling, so that fairness complements rather than overwhelms; the form is ours). Everything
is kept for each market by itself, so that a market in a batch is rewarded as alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.rng import Streams, uniforms

WINDOW: Final = 1000
"""Slots after which a running mean forgets: its step never falls below 1 / WINDOW."""
DEPTH: Final = 16
"""Slots of the same hour that a placebo draws from."""


class ShapingRule(NamedTuple):
    """How scores become shaping."""

    weights: tuple[float, float, float]
    """lambda_max of FTG, FBS, FPP."""
    eta: float
    """Scales all of it."""
    ramp: tuple[float, float]
    """Episodes between which the weights grow from nothing to their largest."""
    cap: float
    """Largest size, in economic scales of the agent; the scale is frozen when the ramp begins."""
    placebo: bool = False
    """Credits of the slot are replaced by those of another slot of the same hour."""
    centred: bool = True
    """Whether the running mean of a score is taken off."""


def ramp(episode: int, begins: float, ends: float) -> float:
    """Share of the largest weight: clip((e - e0) / E_ramp, 0, 1)."""
    if ends <= begins:
        return float(episode >= begins)
    return min(max((episode - begins) / (ends - begins), 0.0), 1.0)


def influence(supply_wh: IntArray, demand_wh: IntArray) -> FloatArray:
    """Weight of each agent in the score: its share of what could be traded, 1 on average [M, A] of [M, A]."""
    own = (supply_wh + demand_wh).astype(np.float64)
    total = own.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(own * own.shape[1], total, out=np.zeros_like(own), where=total > 0))


class Means(NamedTuple):
    """Running means of credits, each over where it is defined [M, A, 3]."""

    number: FloatArray
    mean: FloatArray

    def joined(self, values: FloatArray) -> Means:
        """With one more value each; NaN is passed over."""
        known = np.isfinite(values)
        number = np.minimum(self.number + known, WINDOW)
        step = np.divide(known, number, out=np.zeros_like(number), where=number > 0)
        return Means(number, self.mean + step * (np.where(known, values, 0.0) - self.mean))


class RewardSpread(NamedTuple):
    """Number, mean and squared deviations of economic rewards [M, A] (Welford 1962, doi 10.2307/1266577)."""

    number: FloatArray
    mean: FloatArray
    squares: FloatArray

    def joined(self, values: FloatArray) -> RewardSpread:
        """With one more value each."""
        number = self.number + 1.0
        away = values - self.mean
        mean = self.mean + away / number
        return RewardSpread(number, mean, self.squares + away * (values - mean))

    def deviation(self) -> FloatArray:
        """Standard deviation; 1 where nothing is known yet."""
        return np.sqrt(np.where(self.number > 1, self.squares / np.maximum(self.number, 1.0), 1.0))


class Shaping:
    """Shaping of all agents of M markets, with what it remembers of earlier slots."""

    def __init__(self, rule: ShapingRule, n_agents: int, slots_per_day: int, streams: Streams) -> None:
        self._rule, self._streams = rule, streams
        m = len(streams.seeds)
        self._means = Means(*np.zeros((2, m, n_agents, 3)))
        self._spread = RewardSpread(*np.zeros((3, m, n_agents)))
        depth = DEPTH if rule.placebo else 0
        self._past = np.zeros((slots_per_day, m, depth, n_agents, 3), dtype=np.float32)
        self._kept = np.zeros((slots_per_day, m))
        self._weights = np.array(rule.weights)

    def __call__(
        self, credit: FloatArray, economic: FloatArray, weight: FloatArray | float, episode: int, slot: int, of_day: int
    ) -> FloatArray:
        """Shaping of a slot [M, A].

        ``credit`` [M, A, 3] of each score to each agent, NaN where undefined; ``economic`` rewards of the slot [M, A];
        ``weight`` of an agent in what it is credited with [M, A]; ``slot`` counts on through all episodes.
        """
        rule = self._rule
        begins, ends = rule.ramp
        self._means = self._means.joined(credit)
        if episode < begins:
            self._spread = self._spread.joined(economic)
        centred = credit - self._means.mean if rule.centred else credit
        own = np.where(np.isfinite(credit), centred, 0.0)
        if rule.placebo:
            own = np.where(np.isfinite(credit), self._swapped(own, np.isfinite(credit), slot, of_day), 0.0)
        strength = rule.eta * ramp(episode, begins, ends)
        if strength == 0.0:
            return np.zeros_like(economic)
        most = rule.cap * self._spread.deviation()
        return np.asarray(np.clip(strength * (own * self._weights).sum(axis=2) * weight, -most, most))

    def _swapped(self, own: FloatArray, known: np.ndarray, slot: int, of_day: int) -> FloatArray:
        """Credits of an earlier slot of the same time of day, drawn for each market; today's take their turn."""
        past, kept = self._past[of_day], self._kept[of_day]
        every = np.arange(len(kept))
        uniform = uniforms(self._streams.keys("placebo", slot))
        drawn = np.minimum((uniform * np.minimum(kept, DEPTH)).astype(np.int64), DEPTH - 1)
        other = np.where((kept > 0)[:, None, None], past[every, drawn], 0.0)
        played = every[known.any(axis=(1, 2))]
        past[played, kept[played].astype(np.int64) % DEPTH] = own[played]
        kept[played] += 1.0
        return np.asarray(other, dtype=np.float64)

    def memory(self) -> Mapping[str, FloatArray]:
        """What has to be kept for a training to go on."""
        return {
            **{f"means.{name}": part.copy() for name, part in self._means._asdict().items()},
            **{f"spread.{name}": part.copy() for name, part in self._spread._asdict().items()},
            "past": self._past.astype(np.float64),
            "kept": self._kept.copy(),
        }

    def recall(self, memory: Mapping[str, FloatArray]) -> None:
        """Go on from a memory."""
        self._means = Means(*(np.array(memory[f"means.{name}"]) for name in Means._fields))
        self._spread = RewardSpread(*(np.array(memory[f"spread.{name}"]) for name in RewardSpread._fields))
        self._past = np.array(memory["past"], dtype=np.float32)
        self._kept = np.array(memory["kept"])
