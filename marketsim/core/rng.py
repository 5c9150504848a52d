"""Named random streams, one family a market.

Two forms of the same seed. A ``generator`` serves set-up (drawing ratings, noise tables). ``uniforms``
serves the slot path: a counter-based hash (SplitMix64; Steele, Lea, Flood 2014, doi 10.1145/2660193.2660195)
of market seed, stream, slot, round and the agent's index *inside its market*. It has no state, so a market
draws the same numbers alone, in a batch, and after a resume.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray, KeyArray

_11 = np.uint64(11)
_TO_UNIT = 2.0**-53


def mix(key: KeyArray, counter: KeyArray | IntArray | int) -> KeyArray:
    """Hash ``counter`` into ``key``, elementwise; both broadcast to [n]."""
    from marketsim.core.rng_kernel import mix_rows

    counters = np.asarray(counter).astype(np.uint64)
    shape = np.broadcast_shapes(key.shape, counters.shape)
    hashed = np.empty(shape, dtype=np.uint64)
    mix_rows(_filling(key, shape), _filling(counters, shape), hashed.reshape(-1))
    return hashed


def _filling(values: KeyArray, shape: tuple[int, ...]) -> KeyArray:
    whole = values if values.shape == shape else np.broadcast_to(values, shape)
    return np.ascontiguousarray(whole).reshape(-1)


def uniforms(keys: KeyArray, counter: KeyArray | IntArray | int = 0) -> FloatArray:
    """Uniform numbers in [0, 1), one for each broadcast pair of key and counter."""
    return np.asarray((mix(keys, counter) >> _11).astype(np.float64) * _TO_UNIT)


def _digest(*parts: object) -> int:
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


class Streams:
    """The random streams of a simulation; ``seeds`` holds one seed a market."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self.seeds = tuple(int(seed) for seed in seeds)
        self._roots: dict[str, KeyArray] = {}

    def generator(self, name: str, market: int = 0) -> np.random.Generator:
        """A generator for set-up work, always at its beginning."""
        return np.random.Generator(np.random.PCG64(_digest(self.seeds[market], name)))

    def keys(self, name: str, *counters: int) -> KeyArray:
        """Keys [n_markets] of stream ``name`` at ``counters`` (slot, round, ...)."""
        keys = self._root(name)
        for counter in counters:
            keys = mix(keys, counter)
        return keys

    def agent_keys(self, name: str, counters: Sequence[int], market: IntArray, connection: IntArray) -> KeyArray:
        """Keys [k] of agents given by market and connection: ``keys`` of the market, mixed with the connection."""
        from marketsim.core.rng_kernel import mix_agents

        hashed = np.empty(len(market), dtype=np.uint64)
        mix_agents(self._root(name), np.array(counters, dtype=np.uint64), market, connection, hashed)
        return hashed

    def _root(self, name: str) -> KeyArray:
        if name not in self._roots:
            self._roots[name] = np.array([_digest(seed, name) for seed in self.seeds], dtype=np.uint64)
        return self._roots[name]
