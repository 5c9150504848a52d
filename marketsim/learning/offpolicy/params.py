"""Parameters of the off-policy learners ``sac``, ``matd3`` and ``maddpg``.

No default here is a paper's number unless its docstring says so; all of them are choices that a scenario can change.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from marketsim.core.params import OneOf, Params, Share
from marketsim.learning.numbers.params import Deviation, Rate, StartedParams
from marketsim.learning.params import Width

Factor = Annotated[float, Field(ge=1.0, le=1000.0)]
HeadCount = Annotated[int, Field(ge=1, le=64)]


class MlpCriticParams(Params):
    """A multilayer perceptron over everything that all agents see and do."""

    hidden: tuple[Width, ...] = Field(default=(256, 256), min_length=1, max_length=8)
    """Widths of the hidden layers; tanh."""


class AttentionCriticParams(Params):
    """Plain attention of agents to each other (Vaswani et al. 2017, arXiv 1706.03762)."""

    width: Width = 32
    """Of the token of an agent."""
    heads: HeadCount = 2
    """Attentions side by side."""

    @model_validator(mode="after")
    def _heads_fit(self) -> AttentionCriticParams:
        if self.width % self.heads:
            raise ValueError("width must be a multiple of heads")
        return self


class DifferentialCriticParams(Params):
    """Differential attention (Ye et al. 2024, arXiv 2410.05258)."""

    width: Width = 32
    """Of the token of an agent."""
    heads: HeadCount = 2
    """Differences of two attentions side by side."""
    lambda_init: float = Field(default=0.2, ge=0.0, lt=1.0)
    """Share of the second attention that is taken off at the beginning, the authors' of a first layer [-]."""

    @model_validator(mode="after")
    def _heads_fit(self) -> DifferentialCriticParams:
        if self.width % (2 * self.heads):
            raise ValueError("width must be a multiple of 2 x heads")
        return self


class CriticKind(OneOf):
    """Exactly one kind of critic."""

    mlp: MlpCriticParams | None = None
    """A perceptron over everything."""
    attention: AttentionCriticParams | None = None
    """Plain attention."""
    differential: DifferentialCriticParams | None = None
    """Differential attention."""


class MultiplierParams(Params):
    """The price of leaving the expert, learned for each agent."""

    initial: float = Field(default=1.0, gt=0.0)
    """At the beginning [-]."""
    rate: Rate = 1e-2
    """Step of its logarithm for each whole epsilon that the distance lies above epsilon [-]."""
    most: float = Field(default=100.0, gt=0.0)
    """Largest; the least is one over it [-]."""

    @model_validator(mode="after")
    def _initial_lies_within(self) -> MultiplierParams:
        if not 1.0 / self.most <= self.initial <= self.most:
            raise ValueError("initial must lie between 1 / most and most")
        return self


class ImitationParams(Params):
    """Policies stay within a distance of the expert: mean of W2^2 <= epsilon for each agent."""

    epsilon: tuple[Factor, Factor] = (1.1, 2.0)
    """Epsilon at the beginning and at the end, as multiples of the clone's own W2^2 on rounds that it has not learned from:
    what no observation explains is no lack of imitation, so nothing below 1 can be asked for."""
    multiplier: MultiplierParams = MultiplierParams()
    """The price of leaving it."""
    with_deviation: bool = False
    """Whether the policy's own deviation counts as distance, too."""


class DualReplayParams(Params):
    """A part of each batch comes from critical slots, by a score of the game."""

    score: Annotated[str, Field(min_length=1, max_length=100)]
    """Score of the game whose slots are critical, such as `violations`."""
    above: float = 0.0
    """A slot is critical where its score is above this."""
    share: Share = 0.25
    """Of a batch, where there are critical slots at all."""
    weighted: bool = True
    """Whether critical transitions count as much less as they are drawn more often; without it critics learn of days that are
    worse than days are."""


class OffPolicyParams(StartedParams):
    """What the off-policy learners share: policies that act on what an agent sees, critics that see everything."""

    critic: CriticKind = CriticKind(mlp=MlpCriticParams())
    """Kind of the critics: `mlp`, `attention` or `differential`."""
    critics: int = Field(default=2, ge=1, le=16)
    """Critics of which the least value counts (clipped double Q: Fujimoto et al. 2018, arXiv 1802.09477)."""
    critic_rate: Rate = 1e-3
    """Step size of Adam for critics at the beginning [-]."""
    gamma: float = Field(default=0.99, ge=0.0, le=1.0)
    """Discount of a reward for each slot that it lies ahead; 1 within an episode is sound, which ends at a known time [-]."""
    tau: float = Field(default=0.01, gt=0.0, le=1.0)
    """Share of the networks that their targets take over in a step [-]."""
    batch: int = Field(default=128, ge=1, le=65_536)
    """Transitions in a gradient step, each of all agents."""
    kept: int = Field(default=30_000, ge=1, le=10**8)
    """Transitions that are kept, rounded up to whole rounds."""
    steps_per_slot: float = Field(default=1.0, gt=0.0, le=1000.0)
    """Gradient steps for each slot of a round, made after it."""
    warm_up: int = Field(default=400, ge=0, le=10**9)
    """Gradient steps of the critics alone before policies move: an untrained critic undoes a clone."""
    scaled_values: bool = True
    """Whether values are divided by their mean size in the policies' loss."""
    max_gradient: float = Field(default=10.0, gt=0.0)
    """Longest gradient of a network; longer ones are scaled down to it [-]."""
    replay: DualReplayParams | None = None
    """Draws critical slots more often; null: all alike."""
    imitation: ImitationParams | None = None
    """Holds policies near the game's expert; needs `start`."""

    @model_validator(mode="after")
    def _imitation_starts_from_a_clone(self) -> OffPolicyParams:
        if self.imitation is not None and self.start is None:
            raise ValueError("imitation needs start: its distance is measured by that of a clone, e.g. start: cloning")
        return self


class EntropyParams(Params):
    """The price of certainty, learned for each agent (Haarnoja et al. 2018, arXiv 1812.05905, section 5)."""

    initial: float = Field(default=0.01, gt=0.0)
    """Temperature at the beginning [scaled reward/nat]."""
    deviation: Deviation = 0.1
    """The entropy aimed at is that of this deviation in all numbers, in halves of their ranges [-]."""
    rate: Rate = 5e-3
    """Step of the temperature's logarithm for each nat a number [-]."""


class SacParams(OffPolicyParams):
    """Soft actor-critic of many agents, trained together and acting apart."""

    entropy: EntropyParams = EntropyParams()
    """How policies stay uncertain."""


class DeterministicParams(OffPolicyParams):
    """What the learners have whose policies are their means, played with noise."""

    deviation: tuple[Deviation, Deviation] = (0.1, 0.1)
    """Deviation of what is played around the means: exploration that is not learned, so both numbers are alike [-]."""

    @model_validator(mode="after")
    def _noise_is_one_number(self) -> DeterministicParams:
        if self.deviation[0] != self.deviation[1]:
            raise ValueError("deviation is that of the noise here, which is not learned: give the same number twice")
        return self


class Matd3Params(DeterministicParams):
    """Twin delayed deterministic policy gradient of many agents (Ackermann et al. 2019, arXiv 1910.01465)."""

    delay: int = Field(default=2, ge=1, le=1000)
    """Steps of the critics for each of the policies, the authors' 2."""
    target_noise: float = Field(default=0.2, ge=0.0, le=2.0)
    """Deviation of the noise on the targets' actions, the authors' 0.2 [-]."""
    noise_clip: float = Field(default=0.5, ge=0.0, le=2.0)
    """Largest size of that noise, the authors' 0.5 [-]."""


class MaddpgParams(DeterministicParams):
    """Deterministic policy gradient of many agents (Lowe et al. 2017, arXiv 1706.02275)."""

    critics: int = Field(default=1, ge=1, le=16)
    """Critics of which the least value counts; the authors have one."""
