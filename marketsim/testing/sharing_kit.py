"""Contract kit for rules of cost sharing: inherit, name what builds the rule, get the contract tested.

::

    class TestMyRule(SharingContract):
        build = staticmethod(my_rule.build)
        params = MyParams()

Plain asserts; a test runner collects the ``test_`` methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.params import Params
from marketsim.core.period import Period
from marketsim.core.ports import Sharing, lacking
from marketsim.core.rule_terms import Call, Sizes
from marketsim.core.wall_rules import shared
from marketsim.testing.periods import market_of, period_of, random_period
from marketsim.testing.worlds import build_context, community


class SharingContract:
    """What every rule owes to whoever pays."""

    build: Callable[[Any, BuildContext], Sharing]
    params: ClassVar[Params] = Params()
    sizes: ClassVar[tuple[int, ...]] = (1, 2, 3, 7)
    """Agents of a market that the rule can share among."""
    periods: ClassVar[int] = 40
    """Random periods of each size."""

    def rule(self, n_agents: int, n_markets: int = 1) -> Sharing:
        """The rule for so many agents a market."""
        return self.build(self.params, build_context(n_agents, n_markets))

    def drawn(self, n_markets: int = 1) -> Iterator[tuple[Sharing, Period]]:
        """Periods of every size with their rule."""
        for size in self.sizes:
            rule = self.rule(size, n_markets)
            for seed in range(self.periods):
                yield rule, random_period(np.random.default_rng((size, seed)), size, n_markets)

    def test_it_has_what_its_port_declares(self) -> None:
        """``share`` is all that is called."""
        assert lacking(Sharing, self.rule(2)) == []

    def test_shares_are_whole_money_and_sum_to_what_was_paid(self) -> None:
        """In each of two markets, to the last unit, whatever was paid."""
        for rule, period in self.drawn(n_markets=2):
            shares = shared(Call(rule, (period,), rule.share(period), Sizes(period.community.n_agents, 2)))
            assert period.of_markets(shares) == period.of_markets(period.paid_money)

    def test_one_agent_alone_keeps_its_bill(self) -> None:
        """There is nobody to share with."""
        if 1 in self.sizes:
            period = period_of(community(1), [[-1_000], [500]], [123_456_789])
            assert self.rule(1).share(period).tolist() == [123_456_789]

    def test_the_same_period_is_shared_alike(self) -> None:
        """Also by a rule that is built anew; what it was given stays as it was."""
        for rule, period in self.drawn():
            before = [np.array(column) for column in metered(period)]
            first = np.array(rule.share(period))
            assert np.array_equal(first, self.rule(period.community.n_agents).share(period))
            assert all(map(np.array_equal, before, metered(period)))

    def test_markets_know_nothing_of_each_other(self) -> None:
        """Two markets side by side are shared as each by itself."""
        for rule, period in self.drawn(n_markets=2):
            both = rule.share(period)
            for market in (0, 1):
                alone = market_of(period, market)
                own = self.rule(alone.community.n_agents).share(alone)
                assert np.array_equal(both[period.community.market == market], own)


def metered(period: Period) -> tuple[IntArray, ...]:
    """What a rule is given of a period in columns."""
    energies = (period.load_wh, period.pv_wh, period.net_wh)
    return (*energies, period.retail_ticks, period.feed_in_ticks, period.bill_money)
