"""The rule critic and what it writes down."""

import json

import numpy as np
import pytest

from marketsim.fairness.critic import CriticTally, Critique, Scores, critiques
from marketsim.fairness.params import RuleCriticParams
from marketsim.fairness.rule_critic import RuleCritic
from marketsim.testing.records import Deal, slot_record
from marketsim.testing.worlds import community

PEOPLE = community(3)
DEALS = [Deal(2, 0, 30, 100_000), Deal(2, 1, 40, 200_000)]


def record(deals=DEALS, slot=4):
    return slot_record(PEOPLE, [0, 0, 80], [60, 40, 0], deals=deals, slot=slot)


def test_it_scores_by_the_measures():
    scores = RuleCritic(PEOPLE).review(record())
    assert [score.shape for score in scores] == [(1,)] * 3
    assert scores.ftg[0] == pytest.approx(0.875)


def test_variants_are_chosen_by_name():
    params = RuleCriticParams(ftg="demand", fbs="share_range", fpp="range")
    scores = RuleCritic(PEOPLE, params).review(record())
    assert scores.fbs[0] == pytest.approx(1 - 10 / 70)
    assert scores.fpp[0] == pytest.approx(1 - 100 / 220)


def test_each_review_is_written_down_once():
    critic = RuleCritic(PEOPLE)
    critic.review(record(slot=4))
    critic.review(record(slot=5))
    assert [row.slot for row in critic.drain()] == [4, 5]
    assert critic.drain() == []


def test_a_critic_without_log_writes_nothing_down():
    critic = RuleCritic(PEOPLE, RuleCriticParams(log=False))
    critic.review(record())
    assert critic.drain() == []


def test_a_row_is_one_line_of_strict_json():
    critic = RuleCritic(PEOPLE)
    critic.review(slot_record(PEOPLE, [0, 0, 0], [0, 0, 0]))
    (row,) = critic.drain()
    read = json.loads(row.to_json(), parse_constant=lambda name: pytest.fail(name))
    assert (read["ftg"], read["fbs"], read["fpp"]) == (None, None, None)
    assert (read["source"], read["error"], read["market"]) == ("rule", None, 0)
    assert read["latency_s"] >= 0.0
    assert "\n" not in row.to_json()


def test_equal_slots_hash_alike_and_others_do_not():
    critic = RuleCritic(PEOPLE)
    critic.review(record(slot=1))
    critic.review(record(slot=2))
    critic.review(record(deals=[Deal(2, 0, 31, 100_000), Deal(2, 1, 40, 200_000)]))
    one, same, other = (row.inputs for row in critic.drain())
    assert one == same != other


def test_a_market_hashes_alike_alone_and_in_a_batch():
    alone, batch = RuleCritic(PEOPLE), RuleCritic(community(3, 2))
    alone.review(record())
    moved = [deal._replace(buyer=deal.buyer + 3, seller=deal.seller + 3) for deal in DEALS]
    batch.review(slot_record(community(3, 2), [0, 0, 50, 0, 0, 80], [60, 0, 0, 60, 40, 0], deals=moved))
    rows = batch.drain()
    assert [row.market for row in rows] == [0, 1]
    assert rows[1].inputs == alone.drain()[0].inputs != rows[0].inputs


def test_rows_share_the_latency_of_their_slot():
    scores = Scores(np.array([0.5, np.nan]), np.array([1.0, 0.0]), np.array([0.0, np.nan]))
    rows = critiques(7, ["a", "b"], scores, "llm", 3.0, error="timed out")
    assert rows[1] == Critique(7, 1, "b", None, 0.0, None, "llm", 1.5, "timed out")


def test_fallbacks_are_the_rows_with_an_error():
    tally = CriticTally()
    good = Critique(0, 0, "", 1.0, 1.0, 1.0, "rule", 0.0, None)
    tally.count([good, good._replace(error="timed out")])
    tally.count([good])
    assert (tally.summary()["critic_calls"], tally.summary()["critic_fallbacks"]) == (3, 1)
    assert tally.reasons == {"timed out": 1}
    assert [kpi.name for kpi in tally.definitions] == list(tally.summary())
