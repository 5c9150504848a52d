"""Weights of members by where they stand: who gets more of what is scarce and shared.

``feedback``: w = exp(clip(k1 (b - mean b) / mean |b| - k2 (a - mean a) / mean a, -8, 8)) with b the burdens of bills on incomes
and a the local shares of what members used, both since the start: who bears more and got less gets more. With burdens above 0 the
first term is k1 (b / mean b - 1); in a summer in which some are paid it stays finite. ``rank``: the same range, by the order of
burdens alone. ``learned``: see ``core.learned_weights``.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.equity import burdens
from marketsim.core.errors import InputError, Problem
from marketsim.core.learned_weights import WIDEST, apart, learned_weights
from marketsim.core.standing import MemberStanding, local_share
from marketsim.core.weight_params import LearnedWeighting, MemberWeightsParams


class WeightRule(Protocol):
    """Weights of one day after the other, by where members stand as it begins; a value, which no day changes."""

    def of_day(self, standing: MemberStanding) -> tuple[FloatArray, WeightRule]:
        """Weights above 0 of a day that begins at this standing [n_agents], and the rule of the day after."""
        ...


class MemberWeights:
    """Port ``WeightRule`` without memory, each market by itself; shared assets, which have no income, have 1."""

    def __init__(self, params: MemberWeightsParams, income: FloatArray, market: IntArray) -> None:
        """``income`` [n_agents], NaN for assets; as many members in each ``market`` [n_agents]."""
        self._params, self._income, self._market = params, income, market
        self._rows = member_rows(income, market)

    def of_day(self, standing: MemberStanding) -> tuple[FloatArray, MemberWeights]:
        """All the same where nothing is known yet, but by income."""
        weights = np.ones(len(self._income))
        if self._rows.size:
            weights[self._rows] = self._of_members(standing)
        return weights, self

    def _of_members(self, standing: MemberStanding) -> FloatArray:
        """[n_markets, members]"""
        params, rows = self._params, self._rows
        income = self._income[rows]
        if params.weights == "income":
            return np.asarray((income.mean(axis=1, keepdims=True) / income) ** params.power)
        if params.weights == "equal" or standing.hours == 0.0:
            return np.ones(rows.shape)
        burden = burdens(standing.paid_money[rows].astype(np.float64), income, standing.hours)
        if params.weights == "rank":
            return np.exp(WIDEST * _place(burden))
        access = local_share(standing.used_wh, standing.imported_wh)[rows]
        answer = params.burden_gain * apart(burden) - params.access_gain * apart(access)
        return np.exp(np.clip(answer, -WIDEST, WIDEST))


def member_rows(income: FloatArray, market: IntArray) -> IntArray:
    """Rows of the members, who have an income, market by market [n_markets, members]."""
    return np.flatnonzero(np.isfinite(income)).reshape(len(np.unique(market)), -1)


def _place(values: FloatArray) -> FloatArray:
    """Of each last axis: -1 for the least, 1 for the largest, evenly between; equals have the same place."""
    if values.shape[-1] < 2:
        return np.zeros(values.shape)
    below = (values[..., None, :] < values[..., :, None]).sum(axis=-1)
    above = (values[..., None, :] > values[..., :, None]).sum(axis=-1)
    return np.asarray((below - above) / (values.shape[-1] - 1.0))


def member_weights(params: MemberWeightsParams, context: BuildContext, what: str) -> WeightRule:
    """Weights for the agents of a simulation.

    InputError where a rule needs incomes and somebody has none, CheckpointError where a policy cannot set them.
    """
    community = context.community
    without = [agent.name for agent in context.agents if agent.income is None and agent.owners is None]
    if without and params.weights != "equal":
        hint = (
            "give each agent an income a month, such as income: {choice: [1000, 2200, 4500]}, or choose weights: equal"
        )
        said = f"{what} with weights: {params.name} needs the income of every agent, and {without[0]} has none"
        raise InputError([Problem(said, "weights", params.name, hint)])
    income = incomes_by_row(context)
    if isinstance(params.weights, LearnedWeighting):
        rows = member_rows(income, community.market)
        return learned_weights(params.weights.learned, context, income, rows)
    return MemberWeights(params, income, community.market)


def incomes_by_row(context: BuildContext) -> FloatArray:
    """Income of each agent of all markets [currency a month]; NaN for shared assets, and for who has none [n_agents]."""
    community = context.community
    known = np.full(community.n_agents // community.n_markets, np.nan)
    for row, agent in enumerate(context.agents):
        if agent.income is not None and agent.owners is None:
            known[row] = agent.income
    return np.tile(known, community.n_markets)
