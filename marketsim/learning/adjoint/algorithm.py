"""The learner ``adjoint``: rounds of play, and steps of the policies along the slopes of what was played lately.

    minimise  stiffness / 2 |mu_a(o_a) - clip(u_a + g_a / (stiffness size), -1, 1)|^2  +  lambda_a (W2_a^2 / epsilon_a - 1)

in the mean over decisions, for each agent a: what was done, u, and a step from there along its slope g of ``costates``. A slope
says nothing of what is far from where it was taken, so it is followed for a step only, and policies that have moved on find
later ones there. None is longer than ``longest_slope`` sizes; size is the root mean square of those within a slot in the first
round that policies learn from. Nothing is estimated by a network: who earns what by which number is known to the game.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.rng import Streams, uniforms
from marketsim.learning import adam, imitation
from marketsim.learning.adjoint.costates import episode_slopes
from marketsim.learning.adjoint.params import AdjointParams
from marketsim.learning.cloning.fit import (
    ACTOR,
    FLOOR,
    ClonedFirst,
    Fitter,
    cloned_sizes,
    cloned_state,
    demand_rounds_left,
)
from marketsim.learning.numbers.actors import Actors, actor_layers, make_actors
from marketsim.learning.numbers.algorithm import LearnedState, RoundReport, Start, StateSizes, adam_of, adam_parts
from marketsim.learning.numbers.replay import Replay, Sloping
from marketsim.learning.numbers.rollout import PlayedEpisode
from marketsim.learning.numbers.shape import NumberShape

MULTIPLIER, SIZE, STEPS = "log_multiplier", "slope_size", "gradient_steps"
"""Names in a state."""
VALUES: Final = ("gradient_steps", "learning_rate", "slope", "distance", "epsilon", "multiplier")
"""Columns of what a round's learning did, after those of cloning."""
OF_AGENT: Final = ("slope", "distance", "epsilon", "multiplier")
_NUDGE: Final = 1e-2
"""Change of a scaled feature by which the answer of a policy is measured, either way."""


@dataclass(frozen=True)
class Adjoint(ClonedFirst):
    """Learning by slopes: an ``Algorithm``."""

    params: AdjointParams
    shape: NumberShape
    own: Actors
    carried: tuple[int, ...]
    """Features that actions carry on."""
    fitter: Fitter | None
    """Clones the expert in the first rounds; None: it does not."""
    rounds: int

    name = "adjoint"
    sloped = True
    own_columns: ClassVar = (VALUES, OF_AGENT)

    @property
    def kept(self) -> int:
        """What is learned from, or was cloned from."""
        return max(self.params.kept_rounds, self.cloned)

    remembers = True

    @property
    def labelled(self) -> bool:
        """Whether it asks the expert."""
        return self.fitter is not None or self.params.imitation is not None

    def sizes(self) -> StateSizes:
        """Shapes of its state."""
        return sizes_of(self.params, self.shape)

    def initial(self, generator: torch.Generator, start: Start | None) -> LearnedState:
        """LearnedState before the first round."""
        rules = self.params.imitation
        first = 0.0 if rules is None else math.log(rules.multiplier.initial)
        return {
            **cloned_state(self.own, generator, start),
            MULTIPLIER: torch.zeros(self.shape.n_agents) + first,
            SIZE: torch.zeros(1),
            STEPS: torch.zeros(1),
        }

    @property
    def actors(self) -> Actors:
        """Of all agents."""
        return self.own

    def critical(self, played: PlayedEpisode) -> BoolArray | None:  # noqa: ARG002 - part of the port
        """No slot more than another."""
        return None

    def learn(
        self, state: LearnedState, replay: Replay, played: PlayedEpisode, number: int, streams: Streams
    ) -> tuple[LearnedState, RoundReport]:
        """Clone in the first rounds, then follow the slopes of the round that was played."""
        if self.fitter is not None and number < self.cloned:
            report = self.fitter.learn(state, replay, number, streams)
            if number == self.cloned - 1:
                state.update(adam_parts(ACTOR, adam.new_state(state[f"{ACTOR}.weights"])))
            return state, report
        slopes, within = self._slopes(state, played)
        if not float(state[SIZE]):
            state[SIZE] = torch.tensor([_size(within[..., self.shape.used])], dtype=torch.float32)
        longest = self.params.longest_slope
        held = np.clip(slopes / float(state[SIZE]), -longest, longest)
        replay.put_slopes(number, held)
        return state, self._stepped(state, replay, held, number, streams)

    def _slopes(self, state: LearnedState, played: PlayedEpisode) -> tuple[FloatArray, FloatArray]:
        """Until the end of the episode, and within a slot, by numbers in halves of their ranges [T, M, A, D]."""
        if played.slopes is None:
            raise AssertionError("slopes are learned from, and nobody asked for them")
        half = 0.5 * (self.shape.high - self.shape.low)
        slopes = played.slopes._replace(
            reward=played.slopes.reward * half, moved=played.slopes.moved * half[:, np.newaxis]
        )
        return episode_slopes(slopes, self._answers(state, played.seen[:-1]), self.params.gamma), slopes.reward

    def _answers(self, state: LearnedState, seen: np.ndarray) -> FloatArray:
        """How means answer to each carried feature [T, M, A, K, D]."""
        t, m, a, f = seen.shape
        if not self.carried:
            return np.zeros((t, m, a, 0, self.shape.n_numbers))
        layers = self.own.split(state[f"{ACTOR}.weights"])
        looks = torch.from_numpy(np.ascontiguousarray(seen.reshape(t * m, a, f).transpose(1, 0, 2)))
        found = []
        with torch.no_grad():
            for column in self.carried:
                ends = []
                for way in (1.0, -1.0):
                    nudged = looks.clone()
                    nudged[:, :, column] += way * _NUDGE
                    ends.append(self.own.distribution(layers, nudged).mean)
                found.append((ends[0] - ends[1]) / (2.0 * _NUDGE))
        stacked = torch.stack(found, dim=2).permute(1, 0, 2, 3)
        return np.asarray(stacked.double().numpy().reshape(t, m, a, len(self.carried), -1))

    def _stepped(
        self, state: LearnedState, replay: Replay, slopes: FloatArray, number: int, streams: Streams
    ) -> RoundReport:
        params, own = self.params, number - self.cloned
        rate = params.learning_rate * (1.0 - own / (self.rounds - self.cloned) if params.anneal else 1.0)
        rules = params.imitation
        progress = own / max(1, self.rounds - self.cloned - 1)
        epsilon = None if rules is None else imitation.epsilon_at(progress, rules.epsilon, state[FLOOR])
        known = np.arange(max(self.cloned, number + 1 - params.kept_rounds), number + 1)
        places, total = replay.pools(number + 1, known).everything, torch.zeros(self.own.n_agents)
        for step in range(params.steps):
            chance = uniforms(streams.keys("adjoint", number, step), np.arange(params.batch))
            batch = replay.along(places[(chance * len(places)).astype(np.int64)])
            total += self._step(state, batch, rate, epsilon)
        state[STEPS] += params.steps
        distance = total / params.steps
        of_agents = {"slope": np.sqrt((slopes**2).mean(axis=(0, 1, 3))), "distance": _array(distance)}
        values = {
            "gradient_steps": float(state[STEPS]),
            "learning_rate": rate,
            "slope": float(np.sqrt((slopes**2).mean())),
            "distance": float(distance.mean()),
        }
        if epsilon is not None:
            of_agents |= {"epsilon": _array(epsilon), "multiplier": _array(state[MULTIPLIER].exp())}
            values |= {"epsilon": float(epsilon.mean()), "multiplier": float(state[MULTIPLIER].mean().exp())}
        return RoundReport(values, of_agents)

    def _step(self, state: LearnedState, batch: Sloping, rate: float, epsilon: Tensor | None) -> Tensor:
        """A gradient step of all policies, in place; their distance from the expert [A], NaN where nobody asked it."""
        weights, stiffness = adam_of(state, ACTOR), self.params.stiffness
        layers = [layer.requires_grad_() for layer in self.own.split(weights.weights.detach())]
        mean = self.own.distribution(layers, batch.seen.transpose(0, 1)).mean
        wanted = (batch.actions + batch.slopes / stiffness).clamp(-1.0, 1.0).transpose(0, 1)
        loss = 0.5 * stiffness * ((mean - wanted).square() * self.own.used).sum(dim=2).mean(dim=1).sum()
        labels = batch.labels
        distance = torch.full((self.own.n_agents,), math.nan)
        if labels is not None:
            distance = imitation.wasserstein2(mean, None, labels.transpose(0, 1), self.own.used).mean(dim=1)
        if epsilon is not None:
            loss = loss + (state[MULTIPLIER].exp() * (distance / epsilon - 1.0)).sum()
        gradient = torch.cat(torch.autograd.grad(loss, layers, materialize_grads=True), dim=1)
        adam.step(weights, adam.clipped(gradient, self.params.max_gradient), rate)
        distance = distance.detach()
        if self.params.imitation is not None and epsilon is not None:
            rules = self.params.imitation.multiplier
            state[MULTIPLIER].copy_(imitation.stepped(state[MULTIPLIER], distance, epsilon, rules.rate, rules.most))
        return distance


def _size(slopes: FloatArray) -> float:
    size = float(np.sqrt(np.mean(slopes**2)))
    return size if size > 1e-8 else 1.0


def _array(values: Tensor) -> FloatArray:
    return np.asarray(values.double().numpy())


def make_adjoint(params: AdjointParams, shape: NumberShape, carried: tuple[int, ...]) -> Adjoint:
    """The algorithm for a game whose actions carry these features on; ScenarioError where cloning leaves no round."""
    rounds = params.rounds(shape.n_agents, shape.slots)
    demand_rounds_left("adjoint", params.cloned_rounds, rounds)
    actors = make_actors(shape, params.hidden, params.deviation)
    start = params.start.cloning if params.start is not None else None
    fitter = None if start is None else Fitter(actors, start, start.rounds)
    return Adjoint(params, shape, actors, carried, fitter, rounds)


def sizes_of(params: AdjointParams, shape: NumberShape) -> StateSizes:
    """Shapes of the state, without making any of it."""
    width = actor_layers(shape.n_features, params.hidden, shape.n_numbers).n_parameters
    return {
        **cloned_sizes(shape.n_agents, width),
        MULTIPLIER: (shape.n_agents,),
        SIZE: (1,),
        STEPS: (1,),
    }
