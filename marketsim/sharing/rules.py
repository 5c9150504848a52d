"""The rules of cost sharing that come with the package."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.cost_game import CostGame, Division
from marketsim.core.period import Period
from marketsim.core.ports import Sharing
from marketsim.sharing.alone import alone_money
from marketsim.sharing.coalitions import alone_costs, whole_cost
from marketsim.sharing.params import NoSharingParams, ProportionalSharingParams
from marketsim.sharing.portions import portions


class AsPaid:
    """Port ``Sharing``: everybody keeps the bill of the settlement."""

    def share(self, period: Period) -> IntArray:
        """What was paid."""
        return period.paid_money


class ProportionalSharing:
    """Port ``GameSharing``: gains and losses in proportion to the size of the bill alone.

    With a_i the bill of agent i alone and C what its market paid, x_i = a_i - (sum a - C) |a_i| / sum |a|. Where nobody
    would earn alone this is C a_i / sum a. Nobody pays more than alone unless all together do.
    """

    def divide(self, game: CostGame, rng: np.random.Generator) -> Division:  # noqa: ARG002 - draws nothing
        """The same of any common cost."""
        alone = alone_costs(game)
        sizes = np.abs(alone) if alone.any() else np.ones_like(alone)
        return Division(alone - (alone.sum() - whole_cost(game)) * sizes / sizes.sum())

    def share(self, period: Period) -> IntArray:
        """Bills alone less shares of what each market gained, to the last unit by largest remainder."""
        alone = alone_money(period)
        gained = period.of_markets(alone - period.paid_money)
        shares = alone.copy()
        for market, gain in enumerate(gained):
            rows = np.flatnonzero(period.community.market == market)
            names = [period.community.names[row] for row in rows]
            sizes = np.abs(alone[rows])
            weights = sizes if sizes.any() else np.ones_like(sizes)
            shares[rows] -= portions(gain, weights, names)
        return shares


def build_none(params: NoSharingParams, context: BuildContext) -> Sharing:  # noqa: ARG001 - no parameters
    """The sharing ``none``."""
    return AsPaid()


def build_proportional(params: ProportionalSharingParams, context: BuildContext) -> Sharing:  # noqa: ARG001
    """The sharing ``proportional``."""
    return ProportionalSharing()
