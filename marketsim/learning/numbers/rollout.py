"""Playing an episode of a game of numbers, by policies as they stand or by its expert."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marketsim.core.arrays import FloatArray
from marketsim.core.game import Box, Features, Game, Slopes, demand_parts
from marketsim.core.rng import Streams
from marketsim.learning.numbers.policy import GaussianPolicy, to_played, to_scaled
from marketsim.learning.numbers.shape import NumberShape
from marketsim.learning.ppo.rollout import decision_keys, demand_end, demand_numbers

ScaledNumbers = NDArray[np.float32]
"""Actions in halves of their ranges around the middle."""


class PlayedSlopes(NamedTuple):
    """How the slots of an episode answer to small changes: ``core.game.Slopes``, slot by slot."""

    reward: FloatArray
    """[T, M, A, D]"""
    reward_by_carried: FloatArray
    """[T, M, A, K]"""
    moved: FloatArray
    """[T, M, A, K, D]"""
    kept: FloatArray
    """[T, M, A, K]"""


class PlayedEpisode(NamedTuple):
    """An episode in all markets: T slots, M markets, A agents."""

    seen: Features
    """What each decision was made on, and the last look [T + 1, M, A, F]."""
    state: Features
    """[T + 1, M, G]"""
    drawn: ScaledNumbers
    """What was drawn, beyond [-1, 1] where it was held to the bounds [T, M, A, D]."""
    labels: ScaledNumbers | None
    """What the expert would have done [T, M, A, D]; None: nobody asked it."""
    reward: FloatArray
    """[T, M, A]"""
    rewards: Mapping[str, FloatArray]
    """The parts that the game says it is made of, by name [T, M, A]."""
    scores: Mapping[str, FloatArray]
    """What the game says of its slots, by name; NaN where undefined [T, M]."""
    slopes: PlayedSlopes | None = None
    """By actions in the game's units; None: nobody asked for them."""


def play_episode(
    game: Game,
    shape: NumberShape,
    policy: GaussianPolicy | None,
    seed: int,
    episode: int,
    labels: Callable[[], FloatArray] | None,
    slopes: Callable[[], Slopes] | None = None,
) -> PlayedEpisode:
    """Play ``episode``, drawing by counters of seed, episode, slot, market and agent; without a ``policy`` the expert acts.

    ``labels`` says what the expert would do now [M, A, D], ``slopes`` those of the slot that was played; None: they are not asked
    for. Raises RunError where the game shows or pays
    what is no number, or does not end when it should.
    """
    played = _empty(game, shape, labelled=labels is not None)
    box = Box(shape.low, shape.high)
    agents = np.tile(np.arange(shape.n_agents), shape.n_markets)
    streams = Streams((seed,))
    played.seen[0], played.state[0] = game.reset(episode)
    found: list[Slopes] = []
    for t in range(shape.slots):
        wanted = played.drawn[t]
        if played.labels is not None and labels is not None:
            played.labels[t] = np.clip(to_scaled(labels(), box), -1.0, 1.0)
        if policy is None:
            wanted[:] = played.labels[t] if played.labels is not None else 0.0
        else:
            keys = decision_keys(streams, episode, t, len(agents))
            rows = played.seen[t].reshape(len(agents), shape.n_features)
            wanted[:] = policy.draw(rows, agents, keys).reshape(wanted.shape)
        actions = to_played(wanted.reshape(len(agents), -1).astype(np.float64), box, agents)
        step = game.step(actions.reshape(wanted.shape))
        demand_parts(game.shape, step)
        demand_end(step, t, shape.slots)
        if slopes is not None:
            found.append(slopes())
        played.seen[t + 1], played.state[t + 1], played.reward[t] = step.seen, step.state, step.reward
        for parts in (played.rewards, played.scores):
            for name, part in parts.items():
                part[t] = step.parts[name]
    demand_numbers(played.seen, played.state, {**played.rewards, "reward": played.reward})
    if found:
        played = played._replace(slopes=PlayedSlopes(*(np.stack(column) for column in zip(*found, strict=True))))
        named = zip(PlayedSlopes._fields, played.slopes or (), strict=True)
        demand_numbers(played.seen, played.state, {f"the slope {name}": part for name, part in named})
    return played


def _empty(game: Game, shape: NumberShape, *, labelled: bool) -> PlayedEpisode:
    slots, markets, agents = shape.slots, shape.n_markets, shape.n_agents
    size = (slots, markets, agents, shape.n_numbers)
    return PlayedEpisode(
        seen=np.empty((slots + 1, markets, agents, shape.n_features), dtype=np.float32),
        state=np.empty((slots + 1, markets, shape.n_state), dtype=np.float32),
        drawn=np.empty(size, dtype=np.float32),
        labels=np.empty(size, dtype=np.float32) if labelled else None,
        reward=np.empty((slots, markets, agents)),
        rewards={name: np.empty((slots, markets, agents)) for name in game.shape.rewards},
        scores={name: np.empty((slots, markets)) for name in game.shape.scores},
    )
