"""The walk by examples small enough to follow by hand."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.errors import LawBroken
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.records import BLAMES_SINK, MOVES_SINK, MOVES_SOURCE, NOWHERE, Reason
from marketsim.market.double_auction import DoubleAuction, build
from marketsim.market.params import DoubleAuctionParams
from marketsim.testing.engine_kit import orders_of, tariffs_of
from marketsim.testing.gates_kernel import capacity_gate
from marketsim.testing.worlds import build_context

BUY, SELL = 1, -1


class ScriptedGate:
    """Answers from a function of (source, sink, Wh); remembers what it was asked."""

    kernel = None

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def admit(self, market, source, sink, wh):
        self.asked.append((source, sink, wh))
        return self.answer(source, sink, wh)


def match(rows, gate=None, engine=None, pair_ticks=None):
    trades, rejects = (engine or DoubleAuction()).match(orders_of(rows), gate or FreeGate(1), tariffs_of(), pair_ticks)
    columns = (trades.buy_order, trades.sell_order, trades.energy_wh, trades.price_ticks)
    return tuple(list(zip(*(c.tolist() for c in table), strict=True)) for table in (columns, rejects))


def test_an_arriving_bid_pays_the_resting_ask():
    assert match([(0, SELL, 10, 5), (1, BUY, 20, 5)])[0] == [(1, 0, 5, 10)]


def test_an_arriving_ask_gets_the_resting_bid():
    assert match([(0, BUY, 20, 5), (1, SELL, 10, 5)])[0] == [(0, 1, 5, 20)]


@pytest.mark.parametrize(("bid", "ask", "price"), [(11, 10, 10), (-9, -10, -10), (2**63 - 1, 2**63 - 2, 2**63 - 2)])
def test_the_midpoint_is_rounded_down_and_does_not_overflow(bid, ask, price):
    assert match([(0, SELL, ask, 1), (1, BUY, bid, 1)], engine=DoubleAuction(midpoint=True))[0] == [(1, 0, 1, price)]


def test_best_price_first_then_earliest_and_a_partial_fill_keeps_its_place():
    rows = [(0, SELL, 12, 4), (1, SELL, 10, 4), (2, SELL, 10, 4), (3, BUY, 12, 2), (4, BUY, 12, 8)]
    assert match(rows)[0] == [(3, 1, 2, 10), (4, 1, 2, 10), (4, 2, 4, 10), (4, 0, 2, 12)]


def test_an_order_skips_its_own_agents_orders_which_keep_their_place():
    rows = [(0, SELL, 10, 4), (1, SELL, 11, 4), (0, BUY, 12, 4), (2, BUY, 12, 4)]
    assert match(rows)[0] == [(2, 1, 4, 11), (3, 0, 4, 10)]


def test_an_order_that_meets_only_its_own_agents_orders_rests():
    assert match([(0, SELL, 10, 4), (0, BUY, 12, 4), (1, SELL, 12, 4)])[0] == [(1, 2, 4, 12)]


def test_orders_without_energy_are_ignored():
    assert match([(0, SELL, 10, 0), (1, SELL, 11, 3), (2, BUY, 12, 3)])[0] == [(2, 1, 3, 11)]


def test_a_match_over_two_leg_boundaries_has_three_rows_and_firm_energy_asks_no_gate():
    gate = ScriptedGate(lambda source, sink, wh: (wh, 0, -1))
    orders = orders_of([(0, SELL, 10, 10, 3), (1, BUY, 10, 10, 5)])
    trades, _ = DoubleAuction().match(orders, gate, tariffs_of())
    assert trades.energy_wh.tolist() == [3, 2, 5]
    assert trades.moves.tolist() == [0, MOVES_SOURCE, MOVES_SOURCE | MOVES_SINK]
    assert gate.asked == [(0, NOWHERE, 2), (0, 1, 5)]


def test_a_refusal_parks_the_seller_and_the_buyer_walks_on():
    gate = ScriptedGate(lambda source, sink, wh: (1, Reason.OVERVOLTAGE, 7) if source == 0 else (wh, 0, -1))
    trades, rejects = match([(0, SELL, 10, 4), (1, SELL, 11, 4), (2, BUY, 12, 4)], gate, DoubleAuction(retry_passes=0))
    assert trades == [(2, 0, 1, 10), (2, 1, 3, 11)]
    assert rejects == [(2, 0, 3, Reason.OVERVOLTAGE, 7, SELL)]


def test_a_refusal_that_blames_the_sink_parks_the_buyer_and_the_ask_keeps_its_place():
    gate = ScriptedGate(
        lambda source, sink, wh: (0, Reason.UNDERVOLTAGE + BLAMES_SINK, 3) if sink == 1 else (wh, 0, -1)
    )
    trades, rejects = match([(0, SELL, 10, 4), (1, BUY, 12, 4), (2, BUY, 12, 4)], gate)
    assert trades == [(2, 0, 4, 10)]
    assert rejects == [(1, 0, 4, Reason.UNDERVOLTAGE, 3, BUY)]


def test_a_resting_order_that_is_parked_leaves_the_book():
    gate = ScriptedGate(lambda source, sink, wh: (0, Reason.OVERVOLTAGE, 0))
    _, rejects = match([(0, SELL, 10, 4), (1, BUY, 12, 4), (2, BUY, 12, 4)], gate, DoubleAuction(retry_passes=0))
    assert len(gate.asked) == 1  # the second bid finds nobody
    assert [row[:3] for row in rejects] == [(1, 0, 4)]


def test_a_refusal_that_a_later_pass_cures_leaves_no_reject():
    gate = capacity_gate(most_out_wh=[0, 9, 9, 9])
    rows = [(0, SELL, 10, 4), (1, BUY, 12, 4), (2, SELL, 12, 4), (0, BUY, 12, 4)]
    assert match(rows, gate, DoubleAuction(retry_passes=0)) == (
        [(1, 2, 4, 12)],
        [(1, 0, 4, Reason.CONNECTION_EXPORT, 0, SELL)],
    )
    rows = [(0, SELL, 10, 4), (1, BUY, 12, 4), (0, BUY, 13, 4), (2, SELL, 13, 4)]
    gate = capacity_gate(most_out_wh=[0, 9, 9, 9])
    assert match(rows, gate) == ([(2, 3, 4, 13), (1, 0, 4, 12)], [])


@pytest.mark.parametrize("passes", [0, 1, 2, 3])
@pytest.mark.parametrize("compiled", [True, False])
def test_a_chain_of_three_counter_flows_clears_in_as_many_passes(passes, compiled):
    """Each seller may inject only what was drawn at its bus; each draw comes from the trade of the next one."""
    gate = capacity_gate([0, 0, 0, 9], compiled=compiled)
    rows = [
        (0, SELL, 10, 4),
        (4, BUY, 10, 4),
        (1, SELL, 20, 4),
        (0, BUY, 20, 4),
        (2, SELL, 30, 4),
        (1, BUY, 30, 4),
        (3, SELL, 40, 4),
        (2, BUY, 40, 4),
    ]
    trades, rejects = match(rows, gate, DoubleAuction(retry_passes=passes))
    assert [trade[1] for trade in trades] == [6, 4, 2, 0][: passes + 1]
    assert [row[1] for row in rejects] == [0, 2, 4][: 3 - passes]


def test_a_reject_tells_the_last_refusal_and_no_more_than_is_still_open():
    answers = iter([(0, Reason.OVERVOLTAGE, 1), (3, Reason.LINE_LOADING, 2)])
    gate = ScriptedGate(lambda source, sink, wh: next(answers, (wh, 0, -1)))
    trades, rejects = match([(0, SELL, 10, 9), (1, BUY, 12, 5)], gate, DoubleAuction(retry_passes=1))
    assert trades == [(1, 0, 3, 12)]
    assert rejects == [(1, 0, 2, Reason.LINE_LOADING, 2, SELL)]


def test_passes_end_when_nothing_more_is_admitted():
    gate = ScriptedGate(lambda source, sink, wh: (0, Reason.OVERVOLTAGE, 0))
    match([(0, SELL, 10, 4), (1, BUY, 12, 4)], gate, DoubleAuction(retry_passes=50))
    assert len(gate.asked) == 2


def test_charges_between_pairs_decide_who_is_best_and_the_buyer_pays_them():
    charges = np.zeros((1, 3, 3), dtype=np.int64)
    charges[0, 2, 0] = 5
    orders = orders_of([(0, SELL, 10, 4), (1, SELL, 12, 4), (2, BUY, 15, 6)])
    trades, _ = DoubleAuction().match(orders, FreeGate(1), tariffs_of(), charges)
    assert trades.sell_order.tolist() == [1, 0]
    assert trades.price_ticks.tolist() == trades.seller_ticks.tolist() == [12, 10]
    assert trades.buyer_ticks.tolist() == [12, 15]


def test_a_resting_bid_bears_the_charge_out_of_its_limit():
    charges = np.full((1, 2, 2), 3)
    orders = orders_of([(0, BUY, 15, 4), (1, SELL, 10, 4)])
    trades, _ = DoubleAuction().match(orders, FreeGate(1), tariffs_of(), charges)
    assert (trades.price_ticks.tolist(), trades.buyer_ticks.tolist()) == ([12], [15])


@pytest.mark.parametrize("kernel", [True, False])
def test_markets_out_of_order_are_refused(kernel):
    gate = FreeGate(2)
    if not kernel:
        gate.kernel = None
    with pytest.raises(ValueError, match="markets ascending"):
        DoubleAuction().match(orders_of([(0, BUY, 1, 1), (1, BUY, 1, 1)], [1, 0]), gate, tariffs_of(2))


@pytest.mark.parametrize("answer", [-1, 5])
def test_a_gate_that_admits_less_than_nothing_or_more_than_asked_is_found_out(answer):
    gate = ScriptedGate(lambda source, sink, wh: (answer, 0, -1))
    with pytest.raises(LawBroken, match="fault of the gate"):
        match([(0, SELL, 10, 4), (1, BUY, 12, 4)], gate)


def test_build_takes_the_rule_the_rounds_and_the_grids_passes():
    engine = build(DoubleAuctionParams(price_rule="midpoint", rounds=20), build_context(retry_passes=0))
    assert (engine.rounds, engine.name) == (20, "double_auction")
    assert match([(0, SELL, 10, 4), (1, BUY, 20, 4)], engine=engine)[0] == [(1, 0, 4, 15)]


def test_all_first_parts_arrive_before_the_second_ones():
    """5 Wh in two parts are 3 and 2. The second seller's first part stands before the first one's second."""
    rows = [(0, SELL, 10, 5), (1, SELL, 10, 5), (2, BUY, 10, 8)]
    assert match(rows, engine=DoubleAuction(tranches=2))[0] == [
        (2, 0, 3, 10),
        (2, 1, 1, 10),
        (2, 1, 2, 10),
        (2, 0, 2, 10),
    ]


def test_an_order_of_fewer_wh_than_tranches_has_as_many_parts_as_wh():
    assert match([(0, SELL, 10, 2), (1, BUY, 10, 5)], engine=DoubleAuction(tranches=5))[0] == [(1, 0, 1, 10)] * 2


def test_parts_of_one_order_that_are_refused_leave_one_reject_with_their_sum():
    """Of the first part 3 of 4; the second one meets the 3 that the bid's first part has left, and is refused 2."""
    gate = ScriptedGate(lambda source, sink, wh: (1, Reason.OVERVOLTAGE, 7))
    trades, rejects = match([(0, SELL, 10, 8), (1, BUY, 12, 8)], gate, DoubleAuction(retry_passes=0, tranches=2))
    assert [trade[:3] for trade in trades] == [(1, 0, 1), (1, 0, 1)]
    assert rejects == [(1, 0, 5, Reason.OVERVOLTAGE, 7, SELL)]


def test_parts_share_the_firm_energy_of_their_order():
    """The second part's firm energy is spent by the first, which is larger than its half of it."""
    gate = ScriptedGate(lambda source, sink, wh: (wh, 0, -1))
    orders = orders_of([(0, SELL, 10, 10, 6), (1, BUY, 10, 10, 0)])
    trades, _ = DoubleAuction(tranches=2).match(orders, gate, tariffs_of())
    assert trades.energy_wh.tolist() == [5, 1, 4]
    assert [source for source, _, _ in gate.asked] == [NOWHERE, NOWHERE, 0]


def test_an_arriving_order_is_shared_by_what_rests_at_one_price():
    """10 of 20: 2.5, 5, 2.5 are 3, 5, 2, since of equal remainders the earliest gets the Wh that is left over."""
    rows = [(0, SELL, 10, 5), (1, SELL, 10, 10), (2, SELL, 10, 5), (3, SELL, 11, 9), (4, BUY, 11, 10)]
    assert match(rows, engine=DoubleAuction(pro_rata=True))[0] == [(4, 0, 3, 10), (4, 1, 5, 10), (4, 2, 2, 10)]


def test_a_worse_price_is_met_only_when_the_better_one_is_empty():
    rows = [(0, SELL, 11, 6), (1, SELL, 10, 2), (2, SELL, 11, 6), (3, BUY, 11, 8)]
    assert match(rows, engine=DoubleAuction(pro_rata=True))[0] == [(3, 1, 2, 10), (3, 0, 3, 11), (3, 2, 3, 11)]


def test_what_the_gate_refuses_of_one_is_shared_among_the_others():
    """Of 3, 3, 3 the first seller is refused 2, and parked: the other two, with 3 open each, get 1 more each."""
    gate = ScriptedGate(lambda source, sink, wh: (1, Reason.OVERVOLTAGE, 7) if source == 0 else (wh, 0, -1))
    rows = [(agent, SELL, 10, 6) for agent in range(3)] + [(3, BUY, 10, 9)]
    trades, rejects = match(rows, gate, DoubleAuction(retry_passes=0, pro_rata=True))
    assert trades == [(3, 0, 1, 10), (3, 1, 3, 10), (3, 2, 3, 10), (3, 1, 1, 10), (3, 2, 1, 10)]
    assert rejects == [(3, 0, 2, Reason.OVERVOLTAGE, 7, SELL)]


def test_an_arriving_order_that_is_refused_itself_is_parked_with_all_that_it_still_wants():
    gate = ScriptedGate(lambda source, sink, wh: (1, Reason.UNDERVOLTAGE + BLAMES_SINK, 3))
    rows = [(0, SELL, 10, 6), (1, SELL, 10, 6), (2, BUY, 10, 6)]
    trades, rejects = match(rows, gate, DoubleAuction(retry_passes=0, pro_rata=True))
    assert trades == [(2, 0, 1, 10)]
    assert rejects == [(2, 0, 2, Reason.UNDERVOLTAGE, 3, BUY)]


def test_build_takes_tranches_and_ties():
    engine = build(DoubleAuctionParams(tranches=2, ties="pro_rata"), build_context())
    rows = [(0, SELL, 10, 4), (1, SELL, 10, 4), (2, BUY, 10, 4)]
    assert match(rows, engine=engine)[0] == [(2, 0, 1, 10), (2, 1, 1, 10), (2, 0, 1, 10), (2, 1, 1, 10)]
