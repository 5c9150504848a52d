"""A gradient step of the critics, and one of the policies.

    critics     minimise  mean w (Q_k(s, o, u) - y)^2,   y = r / size + gamma (min_k Q'_k(s', o', u') + alpha_a H_a(o'))
    policies    maximise  sum over agents of (Q_a + alpha_a H_a) / mean |Q| - lambda_a (W2_a^2 / epsilon_a - 1)

Critics give a value an agent and see everything; policies see what their agent sees, and ascend the sum of all values: what one
does to another's bill counts. Soft actor-critic (Haarnoja et al. 2018, arXiv 1812.05905) draws u' and u from the policies and
prices their entropy H; MATD3 and MADDPG (Ackermann et al. 2019, arXiv 1910.01465; Lowe et al. 2017, arXiv 1706.02275) take the
means, u' those of slowly following policies, for MATD3 with clipped noise, and ascend the first critic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor

from marketsim.core.rng import Streams
from marketsim.learning import adam, imitation
from marketsim.learning.cloning.fit import ACTOR
from marketsim.learning.critics.critic import CentralCritic
from marketsim.learning.numbers.actors import Actors, Gaussian
from marketsim.learning.numbers.algorithm import LearnedState, adam_of, normals
from marketsim.learning.numbers.replay import Batch
from marketsim.learning.offpolicy import targets
from marketsim.learning.offpolicy.params import Matd3Params, OffPolicyParams, SacParams

CRITIC, TARGET_CRITIC, TARGET_ACTOR = "critic", "critic.target", "actor.target"
TEMPERATURE, MULTIPLIER, SIZE, STEPS = "log_temperature", "log_multiplier", "return_size", "gradient_steps"
"""Names in a state."""
_TEMPERATURES: Final = (math.log(1e-6), math.log(10.0))
_SMALLEST_VALUE: Final = 1e-6


class Rates(NamedTuple):
    """What changes over a training."""

    policy: float
    """Step size of the policies."""
    critic: float
    """Step size of the critics."""
    epsilon: Tensor | None
    """Largest distance of each agent from the expert [A]; None: there is no imitation."""


class Moved(NamedTuple):
    """What a step of the policies says, a number an agent [A]."""

    distance: Tensor
    """Mean W2^2 from the expert; NaN where nobody asked it."""
    deviation: Tensor
    """Geometric mean over numbers."""
    loss: Tensor
    """Of the policies, the same for all."""


@dataclass(frozen=True)
class Updater:
    """Steps of one kind of learner; the state is written into."""

    params: OffPolicyParams
    actors: Actors
    critic: CentralCritic

    @property
    def stochastic(self) -> bool:
        """Whether policies are distributions that are learned, or means with noise."""
        return isinstance(self.params, SacParams)

    def critics(
        self, state: LearnedState, batch: Batch, rate: float, streams: Streams, step: int
    ) -> tuple[Tensor, Tensor]:
        """A step of the critics and their targets; loss, and mean value of the batch."""
        target = self.target(state, batch, streams, step)
        weights = adam_of(state, CRITIC)
        layers = [layer.requires_grad_() for layer in self._split(weights.weights.detach())]
        values = self.critic.values(layers, batch.seen, batch.actions, batch.state)
        loss = targets.critic_loss(values, target, batch.weight)
        gradient = torch.cat(torch.autograd.grad(loss.sum(), layers, materialize_grads=True), dim=1)
        adam.step(weights, adam.clipped(gradient, self.params.max_gradient), rate)
        targets.follow(state[TARGET_CRITIC], weights.weights, self.params.tau)
        return loss.detach().mean(), values.detach().mean()

    def target(self, state: LearnedState, batch: Batch, streams: Streams, step: int) -> Tensor:
        """What the critics' values are fitted to [N, A]."""
        with torch.no_grad():
            following = self._distribution(state, TARGET_ACTOR if not self.stochastic else f"{ACTOR}.weights", batch)
            actions = self._target_actions(following, streams, step)
            layers = self._split(state[TARGET_CRITIC])
            value = targets.least(
                self.critic.values(layers, batch.next_seen, actions.transpose(0, 1), batch.next_state)
            )
            priced = None
            if self.stochastic:
                priced = (state[TEMPERATURE].exp().unsqueeze(1) * following.entropy(self.actors.used)).mT
            return targets.bootstrapped(batch.reward / state[SIZE], self.params.gamma * batch.goes_on, value, priced)

    def _distribution(self, state: LearnedState, name: str, batch: Batch) -> Gaussian:
        return self.actors.distribution(self.actors.split(state[name]), batch.next_seen.transpose(0, 1))

    def _target_actions(self, following: Gaussian, streams: Streams, step: int) -> Tensor:
        """[A, N, D]"""
        params = self.params
        if not self.stochastic and not isinstance(params, Matd3Params):
            return following.mean
        normal = normals(streams, "target actions", step, tuple(following.mean.shape)) * self.actors.used
        if isinstance(params, Matd3Params):
            noise = (params.target_noise * normal).clamp(-params.noise_clip, params.noise_clip)
            return (following.mean + noise).clamp(-1.0, 1.0)
        return following.sample(normal).clamp(-1.0, 1.0)

    def policies(self, state: LearnedState, batch: Batch, rates: Rates, streams: Streams, step: int) -> Moved:
        """A step of the policies, their followers, and of what entropy and imitation cost."""
        weights = adam_of(state, ACTOR)
        layers = [layer.requires_grad_() for layer in self.actors.split(weights.weights.detach())]
        made = self.actors.distribution(layers, batch.seen.transpose(0, 1))
        entropy = made.entropy(self.actors.used).mean(dim=1)
        gain = self._gain(state, batch, made, entropy, streams, step)
        distance = self._distance(made, batch)
        loss = -gain
        if rates.epsilon is not None:
            loss = loss + (state[MULTIPLIER].exp() * (distance / rates.epsilon - 1.0)).sum()
        gradient = torch.cat(torch.autograd.grad(loss, layers, materialize_grads=True), dim=1)
        adam.step(weights, adam.clipped(gradient, self.params.max_gradient), rates.policy)
        self._priced(state, entropy.detach(), distance.detach(), rates.epsilon)
        if not self.stochastic:
            targets.follow(state[TARGET_ACTOR], weights.weights, self.params.tau)
        deviation = ((made.log_deviation.detach() * self.actors.used).mean(dim=1).sum(dim=1) / self._n_used).exp()
        return Moved(distance.detach(), deviation, loss.detach().expand(len(distance)))

    def _gain(
        self, state: LearnedState, batch: Batch, made: Gaussian, entropy: Tensor, streams: Streams, step: int
    ) -> Tensor:
        """Sum over agents of their values, and of what their entropy is worth, over the size of a value."""
        wanted = made.mean
        if self.stochastic:
            normal = normals(streams, "actions", step, tuple(wanted.shape)) * self.actors.used
            wanted = clipped_straight(made.sample(normal))
        layers = self._split(state[f"{CRITIC}.weights"])
        values = self.critic.values(layers, batch.seen, wanted.transpose(0, 1), batch.state)
        value = targets.least(values) if self.stochastic else values[0]
        size = value.detach().abs().mean().clamp(min=_SMALLEST_VALUE) if self.params.scaled_values else 1.0
        gain = value.mean(dim=0).sum()
        if self.stochastic:
            gain = gain + (state[TEMPERATURE].exp() * entropy).sum()
        return gain / size

    def _distance(self, made: Gaussian, batch: Batch) -> Tensor:
        """Mean W2^2 of each agent from the expert [A]; NaN where nobody asked it."""
        if not len(batch.labels):
            return torch.full((self.actors.n_agents,), math.nan)
        rules = self.params.imitation
        deviation = made.log_deviation.exp() if rules is not None and rules.with_deviation else None
        return imitation.wasserstein2(made.mean, deviation, batch.labels.transpose(0, 1), self.actors.used).mean(dim=1)

    def _priced(self, state: LearnedState, entropy: Tensor, distance: Tensor, epsilon: Tensor | None) -> None:
        """Steps of temperatures and multipliers, in place."""
        params = self.params
        if isinstance(params, SacParams):
            number = math.log(params.entropy.deviation) + 0.5 * math.log(2.0 * math.pi * math.e)
            lacking = (targets.target_entropy(number, self.actors.used) - entropy) / self._n_used
            state[TEMPERATURE].add_(params.entropy.rate * lacking).clamp_(*_TEMPERATURES)
        if params.imitation is not None and epsilon is not None:
            rules = params.imitation.multiplier
            state[MULTIPLIER].copy_(imitation.stepped(state[MULTIPLIER], distance, epsilon, rules.rate, rules.most))

    @property
    def _n_used(self) -> Tensor:
        return self.actors.used.sum(dim=(1, 2)).clamp(min=1.0)

    def _split(self, weights: Tensor) -> Sequence[Tensor]:
        return torch.split(weights, self.critic.sizes, dim=1)


def clipped_straight(numbers: Tensor) -> Tensor:
    """Numbers held to [-1, 1], with the gradient of those that were not held (Bengio et al. 2013, arXiv 1308.3432)."""
    return numbers + (numbers.clamp(-1.0, 1.0) - numbers).detach()
