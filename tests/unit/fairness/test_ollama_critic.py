"""The critic that asks a model: blending, fallback, cache, deadlines, order of the log."""

import json
import time

import numpy as np
import pytest
from pydantic import ValidationError

from marketsim.core.build import BuildContext
from marketsim.core.errors import InputError
from marketsim.core.fence import Fence
from marketsim.fairness.critic import CriticTally, PatientCritic, distance
from marketsim.fairness.ollama_critic import OllamaCritic, build
from marketsim.fairness.params import MeasureChoice, OllamaCriticParams, RuleCriticParams
from marketsim.fairness.rule_critic import RuleCritic
from marketsim.llm.model_server import ModelServer
from marketsim.testing.critic_kit import NOTHING, content, critic_context, record_of
from marketsim.testing.ollama_server import OllamaServer, unused_address
from marketsim.testing.records import Deal, slot_record
from marketsim.testing.worlds import community

TRADED = [seed for seed in range(40) if content(seed)[2]]
"""Markets of the kit in which something was traded."""
ANSWER = {"ftg": 90, "fbs": 40, "fpp": 20}


@pytest.fixture
def asked():
    """``asked(server, **parameters)``: a critic of one market, closed at the end of the test."""
    made = []

    def make(server, people=None, **changes):
        host = server if isinstance(server, str) else server.url
        params = OllamaCriticParams(
            **{"host": host, "cache": False, "load_deadline_s": 0, "deadline_s": 5.0, **changes}
        )
        made.append(OllamaCritic(community(5) if people is None else people, params, ModelServer(params.settings())))
        return made[-1]

    yield make
    for critic in made:
        critic.finish(wait=False)


def slots(n, seeds=TRADED):
    return [record_of([content(seed)], slot=slot)[1] for slot, seed in enumerate(seeds[:n])]


def rule_scores(record, people=None):
    return np.array(RuleCritic(community(5) if people is None else people).review(record))


def fixed(view):
    return ANSWER


def test_the_model_s_scores_are_used(asked):
    """Where the measures define them; the rule's stand beside, with the distance of each."""
    with OllamaServer(judge=fixed) as server:
        critic = asked(server)
        record = slots(1)[0]
        scores = np.array(critic.review(record))[:, 0]
        (row,) = critic.drain()
    rule = rule_scores(record)[:, 0]
    assert np.array_equal(scores, np.where(np.isnan(rule), np.nan, [0.9, 0.4, 0.2]), equal_nan=True)
    assert (row.source, row.error, row.attempts) == ("ollama", None, 1)
    assert (row.model, row.digest, row.server) == ("gemma3:4b", "a2af6cc3eb7f", "0.12.3")
    assert row.gap == distance(row.answer, row.rule)
    assert [value for value in row.rule if value is not None] == pytest.approx(rule[~np.isnan(rule)].tolist())


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_scores_are_blended_by_their_weight(asked, weight):
    with OllamaServer(judge=fixed) as server:
        record = slots(1)[0]
        scores = np.array(asked(server, weight=weight).review(record))[:, 0]
    rule = rule_scores(record)[:, 0]
    wanted = weight * np.array([0.9, 0.4, 0.2]) + (1.0 - weight) * rule
    assert np.allclose(scores, wanted, rtol=0, atol=1e-15, equal_nan=True)


def test_the_rule_that_is_blended_in_can_be_chosen(asked):
    with OllamaServer(judge=fixed) as server:
        record = slots(1)[0]
        scores = asked(server, weight=0.0, rule=MeasureChoice(ftg="demand", fpp="range")).review(record)
    wanted = RuleCritic(community(5), RuleCriticParams(ftg="demand", fpp="range")).review(record)
    assert np.array_equal(np.array(scores), np.array(wanted), equal_nan=True)


def test_a_failed_answer_is_asked_for_once_more_with_another_seed(asked):
    with OllamaServer(["prose"], judge=fixed) as server:
        critic = asked(server, seed=7)
        critic.review(slots(1)[0])
        (row,) = critic.drain()
    assert (row.source, row.error, row.attempts) == ("ollama", None, 2)
    assert [question["options"]["seed"] for question in server.questions] == [7, 8]
    assert len({question["options"]["num_ctx"] for question in server.questions}) == 1


def test_after_two_failures_the_rule_stands_in(asked):
    with OllamaServer(["prose", "out_of_range"]) as server:
        critic = asked(server)
        record = slots(1)[0]
        scores = critic.review(record)
        (row,) = critic.drain()
    assert np.array_equal(np.array(scores), rule_scores(record), equal_nan=True)
    assert (row.source, row.attempts, row.answer) == ("rule", 2, None)
    assert row.error.startswith("out_of_range: ")


def test_a_missing_model_is_not_asked_twice(asked):
    with OllamaServer(["404"]) as server:
        critic = asked(server)
        critic.review(slots(1)[0])
        (row,) = critic.drain()
    assert row.error.startswith("missing_model: ")
    assert len(server.questions) == 1


def test_null_slots_are_never_asked_about(asked):
    with OllamaServer() as server:
        critic = asked(server)
        scores = critic.review(record_of([NOTHING])[1])
        (row,) = critic.drain()
    assert np.isnan(scores).all()
    assert (row.source, row.error, row.asked) == ("rule", None, None)
    assert server.calls == []


def test_every_second_slot_is_asked_about(asked):
    """The others are scored by the rule, which is no fallback."""
    with OllamaServer(judge=fixed) as server:
        critic = asked(server, every=2)
        for record in slots(4):
            critic.review(record)
        rows = critic.drain()
    assert [row.source for row in rows] == ["ollama", "rule", "ollama", "rule"]
    assert [row.error for row in rows] == [None] * 4


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_review_never_takes_longer_than_its_deadline(asked, fault):
    with OllamaServer([fault] * 9) as server:
        critic = asked(server, deadline_s=0.3)
        began = time.monotonic()
        critic.review(slots(1)[0])
        assert time.monotonic() - began < 3.0
        (row,) = critic.drain()
    assert row.error.startswith("timeout: no answer within 0.3 s")
    assert row.source == "rule"


def test_the_deadline_holds_for_all_markets_of_a_batch_together(asked):
    people, record = record_of([content(seed) for seed in TRADED[:6]])
    with OllamaServer(["hang"] * 20) as server:
        critic = asked(server, people, deadline_s=0.3, in_flight=1)
        began = time.monotonic()
        critic.review(record)
        assert time.monotonic() - began < 3.0
        rows = critic.drain()
    assert [row.error.partition(":")[0] for row in rows] == ["timeout"] * 6
    assert [row.market for row in rows] == list(range(6))


def test_equal_markets_of_a_batch_are_asked_about_once(asked):
    people, record = record_of([content(TRADED[0])] * 4)
    with OllamaServer(judge=fixed) as server:
        critic = asked(server, people, in_flight=4)
        scores = critic.review(record)
    assert len(server.questions) == 1
    assert set(scores.ftg.tolist()) == {0.9}


def test_the_server_is_left_alone_after_repeated_failures(asked):
    with OllamaServer(["500"] * 99) as server:
        critic = asked(server, failures=2, pause_s=60.0)
        for record in slots(5):
            critic.review(record)
        rows = critic.drain()
    assert [row.error.partition(":")[0] for row in rows] == ["server_error"] * 2 + ["circuit_open"] * 3
    assert len(server.questions) == 4


def test_after_the_pause_one_question_finds_that_it_is_well_again(asked):
    with OllamaServer(["500"] * 4, judge=fixed) as server:
        critic = asked(server, failures=2, pause_s=0.0)
        for record in slots(4):
            critic.review(record)
        rows = critic.drain()
    assert [row.source for row in rows] == ["rule", "rule", "ollama", "ollama"]


def test_a_server_that_is_not_there_costs_nothing(asked):
    critic = asked(unused_address(), failures=3)
    for record in slots(6):
        critic.review(record)
    reasons = [row.error.partition(":")[0] for row in critic.drain()]
    assert reasons == ["refused"] * 3 + ["circuit_open"] * 3


def test_the_same_slot_is_never_asked_about_twice(asked, tmp_path):
    """Not in this run, nor in another one with the same model and options."""
    with OllamaServer(judge=fixed) as server:
        for _ in range(2):
            critic = asked(server, cache=True, cache_folder=str(tmp_path))
            for record in slots(3) + slots(3):
                critic.review(record)
            rows = critic.drain()
        assert len(server.questions) == 3
        assert [row.source for row in rows] == ["cache"] * 6
        assert [row.attempts for row in rows] == [0] * 6
        asked(server, cache=True, cache_folder=str(tmp_path), temperature=0.5).review(slots(1)[0])
        assert len(server.questions) == 4
        server.models["gemma3:4b"] = "another digest"
        asked(server, cache=True, cache_folder=str(tmp_path)).review(slots(1)[0])
        assert len(server.questions) == 5


def test_failures_are_not_kept(asked, tmp_path):
    with OllamaServer(["prose", "empty"], judge=fixed) as server:
        critic = asked(server, cache=True, cache_folder=str(tmp_path))
        critic.review(slots(1)[0])
        critic.review(slots(1)[0])
        assert [row.source for row in critic.drain()] == ["rule", "ollama"]


def test_watched_slots_are_written_down_in_their_order(asked):
    """Whoever answers first; nobody waits but for room."""
    late = {"slot": 0}

    def judge(view):
        late["slot"] += 1
        time.sleep(0.2 if late["slot"] == 1 else 0.0)
        return ANSWER

    with OllamaServer(judge=judge) as server:
        critic = asked(server, in_flight=3)
        assert isinstance(critic, PatientCritic)
        for record in slots(6):
            critic.watch(record)
        critic.finish()
        rows = critic.drain()
    assert [row.slot for row in rows] == list(range(6))
    assert {row.source for row in rows} == {"ollama"}


def test_no_more_questions_are_under_way_than_allowed(asked):
    with OllamaServer(["hang"] * 99) as server:
        critic = asked(server, in_flight=2, deadline_s=0.2, failures=99)
        for record in slots(5):
            critic.watch(record)
        under_way = len(critic._pending._under_way())
        critic.finish()
        rows = critic.drain()
    assert under_way <= 2
    assert [row.error.partition(":")[0] for row in rows] == ["timeout"] * 5


def test_what_is_under_way_at_the_end_is_waited_for_within_one_deadline(asked):
    with OllamaServer(["hang"] * 9) as server:
        critic = asked(server, deadline_s=0.4)
        for record in slots(2):
            critic.watch(record)
        began = time.monotonic()
        critic.finish()
        assert time.monotonic() - began < 3.0
        assert [row.source for row in critic.drain()] == ["rule", "rule"]


def test_broken_off_nothing_is_waited_for(asked):
    with OllamaServer(["hang"] * 9) as server:
        critic = asked(server, deadline_s=600.0)
        critic.watch(slots(1)[0])
        critic.finish(wait=False)
        (row,) = critic.drain()
    assert row.error.startswith("run_ended: ")


def test_a_critic_can_be_used_again_after_its_end(asked):
    with OllamaServer(judge=fixed) as server:
        critic = asked(server)
        critic.review(slots(1)[0])
        critic.finish()
        critic.review(slots(1)[0])
        assert [row.source for row in critic.drain()] == ["ollama", "ollama"]


def test_the_model_is_warmed_up_before_the_first_deadline_begins(asked):
    """With the system text, and the options of all later calls, so that it is not loaded twice; the manifest is told. A server
    that fails to is asked all the same.
    """
    with OllamaServer(judge=fixed) as server:
        asked(server, load_deadline_s=5.0).review(slots(1)[0])
        chats = [body for path, body in server.calls if path == "/api/chat"]
    warm, asked_for = chats
    assert warm["messages"] == asked_for["messages"][:1]
    assert warm["messages"][0]["role"] == "system"
    assert {**warm["options"], "num_predict": 256} == asked_for["options"]
    assert warm["options"]["num_predict"] == 1
    assert warm["keep_alive"] == asked_for["keep_alive"]
    with OllamaServer(judge=fixed, faulty_paths={"/api/chat": "500"}) as server:
        critic = asked(server, load_deadline_s=5.0)
        critic.review(slots(1)[0])
        assert critic.drain()[0].source == "ollama"
        assert critic.facts()["warm_up"].startswith("server_error: ")


def test_a_warm_up_has_a_deadline_of_its_own(asked):
    """One that hangs costs its own deadline, and nothing of the first question's."""
    with OllamaServer(judge=fixed, faulty_paths={"/api/chat": "hang"}) as server:
        critic = asked(server, load_deadline_s=0.3, deadline_s=60.0)
        critic.review(slots(1)[0])
        assert critic.drain()[0].source == "ollama"
    facts = critic.facts()
    assert facts["warm_up"] == "timeout: not ready within 0.3 s"
    assert 0.3 <= facts["warm_up_s"] < 5.0


def test_a_long_community_is_asked_about_in_groups(asked):
    """A slot that does not fit one by one is summed up; a room too small for that too is told before anybody is asked."""
    people = community(40)
    load, pv = [0, 50] * 20, [100, 0] * 20
    record = slot_record(people, load, pv, deals=[Deal(1, 0, 30, 100_000)])
    with OllamaServer(judge=fixed) as server:
        critic = asked(server, people, num_ctx=2560)
        critic.review(record)
        assert critic.drain()[0].source == "ollama"
        (question,) = server.questions
        assert sum(row["count"] for row in json.loads(question["messages"][1]["content"])["sellers"]) == 20
        critic = asked(server, people, num_ctx=512)
        critic.review(record)
        (row,) = critic.drain()
        assert (row.source, row.attempts) == ("rule", 0)
        assert row.error.startswith("prompt_cut: not asked: ")
        assert len(server.questions) == 1


def test_both_wordings_ask_about_the_same_slot(asked):
    with OllamaServer(judge=fixed) as server:
        for wording in ("formulas", "plain"):
            asked(server, wording=wording).review(slots(1)[0])
    first, second = (question["messages"] for question in server.questions)
    assert first[0] != second[0]
    assert first[1] == second[1]
    json.loads(first[1]["content"])


def test_the_manifest_learns_who_answered(asked):
    with OllamaServer(judge=fixed) as server:
        critic = asked(server)
        assert critic.facts()["digest"] is None
        critic.review(slots(1)[0])
        assert critic.facts() == {
            "kind": "ollama",
            "host": server.url,
            "model": "gemma3:4b",
            "digest": "a2af6cc3eb7f",
            "server": "0.12.3",
        }


def test_fallbacks_answers_and_gaps_are_counted(asked):
    with OllamaServer([None, "500", "500"], judge=fixed) as server:
        critic = asked(server)
        for record in slots(3):
            critic.review(record)
        critic.review(record_of([NOTHING])[1])
        rows = critic.drain()
    tally = CriticTally()
    tally.count(rows)
    found = tally.summary()
    assert (found["critic_calls"], found["critic_fallbacks"], found["critic_answers"]) == (4, 1, 2)
    assert found["critic_asked"] == 3
    assert tally.reasons == {"server_error": 1}
    gaps = [gap for row in rows if row.gap for gap in row.gap if gap is not None]
    assert found["critic_rule_gap"] == pytest.approx(np.mean(gaps))


def test_an_address_that_is_none_is_the_user_s_error(monkeypatch):
    """In a scenario its parameters say so, in the environment the critic that is built."""
    with pytest.raises(ValidationError, match="no address"):
        OllamaCriticParams(host="a.b:port")
    monkeypatch.setenv("OLLAMA_HOST", "a.b:port")
    with pytest.raises(InputError, match=r"critic\.host.*no address"):
        build(OllamaCriticParams(), critic_context(community(5)))


def test_the_cache_folder_starts_from_the_scenario_s(tmp_path):
    from dataclasses import replace

    context: BuildContext = replace(critic_context(community(5)), fence=Fence(tmp_path, tmp_path))
    critic = build(OllamaCriticParams(cache_folder="kept"), context)
    assert critic.interviewer.cache.folder == tmp_path / "kept"
