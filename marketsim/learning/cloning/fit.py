"""Fitting policies to an expert: rounds that it plays or corrects, and least squares on what it would have done.

    minimise  mean over decisions of |mu_a(o_a) - u_a|^2      for each agent a

mu_a is the mean of its policy, u_a what the expert would have done, both in halves of the ranges of the numbers. This is W2^2
of the policy from the expert (``learning.imitation``) less its own deviation, which is left alone.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.rng import Streams, uniforms
from marketsim.learning import adam
from marketsim.learning.imitation import wasserstein2
from marketsim.learning.numbers.actors import Actors
from marketsim.learning.numbers.algorithm import (
    LearnedState,
    RoundReport,
    Start,
    StateSizes,
    adam_of,
    adam_parts,
    adam_sizes,
)
from marketsim.learning.numbers.params import CloningRules
from marketsim.learning.numbers.policy import GaussianPolicy
from marketsim.learning.numbers.replay import Replay

ACTOR, FLOOR = "actor", "clone.floor"
"""Names in a state: the policies, and their distance from the expert where they have not learned [A], 0: unknown."""
COLUMNS: Final = ("clone_distance", "held_out_distance")
"""What a round of cloning says: distance W2^2 from the expert, a number, where it learned and where it did not."""
_LAST_RATE: Final = 0.1
_AT_ONCE: Final = 4096
"""Decisions of an agent that are measured at once."""


class Fitter(NamedTuple):
    """Cloning over a number of rounds, as a learner by itself and as the beginning of others."""

    actors: Actors
    rules: CloningRules
    rounds: int

    @property
    def sizes(self) -> StateSizes:
        """Shapes of its part of a state."""
        return cloned_sizes(self.actors.n_agents, self.actors.layers.n_parameters)

    def player(self, state: LearnedState, number: int) -> GaussianPolicy | None:
        """The expert, in the last rounds the clone."""
        taught = number < round((1.0 - self.rules.student) * self.rounds)
        return None if taught else self.actors.policy(state[f"{ACTOR}.weights"])

    def learn(self, state: LearnedState, replay: Replay, number: int, streams: Streams) -> RoundReport:
        """Fit after round ``number``, in place; the state then knows the floor once a round was held out."""
        known = np.arange(number + 1)
        held = known % self.rules.held_out_every == self.rules.held_out_every - 1
        learned_from = replay.pools(number + 1, known[~held]).everything
        rate = self.rules.learning_rate * (1.0 - (1.0 - _LAST_RATE) * number / self.rounds)
        distance = self._fitted(state, replay, learned_from, rate, streams, number)
        unknown = np.full(self.actors.n_agents, math.nan)
        floor = (
            self._distance(state, replay, replay.pools(number + 1, known[held]).everything) if held.any() else unknown
        )
        if held.any():
            state[FLOOR] = torch.from_numpy(floor.astype(np.float32))
        found = dict(zip(COLUMNS, (distance, floor), strict=True))
        return RoundReport({name: float(each.mean()) for name, each in found.items()}, found)

    def _fitted(
        self, state: LearnedState, replay: Replay, places: IntArray, rate: float, streams: Streams, number: int
    ) -> FloatArray:
        """Gradient steps, in place; the mean distance [A] over them."""
        actor, total = adam_of(state, ACTOR), torch.zeros(self.actors.n_agents)
        for step in range(self.rules.steps):
            chance = uniforms(streams.keys("cloning", number, step), np.arange(self.rules.batch))
            distance, gradient = self._gradient(actor.weights, replay, places[(chance * len(places)).astype(np.int64)])
            adam.step(actor, gradient, rate)
            total += distance
        return np.asarray((total / self.rules.steps).double().numpy())

    def _gradient(self, weights: Tensor, replay: Replay, places: IntArray) -> tuple[Tensor, Tensor]:
        layers = [layer.requires_grad_() for layer in self.actors.split(weights.detach())]
        distance = self._of(layers, replay, places).mean(dim=1)
        gradient = torch.cat(torch.autograd.grad(distance.sum(), layers, materialize_grads=True), dim=1)
        return distance.detach(), gradient

    def _distance(self, state: LearnedState, replay: Replay, places: IntArray) -> FloatArray:
        total = torch.zeros(self.actors.n_agents, dtype=torch.float64)
        layers = self.actors.split(state[f"{ACTOR}.weights"])
        with torch.no_grad():
            for begin in range(0, len(places), _AT_ONCE):
                total += self._of(layers, replay, places[begin : begin + _AT_ONCE]).double().sum(dim=1)
        return (total / len(places)).numpy()

    def _of(self, layers: list[Tensor], replay: Replay, places: IntArray) -> Tensor:
        """Distances [A, N] at transitions of the replay."""
        seen, labels = replay.guided(places)
        mean = self.actors.distribution(layers, seen.transpose(0, 1)).mean
        return wasserstein2(mean, None, labels.transpose(0, 1), self.actors.used)


def cloned_sizes(n_agents: int, n_parameters: int) -> dict[str, tuple[int, ...]]:
    """Shapes of what cloning keeps in a state."""
    return {**adam_sizes(ACTOR, n_agents, n_parameters), FLOOR: (n_agents,)}


def cloned_state(actors: Actors, generator: torch.Generator, start: Start | None) -> LearnedState:
    """Policies to begin with: new ones, or those that were learned before."""
    weights = actors.initial(generator) if start is None else start.weights.clone()
    floor = torch.zeros(actors.n_agents) if start is None else start.floor.clone()
    return {**adam_parts(ACTOR, adam.new_state(weights)), FLOOR: floor}


class ClonedFirst(ABC):
    """What learners have in common that may begin with rounds of cloning: their base."""

    sloped = False
    fitter: Fitter | None
    own_columns: ClassVar[tuple[tuple[str, ...], tuple[str, ...]]]
    """What the learner itself says of a round, and of each agent in it."""

    @property
    @abstractmethod
    def actors(self) -> Actors:
        """Of all agents; each learner keeps them where it needs them."""

    @property
    def columns(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What cloning says, and the learner."""
        cloned = COLUMNS if self.fitter is not None else ()
        of_round, of_agent = self.own_columns
        return (*cloned, *of_round), (*cloned, *of_agent)

    @property
    def cloned(self) -> int:
        """Rounds of cloning at the beginning."""
        return 0 if self.fitter is None else self.fitter.rounds

    def policy(self, state: LearnedState) -> GaussianPolicy:
        """The policies as they stand."""
        return self.actors.policy(state[f"{ACTOR}.weights"])

    def player(self, state: LearnedState, number: int) -> GaussianPolicy | None:
        """The policies, but for rounds in which the expert shows what it does."""
        if self.fitter is not None and number < self.cloned:
            return self.fitter.player(state, number)
        return self.policy(state)


def demand_rounds_left(name: str, cloned: int, rounds: int) -> None:
    """ScenarioError where cloning takes all the rounds that a training has."""
    if cloned >= rounds:
        message = f"{rounds} rounds are played, and {cloned} of them clone the expert: nothing is left to learn from"
        hint = "train for more episodes, or clone in fewer rounds"
        raise ScenarioError([Problem(message, f"learning.learner.{name}.start.cloning.rounds", str(cloned), hint)])
