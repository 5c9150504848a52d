"""The learner ``mappo``: on-policy learning of Gaussian policies, from nothing or from a clone, by the update of ``ppo``.

Densities are those of the numbers as they were drawn, before they are held to their bounds: holding is a part of the game.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.rng import Streams
from marketsim.learning import adam
from marketsim.learning.adam import AdamState
from marketsim.learning.cloning.fit import (
    ACTOR,
    ClonedFirst,
    Fitter,
    cloned_sizes,
    cloned_state,
    demand_rounds_left,
)
from marketsim.learning.layers import NetworkLayers
from marketsim.learning.mappo.params import MappoParams
from marketsim.learning.numbers.actors import Actors, Gaussian, actor_layers, make_actors
from marketsim.learning.numbers.algorithm import (
    LearnedState,
    RoundReport,
    Start,
    StateSizes,
    adam_of,
    adam_parts,
    adam_sizes,
)
from marketsim.learning.numbers.replay import Replay
from marketsim.learning.numbers.rollout import PlayedEpisode
from marketsim.learning.numbers.shape import NumberShape
from marketsim.learning.offpolicy.targets import return_size
from marketsim.learning.ppo.update import Experience, UpdateReport, update

NET, SIZE = "net", "return_size"
"""Names in a state: policy and critic of each agent in a row, and the size of a return."""
VALUES: Final = (
    "learning_rate",
    "kl",
    "highest_kl",
    "entropy",
    "clipped",
    "policy_loss",
    "explained_variance",
    "stopped",
    "undone",
)
"""Columns of what a round's learning did, as those of ``ppo``."""
OF_AGENT: Final = ("kl", "entropy", "epochs", "stopped", "undone")


class NumberOutcomes(NamedTuple):
    """What Gaussian policies may do on N looks of each agent."""

    made: Gaussian
    used: Tensor

    def log_probability(self, choices: Tensor) -> Tensor:
        """Density of the numbers drawn [A, N, D] [A, N]."""
        return self.made.log_density(choices, self.used)

    def entropy(self) -> Tensor:
        """Mean over N of each agent [nat] [A]."""
        return self.made.entropy(self.used).mean(dim=1)


@dataclass(frozen=True)
class GaussianStack:
    """Policies and critics, a row of parameters an agent: a ``PolicyStack`` of ``ppo.update``."""

    actors: Actors
    value: NetworkLayers

    @property
    def n_agents(self) -> int:
        """A"""
        return self.actors.n_agents

    @property
    def n_networks(self) -> int:
        """Each agent has its own."""
        return self.actors.n_agents

    def layers(self, weights: Tensor) -> list[Tensor]:
        """Parameters [A, P] as views: the policy's, then the critic's."""
        return list(torch.split(weights, [*self.actors.layers.sizes, *self.value.sizes], dim=1))

    def outcomes(self, layers: Sequence[Tensor], features: Tensor) -> NumberOutcomes:
        """What the policies may do on ``features`` [A, N, F]."""
        own = layers[: len(self.actors.layers.sizes)]
        return NumberOutcomes(self.actors.distribution(own, features), self.actors.used)

    def values(self, layers: Sequence[Tensor], inputs: Tensor) -> Tensor:
        """Values [A, N] of what the critic sees [A, N, F or F + G]."""
        return self.value.evaluate(layers[len(self.actors.layers.sizes) :], inputs).squeeze(1)


@dataclass(frozen=True)
class Mappo(ClonedFirst):
    """On-policy learning of numbers: an ``Algorithm``."""

    params: MappoParams
    shape: NumberShape
    stack: GaussianStack
    fitter: Fitter | None
    """Clones the expert in the first rounds; None: it does not."""
    rounds: int

    name = "mappo"
    own_columns: ClassVar = (VALUES, OF_AGENT)

    @property
    def kept(self) -> int:
        """What was cloned from; of what is learned on policy no more than a round."""
        return max(1, self.cloned)

    @property
    def remembers(self) -> bool:
        """Only a clone learns from episodes before the last."""
        return self.fitter is not None

    @property
    def labelled(self) -> bool:
        """Whether it asks the expert."""
        return self.fitter is not None

    def sizes(self) -> StateSizes:
        """Shapes of its state."""
        return sizes_of(self.params, self.shape)

    def initial(self, generator: torch.Generator, start: Start | None) -> LearnedState:
        """LearnedState before the first round."""
        cloned = cloned_state(self.stack.actors, generator, start)
        critics = torch.stack([self.stack.value.initial(1.0, generator) for _ in range(self.shape.n_agents)])
        return {**cloned, **self._net(cloned[f"{ACTOR}.weights"], critics), SIZE: torch.zeros(1)}

    def _net(self, actors: Tensor, critics: Tensor) -> LearnedState:
        return adam_parts(NET, adam.new_state(torch.cat([actors, critics], dim=1)))

    @property
    def actors(self) -> Actors:
        """Of all agents."""
        return self.stack.actors

    def critical(self, played: PlayedEpisode) -> BoolArray | None:  # noqa: ARG002 - part of the port
        """No slot more than another."""
        return None

    def learn(
        self, state: LearnedState, replay: Replay, played: PlayedEpisode, number: int, streams: Streams
    ) -> tuple[LearnedState, RoundReport]:
        """Clone in the first rounds, then learn from the round that was played."""
        width = self.stack.actors.layers.n_parameters
        if self.fitter is not None and number < self.cloned:
            report = self.fitter.learn(state, replay, number, streams)
            state.update(self._net(state[f"{ACTOR}.weights"], state[f"{NET}.weights"][:, width:]))
            return state, report
        if not float(state[SIZE]):
            state[SIZE] = torch.tensor([return_size(played.reward, self.params.gamma)], dtype=torch.float32)
        net = adam_of(state, NET)
        before = adam.copied(net)
        own = number - self.cloned
        rate = self.params.learning_rate * (1.0 - own / (self.rounds - self.cloned) if self.params.anneal else 1.0)
        order = streams.generator(f"minibatches {number}")
        report_of_update = update(
            self.stack, net, self._experience(played, float(state[SIZE])), self.params, rate, order
        )
        if self.params.start is not None and own < self.params.warm_up_rounds:
            _put_back(net, before, width)
        state[f"{ACTOR}.weights"] = net.weights[:, :width].clone()
        return state, _report(report_of_update, rate)

    def _experience(self, played: PlayedEpisode, size: float) -> Experience:
        reward = played.reward / size
        if self.params.credit == "team":
            reward = np.broadcast_to(reward.mean(axis=2, keepdims=True), reward.shape)
        features = _by_agent(torch.from_numpy(played.seen[:-1]))
        critic_features = features
        if self.params.critic == "central":
            of_market = torch.from_numpy(played.state[:-1])
            critic_features = torch.cat([features, of_market.expand(len(features), *of_market.shape)], dim=3)
        r_t = torch.from_numpy(reward.astype(np.float32)).transpose(1, 2)
        discount = np.full(len(reward), self.params.gamma, dtype=np.float32)
        discount[-1] = 0.0
        discount_t = torch.from_numpy(discount).view(-1, 1, 1).expand(r_t.shape)
        return Experience(features, critic_features, _by_agent(torch.from_numpy(played.drawn)), r_t, discount_t)


def _put_back(net: AdamState, before: AdamState, width: int) -> None:
    """Policies as they were ``before``, critics as they are: the first ``width`` parameters of each row."""
    for now, then in zip(net[:3], before[:3], strict=True):
        now[:, :width] = then[:, :width]


def _by_agent(values: Tensor) -> Tensor:
    """[T, M, A, ...] as [A, T, M, ...]."""
    return values.permute(2, 0, 1, 3).contiguous()


def _report(found: UpdateReport, rate: float) -> RoundReport:
    def mean(values: FloatArray) -> float:
        defined = values[~np.isnan(values)]
        return float(defined.mean()) if defined.size else math.nan

    values = {
        "learning_rate": rate,
        **{name: mean(getattr(found, name)) for name in VALUES if name not in ("learning_rate", "highest_kl")},
        "highest_kl": float(found.kl.max()),
        "stopped": int(found.stopped.sum()),
        "undone": int(found.undone.sum()),
    }
    return RoundReport(values, {name: np.asarray(getattr(found, name), dtype=np.float64) for name in OF_AGENT})


def make_mappo(params: MappoParams, shape: NumberShape) -> Mappo:
    """The algorithm for a game; ScenarioError where cloning leaves no round."""
    rounds = params.rounds(shape.n_agents, shape.slots)
    demand_rounds_left("mappo", params.cloned_rounds, rounds)
    actors = make_actors(shape, params.hidden, params.deviation)
    start = params.start.cloning if params.start is not None else None
    fitter = None if start is None else Fitter(actors, start, start.rounds)
    return Mappo(params, shape, GaussianStack(actors, _value_layers(params, shape)), fitter, rounds)


def _value_layers(params: MappoParams, shape: NumberShape) -> NetworkLayers:
    seen = shape.n_features + (shape.n_state if params.critic == "central" else 0)
    return NetworkLayers((seen, *params.hidden, 1), 0)


def sizes_of(params: MappoParams, shape: NumberShape) -> StateSizes:
    """Shapes of the state, without making any of it."""
    width = actor_layers(shape.n_features, params.hidden, shape.n_numbers).n_parameters
    net = width + _value_layers(params, shape).n_parameters
    return {**cloned_sizes(shape.n_agents, width), **adam_sizes(NET, shape.n_agents, net), SIZE: (1,)}
