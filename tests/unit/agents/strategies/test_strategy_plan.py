"""Drafts of plans: what is dispatched, offered and fixed."""

from __future__ import annotations

import numpy as np

from marketsim.agents.strategies.plan import NO_OFFER, Draft, FirmOnly, Fixed, better_side
from marketsim.core.records import UNDECLARED, Side
from marketsim.testing.strategy_kit import FEED_IN, RETAIL, battery, observed, reach, strategy_context

CONTEXT = strategy_context([{"battery": battery()}])


def opened(load_wh, pv_wh, lo, firm, hi, fixed=None):
    """A draft of one agent with one fleet."""
    return Draft.opened(observed(CONTEXT, [load_wh], [pv_wh], [reach([lo], [firm], [hi])]), fixed)


def test_a_draft_opens_at_what_happens_in_any_case():
    draft = opened(700, 200, -500, -300, 0)
    assert draft.dispatch_wh.tolist() == [[-300]]
    assert draft.balance_wh.tolist() == [-800]
    assert draft.value_ticks.tolist() == [[UNDECLARED]]


def test_a_draft_without_fleets_is_load_and_pv():
    context = strategy_context([{}])
    assert Draft.opened(observed(context, [700], [200])).balance_wh.tolist() == [-500]


def test_own_surplus_is_drawn_and_own_need_delivered():
    """Serving the own balance draws at most the surplus, delivers at most the need, and stays in range."""
    for load_wh, pv_wh, served in ((0, 200, -200), (0, 900, -500), (300, 0, 300), (900, 0, 400), (0, 0, 0)):
        draft = opened(load_wh, pv_wh, -500, 0, 400)
        draft.serve_own(0, np.array([-500]), np.array([400]))
        assert draft.dispatch_wh.tolist() == [[served]]
        assert draft.balance_wh.tolist() == [pv_wh - load_wh + served]


def test_an_offer_declares_its_value():
    draft = opened(0, 0, -500, 0, 400)
    draft.offer(0, np.array([int(Side.SELL)]), np.array([120_000]), np.array([250]))
    plan = draft.done(np.array([True]))
    assert (plan.side[0, 0], plan.value_ticks[0, 0], plan.most_wh[0, 0]) == (Side.SELL, 120_000, 250)


def test_no_offer_declares_nothing():
    draft = opened(0, 0, -500, 0, 400)
    draft.offer(0, np.array([NO_OFFER]), np.array([120_000]))
    assert draft.value_ticks.tolist() == [[UNDECLARED]]


def test_what_is_fixed_is_neither_moved_nor_offered():
    """Somebody else runs the fleet; the balance counts what it does."""
    draft = opened(300, 0, -500, 0, 400, Fixed(np.array([[True]]), np.array([[-100]])))
    draft.serve_own(0, np.array([-500]), np.array([400]))
    draft.offer(0, np.array([int(Side.SELL)]), np.array([120_000]))
    plan = draft.done(np.array([True]))
    assert plan.dispatch_wh.tolist() == [[-100]]
    assert draft.balance_wh.tolist() == [-400]
    assert plan.side.tolist() == [[NO_OFFER]]


def test_firm_only_leaves_everything_as_it_must_be():
    """Neither own surplus nor own need moves it."""
    for load_wh, pv_wh in ((0, 900), (900, 0)):
        draft = opened(load_wh, pv_wh, -500, -300, 400)
        FirmOnly().plan(observed(CONTEXT, [load_wh], [pv_wh], [reach([-500], [-300], [400])]), draft)
        assert (draft.dispatch_wh.tolist(), draft.side.tolist()) == ([[-300]], [[NO_OFFER]])


def side_of(dispatch_wh, bid, ask, last):
    seen = observed(CONTEXT, [0], [0], last_price_ticks=last)
    return int(better_side(np.array([dispatch_wh]), np.array([bid]), np.array([ask]), seen)[0])


def test_a_store_is_offered_on_one_side():
    """Charging it can only draw more, discharging only deliver more; at rest the better side at the last price wins."""
    assert side_of(-100, 100_000, 200_000, 250_000) == Side.BUY
    assert side_of(100, 100_000, 200_000, 90_000) == Side.SELL
    assert side_of(0, 100_000, 200_000, 190_000) == Side.SELL
    assert side_of(0, 100_000, 200_000, 110_000) == Side.BUY


def test_offers_outside_the_tariffs_are_none():
    assert side_of(0, FEED_IN - 1, RETAIL + 1, 190_000) == NO_OFFER
    assert side_of(0, 100_000, RETAIL + 1, 290_000) == Side.BUY
    assert side_of(0, FEED_IN - 1, 200_000, 90_000) == Side.SELL
    assert side_of(-100, FEED_IN - 1, 200_000, 290_000) == NO_OFFER
