"""The hash behind the slot path's random numbers, compiled: arrays are small there, and numpy's calls cost more than the work."""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import kernel

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_ONE, _27, _30, _31 = np.uint64(1), np.uint64(27), np.uint64(30), np.uint64(31)


@kernel()
def mix_rows(keys: Any, counters: Any, hashed: Any) -> None:
    """SplitMix64 of each key at its counter, written into ``hashed``; all uint64 [n]."""
    for i in range(len(keys)):
        z = keys[i] + _GAMMA * (counters[i] + _ONE)
        z = (z ^ (z >> _30)) * _MIX_1
        z = (z ^ (z >> _27)) * _MIX_2
        hashed[i] = z ^ (z >> _31)
