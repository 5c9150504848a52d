"""A small network with tanh layers evaluated for one row, always in the same order.

A matrix product may round differently with another number of rows; what acts must not.
"""

from __future__ import annotations

import math
from typing import Any

from marketsim.core.compiled import kernel


@kernel(borrowing=True)
def evaluate(widths: Any, weights: Any, biases: Any, values: Any, spare: Any) -> None:
    """Outputs of a network for the inputs in ``values``, written in their place; the last layer is linear.

    ``widths`` [layers + 1], ``weights`` [sum of in x out], ``biases`` [sum of out], ``values`` and ``spare`` as long as the
    widest layer; float32.
    """
    at_w = 0
    at_b = 0
    for layer in range(len(widths) - 1):
        n_in, n_out = widths[layer], widths[layer + 1]
        for j in range(n_out):
            spare[j] = biases[at_b + j]
        for k in range(n_in):
            x = values[k]
            row = weights[at_w + k * n_out : at_w + (k + 1) * n_out]
            for j in range(n_out):
                spare[j] += x * row[j]
        for j in range(n_out):
            values[j] = math.tanh(spare[j]) if layer < len(widths) - 2 else spare[j]
        at_w += n_in * n_out
        at_b += n_out
