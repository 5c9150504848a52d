"""ZIP: what each shout teaches, and what is remembered."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from marketsim.agents.params import ZipParams
from marketsim.agents.strategies import zip as zip_plus
from marketsim.agents.strategies.zip_kernel import ASK_OPEN, BID_OPEN, TRADED, learn
from marketsim.core.records import Side
from marketsim.testing.strategy_kit import FEED_IN, RETAIL, observed, quotes_of, strategy_context

LOW, HIGH = 80.0, 300.0


def taught(side, price, shout, kind, *, active=1, rate=0.5, momentum=0.0, steps=(0.0, 0.0), market=0):
    """A quote after one shout in market 0."""
    quote = np.array([float(price)])
    memory = np.array([[rate], [momentum], [0.0]])
    learn(
        np.array([market]),
        np.array([int(side)]),
        np.array([active]),
        quote,
        np.array([[LOW], [HIGH]]),
        memory,
        np.array([[steps[0]], [steps[1]]]),
        np.array([0]),
        np.array([float(shout)]),
        np.array([kind]),
    )
    return float(quote[0])


@pytest.mark.parametrize(
    ("side", "price", "shout", "kind", "after"),
    [
        (Side.SELL, 150, 200, TRADED, 175),  # could have had more
        (Side.SELL, 200, 150, TRADED, 175),  # was too dear
        (Side.BUY, 200, 150, TRADED, 175),  # could have paid less
        (Side.BUY, 150, 200, TRADED, 175),  # bid too little
        (Side.SELL, 200, 150, ASK_OPEN, 175),  # a cheaper ask met nobody either
        (Side.SELL, 150, 200, ASK_OPEN, 150),  # a dearer ask says nothing
        (Side.SELL, 200, 150, BID_OPEN, 200),  # open bids teach buyers only
        (Side.BUY, 150, 200, BID_OPEN, 175),
        (Side.BUY, 200, 150, BID_OPEN, 200),
        (Side.BUY, 150, 200, ASK_OPEN, 150),
    ],
)
def test_each_shout_teaches_whom_it_concerns(side, price, shout, kind, after):
    """At a learning rate of one half and without steps, a quote moves half-way to the shout, or not at all."""
    assert taught(side, price, shout, kind) == after


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_who_is_out_of_the_market_raises_margins_only(side):
    """A trader that is done still learns that it could have had more, but never gives way."""
    better, worse = (200, 100) if side == Side.SELL else (100, 200)
    assert taught(side, 150, better, TRADED, active=0) != 150
    assert taught(side, 150, worse, TRADED, active=0) == 150


def test_targets_lie_beyond_the_shout():
    """Raising aims above, giving way aims below what was shouted: 200 x (1 +- 0.1) +- 4."""
    assert taught(Side.SELL, 150, 200, TRADED, rate=1.0, steps=(0.1, 4.0)) == pytest.approx(224)
    assert taught(Side.SELL, 250, 200, TRADED, rate=1.0, steps=(0.1, 4.0)) == pytest.approx(176)
    assert taught(Side.BUY, 250, 200, TRADED, rate=1.0, steps=(0.1, 4.0)) == pytest.approx(176)


def test_quotes_stay_within_their_limits():
    assert taught(Side.SELL, 290, 299, TRADED, rate=1.0, steps=(0.2, 9.0)) == HIGH
    assert taught(Side.BUY, 90, 85, TRADED, rate=1.0, steps=(0.2, 9.0)) == LOW


def test_momentum_damps_the_step():
    """With momentum 0.8 and none gathered, a fifth of the step is taken."""
    assert taught(Side.SELL, 150, 200, TRADED, momentum=0.8) == pytest.approx(155)


def test_markets_do_not_hear_each_other():
    assert taught(Side.SELL, 150, 200, TRADED, market=1) == 150


def built(n, params=None, seeds=(1,)):
    context = strategy_context([{}] * n, seeds)
    return context, zip_plus.build(params or ZipParams(), context)


def test_first_margins_are_drawn_from_their_range():
    """Between 5 and 35 % of the spread, on either side of the market."""
    context, strategy = built(200)
    orders = strategy.decide(observed(context, [500] * 100 + [0] * 100, [0] * 100 + [500] * 100)).orders
    away = np.where(orders.side == Side.BUY, RETAIL - orders.price_ticks, orders.price_ticks - FEED_IN)
    share = away / (RETAIL - FEED_IN)
    assert share.min() >= 0.05
    assert share.max() <= 0.35 + 1e-5
    assert share.std() > 0.05


def after_round(strategy, context, seen, **tape):
    orders = strategy.decide(seen).orders
    quotes = quotes_of(context, orders, np.arange(len(orders.agent)), slot=0, **tape)
    return orders.price_ticks, strategy.revise(seen, quotes)


def test_what_was_learnt_is_remembered_in_the_next_slot():
    context, strategy = built(2)
    seen = observed(context, [500, 500], [0, 0])
    tape = {"trade_market": np.array([0]), "trade_price_ticks": np.array([FEED_IN])}
    first, learnt = after_round(strategy, context, seen, **tape)
    assert (learnt < first).all()
    assert np.array_equal(strategy.decide(seen).orders.price_ticks, learnt)


def test_sides_are_remembered_apart():
    """What a buyer learnt does not change what the same agent asks as a seller."""
    context, strategy = built(1)
    _, other = built(1)
    buying, selling = observed(context, [500], [0]), observed(context, [0], [500])
    after_round(strategy, context, buying, trade_market=np.array([0]), trade_price_ticks=np.array([FEED_IN]))
    assert np.array_equal(strategy.decide(selling).orders.price_ticks, other.decide(selling).orders.price_ticks)


def test_without_a_spread_there_is_nothing_to_learn():
    """At equal tariffs every quote is that price, and margins survive."""
    context, strategy = built(1)
    seen = observed(context, [500], [0])
    before = strategy.decide(seen).orders.price_ticks
    flat = seen._replace(feed_in_ticks=seen.retail_ticks)
    first, learnt = after_round(strategy, context, flat, best_bid_ticks=np.array([RETAIL]))
    assert first.tolist() == learnt.tolist() == [RETAIL]
    assert np.array_equal(strategy.decide(seen).orders.price_ticks, before)


@pytest.mark.parametrize("shout", [-150.0, 150.0])
def test_a_target_leads_away_from_what_was_shouted_on_either_side_of_zero(shout, monkeypatch):
    """A bid within a trade's reach falls below its price, one below the best open bid rises above it; 5 % of 150 is 7.5."""
    monkeypatch.setattr(sys.modules[__name__], "LOW", -300.0)
    assert taught(Side.BUY, shout + 1, shout, TRADED, rate=1.0, steps=(0.05, 0.0)) == pytest.approx(shout - 7.5)
    assert taught(Side.BUY, shout - 1, shout, BID_OPEN, rate=1.0, steps=(0.05, 0.0)) == pytest.approx(shout + 7.5)
    assert taught(Side.SELL, shout - 1, shout, TRADED, rate=1.0, steps=(0.05, 0.0)) == pytest.approx(shout + 7.5)


def test_only_the_end_of_a_long_tape_is_heard():
    """The last TAPE trades of the own market teach; earlier ones do not."""
    late = np.full(zip_plus.TAPE, 190_000)
    prices = []
    for early in ([], [FEED_IN] * 10, [RETAIL] * 30):
        context, strategy = built(2)
        tape = np.concatenate((np.array(early, dtype=np.int64), late))
        seen = observed(context, [500, 500], [0, 0])
        _, learnt = after_round(strategy, context, seen, trade_market=np.zeros_like(tape), trade_price_ticks=tape)
        prices.append(learnt.tolist())
    assert prices[0] == prices[1] == prices[2]


def test_each_market_has_its_own_tape():
    context, strategy = built(1, seeds=(5, 5))
    seen = observed(context, [500, 500], [0, 0])
    tape = {"trade_market": np.array([1]), "trade_price_ticks": np.array([FEED_IN])}
    first, learnt = after_round(strategy, context, seen, **tape)
    assert first[0] == first[1]
    assert learnt[0] == first[0]
    assert learnt[1] < first[1]
