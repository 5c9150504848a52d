"""Replay: the scores used in an earlier run, or a clear word why not."""

import json
import os

import numpy as np
import pytest

from marketsim.core.errors import InputError, RunError
from marketsim.fairness.critic_log import read_log
from marketsim.fairness.ollama_critic import OllamaCritic
from marketsim.fairness.params import OllamaCriticParams, ReplayCriticParams
from marketsim.fairness.replay_critic import ReplayCritic, build
from marketsim.fairness.rule_critic import RuleCritic
from marketsim.llm.model_server import ModelServer
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
        params = OllamaCriticParams(host=server.url, cache=False, load_deadline_s=0, deadline_s=5)
        critic = OllamaCritic(PEOPLE, params, ModelServer(params.settings()))
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


BAD = {
    "slot": [-1, True, 1.0, "1", None, 2**70, [0], {}],
    "market": [-1, False, 0.5, None],
    "inputs": [1, None, "x" * 101, "a\nb", ["a"]],
    "ftg": [-0.1, 1.01, "0.5", [0.5], 10**30, {}],
    "source": [None, 1, "a\x1b[2J", "x" * 101],
    "latency_s": [-1, "1", None, True],
    "error": [1, []],
    "asked": [1, "x" * 101],
    "model": [1, "x" * 201, "a\x00", ["gemma"]],
    "server": ["x" * 60_000, 3],
    "attempts": [-1, 1.5, True, "1"],
    "answer": [
        [0.1, 0.2],
        [0.1, 0.2, 1.5],
        [0.1, 0.2, True],
        {"ftg": 1, "fbs": 1, "fpp": 1},
        "abc",
        [[1], [1], [1]],
        1,
    ],
    "audit_gap": [[0.1, "0.2", 0.3]],
    "features": [["1"], [True], [None], {"a": 1}, "12", [1e13], [0.1] * 1_001, [[0.1]], 7],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_value_that_cannot_be_is_told_with_its_line_and_name(tmp_path, name, value):
    (tmp_path / "critic.jsonl").write_text(f"{json.dumps(GOOD)}\n{json.dumps({**GOOD, name: value})}\n")
    with pytest.raises(InputError) as caught:
        read_log(tmp_path)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (str(tmp_path / "critic.jsonl"), 2)
    assert problem.message.startswith("this line is no critique: ")
    assert name in problem.message or "bytes" in problem.message
    assert len(str(problem)) < 500


@pytest.mark.parametrize("text", ["Infinity", "-Infinity", "NaN", "1e999", "-1e999", "1" * 5_000])
def test_features_are_finite(tmp_path, text):
    line = json.dumps({**GOOD, "features": [0.25]}).replace("0.25", text)
    (tmp_path / "critic.jsonl").write_text(f"{line}\n")
    with pytest.raises(InputError, match=r"critic\.jsonl:1: this line is no critique"):
        read_log(tmp_path)


def test_a_reason_is_cut_to_a_line(tmp_path):
    (tmp_path / "critic.jsonl").write_text(json.dumps({**GOOD, "error": "a\x1b[2J\n" + "x" * 9_000}) + "\n")
    (row,) = read_log(tmp_path)
    assert row.error.startswith("a [2J xxx")
    assert len(row.error) == 1_000


def test_all_lines_that_are_none_are_told_at_once(tmp_path):
    """Up to twenty of them; one that is not UTF-8 with its column."""
    bad = [b'{"slot": "\xff"}', b"[]", b'{"slot": 0, "slot": 1}', b"{" * 70_000]
    good = json.dumps(GOOD).encode()
    (tmp_path / "critic.jsonl").write_bytes(b"\n".join([good, *bad, good, b""]))
    with pytest.raises(InputError) as caught:
        read_log(tmp_path)
    assert [problem.line for problem in caught.value.problems] == [2, 3, 4, 5]
    assert caught.value.problems[0].column == 11
    (tmp_path / "critic.jsonl").write_bytes(b"[]\n" * 100)
    with pytest.raises(InputError, match="and 80 more lines are no critiques"):
        read_log(tmp_path)


def test_a_last_line_without_an_end_counts_if_it_is_whole(tmp_path):
    """As an editor may leave it."""
    (tmp_path / "critic.jsonl").write_text(f"{json.dumps(GOOD)}\n{json.dumps({**GOOD, 'slot': 1})}")
    assert [row.slot for row in read_log(tmp_path)] == [0, 1]
    (tmp_path / "critic.jsonl").write_text(f"{json.dumps(GOOD)}\n{json.dumps({**GOOD, 'slot': -1})}")
    with pytest.raises(InputError, match=r"critic\.jsonl:2: "):
        read_log(tmp_path)


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_only_regular_files_are_logs(tmp_path, kind):
    place = tmp_path / "critic.jsonl"
    {"folder": place.mkdir, "pipe": lambda: os.mkfifo(place), "device": lambda: place.symlink_to("/dev/zero")}[kind]()
    with pytest.raises(InputError, match="not a file"):
        read_log(tmp_path)


def test_a_last_line_that_a_kill_cut_off_is_left_out(tmp_path):
    (tmp_path / "critic.jsonl").write_text(f"{json.dumps(GOOD)}\n{json.dumps(GOOD)[:40]}")
    assert len(read_log(tmp_path)) == 1


def test_keys_of_later_versions_are_passed_over(tmp_path):
    (tmp_path / "critic.jsonl").write_text(json.dumps({**GOOD, "mood": "good"}) + "\n")
    assert read_log(tmp_path)[0].fpp == 1.0
