"""Playing a game with the policies as they stand: what an update learns from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray, KeyArray
from marketsim.core.errors import RunError
from marketsim.core.rng import Streams, mix
from marketsim.learning.game import Features, Game, Shape, Step
from marketsim.learning.policy import Policy


class Played(NamedTuple):
    """Whole episodes after each other: T slots in all, M markets, A agents."""

    seen: Features
    """What each decision was made on [T, M, A, F]."""
    state: Features
    """[T, M, G]"""
    choices: IntArray
    """Of the networks' heads [T, M, A, heads]."""
    economic: FloatArray
    """[T, M, A]"""
    shaping: FloatArray
    """[T, M, A]"""
    scores: FloatArray
    """FTG, FBS, FPP; NaN where undefined [T, M, 3]."""
    ended: FloatArray
    """1 where a slot was its episode's last [T]."""

    @property
    def reward(self) -> FloatArray:
        """Economic and shaping together [T, M, A]."""
        return self.economic + self.shaping


def play(game: Game, policy: Policy, seed: int, episodes: Sequence[int]) -> Played:
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
            _keep(played, t, step)
            _demand_end(step, slot, shape)
            seen, state = step.seen, step.state
    _demand_numbers(played)
    return played


def decision_keys(streams: Streams, episode: int, slot: int, n: int) -> KeyArray:
    """Keys of the first ``n`` decisions of a slot: market by market, agent by agent [n]."""
    return mix(streams.keys("decisions", episode, slot), np.arange(n))


def _empty(shape: Shape, n_episodes: int, n_heads: int) -> Played:
    slots, each = n_episodes * shape.slots, (shape.n_markets, shape.n_agents)
    return Played(
        seen=np.empty((slots, *each, shape.n_features), dtype=np.float32),
        state=np.empty((slots, shape.n_markets, shape.n_state), dtype=np.float32),
        choices=np.empty((slots, *each, n_heads), dtype=np.int64),
        economic=np.empty((slots, *each)),
        shaping=np.empty((slots, *each)),
        scores=np.empty((slots, shape.n_markets, 3)),
        ended=np.zeros(slots),
    )


def _keep(played: Played, t: int, step: Step) -> None:
    played.economic[t], played.shaping[t], played.scores[t] = step.economic, step.shaping, step.scores
    played.ended[t] = step.ended


def _demand_end(step: Step, slot: int, shape: Shape) -> None:
    if step.ended != (slot + 1 == shape.slots):
        raise RunError(f"the game says that slot {slot} of {shape.slots} {'ended' if step.ended else 'did not end'} it")


def _demand_numbers(played: Played) -> None:
    """Learning from what is no number would destroy the weights without a word."""
    for name in ("seen", "state", "economic", "shaping"):
        wrong = np.argwhere(~np.isfinite(getattr(played, name)))
        if len(wrong):
            slot, market, *rest = wrong[0].tolist()
            agent = f", agent {rest[0]}" if name != "state" else ""
            raise RunError(f"the game gave no number for '{name}' in slot {slot}, market {market}{agent}")
