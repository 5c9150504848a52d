"""The learner ``cloning``: policies that do what the game's expert would."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from marketsim.core.arrays import BoolArray
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.rng import Streams
from marketsim.learning.cloning.fit import ACTOR, COLUMNS, Fitter, cloned_sizes, cloned_state
from marketsim.learning.numbers.actors import actor_layers, make_actors
from marketsim.learning.numbers.algorithm import LearnedState, RoundReport, Start, StateSizes
from marketsim.learning.numbers.params import CloningParams
from marketsim.learning.numbers.policy import GaussianPolicy
from marketsim.learning.numbers.replay import Replay
from marketsim.learning.numbers.rollout import PlayedEpisode
from marketsim.learning.numbers.shape import NumberShape

NAME, STEPS = "cloning", "gradient_steps"


@dataclass(frozen=True)
class Cloning:
    """Behaviour cloning: an ``Algorithm``."""

    params: CloningParams
    fitter: Fitter

    name = NAME
    columns = ((*COLUMNS, STEPS), COLUMNS)
    labelled = True
    remembers = True
    sloped = False

    @property
    def rounds(self) -> int:
        """Of the whole training."""
        return self.fitter.rounds

    @property
    def kept(self) -> int:
        """All of them: what was shown once is learned from until the end."""
        return self.fitter.rounds

    def sizes(self) -> StateSizes:
        """Shapes of its state."""
        return self.fitter.sizes

    def initial(self, generator: torch.Generator, start: Start | None) -> LearnedState:
        """LearnedState before the first round."""
        return cloned_state(self.fitter.actors, generator, start)

    def policy(self, state: LearnedState) -> GaussianPolicy:
        """The clones as they stand."""
        return self.fitter.actors.policy(state[f"{ACTOR}.weights"])

    def player(self, state: LearnedState, number: int) -> GaussianPolicy | None:
        """The expert, in the last rounds the clone."""
        return self.fitter.player(state, number)

    def critical(self, played: PlayedEpisode) -> BoolArray | None:  # noqa: ARG002 - part of the port
        """No slot more than another."""
        return None

    def learn(
        self,
        state: LearnedState,
        replay: Replay,
        played: PlayedEpisode,  # noqa: ARG002 - it is in the replay
        number: int,
        streams: Streams,
    ) -> tuple[LearnedState, RoundReport]:
        """Fit to everything that was shown so far."""
        report = self.fitter.learn(state, replay, number, streams)
        steps = float((number + 1) * self.params.steps)
        return state, report._replace(values={**report.values, STEPS: steps})


def make_cloning(params: CloningParams, shape: NumberShape) -> Cloning:
    """The algorithm for a game; ScenarioError where no round would be held out."""
    rounds = params.rounds(shape.n_agents, shape.slots)
    if rounds < params.held_out_every:
        message = f"{rounds} rounds are played, of which none is held out"
        hint = f"train for at least held_out_every ({params.held_out_every}) x markets ({params.markets}) episodes"
        raise ScenarioError([Problem(message, "learning.learner.cloning.episodes", str(params.episodes), hint)])
    return Cloning(params, Fitter(make_actors(shape, params.hidden, params.deviation), params, rounds))


def sizes_of(params: CloningParams, shape: NumberShape) -> StateSizes:
    """Shapes of the state, without making any of it."""
    return cloned_sizes(shape.n_agents, actor_layers(shape.n_features, params.hidden, shape.n_numbers).n_parameters)
