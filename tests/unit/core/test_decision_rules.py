"""Strategies of plugins behind their wall."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.agents.params import TruthfulParams, ZeroIntelligenceParams
from marketsim.agents.strategies import truthful, zero_intelligence
from marketsim.core.errors import RunError
from marketsim.core.ports import RevisingStrategy, declared
from marketsim.core.rule_terms import Sizes
from marketsim.core.walls import Owner, walled
from marketsim.testing.strategy_kit import StrategyContract, battery, observed, quotes_of, reach, strategy_context
from marketsim.testing.worlds import Scripted, plain_decisions

ORDER = (0, 1, 200_000, 500, -1, 1)
PLACE = r"plugin p: strategy 'mine' failed in decide of slot 3 \(2016-07-12 00:45\): "


def guarded(strategy, names=("roof",)):
    """A strategy of a plugin as roles get it."""
    return walled(strategy, Owner("p", "strategy", "mine"), Sizes(len(names), 1, names), declared(RevisingStrategy))


def decided_by(script):
    """What a guarded script decides for one agent with one fleet in slot 3."""
    context = strategy_context([{"battery": battery()}])
    seen = observed(context, [500], [0], [reach([-1], [0], [1], [0.5])], slot=3)
    return guarded(Scripted(script)).decide(seen)


def changed(**columns):
    """Decisions of one agent, some of them replaced; order columns by their own names."""
    plain = plain_decisions(1, [ORDER], n_devices=1)
    orders = {name: value for name, value in columns.items() if name in plain.orders._fields}
    rest = {name: value for name, value in columns.items() if name not in orders}
    return lambda seen: plain._replace(orders=plain.orders._replace(**orders), **rest)


def test_what_is_well_formed_passes():
    decided = decided_by(changed())
    assert [int(column[0]) for column in decided.orders] == list(ORDER)


def test_smaller_whole_numbers_are_widened():
    decided = decided_by(changed(energy_wh=np.array([500], dtype=np.int16)))
    assert decided.orders.energy_wh.dtype == np.int64


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (lambda seen: None, "it has to return Decisions with an OrderBatch, not NoneType"),
        (changed(dispatch_wh=np.zeros((2, 1), dtype=int)), r"dispatch_wh has to have the shape \(1, 1\), not \(2, 1\)"),
        (changed(marginal_ticks=[[0]]), "marginal_ticks has to be an array, not list"),
        (changed(absorb=np.zeros(1)), "absorb has to hold truth values, not float64"),
        (changed(price_ticks=np.array([np.nan])), "orders.price_ticks has to hold whole numbers, not float64"),
        (changed(side=np.zeros(2, dtype=int)), r"orders.side has to have the shape \(1,\), not \(2,\)"),
        (changed(agent=np.array([1])), r"orders.agent has to lie in 0\.\.0, not 1"),
        (changed(component=np.array([1])), r"orders.component has to lie in -2\.\.0, not 1"),
        (changed(energy_wh=np.array([-5])), "orders.energy_wh has to lie in .*, not -5"),
        (changed(price_ticks=np.array([10**13])), "orders.price_ticks has to lie in .*, not 10000000000000"),
        (changed(side=np.array([0])), r"orders.side has to be one of \[1, -1\], not 0"),
        (changed(fallback=np.array([2])), r"orders.fallback has to be one of \[0, 1\], not 2"),
        (changed(kvar=np.zeros(2)), r"kvar has to have the shape \(1,\), not \(2,\)"),
        (changed(kvar=np.array([np.nan])), r"kvar has to lie in -1000000000\.0\.\.1000000000\.0, not nan"),
        (changed(kvar=np.array([True])), "kvar has to hold real numbers, not bool"),
        (lambda seen: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_malformed_is_named(script, message):
    """The error names strategy, class, slot, and what is wrong with what."""
    with pytest.raises(RunError, match=PLACE + message):
        decided_by(script)


def test_all_problems_are_told_at_once():
    with pytest.raises(RunError, match=r"orders\.agent .*; orders\.side "):
        decided_by(changed(agent=np.array([7]), side=np.array([7])))


def test_the_cause_is_kept():
    with pytest.raises(RunError) as caught:
        decided_by(lambda seen: 1 / 0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_the_owner_of_a_strange_order_is_named():
    with pytest.raises(RunError, match=r"orders.energy_wh has to lie in .*, not -5 \(agent 'roof'\)"):
        decided_by(changed(energy_wh=np.array([-5])))


def test_what_was_decided_is_a_copy():
    """A strategy that uses its arrays again changes no record."""
    kept = plain_decisions(1, [ORDER], n_devices=1)
    decided = decided_by(lambda seen: kept)
    for array in (*kept[:3], *kept.orders):
        array[...] = 0
    assert [int(column[0]) for column in decided.orders] == list(ORDER)


class Revising(Scripted):
    """Revises to whatever it is told."""

    def __init__(self, answer):
        super().__init__(lambda seen: plain_decisions(1, [ORDER]))
        self._answer = answer

    def revise(self, seen, quotes):
        return self._answer(quotes)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda quotes: quotes.price_ticks[:0], r"its answer has to have the shape \(1,\), not \(0,\)"),
        (lambda quotes: quotes.price_ticks * 1.5, "whole numbers, not float64"),
        (lambda quotes: quotes.price_ticks * 10**9, "each price has to lie in"),
        (lambda quotes: quotes.nothing, "AttributeError"),
    ],
)
def test_malformed_revisions_are_named(answer, message):
    context = strategy_context([{}])
    strategy = guarded(Revising(answer))
    seen = observed(context, [500], [0], slot=3)
    quotes = quotes_of(context, strategy.decide(seen).orders, np.array([0]))
    with pytest.raises(RunError, match=f"failed in revise of slot 3 .*{message}"):
        strategy.revise(seen, quotes)


def test_what_revises_still_revises():
    context = strategy_context([{}])
    assert isinstance(guarded(zero_intelligence.build(ZeroIntelligenceParams(), context)), RevisingStrategy)
    assert not isinstance(guarded(truthful.build(TruthfulParams(), context)), RevisingStrategy)


class TestGuardedContract(StrategyContract):
    """Under guard a strategy keeps its contract."""

    params = ZeroIntelligenceParams()

    @staticmethod
    def build(params, context):
        return guarded(zero_intelligence.build(params, context))
