"""The hash behind the slot path's random numbers, compiled: arrays are small there, and numpy's calls cost more than the work."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import kernel

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_ONE, _27, _30, _31 = np.uint64(1), np.uint64(27), np.uint64(30), np.uint64(31)
TO_UNIT = 2.0**-53
"""From the upper 53 bits of a hash to [0, 1)."""
_KEYS = types.Array(types.uint64, 1, "C", readonly=True)
_INDEX = types.Array(types.int64, 1, "C", readonly=True)


@kernel(borrowing=True)
def mixed(key: Any, counter: Any) -> Any:
    """SplitMix64 of a key at a counter, both uint64."""
    z = key + _GAMMA * (counter + _ONE)
    z = (z ^ (z >> _30)) * _MIX_1
    z = (z ^ (z >> _27)) * _MIX_2
    return z ^ (z >> _31)


@kernel(types.void(_KEYS, _KEYS, types.uint64[::1]))
def mix_rows(keys: Any, counters: Any, hashed: Any) -> None:
    """Each key at its counter, written into ``hashed``; all uint64 [n]."""
    for i in range(len(keys)):
        hashed[i] = mixed(keys[i], counters[i])


@kernel(types.void(_KEYS, _KEYS, _INDEX, _INDEX, types.uint64[::1]))
def mix_agents(roots: Any, counters: Any, market: Any, connection: Any, hashed: Any) -> None:
    """The root of each agent's market [n_markets] at all counters in turn, then at the agent's connection [n_agents]."""
    for i in range(len(market)):
        key = roots[market[i]]
        for k in range(len(counters)):
            key = mixed(key, counters[k])
        hashed[i] = mixed(key, np.uint64(connection[i]))
