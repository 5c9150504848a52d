"""Numbers of many agents from their Gaussian policies, row by row and always in the same order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.learning.network_kernel import evaluate


@kernel()
def draw(
    widths: Any, weights: Any, biases: Any, log_deviation: Any, features: Any, agents: Any, uniforms: Any, sampled: bool,
    drawn: Any,
) -> None:  # fmt: skip
    """Scaled numbers [n, D], about [-1, 1], written into ``drawn``: means, or drawn around them.

    ``widths`` [layers + 1] ending with 2 D, ``weights`` [A, sum of in x out] and ``biases`` [A, sum of out] float32,
    ``log_deviation`` (least, most), ``features`` [n, F] float32, ``agents`` [n], ``uniforms`` [n, 2 D] in [0, 1).
    mean = tanh(m); log of the deviation = least + (most - least) (1 + tanh(s)) / 2; Gaussian numbers after Box and Muller
    1958, doi 10.1214/aoms/1177706645.
    """
    n_numbers = drawn.shape[1]
    widest = widths.max()
    values = np.empty(widest, np.float32)
    spare = np.empty(widest, np.float32)
    least, most = log_deviation
    for i in range(len(features)):
        for k in range(widths[0]):
            values[k] = features[i, k]
        evaluate(widths, weights[agents[i]], biases[agents[i]], values, spare)
        for d in range(n_numbers):
            number = math.tanh(np.float64(values[d]))
            if sampled:
                share = 0.5 * (1.0 + math.tanh(np.float64(values[n_numbers + d])))
                length = math.sqrt(-2.0 * math.log(1.0 - uniforms[i, 2 * d]))
                normal = length * math.cos(2.0 * math.pi * uniforms[i, 2 * d + 1])
                number += math.exp(least + (most - least) * share) * normal
            drawn[i, d] = number
