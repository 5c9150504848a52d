"""Running totals of the fairness KPIs, in one pass over scores or agents."""

from __future__ import annotations

import math

from numba import types

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.compiled import kernel
from marketsim.core.records import LedgerLine
from marketsim.core.records_kernel import B1, I1, I2

_SUM = types.float64[::1]
_COUNT = types.int64[::1]
_IMPORTS, _EXPORTS = int(LedgerLine.IMPORTS), int(LedgerLine.EXPORTS)


@kernel(types.void(types.float64[:, ::1], I1, _SUM, _COUNT, _COUNT, _SUM))
def add_scores(
    scores: FloatArray, weights: IntArray, total: FloatArray, weight: IntArray, known: IntArray, mean: FloatArray
) -> None:
    """Add each score that is defined to its running total [n_scores]; write the means of these alone, NaN if none."""
    for row in range(scores.shape[0]):
        part, heavy = 0.0, 0
        for m in range(scores.shape[1]):
            if not math.isnan(scores[row, m]):
                part += scores[row, m] * weights[m]
                heavy += weights[m]
                known[row] += 1
        total[row] += part
        weight[row] += heavy
        mean[row] = part / heavy if heavy > 0 else math.nan


@kernel(types.int64(types.int64[:, ::1], *(I1,) * 5, I2, B1, I2, I2))
def add_agents(
    total: IntArray, load: IntArray, pv: IntArray, curtailed: IntArray, demand: IntArray, bought: IntArray,
    device: IntArray, stores: BoolArray, money: IntArray, reference_money: IntArray,
) -> int:  # fmt: skip
    """Add the quantities of ``metric._Of`` to their totals [8, n_agents]; returns the largest amount."""
    largest = 0
    for agent in range(len(load)):
        consumed, cost, reference_cost, turnover = load[agent], 0, 0, 0
        for fleet in range(device.shape[0]):
            if device[fleet, agent] < 0 and not stores[fleet]:
                consumed -= device[fleet, agent]
        for line in range(money.shape[0]):
            cost += money[line, agent]
        for line in range(reference_money.shape[0]):
            reference_cost += reference_money[line, agent]
            if line == _IMPORTS or line == _EXPORTS:
                turnover += abs(reference_money[line, agent])
        amounts = (
            consumed, pv[agent], curtailed[agent], demand[agent], min(bought[agent], demand[agent]),
            cost, reference_cost, turnover,
        )  # fmt: skip
        for quantity in range(8):
            total[quantity, agent] += amounts[quantity]
            largest = max(largest, abs(amounts[quantity]))
    return largest
