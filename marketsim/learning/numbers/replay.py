"""What was played lately, and batches of it: drawn by counters, so that no generator has a state to keep.

Episodes are kept whole, in a ring with room for one more than counts. A new one therefore overwrites nothing of what counted
before it, and a training that is interrupted while it learns from it still has all of the state that it goes back to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.rng import Streams, uniforms
from marketsim.learning.numbers.rollout import PlayedEpisode
from marketsim.learning.numbers.shape import NumberShape

FIELDS: Final = ("seen", "state", "actions", "labels", "reward", "critical", "slopes")
"""Arrays of a replay, as its file names them."""


class Batch(NamedTuple):
    """N transitions of all agents."""

    seen: Tensor
    """[N, A, F]"""
    state: Tensor
    """[N, G]"""
    actions: Tensor
    """As played, scaled to [-1, 1] [N, A, D]."""
    labels: Tensor
    """What the expert would have done [N, A, D]; of no rows where nobody asked it."""
    reward: Tensor
    """[N, A]"""
    next_seen: Tensor
    """[N, A, F]"""
    next_state: Tensor
    """[N, G]"""
    goes_on: Tensor
    """0 where the transition ended the episode, else 1 [N, 1]."""
    weight: Tensor
    """Of each transition in the critics' loss, 1 in the mean [N, 1]."""


class Sloping(NamedTuple):
    """N decisions of all agents and the slopes at what was done."""

    seen: Tensor
    """[N, A, F]"""
    actions: Tensor
    """As played, scaled to [-1, 1] [N, A, D]."""
    slopes: Tensor
    """[N, A, D]"""
    labels: Tensor | None
    """What the expert would have done [N, A, D]; None: nobody asked it."""


class Pools(NamedTuple):
    """Positions of transitions in the ring, those of critical slots apart."""

    ordinary: IntArray
    critical: IntArray

    @property
    def everything(self) -> IntArray:
        """Both, one after the other."""
        return np.concatenate(self)


class Replay:
    """The last ``kept`` episodes of all markets."""

    def __init__(self, shape: NumberShape, kept: int, *, labelled: bool, sloped: bool = False) -> None:
        self.kept, self._shape = kept, shape
        size = (kept + 1, shape.slots, shape.n_markets)
        looks = (kept + 1, shape.slots + 1, shape.n_markets)
        numbers = (shape.n_agents, shape.n_numbers)
        self.arrays: dict[str, NDArray[np.float32]] = {
            "seen": np.zeros((*looks, shape.n_agents, shape.n_features), dtype=np.float32),
            "state": np.zeros((*looks, shape.n_state), dtype=np.float32),
            "actions": np.zeros((*size, *numbers), dtype=np.float32),
            "labels": np.zeros((*size, *numbers) if labelled else (kept + 1, 0), dtype=np.float32),
            "reward": np.zeros((*size, shape.n_agents), dtype=np.float32),
            "critical": np.zeros(size, dtype=np.float32),
            "slopes": np.zeros((*size, *numbers) if sloped else (kept + 1, 0), dtype=np.float32),
        }

    @property
    def labelled(self) -> bool:
        """Whether it keeps what the expert would have done."""
        return self.arrays["labels"].size > 0

    def put(self, episode: int, played: PlayedEpisode, critical: BoolArray | None = None) -> None:
        """Keep ``episode``, the next one; ``critical`` [T, M] are slots to be drawn more often."""
        place = episode % (self.kept + 1)
        self.arrays["seen"][place], self.arrays["state"][place] = played.seen, played.state
        self.arrays["actions"][place] = np.clip(played.drawn, -1.0, 1.0)
        if self.labelled and played.labels is not None:
            self.arrays["labels"][place] = played.labels
        self.arrays["reward"][place] = played.reward
        self.arrays["critical"][place] = 0.0 if critical is None else critical

    def put_slopes(self, episode: int, slopes: FloatArray) -> None:
        """Keep what the learner made of the slopes of ``episode``, the last one [T, M, A, D]."""
        self.arrays["slopes"][episode % (self.kept + 1)] = slopes

    def pools(self, episodes: int, among: IntArray | None = None) -> Pools:
        """Positions of what counts once ``episodes`` have been played; ``among`` some of the episodes only."""
        known = np.arange(max(0, episodes - self.kept), episodes) if among is None else among
        shape = self._shape
        of_episode = shape.slots * shape.n_markets
        places = (known % (self.kept + 1))[:, np.newaxis] * of_episode + np.arange(of_episode)
        critical = self.arrays["critical"].reshape(-1)[places.reshape(-1)] > 0.0
        return Pools(places.reshape(-1)[~critical], places.reshape(-1)[critical])

    def batch(self, places: IntArray, weight: FloatArray) -> Batch:
        """The transitions at ``places`` [N] with their weights [N]."""
        arrays, (episode, slot, market) = self.arrays, self._at(places)
        labels = arrays["labels"][episode, slot, market] if self.labelled else np.zeros((0, 1, 1), np.float32)
        goes_on = (slot + 1 < self._shape.slots).astype(np.float32)[:, np.newaxis]
        found: tuple[NDArray[np.float32], ...] = (
            arrays["seen"][episode, slot, market],
            arrays["state"][episode, slot, market],
            arrays["actions"][episode, slot, market],
            labels,
            arrays["reward"][episode, slot, market],
            arrays["seen"][episode, slot + 1, market],
            arrays["state"][episode, slot + 1, market],
            goes_on,
            weight.astype(np.float32)[:, np.newaxis],
        )
        return Batch(*(torch.from_numpy(np.ascontiguousarray(each)) for each in found))

    def guided(self, places: IntArray) -> tuple[Tensor, Tensor]:
        """What was seen [N, A, F] and what the expert would have done [N, A, D] in the transitions at ``places`` [N]."""
        episode, slot, market = self._at(places)
        found = (self.arrays[name][episode, slot, market] for name in ("seen", "labels"))
        seen, labels = (torch.from_numpy(each) for each in found)
        return seen, labels

    def along(self, places: IntArray) -> Sloping:
        """What slopes are learned from in the transitions at ``places`` [N]."""
        at = self._at(places)
        seen, actions, slopes = (torch.from_numpy(self.arrays[name][at]) for name in ("seen", "actions", "slopes"))
        return Sloping(seen, actions, slopes, torch.from_numpy(self.arrays["labels"][at]) if self.labelled else None)

    def _at(self, places: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Place in the ring, slot and market of transitions."""
        episode, rest = np.divmod(places, self._shape.slots * self._shape.n_markets)
        slot, market = np.divmod(rest, self._shape.n_markets)
        return episode, slot, market

    def contents(self, episodes: int) -> dict[str, Tensor]:
        """What a file keeps once ``episodes`` have been played: those that count, the oldest first."""
        known = np.arange(max(0, episodes - self.kept), episodes) % (self.kept + 1)
        return {name: torch.from_numpy(self.arrays[name][known]) for name in FIELDS}

    def restore(self, episodes: int, contents: Mapping[str, Tensor]) -> None:
        """Go on from what ``contents`` gave after as many episodes; ValueError where it does not fit."""
        known = np.arange(max(0, episodes - self.kept), episodes) % (self.kept + 1)
        for name, tensor in contents.items():
            array, values = self.arrays[name], tensor.numpy()
            if values.shape != (len(known), *array.shape[1:]) or values.dtype != np.float32:
                wanted = (len(known), *array.shape[1:])
                raise ValueError(f"{name} is {values.dtype} of shape {values.shape}, where {wanted} was played")
            if not np.isfinite(values).all():
                raise ValueError(f"{name} has numbers that are not finite")
            array[known] = values


def drawn_places(pools: Pools, n: int, share: float, streams: Streams, counter: int) -> tuple[IntArray, FloatArray]:
    """Positions [n] of a batch, ``share`` of it critical where there are any, and weights [n] that undo the share.

    A weight is the pool's share of what is kept over its share of the batch: means then are those of what is kept.
    """
    n_critical = round(n * share) if len(pools.critical) and len(pools.ordinary) else 0
    if not len(pools.ordinary):
        n_critical = n
    elif share == 0.0:
        pools = Pools(pools.everything, pools.critical[:0])
    n_kept = len(pools.ordinary) + len(pools.critical)
    chance = uniforms(streams.keys("replay", counter), np.arange(n))
    places, weight = np.empty(n, dtype=np.int64), np.empty(n)
    for part, pool in ((slice(0, n_critical), pools.critical), (slice(n_critical, n), pools.ordinary)):
        size = part.stop - part.start
        if size:
            places[part] = pool[(chance[part] * len(pool)).astype(np.int64)]
            weight[part] = (len(pool) / n_kept) / (size / n)
    return places, weight
