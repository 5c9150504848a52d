"""Replay: the scores used in an earlier run, or a clear word why not."""

import json

import numpy as np
import pytest

from marketsim.core.errors import InputError, RunError
from marketsim.fairness.critic_log import read_log
from marketsim.fairness.ollama_critic import OllamaCritic
from marketsim.fairness.params import OllamaCriticParams, ReplayCriticParams
from marketsim.fairness.replay_critic import ReplayCritic, build
from marketsim.fairness.rule_critic import RuleCritic
from marketsim.testing.critic_kit import NOTHING, content, critic_context, plain, record_of
from marketsim.testing.ollama_server import OllamaServer
from marketsim.testing.worlds import community

PEOPLE = community(5)


def slots(n=6):
    return [record_of([content(seed)], slot=seed)[1] for seed in range(n)]


@pytest.fixture(scope="module")
def original():
    """A run's reviews by a model with a fault now and then: what was scored, and what was written down."""
    faults = [None, "500", "prose", None, "empty", None]
    with OllamaServer(faults) as server:
        critic = OllamaCritic(PEOPLE, OllamaCriticParams(host=server.url, cache=False, load_deadline_s=0, deadline_s=5))
        scores = [np.array(critic.review(record)) for record in slots()]
        critic.finish()
        return scores, critic.drain()


@pytest.fixture
def log(tmp_path, original):
    file = tmp_path / "critic.jsonl"
    file.write_text("".join(row.to_json() + "\n" for row in original[1]))
    return file


def test_the_log_reads_back(log, original):
    """To the bit, fallbacks, answers and features included."""
    assert read_log(log) == original[1]
    assert read_log(log.parent) == original[1]
    assert {row.source for row in original[1]} >= {"ollama", "rule"}
    assert any(row.error for row in original[1])


def test_replayed_scores_and_lines_are_those_of_the_run(log, original):
    critic = build(ReplayCriticParams(file=str(log)), critic_context(PEOPLE))
    for record, wanted in zip(slots(), original[0], strict=True):
        assert np.array(critic.review(record)).tobytes() == wanted.tobytes()
    assert plain(critic.drain()) == plain(original[1])


def test_a_slot_that_was_not_logged_is_told(original):
    critic = ReplayCritic(PEOPLE, original[1], "critic.jsonl")
    with pytest.raises(RunError, match="slot 9 of market 0: critic.jsonl has no critique"):
        critic.review(record_of([content(0)], slot=9)[1])


def test_a_slot_without_anything_to_trade_needs_no_line(original):
    """Its scores are undefined whoever judges."""
    critic = ReplayCritic(PEOPLE, original[1])
    assert np.isnan(np.array(critic.review(record_of([NOTHING], slot=9)[1]))).all()
    assert [(row.slot, row.source, row.ftg) for row in critic.drain()] == [(9, "rule", None)]


def test_another_slot_under_the_same_number_is_told(original):
    critic = ReplayCritic(PEOPLE, original[1], "critic.jsonl")
    with pytest.raises(RunError, match="slot 0 of market 0: .*its inputs differ"):
        critic.review(record_of([content(99)], slot=0)[1])


def test_another_offer_in_a_slot_that_a_model_judged_is_told(original):
    """The model saw offers, on which the rule does not depend."""
    critic = ReplayCritic(PEOPLE, original[1])
    row = next(row for row in original[1] if row.asked)
    record = slots()[row.slot]
    halved = record.orders._replace(energy_wh=record.orders.energy_wh // 2)
    with pytest.raises(RunError, match="its inputs differ"):
        critic.review(record._replace(orders=halved))


def test_a_slot_that_was_visited_often_is_replayed_in_that_order():
    """As in training; once more than it was logged is an error."""
    rule = RuleCritic(PEOPLE)
    record = slots(1)[0]
    rule.review(record)
    (row,) = rule.drain()
    rows = [row._replace(ftg=score) for score in (0.1, 0.2, 0.3)]
    critic = ReplayCritic(PEOPLE, rows)
    assert [critic.review(record).ftg[0] for _ in rows] == [0.1, 0.2, 0.3]
    with pytest.raises(RunError, match="no critique of it left"):
        critic.review(record)


def test_markets_of_a_batch_are_replayed_each():
    people, record = record_of([content(0), content(1)])
    rule = RuleCritic(people)
    wanted = np.array(rule.review(record))
    assert np.array_equal(np.array(ReplayCritic(people, rule.drain()).review(record)), wanted, equal_nan=True)


def test_a_log_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="no log of critiques"):
        build(ReplayCriticParams(file=str(tmp_path / "nix")), critic_context(PEOPLE))


def test_an_empty_log_is_told(tmp_path):
    (tmp_path / "critic.jsonl").write_text("")
    with pytest.raises(InputError, match="has no critiques"):
        build(ReplayCriticParams(file=str(tmp_path)), critic_context(PEOPLE))


GOOD = {
    "slot": 0,
    "market": 0,
    "inputs": "a",
    "ftg": 0.5,
    "fbs": None,
    "fpp": 1,
    "source": "rule",
    "latency_s": 0,
    "error": None,
}


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        "{}",
        json.dumps({**GOOD, "ftg": 1.5}),
        json.dumps({**GOOD, "ftg": True}),
        json.dumps({**GOOD, "ftg": "1"}),
        json.dumps({**GOOD, "slot": "0"}),
        json.dumps({**GOOD, "answer": [0.1, 0.2]}),
        json.dumps({**GOOD, "features": 3}),
        json.dumps(GOOD).replace("0.5", "NaN"),
        "[" * 100_000,
    ],
)
def test_a_line_that_is_no_critique_is_told_with_its_number(tmp_path, line):
    (tmp_path / "critic.jsonl").write_text(f"{json.dumps(GOOD)}\n{line}\n")
    with pytest.raises(InputError, match=r"critic\.jsonl:2: this line is no critique"):
        read_log(tmp_path)


def test_a_last_line_that_a_kill_cut_off_is_left_out(tmp_path):
    (tmp_path / "critic.jsonl").write_text(f"{json.dumps(GOOD)}\n{json.dumps(GOOD)[:40]}")
    assert len(read_log(tmp_path)) == 1


def test_keys_of_later_versions_are_passed_over(tmp_path):
    (tmp_path / "critic.jsonl").write_text(json.dumps({**GOOD, "mood": "good"}) + "\n")
    assert read_log(tmp_path)[0].fpp == 1.0
