"""Weights of members by where they stand: who gets more of what is scarce and shared.

``feedback``: w = exp(clip(k1 (b - mean b) / mean |b| - k2 (a - mean a) / mean a, -8, 8)) with b the burdens of bills on incomes
and a the local shares of what members used, both since the start: who bears more and got less gets more. With burdens above 0 the
first term is k1 (b / mean b - 1); in a summer in which some are paid it stays finite. ``rank``: the same range, by the order of
burdens alone.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.equity import burdens
from marketsim.core.errors import InputError, Problem
from marketsim.core.standing import MemberStanding, local_share
from marketsim.core.weight_params import MemberWeightsParams

_WIDEST: Final = 8.0


class MemberWeights:
    """Weights for all agents, each market by itself; shared assets, which have no income, have 1."""

    def __init__(self, params: MemberWeightsParams, income: FloatArray, market: IntArray) -> None:
        self._params, self._income, self._market = params, income, market

    def of(self, standing: MemberStanding) -> FloatArray:
        """Weights above 0 of a day that begins at this standing; all the same where nothing is known yet [n_agents]."""
        weights = np.ones(len(self._income))
        for market in np.unique(self._market):
            rows = np.flatnonzero((self._market == market) & np.isfinite(self._income))
            weights[rows] = self._of_market(standing, rows)
        return weights

    def _of_market(self, standing: MemberStanding, rows: IntArray) -> FloatArray:
        params, income = self._params, self._income[rows]
        if not len(rows):
            return np.ones(0)
        if params.weights == "income":
            return np.asarray((income.mean() / income) ** params.power)
        if params.weights == "equal" or standing.hours == 0.0:
            return np.ones(len(rows))
        burden = burdens(standing.paid_money[rows].astype(np.float64), income, standing.hours)
        if params.weights == "rank":
            return np.exp(_WIDEST * _place(burden))
        access = local_share(standing.used_wh[rows], standing.imported_wh[rows])
        answer = params.burden_gain * _apart(burden) - params.access_gain * _apart(access)
        return np.exp(np.clip(answer, -_WIDEST, _WIDEST))


def _apart(values: FloatArray) -> FloatArray:
    """Distance from the mean over the mean size; 0 for what is unknown, and where all are 0."""
    known = np.isfinite(values)
    size = float(np.abs(values[known]).mean()) if known.any() else 0.0
    if size == 0.0:
        return np.zeros(len(values))
    return np.where(known, (values - values[known].mean()) / size, 0.0)


def _place(values: FloatArray) -> FloatArray:
    """-1 for the least, 1 for the largest, evenly between; equals have the same place."""
    if len(values) < 2:
        return np.zeros(len(values))
    below = (values[None, :] < values[:, None]).sum(axis=1)
    above = (values[None, :] > values[:, None]).sum(axis=1)
    return np.asarray((below - above) / (len(values) - 1.0))


def member_weights(params: MemberWeightsParams, context: BuildContext, what: str) -> MemberWeights:
    """Weights for the agents of a simulation; InputError where a rule needs incomes and somebody has none."""
    community = context.community
    without = [agent.name for agent in context.agents if agent.income is None and agent.owners is None]
    if without and params.weights != "equal":
        hint = (
            "give each agent an income a month, such as income: {choice: [1000, 2200, 4500]}, or choose weights: equal"
        )
        said = f"{what} with weights: {params.weights} needs the income of every agent, and {without[0]} has none"
        raise InputError([Problem(said, "weights", params.weights, hint)])
    known = np.full((community.n_markets, community.n_agents // community.n_markets), np.nan)
    for row, agent in enumerate(context.agents):
        known[:, row] = np.nan if agent.income is None else agent.income
    return MemberWeights(params, known.ravel(), community.market)
