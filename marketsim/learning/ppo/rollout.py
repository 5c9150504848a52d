"""Playing a game with the policies as they stand: what an update learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from marketsim.core.arrays import FloatArray, IntArray, KeyArray
from marketsim.core.errors import RunError
from marketsim.core.game import Features, Game, Shape, Step, demand_parts
from marketsim.core.rng import Streams, mix
from marketsim.learning.ppo.policy import FrozenPolicy


class Rollout(NamedTuple):
    """Whole episodes after each other: T slots in all, M markets, A agents."""

    seen: Features
    """What each decision was made on [T, M, A, F]."""
    state: Features
    """[T, M, G]"""
    choices: IntArray
    """Of the networks' heads [T, M, A, heads]."""
    reward: FloatArray
    """[T, M, A]"""
    rewards: Mapping[str, FloatArray]
    """The parts that the game says it is made of, by name [T, M, A]."""
    scores: Mapping[str, FloatArray]
    """What the game says of its slots, by name; NaN where undefined [T, M]."""
    ended: FloatArray
    """1 where a slot was its episode's last [T]."""


def play(game: Game, policy: FrozenPolicy, seed: int, episodes: Sequence[int]) -> Rollout:
    """Play whole ``episodes``, sampling by counters of seed, episode, slot, market and agent.

    Raises RunError where the game shows or pays what is no number, or does not end when it should.
    """
    shape = game.shape
    played = _empty(shape, len(episodes), len(policy.network_heads))
    agents = np.tile(np.arange(shape.n_agents), shape.n_markets)
    streams = Streams((seed,))
    for nth, episode in enumerate(episodes):
        seen, state = game.reset(episode)
        for slot in range(shape.slots):
            t = nth * shape.slots + slot
            played.seen[t], played.state[t] = seen, state
            keys = decision_keys(streams, episode, slot, len(agents))
            rows = played.seen[t].reshape(len(agents), shape.n_features)
            choices = policy.choose(rows, agents, keys)
            played.choices[t] = choices.reshape(played.choices.shape[1:])
            step = game.step(policy.to_played(choices).reshape(shape.n_markets, shape.n_agents, -1))
            demand_parts(shape, step)
            _keep(played, t, step)
            demand_end(step, slot, shape.slots)
            seen, state = step.seen, step.state
    demand_numbers(played.seen, played.state, {**played.rewards, "reward": played.reward})
    return played


def decision_keys(streams: Streams, episode: int, slot: int, n: int) -> KeyArray:
    """Keys of the first ``n`` decisions of a slot: market by market, agent by agent [n]."""
    return mix(streams.keys("decisions", episode, slot), np.arange(n))


def _empty(shape: Shape, n_episodes: int, n_heads: int) -> Rollout:
    slots, each = n_episodes * shape.slots, (shape.n_markets, shape.n_agents)
    return Rollout(
        seen=np.empty((slots, *each, shape.n_features), dtype=np.float32),
        state=np.empty((slots, shape.n_markets, shape.n_state), dtype=np.float32),
        choices=np.empty((slots, *each, n_heads), dtype=np.int64),
        reward=np.empty((slots, *each)),
        rewards={name: np.empty((slots, *each)) for name in shape.rewards},
        scores={name: np.empty((slots, shape.n_markets)) for name in shape.scores},
        ended=np.zeros(slots),
    )


def _keep(played: Rollout, t: int, step: Step) -> None:
    played.reward[t], played.ended[t] = step.reward, step.ended
    for parts in (played.rewards, played.scores):
        for name, part in parts.items():
            part[t] = step.parts[name]


def demand_end(step: Step, slot: int, slots: int) -> None:
    """RunError unless the last of an episode's ``slots``, and no other, ends it."""
    if step.ended != (slot + 1 == slots):
        raise RunError(f"the game says that slot {slot} of {slots} {'ended' if step.ended else 'did not end'} it")


def demand_numbers(seen: Features, state: Features, rewards: Mapping[str, FloatArray]) -> None:
    """RunError where a game showed or paid what is no number: learning from it would destroy the weights without a word."""
    parts: list[tuple[str, NDArray[Any]]] = [("seen", seen), ("state", state)]
    for name, values in (*parts, *rewards.items()):
        wrong = np.argwhere(~np.isfinite(values))
        if len(wrong):
            slot, market, *rest = wrong[0].tolist()
            agent = f", agent {rest[0]}" if name != "state" else ""
            raise RunError(f"the game gave no number for '{name}' in slot {slot}, market {market}{agent}")
