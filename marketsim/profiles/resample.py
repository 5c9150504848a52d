"""Change of resolution that keeps the energy of every day exactly."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray


def resampled(mean_kw: FloatArray, steps: int) -> FloatArray:
    """Means over ``steps`` equal parts of a day from means over other equal parts [..., n] -> [..., steps].

    Power is taken as constant within each given part: coarser slots get the mean, finer ones the value, and others,
    which cut across parts, the mean weighted by overlap. The sum over the day times
    the length of a part does not change.
    """
    given = mean_kw.shape[-1]
    if given == steps:
        return mean_kw
    if given % steps == 0:
        return np.asarray(mean_kw.reshape(*mean_kw.shape[:-1], steps, given // steps).mean(axis=-1))
    if steps % given == 0:
        return np.repeat(mean_kw, steps // given, axis=-1)
    return np.asarray(mean_kw @ _overlaps(given, steps))


def _overlaps(given: int, steps: int) -> FloatArray:
    """Share of each new part that lies in each given part [given, steps]; columns sum to 1."""
    edges_given = np.arange(given + 1)[:, None] * steps  # in units of 1 / (given * steps) of a day
    edges_new = np.arange(steps + 1)[None, :] * given
    ends = np.minimum(edges_given[1:], edges_new[:, 1:])
    begins = np.maximum(edges_given[:-1], edges_new[:, :-1])
    return np.asarray(np.maximum(ends - begins, 0) / given)
