"""One update of all agents' policies and critics, with a trust region for each agent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.learning import adam
from marketsim.learning.adam import AdamState
from marketsim.learning.params import TrustRegionParams
from marketsim.learning.ppo import losses


class UpdateRules(Protocol):
    """Parameters of an update; ``learning.params.LearnerParams`` says what each is."""

    @property
    def epochs(self) -> int:
        """Passes over the data."""
        ...

    @property
    def minibatches(self) -> int:
        """Parts that each epoch splits the data into."""
        ...

    @property
    def clip(self) -> float:
        """Largest distance of the ratio from 1 that gains [-]."""
        ...

    @property
    def gae_lambda(self) -> float:
        """Weight of longer returns in the advantage [-]."""
        ...

    @property
    def entropy_bonus(self) -> float:
        """Weight of the entropy in the loss [1/nat]."""
        ...

    @property
    def value_weight(self) -> float:
        """Weight of the critic's loss [-]."""
        ...

    @property
    def max_gradient(self) -> float:
        """Longest gradient of an agent [-]."""
        ...

    @property
    def trust_region(self) -> TrustRegionParams:
        """When an update ends, and when an epoch is undone."""
        ...


class Outcomes(Protocol):
    """What policies may do on N looks of each agent."""

    def log_probability(self, choices: Tensor) -> Tensor:
        """Of what was chosen [A, N, ...], or its density [A, N]."""
        ...

    def entropy(self) -> Tensor:
        """Mean over the looks of each agent [nat] [A]."""
        ...


class PolicyStack(Protocol):
    """Policies and critics of all agents, a row of parameters a network, of choices or of numbers."""

    @property
    def n_agents(self) -> int:
        """A"""
        ...

    @property
    def n_networks(self) -> int:
        """R: A, or 1 where all share one."""
        ...

    def layers(self, weights: Tensor) -> list[Tensor]:
        """Parameters [R, P] as views of one layer each."""
        ...

    def outcomes(self, layers: Sequence[Tensor], features: Tensor) -> Outcomes:
        """What the policies may do on ``features`` [A, N, F]."""
        ...

    def values(self, layers: Sequence[Tensor], inputs: Tensor) -> Tensor:
        """Values [A, N] of what the critic sees [A, N, F or F + G]."""
        ...


class Experience(NamedTuple):
    """What was seen, done and earned: T slots of M markets, A agents."""

    features: Tensor
    """As the policy saw them [A, T, M, F]."""
    critic_features: Tensor
    """As the critic sees them [A, T, M, F or F + G]."""
    choices: Tensor
    """Of the networks' heads [A, T, M, heads], or numbers [A, T, M, D]."""
    r_t: Tensor
    """Scaled reward [T, A, M]."""
    discount_t: Tensor
    """Gamma, 0 where the episode ended [T, A, M]."""


class TrainingBatch(NamedTuple):
    """N decisions of each agent, ready to learn from."""

    features: Tensor
    """[A, N, F]"""
    critic_features: Tensor
    """[A, N, F or F + G]"""
    choices: Tensor
    """[A, N, heads or D]"""
    old_log_probability: Tensor
    """[A, N]"""
    advantage: Tensor
    """Standardised for each agent [A, N]."""
    target: Tensor
    """Of the value [A, N]."""

    def part(self, rows: Tensor) -> TrainingBatch:
        """The decisions at ``rows``."""
        features, critic_features, *others = self
        seen = features.index_select(1, rows)
        seen_by_critic = seen if critic_features is features else critic_features.index_select(1, rows)
        return TrainingBatch(seen, seen_by_critic, *(field.index_select(1, rows) for field in others))


class Movement(NamedTuple):
    """Policies against those that acted, a number an agent [A]; see ``UpdateReport``."""

    kl: Tensor
    entropy: Tensor
    clipped: Tensor
    policy_loss: Tensor

    def replaced(self, now: Movement, agents: Tensor) -> Movement:
        """The same with the numbers of some ``agents`` [A] as they are now."""
        return Movement(*(torch.where(agents, new, old) for new, old in zip(now, self, strict=True)))


class UpdateReport(NamedTuple):
    """How an update went, a number an agent [A]."""

    kl: FloatArray
    """Divergence of the policies before and after it [nat]."""
    entropy: FloatArray
    """Of the policy after it, all heads together [nat]."""
    clipped: FloatArray
    """Share of decisions beyond the clip range after it [-]."""
    policy_loss: FloatArray
    """Clipped loss of the policy after it."""
    explained_variance: FloatArray
    """Of the targets by the critic before it [-]; NaN where undefined."""
    epochs: IntArray
    """Epochs that count, the undone ones left out."""
    stopped: BoolArray
    """Whether the trust region ended it early."""
    undone: BoolArray
    """Whether it undid the last epoch."""


def prepared(
    networks: PolicyStack, weights: Tensor, experience: Experience, params: UpdateRules
) -> tuple[TrainingBatch, Tensor]:
    """The batch of an update, and the explained variance of its targets [A]."""
    n_agents, n_slots, n_markets, _ = experience.features.shape
    features, choices = (field.flatten(1, 2) for field in (experience.features, experience.choices))
    own = experience.critic_features is experience.features
    critic_features = features if own else experience.critic_features.flatten(1, 2)
    layers = networks.layers(weights)
    with torch.no_grad():
        old = networks.outcomes(layers, features).log_probability(choices)
        value = networks.values(layers, critic_features)
    v_tm1 = value.view(n_agents, n_slots, n_markets).transpose(0, 1)
    v_t = torch.cat([v_tm1[1:], torch.zeros_like(v_tm1[:1])])  # an episode ends with the data: the last discount is 0
    advantage_t = losses.generalised_advantage(experience.r_t, experience.discount_t, v_tm1, v_t, params.gae_lambda)
    advantage = advantage_t.transpose(0, 1).reshape(n_agents, -1)
    target = advantage + value
    batch = TrainingBatch(features, critic_features, choices, old, losses.standardised(advantage), target)
    return batch, losses.explained_variance(value, target)


def total_loss(networks: PolicyStack, layers: Sequence[Tensor], batch: TrainingBatch, params: UpdateRules) -> Tensor:
    """Policy, value and entropy loss together of each agent [A]."""
    outcomes = networks.outcomes(layers, batch.features)
    log_ratio = outcomes.log_probability(batch.choices) - batch.old_log_probability
    value = networks.values(layers, batch.critic_features)
    return (
        losses.clipped_policy_loss(log_ratio, batch.advantage, params.clip)
        + params.value_weight * losses.value_loss(value, batch.target)
        - params.entropy_bonus * outcomes.entropy()
    )


def update(
    networks: PolicyStack,
    state: AdamState,
    experience: Experience,
    params: UpdateRules,
    learning_rate: float,
    rng: np.random.Generator,
) -> UpdateReport:
    """Learn from an experience, in place; ``rng`` orders the minibatches.

    After each epoch the divergence of every agent's policy from the one that acted is measured over the whole batch.
    Above ``stop`` targets its network learns no more in this update; above ``undo`` targets, or where it is no number,
    weights and optimiser return to the beginning of the epoch. A shared network goes by its farthest agent.
    """
    batch, explained = prepared(networks, state.weights, experience, params)
    region = params.trust_region
    active = torch.ones(networks.n_networks, dtype=torch.bool)
    undone = torch.zeros_like(active)
    epochs = torch.zeros(networks.n_networks, dtype=torch.int64)
    moved = movement(networks, state.weights, batch, params)
    for _ in range(params.epochs):
        before = adam.copied(state)
        for rows in minibatches(batch.features.shape[1], params.minibatches, rng):
            gradient = _gradient(networks, state.weights, batch.part(rows), params)
            adam.step(state, adam.clipped(gradient, params.max_gradient), learning_rate)
        now = movement(networks, state.weights, batch, params)
        farthest = _of_networks(networks, now.kl).amax(dim=1)
        too_far = active & ~(farthest <= region.undo * region.target)
        counts = active & ~too_far
        adam.restore(state, before, ~counts)
        moved = moved.replaced(now, _of_agents(networks, counts))
        undone |= too_far
        epochs += counts
        active &= farthest <= region.stop * region.target
        if not active.any():
            break
    return UpdateReport(
        **{name: values.double().numpy() for name, values in moved._asdict().items()},
        explained_variance=explained.double().numpy(),
        epochs=_of_agents(networks, epochs).numpy(),
        stopped=_of_agents(networks, ~active).numpy(),
        undone=_of_agents(networks, undone).numpy(),
    )


def minibatches(n: int, parts: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Positions 0..n-1 in random order, in at most ``parts`` parts that differ by one at most."""
    for rows in np.array_split(rng.permutation(n), min(parts, n)):
        yield torch.from_numpy(rows)


def movement(networks: PolicyStack, weights: Tensor, batch: TrainingBatch, params: UpdateRules) -> Movement:
    """How far the policies have moved from those that acted, over the whole batch."""
    with torch.no_grad():
        outcomes = networks.outcomes(networks.layers(weights), batch.features)
        log_ratio = outcomes.log_probability(batch.choices) - batch.old_log_probability
        return Movement(
            kl=losses.approximate_kl(log_ratio),
            entropy=outcomes.entropy(),
            clipped=losses.clipped_share(log_ratio, params.clip),
            policy_loss=losses.clipped_policy_loss(log_ratio, batch.advantage, params.clip),
        )


def _gradient(networks: PolicyStack, weights: Tensor, batch: TrainingBatch, params: UpdateRules) -> Tensor:
    """Of each network's loss, the mean over its agents [R, P]."""
    layers = [layer.requires_grad_() for layer in networks.layers(weights.detach())]
    loss = _of_networks(networks, total_loss(networks, layers, batch, params)).mean(dim=1).sum()
    return torch.cat(torch.autograd.grad(loss, layers, materialize_grads=True), dim=1)


def _of_networks(networks: PolicyStack, of_agents: Tensor) -> Tensor:
    """Numbers of agents [A] by network [R, agents of it]."""
    return of_agents.view(networks.n_networks, -1)


def _of_agents(networks: PolicyStack, of_networks: Tensor) -> Tensor:
    """Numbers of networks [R] for each of their agents [A]."""
    return of_networks.repeat_interleave(networks.n_agents // networks.n_networks)
