"""Random numbers of profiles: functions of market seed, index in the market and time alone."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray, KeyArray
from marketsim.core.records import Community
from marketsim.core.rng import Streams, mix, uniforms

STREAM = "profiles"
ARRIVALS = "arrivals"


class DrawPurpose(IntEnum):
    """What a number of an agent is drawn for."""

    LOAD_SHAPE = 0
    PV_SHAPE = 1
    HEAT_SHAPE = 2
    SHIFT = 3
    SCALE = 4
    LOAD_NOISE = 5
    FORECAST_NOISE = 6
    DAYS = 7
    WEATHER = 8


def agent_keys(streams: Streams, community: Community, stream: str = STREAM) -> KeyArray:
    """A key for every agent [n_agents]."""
    return mix(streams.keys(stream)[community.market], community.connection)


def pick(keys: KeyArray, draw: DrawPurpose, n: int) -> IntArray:
    """A number from 0 to n - 1 for every key."""
    return np.asarray(np.floor(uniforms(keys, draw) * n), dtype=np.int64)


def normals(keys: KeyArray, counter: KeyArray | IntArray | int) -> FloatArray:
    """Standard normal numbers, one for each broadcast pair of key and counter (Box and Muller 1958)."""
    mixed = mix(keys, counter)
    radius = np.sqrt(-2.0 * np.log1p(-uniforms(mixed, 0)))
    return np.asarray(radius * np.cos(2.0 * np.pi * uniforms(mixed, 1)))


def relative_noise(keys: KeyArray, slots: IntArray, sigma: float) -> FloatArray:
    """Log-normal factors with mean 1 for slots x keys [n_slots, n_keys]; exactly 1 where ``sigma`` is 0."""
    if sigma == 0.0:
        return np.ones((len(slots), len(keys)))
    return np.asarray(np.exp(sigma * normals(keys[None, :], slots[:, None]) - 0.5 * sigma**2))
