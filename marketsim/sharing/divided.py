"""Rules that divide any game of cost, at work on what a finished period cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.cost_game import CostGame, Division, PricedGame
from marketsim.core.errors import InputError, Problem
from marketsim.core.period import Period
from marketsim.core.ports import EstimatedShares, Sharing
from marketsim.core.rng import Streams
from marketsim.sharing import shapley as value
from marketsim.sharing.coalitions import alone_costs, whole_cost
from marketsim.sharing.metered import MeteredGame
from marketsim.sharing.params import (
    EqualGainParams,
    LeastCoreParams,
    NucleolusParams,
    ShapleyParams,
    SlotPricesParams,
)
from marketsim.sharing.portions import whole_parts
from marketsim.sharing.stability import MOST_LISTED, least_core, nucleolus

Divide: TypeAlias = Callable[[CostGame, IntArray, np.random.Generator], Division]
"""Divides the cost of members, given by their rows on the flat axis [n]."""


def metered_game(period: Period, rows: IntArray) -> MeteredGame:
    """The game of the agents of one market, by their rows [n]; together they paid what they paid."""
    market = int(period.community.market[rows[0]])
    paid = sum(period.paid_money[rows].tolist())
    energies = (period.net_wh[:, rows], period.pv_wh[:, rows])
    return MeteredGame(*energies, period.retail_ticks[:, market], period.feed_in_ticks[:, market], paid)


class DividedCost:
    """Ports ``GameSharing`` and ``EstimatedSharing``: each market's period is a game, divided by one method."""

    def __init__(self, method: Divide, streams: Streams) -> None:
        self._method, self._streams = method, streams

    def divide(self, game: CostGame, rng: np.random.Generator) -> Division:
        """Members are the agents of the simulation's first market, in order."""
        return self._method(game, np.arange(game.n), rng)

    def share(self, period: Period) -> IntArray:
        """Shares of what each market paid, to the last unit."""
        return self.estimate(period).money

    def estimate(self, period: Period) -> EstimatedShares:
        """The same with standard errors; drawn from the streams of each market."""
        community = period.community
        keys = self._streams.keys("sharing", period.time.slot)
        money, errors = np.zeros(community.n_agents, dtype=np.int64), None
        for market in range(community.n_markets):
            rows = np.flatnonzero(community.market == market)
            game = metered_game(period, rows)
            division = self._method(game, rows, np.random.default_rng(int(keys[market])))
            money[rows] = whole_parts(division.shares, game.paid_money, [community.names[row] for row in rows])
            if division.standard_errors is not None:
                errors = np.zeros(community.n_agents) if errors is None else errors
                errors[rows] = division.standard_errors
        return EstimatedShares(money, errors)


def _limited(method: Callable[[CostGame], Division], name: str) -> Divide:
    """A method that lists the groups of all members."""

    def divide(game: CostGame, rows: IntArray, rng: np.random.Generator) -> Division:  # noqa: ARG001
        if game.n > MOST_LISTED:
            raise InputError([_too_many(name, MOST_LISTED, game.n, _OF_ALL_GROUPS.format(name))])
        return method(game)

    return divide


_OF_ALL_GROUPS: Final = (
    "{} lists all 2^n groups; choose shapley, which is sampled, or, of runs and plans, slot_prices, which no group can "
    "improve on either"
)
OF_ANY_NUMBER: Final = "equal_gain takes any number, and so does slot_prices of runs and plans"


def _too_many(name: str, most: int, n: int, hint: str) -> Problem:
    return Problem(f"{name} shares among at most {most} members", "", str(n), hint)


def demand_few(name: str, most: int, hint: str, context: BuildContext) -> None:
    """InputError where a market has more agents than a rule shares among."""
    found = int(np.bincount(context.community.market).max(initial=0))
    if found > most:
        raise InputError([_too_many(name, most, found, hint)])


def build_shapley(params: ShapleyParams, context: BuildContext) -> Sharing:
    """The sharing ``shapley``; InputError for more members than orders are drawn of."""
    demand_few("shapley", value.MOST_SAMPLED, OF_ANY_NUMBER, context)

    def divide(game: CostGame, rows: IntArray, rng: np.random.Generator) -> Division:  # noqa: ARG001
        if game.n <= params.exact_up_to:
            return value.shapley(game)
        return value.sampled_shapley(game, params.orders, rng)

    return DividedCost(divide, context.streams)


def build_least_core(params: LeastCoreParams, context: BuildContext) -> Sharing:  # noqa: ARG001 - no parameters
    """The sharing ``least_core``; InputError for more members than it lists the groups of."""
    demand_few("least_core", MOST_LISTED, _OF_ALL_GROUPS.format("least_core"), context)
    return DividedCost(_limited(least_core, "least_core"), context.streams)


def build_nucleolus(params: NucleolusParams, context: BuildContext) -> Sharing:  # noqa: ARG001 - no parameters
    """The sharing ``nucleolus``; InputError for more members than it lists the groups of."""
    demand_few("nucleolus", MOST_LISTED, _OF_ALL_GROUPS.format("nucleolus"), context)
    return DividedCost(_limited(nucleolus, "nucleolus"), context.streams)


def build_equal_gain(params: EqualGainParams, context: BuildContext) -> Sharing:  # noqa: ARG001 - no parameters
    """The sharing ``equal_gain``."""

    def divide(game: CostGame, rows: IntArray, rng: np.random.Generator) -> Division:  # noqa: ARG001
        alone = alone_costs(game)
        return Division(alone - (alone.sum() - whole_cost(game)) / game.n)

    return DividedCost(divide, context.streams)


class SlotPriceSharing:
    """Port ``PricedSharing``: bills at one price a slot within the community."""

    def by_prices(self, game: PricedGame) -> Division:
        """Bills at the dual prices of a game."""
        return game.price_shares()

    def share(self, period: Period) -> IntArray:
        """Bills at these prices, and equal parts of what was paid beyond one meter's bill, to the last unit."""
        shares = np.zeros(period.community.n_agents, dtype=np.int64)
        for market in range(period.community.n_markets):
            rows = np.flatnonzero(period.community.market == market)
            game = metered_game(period, rows)
            bills = game.slot_prices().money.sum(axis=0)
            names = [period.community.names[row] for row in rows]
            beyond = whole_parts(np.full(len(rows), game.beyond_money / len(rows)), game.beyond_money, names)
            shares[rows] = bills + beyond
        return shares


def build_slot_prices(params: SlotPricesParams, context: BuildContext) -> Sharing:  # noqa: ARG001 - no parameters
    """The sharing ``slot_prices``."""
    return SlotPriceSharing()
