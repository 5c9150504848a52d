"""Change of resolution that keeps the energy of every day exactly."""

from __future__ import annotations

from math import lcm

import numpy as np

from marketsim.core.arrays import FloatArray


def resampled(mean_kw: FloatArray, steps: int) -> FloatArray:
    """Means over ``steps`` equal parts of a day from means over other equal parts [..., n] -> [..., steps].

    Power is taken as constant within each given part: coarser slots get the mean, finer ones the value, and others,
    which cut across parts, the mean weighted by overlap. The sum over the day times the length of a part does not
    change. No matrix product: its rounding would depend on how many agents share it.
    """
    given = mean_kw.shape[-1]
    if given == steps:
        return mean_kw
    finest = lcm(given, steps)
    fine = np.repeat(mean_kw, finest // given, axis=-1)
    if finest == steps:
        return fine
    return np.asarray(fine.reshape(*fine.shape[:-1], steps, finest // steps).mean(axis=-1))
