"""The learners ``sac``, ``matd3`` and ``maddpg``: rounds of play, and gradient steps on what was played lately."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from marketsim.core import game
from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.rng import Streams
from marketsim.learning import adam, imitation
from marketsim.learning.cloning.fit import (
    ACTOR,
    FLOOR,
    ClonedFirst,
    Fitter,
    cloned_sizes,
    cloned_state,
    demand_rounds_left,
)
from marketsim.learning.critics.attention import AttentionCritic
from marketsim.learning.critics.critic import CentralCritic, CriticShape
from marketsim.learning.critics.differential import DifferentialCritic
from marketsim.learning.critics.mlp import MlpCritic
from marketsim.learning.numbers.actors import Actors, actor_layers, make_actors
from marketsim.learning.numbers.algorithm import (
    LearnedState,
    RoundReport,
    Start,
    StateSizes,
    adam_parts,
    adam_sizes,
)
from marketsim.learning.numbers.replay import Replay, drawn_places
from marketsim.learning.numbers.rollout import PlayedEpisode
from marketsim.learning.numbers.shape import NumberShape
from marketsim.learning.offpolicy import targets
from marketsim.learning.offpolicy.params import (
    AttentionCriticParams,
    CriticKind,
    DifferentialCriticParams,
    Matd3Params,
    MlpCriticParams,
    OffPolicyParams,
    SacParams,
)
from marketsim.learning.offpolicy.update import (
    CRITIC,
    MULTIPLIER,
    SIZE,
    STEPS,
    TARGET_ACTOR,
    TARGET_CRITIC,
    TEMPERATURE,
    Moved,
    Rates,
    Updater,
)

VALUES: Final = {
    "gradient_steps": "of the critics, since the beginning",
    "learning_rate": "of the policies",
    "critic_loss": "mean over the round's steps, in squares of the size of a return",
    "mean_value": "of the critics, in sizes of a return",
    "policy_loss": "mean over the policies' steps",
    "distance": "mean W2^2 from the expert, a number",
    "epsilon": "largest such distance that imitation allows, mean over agents",
    "multiplier": "price of leaving the expert, geometric mean over agents",
    "deviation": "of the policies, in halves of a range, geometric mean",
    "temperature": "price of certainty, geometric mean over agents",
}
"""Columns of what a round's learning did, after those of cloning."""
OF_AGENT: Final = ("distance", "epsilon", "multiplier", "deviation")


@dataclass(frozen=True)
class OffPolicy(ClonedFirst):
    """An off-policy learner: an ``Algorithm``."""

    name: str
    params: OffPolicyParams
    shape: NumberShape
    updater: Updater
    fitter: Fitter | None
    """Clones the expert in the first rounds; None: it does not."""
    rounds: int

    remembers = True
    own_columns: ClassVar = (tuple(VALUES), OF_AGENT)

    @property
    def kept(self) -> int:
        """Enough for the transitions that are asked for, and for the clone's."""
        return max(math.ceil(self.params.kept / (self.shape.slots * self.shape.n_markets)), self.cloned)

    @property
    def labelled(self) -> bool:
        """Whether it asks the expert."""
        return self.fitter is not None or self.params.imitation is not None

    def sizes(self) -> StateSizes:
        """Shapes of its state."""
        return sizes_of(self.params, self.shape)

    def initial(self, generator: torch.Generator, start: Start | None) -> LearnedState:
        """LearnedState before the first round."""
        agents = torch.zeros(self.shape.n_agents)
        cloned = cloned_state(self.updater.actors, generator, start)
        critics = self.updater.critic.initial(generator)
        entropy = self.params.entropy.initial if isinstance(self.params, SacParams) else 1.0
        rules = self.params.imitation
        return {
            **cloned,
            TARGET_ACTOR: cloned[f"{ACTOR}.weights"].clone(),
            **adam_parts(CRITIC, adam.new_state(critics)),
            TARGET_CRITIC: critics.clone(),
            TEMPERATURE: agents + math.log(entropy),
            MULTIPLIER: agents + (0.0 if rules is None else math.log(rules.multiplier.initial)),
            SIZE: torch.zeros(1),
            STEPS: torch.zeros(1),
        }

    @property
    def actors(self) -> Actors:
        """Of all agents."""
        return self.updater.actors

    def critical(self, played: PlayedEpisode) -> BoolArray | None:
        """Slots by the score that the dual replay names."""
        rules = self.params.replay
        return None if rules is None else np.nan_to_num(played.scores[rules.score], nan=-np.inf) > rules.above

    def learn(
        self, state: LearnedState, replay: Replay, played: PlayedEpisode, number: int, streams: Streams
    ) -> tuple[LearnedState, RoundReport]:
        """Clone in the first rounds, then make the round's gradient steps."""
        if self.fitter is not None and number < self.cloned:
            report = self.fitter.learn(state, replay, number, streams)
            if number == self.cloned - 1:
                weights = state[f"{ACTOR}.weights"]
                state.update(adam_parts(ACTOR, adam.new_state(weights)))
                state[TARGET_ACTOR] = weights.clone()
            return state, report
        if not float(state[SIZE]):
            state[SIZE] = torch.tensor([targets.return_size(played.reward, self.params.gamma)], dtype=torch.float32)
        return state, self._stepped(state, replay, number, streams)

    def _stepped(self, state: LearnedState, replay: Replay, number: int, streams: Streams) -> RoundReport:
        params, rates = self.params, self._rates(state, number)
        pools = replay.pools(number + 1)
        share = 0.0 if params.replay is None else params.replay.share
        sums, moved = torch.zeros(2), list[Moved]()
        steps = max(1, round(params.steps_per_slot * self.shape.slots))
        first = int(state[STEPS])
        delay = params.delay if isinstance(params, Matd3Params) else 1
        for step in range(first, first + steps):
            places, weight = drawn_places(pools, params.batch, share, streams, step)
            if params.replay is not None and not params.replay.weighted:
                weight[:] = 1.0
            batch = replay.batch(places, weight)
            sums += torch.stack(self.updater.critics(state, batch, rates.critic, streams, step))
            if step >= params.warm_up and step % delay == 0:
                moved.append(self.updater.policies(state, batch, rates, streams, step))
        state[STEPS] += steps
        told = {"gradient_steps": first + steps, "learning_rate": rates.policy}
        losses = dict(zip(("critic_loss", "mean_value"), (sums / steps).tolist(), strict=True))
        return self._report(state, {**told, **losses}, moved, rates)

    def _rates(self, state: LearnedState, number: int) -> Rates:
        params, own = self.params, number - self.cloned
        falls = 1.0 - own / (self.rounds - self.cloned) if params.anneal else 1.0
        progress = own / max(1, self.rounds - self.cloned - 1)
        rules = params.imitation
        epsilon = None if rules is None else imitation.epsilon_at(progress, rules.epsilon, state[FLOOR])
        return Rates(params.learning_rate * falls, params.critic_rate * falls, epsilon)

    def _report(
        self, state: LearnedState, values: Mapping[str, float], moved: list[Moved], rates: Rates
    ) -> RoundReport:
        of_agents: dict[str, FloatArray] = {}
        more: dict[str, float] = {}
        if isinstance(self.params, SacParams):
            more["temperature"] = float(state[TEMPERATURE].mean().exp())
        if rates.epsilon is not None:
            of_agents["epsilon"] = _array(rates.epsilon)
            of_agents["multiplier"] = _array(state[MULTIPLIER].exp())
            more |= {"epsilon": float(rates.epsilon.mean()), "multiplier": float(state[MULTIPLIER].mean().exp())}
        if moved:
            mean = Moved(*(torch.stack(each).mean(dim=0) for each in zip(*moved, strict=True)))
            of_agents |= {"distance": _array(mean.distance), "deviation": _array(mean.deviation)}
            more |= {
                "policy_loss": float(mean.loss[0]),
                "distance": float(mean.distance.mean()),
                "deviation": float(mean.deviation.log().mean().exp()),
            }
        return RoundReport({**values, **more}, of_agents)


def _array(values: Tensor) -> FloatArray:
    return np.asarray(values.double().numpy())


def make_off_policy(name: str, params: OffPolicyParams, shape: NumberShape, played: game.Shape) -> OffPolicy:
    """The algorithm for a game; ScenarioError for rounds that leave nothing to learn, and a score that the game has not."""
    rounds = params.rounds(shape.n_agents, shape.slots)
    demand_rounds_left(name, params.cloned_rounds, rounds)
    if params.replay is not None and params.replay.score not in played.scores:
        hint = f"the game has: {', '.join(played.scores)}" if played.scores else "the game has none"
        path = f"learning.learner.{name}.replay.score"
        raise ScenarioError([Problem("the game has no such score", path, repr(params.replay.score), hint)])
    actors = make_actors(shape, params.hidden, params.deviation)
    start = params.start.cloning if params.start is not None else None
    return OffPolicy(
        name=name,
        params=params,
        shape=shape,
        updater=Updater(params, actors, make_critic(params.critic, critic_shape(params, shape))),
        fitter=None if start is None else Fitter(actors, start, start.rounds),
        rounds=rounds,
    )


def critic_shape(params: OffPolicyParams, shape: NumberShape) -> CriticShape:
    """What the critics of a game look at."""
    return CriticShape(params.critics, shape.n_agents, shape.n_features, shape.n_numbers, shape.n_state)


def make_critic(choice: CriticKind, shape: CriticShape) -> CentralCritic:
    """The critics that a scenario chooses."""
    chosen = choice.chosen
    if isinstance(chosen, AttentionCriticParams):
        return AttentionCritic(shape, chosen.width, chosen.heads)
    if isinstance(chosen, DifferentialCriticParams):
        return DifferentialCritic(shape, chosen.width, chosen.heads, chosen.lambda_init)
    if isinstance(chosen, MlpCriticParams):
        return MlpCritic.of(shape, chosen.hidden)
    raise AssertionError(f"nobody makes critics of {type(chosen).__name__}")


def sizes_of(params: OffPolicyParams, shape: NumberShape) -> StateSizes:
    """Shapes of the state, without making any of it."""
    width = actor_layers(shape.n_features, params.hidden, shape.n_numbers).n_parameters
    critic_width = sum(make_critic(params.critic, critic_shape(params, shape)).sizes)
    agents = (shape.n_agents,)
    return {
        **cloned_sizes(shape.n_agents, width),
        TARGET_ACTOR: (shape.n_agents, width),
        **adam_sizes(CRITIC, params.critics, critic_width),
        TARGET_CRITIC: (params.critics, critic_width),
        TEMPERATURE: agents,
        MULTIPLIER: agents,
        SIZE: (1,),
        STEPS: (1,),
    }
