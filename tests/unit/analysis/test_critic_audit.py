"""The audit of a language model: against the rule, over seeds, orders, wordings and models."""

import json

import pytest

import marketsim as ms
from marketsim.analysis.critics.audit import audit, audited_scenario, cases, critic_params
from marketsim.core.errors import InputError, RunError
from marketsim.fairness.params import OllamaCriticParams
from marketsim.testing.ollama_server import OllamaServer, unused_address

MODELS = {"gemma3:4b": "aa", "llama3.2:3b": "bb"}


@pytest.fixture(scope="module")
def pilot(root):
    return ms.load_scenario(root / "scenarios" / "pilot.yaml", {"clock.slots": 48})


def params_of(server, **changes):
    host = server if isinstance(server, str) else server.url
    return OllamaCriticParams(**{"host": host, "cache": False, "load_deadline_s": 0, "deadline_s": 10, **changes})


def rows_of(report):
    return {row.name: row for row in report.comparisons}


def test_slots_are_spread_over_the_run_and_can_trade(pilot):
    """Each with its question, the same question shuffled, and what the rule says."""
    every = cases(pilot, OllamaCriticParams(), 1_000)
    some = cases(pilot, OllamaCriticParams(), 5)
    assert [case.slot for case in every] == sorted({case.slot for case in every})
    assert all(case.rule[0] is not None for case in every)
    assert [some[0].slot, some[-1].slot] == [every[0].slot, every[-1].slot]
    assert len(some) == 5
    for case in some:
        assert json.loads(case.text)["tradable_wh"] == json.loads(case.shuffled)["tradable_wh"]
    assert any(case.text != case.shuffled for case in every)


def test_a_steady_model_is_found_steady(pilot):
    """No difference over seeds, orders, wordings and models; the difference from the rule is what it is."""
    with OllamaServer(models=MODELS) as server:
        report = audit(pilot, params_of(server), slots=6, repeats=3, models=["llama3.2:3b"])
    found = rows_of(report)
    assert list(found) == ["rule", "retest", "order", "wording plain", "model llama3.2:3b"]
    for name in list(found)[1:]:
        assert {value for value in found[name].difference if value is not None} == {0.0}
        assert {value for value in found[name].identical if value is not None} == {1.0}
    assert max(value or 0.0 for value in found["rule"].difference) > 0.0
    assert (report.slots, report.digest, report.server, report.failures) == (6, "aa", "0.12.3", {})
    assert len(server.questions) == 6 * 6


def unsteady(view):
    """A judge who looks at who comes first."""
    first = view["sellers"][0]["available_wh"] if view["sellers"] else 0
    return {"ftg": first % 101, "fbs": first % 97, "fpp": 50}


def test_a_model_that_minds_the_order_is_found_out(pilot):
    with OllamaServer(judge=unsteady) as server:
        found = rows_of(audit(pilot, params_of(server), slots=8, repeats=1))
    assert "retest" not in found
    assert found["order"].difference[0] > 0.0
    assert found["order"].identical[0] < 1.0
    assert found["wording plain"].difference[0] == 0.0


def test_a_model_that_says_this_and_that_is_found_out(pilot):
    told = []

    def fickle(view):
        told.append(1)
        return {"ftg": 40 + 10 * (len(told) % 3), "fbs": 50, "fpp": 50}

    with OllamaServer(judge=fickle) as server:
        found = rows_of(audit(pilot, params_of(server, in_flight=1), slots=4, repeats=5))
    assert found["retest"].difference[0] == pytest.approx(0.2)
    assert found["retest"].identical[0] == 0.0
    assert found["retest"].difference[2] in (0.0, None)


def test_questions_without_an_answer_are_counted_and_left_out(pilot):
    with OllamaServer(["500", "500", "prose", "prose"]) as server:
        report = audit(pilot, params_of(server, in_flight=1), slots=5, repeats=2)
    assert report.failures == {"server_error": 1, "prose": 1}
    assert rows_of(report)["rule"].slots == 3
    assert rows_of(report)["retest"].slots == 3


def test_a_server_that_never_answers_is_told(pilot):
    with pytest.raises(RunError, match=r"gave no answer: refused.*marketsim doctor"):
        audit(pilot, params_of(unused_address()), slots=3, repeats=1)


def test_an_audit_goes_on_where_it_was(pilot, tmp_path):
    """Answers are cached, repeats apart."""
    with OllamaServer() as server:
        own = params_of(server, cache=True, cache_folder=str(tmp_path))
        first = audit(pilot, own, slots=4, repeats=2)
        asked = len(server.questions)
        again = audit(pilot, own, slots=4, repeats=2)
        assert len(server.questions) == asked == 4 * 4 - _unshuffled(pilot)
    assert first.as_json() == again.as_json()


def _unshuffled(pilot):
    """Questions that read the same when shuffled: they are in the cache already."""
    return sum(case.text == case.shuffled for case in cases(pilot, OllamaCriticParams(), 4))


def test_progress_counts_the_answers(pilot):
    seen = []
    with OllamaServer() as server:
        audit(pilot, params_of(server), slots=2, repeats=1, progress=lambda *counts: seen.append(counts))
    assert seen == [(done, 6) for done in range(1, 7)]


def test_the_report_is_plain_json(pilot):
    with OllamaServer() as server:
        report = audit(pilot, params_of(server), slots=2, repeats=1).as_json()
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert set(report["comparisons"][0]["difference"]) == {"ftg", "fbs", "fpp"}


def test_nothing_to_judge_is_told(root):
    night = ms.load_scenario(root / "scenarios" / "pilot.yaml", {"clock.slots": 3})
    with pytest.raises(InputError, match="nothing to judge"):
        cases(night, OllamaCriticParams(), 10)


def test_a_run_folder_stands_for_its_scenario(root, tmp_path):
    run = ms.simulate(
        ms.load_scenario(root / "scenarios" / "pilot.yaml", {"clock.slots": 30, "seed": 7}), tmp_path / "run"
    )
    ready = audited_scenario(run.path, {})
    assert (ready.name, ready.seed, ready.model.clock.slots) == ("pilot", 7, 30)


def test_the_model_of_a_scenario_is_the_one_that_is_audited(pilot):
    own = pilot.variant({"critic": {"kind": "ollama", "model": "a:1", "num_ctx": 2048}})
    assert critic_params(own, {"deadline_s": 3}).num_ctx == 2048
    assert critic_params(own, {"model": "b:1"}).model == "b:1"
    assert critic_params(pilot, {}).model == "gemma3:4b"
