"""Rules of cost sharing that look at incomes."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.cost_game import CostGame, Division
from marketsim.core.errors import InputError, Problem
from marketsim.core.period import Period
from marketsim.core.ports import Sharing
from marketsim.sharing.alone import alone_money
from marketsim.sharing.coalitions import alone_costs, whole_cost
from marketsim.sharing.divided import OF_ANY_NUMBER, DividedCost, demand_few
from marketsim.sharing.incomes import incomes_of
from marketsim.sharing.params import RawlsParams, WeightedShapleyParams
from marketsim.sharing.portions import portions
from marketsim.sharing.rawls import MOST_PAIRED, least_gini, least_worst
from marketsim.sharing.shapley import MOST_SAMPLED, sampled_weighted_shapley, weighted_shapley


class RawlsSharing:
    """Port ``GameSharing``: burdens as equal as they can be while nobody pays more than alone."""

    def __init__(self, params: RawlsParams, incomes: FloatArray) -> None:
        self._params, self._incomes = params, incomes

    def divide(self, game: CostGame, rng: np.random.Generator) -> Division:  # noqa: ARG002 - draws nothing
        """Members are the agents of the simulation's first market, in order."""
        return Division(self._parted(alone_costs(game), np.arange(game.n), whole_cost(game)))

    def share(self, period: Period) -> IntArray:
        """Bills alone less parts of what each market gained, to the last unit, so that nobody pays a unit more than alone."""
        alone, shares = alone_money(period), np.zeros(period.community.n_agents, dtype=np.int64)
        for market, gain in enumerate(period.of_markets(alone - period.paid_money)):
            rows = np.flatnonzero(period.community.market == market)
            own = alone[rows].astype(np.float64)
            parts = np.rint(np.abs(own - self._parted(own, rows, own.sum() - gain))).astype(np.int64)
            weights = parts if parts.any() else np.ones_like(parts)
            shares[rows] = alone[rows] - portions(gain, weights, [period.community.names[row] for row in rows])
        return shares

    def _parted(self, alone: FloatArray, rows: IntArray, total: float) -> FloatArray:
        part = least_worst if self._params.least == "worst" else least_gini
        return part(alone, self._incomes[rows], total)


def build_rawls(params: RawlsParams, context: BuildContext) -> Sharing:
    """The sharing ``rawls_ir``; InputError without incomes, or for more members than it compares by pairs."""
    if params.least == "gini":
        demand_few("rawls_ir with least: gini", MOST_PAIRED, "least: worst takes any number", context)
    return RawlsSharing(params, incomes_of(context, "rawls_ir"))


def build_weighted(params: WeightedShapleyParams, context: BuildContext) -> Sharing:
    """The sharing ``weighted_shapley``; InputError for weights of nobody, without incomes, or for too many members."""
    demand_few("weighted_shapley", MOST_SAMPLED, OF_ANY_NUMBER, context)
    weights = _by_income(params, context) if params.weights == "income" else _named(params.weights, context)

    def divide(game: CostGame, rows: IntArray, rng: np.random.Generator) -> Division:
        own = weights[rows]
        if game.n <= params.exact_up_to:
            return weighted_shapley(game, own)
        return sampled_weighted_shapley(game, own, params.orders, rng)

    return DividedCost(divide, context.streams)


def _by_income(params: WeightedShapleyParams, context: BuildContext) -> FloatArray:
    """Who has less gets more: (mean income / income)^power."""
    incomes = incomes_of(context, "weighted_shapley with weights: income")
    return np.asarray((incomes.mean() / incomes) ** params.power)


def _named(weights: dict[str, float], context: BuildContext) -> FloatArray:
    """Weight of each agent of the flat axis; an agent's own before its class's."""
    names = context.community.names
    classes = [agent.income_class for agent in context.agents] * context.community.n_markets or [None] * len(names)
    known = {*names, *filter(None, classes)}
    strange = [name for name in weights if name not in known]
    if strange:
        hint = f"name agents or income classes, such as {', '.join(sorted(known)[:3])}"
        raise InputError(
            [Problem("there is no such agent or income class", f"weights.{name}", "", hint) for name in strange]
        )
    pairs = zip(names, classes, strict=True)
    return np.array([weights.get(name, weights.get(group or "", 1.0)) for name, group in pairs])
