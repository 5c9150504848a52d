"""Choices of many agents from their networks, row by row.

Every row is computed by itself and in one order, so that an agent in a batch chooses as alone: a matrix
product may round differently with another number of rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.learning.network_kernel import evaluate


@kernel()
def choose(
    widths: Any, heads: Any, weights: Any, biases: Any, networks: Any, features: Any, agents: Any, uniforms: Any,
    sampled: bool, chosen: Any,
) -> None:  # fmt: skip
    """Choice of each head [n, heads] written into ``chosen``.

    ``widths`` [layers + 1], ``weights`` [R, sum of in x out] and ``biases`` [A, sum of out] float32, ``networks`` [A] row of
    weights, ``features`` [n, F] float32, ``agents`` [n], ``uniforms`` [n, heads]: sampled by inverting the distribution,
    else the most probable, the first of equals.
    """
    widest = widths.max()
    layer_in = np.empty(widest, np.float32)
    layer_out = np.empty(widest, np.float32)
    for i in range(len(features)):
        for k in range(widths[0]):
            layer_in[k] = features[i, k]
        evaluate(widths, weights[networks[agents[i]]], biases[agents[i]], layer_in, layer_out)
        first = 0
        for head in range(len(heads)):
            best = 0
            for j in range(1, heads[head]):
                if layer_in[first + j] > layer_in[first + best]:
                    best = j
            if sampled:
                best = _drawn(layer_in[first : first + heads[head]], layer_in[first + best], uniforms[i, head])
            chosen[i, head] = best
            first += heads[head]


@kernel(helper=True)
def _drawn(logits: Any, highest: Any, uniform: float) -> int:
    """Choice whose share of the unit interval holds ``uniform``; one without probability is never drawn."""
    total = 0.0
    for j in range(len(logits)):
        total += math.exp(np.float64(logits[j]) - np.float64(highest))
    wanted = uniform * total
    last = 0
    below = 0.0
    for j in range(len(logits)):
        p = math.exp(np.float64(logits[j]) - np.float64(highest))
        if p > 0.0:
            last = j
            below += p
            if below > wanted:
                break
    return last
