"""The audit of a language model: against the rule, over seeds, orders, wordings and models."""

import json

import numpy as np
import pytest

import marketsim as ms
from marketsim.analysis.critics.audit import AuditPlan, audit, audited_scenario, critic_params
from marketsim.analysis.critics.audit_cases import cases
from marketsim.core.errors import InputError, RunError
from marketsim.fairness.params import OllamaCriticParams
from marketsim.fairness.slot_question import KEPT, kept_answer
from marketsim.llm.answer_cache import all_kept
from marketsim.testing.ollama_server import OllamaServer, by_definition, unused_address

pytestmark = pytest.mark.full

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
    texts = [[case.text(OllamaCriticParams(), shuffled=each) for each in (False, True)] for case in every]
    assert any(plain != shuffled for plain, shuffled in texts)


def plan(slots=24, repeats=2, pairs=0, models=()):
    return AuditPlan(slots, repeats, 0.7, pairs, models)


def constant(view):
    return dict.fromkeys(view["score"], 80)


def at_random():
    """A judge who does not look."""
    rng = np.random.default_rng(3)

    def judge(view):
        return {name: int(rng.integers(0, 101)) for name in view["score"]}

    return judge


def test_a_perfect_judge_follows_the_rule(pilot):
    """And prefers, of two slots of equal deviation, the one in which everybody got more, in every wording."""
    with OllamaServer(judge=by_definition) as server:
        report = audit(pilot, params_of(server), plan(pairs=30))
    assert report.verdict.startswith("follows the rule (error 0.00")
    made = [row for row in report.agreements if row.what == "made up"]
    assert all(row.rank > 0.98 and row.error < 0.006 < row.constant_error for row in made)
    found = {row.judge: row for row in report.pairs}
    assert found["rule, by deviation"][1:] == (0, 0, 30, 0)
    assert found["rule, by entitlement"][1:] == (30, 0, 0, 0)
    for wording in ("formulas", "plain"):
        assert found[f"model, wording {wording}"].levelled == 0
        assert found[f"model, wording {wording}"].full >= 28


def test_a_judge_who_says_a_constant_is_found_out(pilot):
    """Its retest, order and wording are perfect, which is why the verdict does not go by them."""
    with OllamaServer(judge=constant) as server:
        report = audit(pilot, params_of(server), plan(pairs=5))
    assert report.verdict.startswith(
        "says the same of nearly every slot (FTG 0.80, FBS 0.80, FPP 0.80): no judgement; do not use"
    )
    found = rows_of(report)
    for name in ("retest", "order", "wording plain"):
        assert {value for value in found[name].difference if value is not None} == {0.0}
    assert all(row.rank is None and row.commonest_share == 1.0 for row in report.agreements if row.slots)
    assert [row.equal for row in report.pairs if row.judge.startswith("model")] == [5, 5]


def test_a_judge_who_guesses_is_found_out(pilot):
    with OllamaServer(judge=at_random()) as server:
        report = audit(pilot, params_of(server), plan(slots=40))
    assert report.verdict.startswith("worse than a constant (error 0.")
    assert report.verdict.endswith("; do not use")


def test_a_judge_who_levels_down_is_found_out(pilot):
    """One who goes by the fill of the best served: whoever withholds looks fairer."""

    def leveller(view):
        return {
            **by_definition(view),
            **({"fbs": 100 - max(row["sold"] for row in view["sellers"])} if "fbs" in view["score"] else {}),
        }

    with OllamaServer(judge=leveller) as server:
        report = audit(pilot, params_of(server), plan(slots=12, repeats=0, pairs=20))
    model = [row for row in report.pairs if row.judge.startswith("model")]
    assert all(row.levelled >= 18 and row.full == 0 for row in model)
    assert "do not use" in report.verdict


def test_few_answers_are_said_to_be_few_and_nothing_else_is_said(pilot):
    """One answer of a hundred and more is no audit."""
    with OllamaServer([None, *["500"] * 999], judge=by_definition) as server:
        report = audit(pilot, params_of(server, failures=999), plan(slots=10))
    assert report.verdict == f"too few answers: 1 of {report.asked} questions; nothing can be said of the rest"
    assert (report.agreements, report.comparisons, report.pairs) == ([], [], [])
    assert report.failures == {"server_error": report.asked - 1}


def test_what_is_compared_is_named(pilot):
    with OllamaServer(models=MODELS, judge=by_definition) as server:
        report = audit(pilot, params_of(server), plan(slots=6, repeats=3, models=["llama3.2:3b"]))
    assert list(rows_of(report)) == ["rule", "retest", "order", "wording plain", "model llama3.2:3b"]
    assert (report.slots, report.digest, report.server, report.failures) == (6, "aa", "0.12.3", {})
    assert len(server.questions) == 6 * 8
    warm = [each["options"]["temperature"] for each in server.questions]
    assert warm.count(0.7) == 6 * 3


def unsteady(view):
    """A judge who looks at who comes first."""
    first = view["sellers"][0]["share"]
    return {name: round(first) for name in view["score"]}


def test_a_model_that_minds_the_order_is_found_out(pilot):
    with OllamaServer(judge=unsteady) as server:
        found = rows_of(audit(pilot, params_of(server), plan(slots=12, repeats=0)))
    assert "retest" not in found
    assert found["order"].difference[0] > 0.1
    assert found["order"].identical[0] < 0.6
    assert found["wording plain"].difference[0] == 0.0


def test_a_model_that_says_this_and_that_is_found_out(pilot):
    told = []

    def fickle(view):
        told.append(1)
        return {name: 40 + 10 * (len(told) % 3) for name in view["score"]}

    with OllamaServer(judge=fickle) as server:
        found = rows_of(audit(pilot, params_of(server, in_flight=1), plan(slots=5, repeats=5)))
    assert found["retest"].difference[0] > 0.0
    assert found["retest"].identical[0] < 1.0


def test_questions_without_an_answer_are_counted_and_left_out(pilot):
    with OllamaServer(["500", "500", "prose", "prose"], judge=by_definition) as server:
        report = audit(pilot, params_of(server, in_flight=1), plan(slots=5))
    assert report.failures == {"server_error": 1, "prose": 1}
    assert rows_of(report)["rule"].slots == 3
    assert (report.asked, report.answered) == (30, 28)


def test_a_server_that_never_answers_is_told(pilot):
    with pytest.raises(RunError, match=r"gave no answer: refused.*marketsim doctor"):
        audit(pilot, params_of(unused_address()), plan(slots=3))


def test_an_audit_goes_on_where_it_was(pilot, tmp_path):
    """Answers are cached, repeats and trials apart; nobody learns from trials."""
    with OllamaServer(judge=by_definition) as server:
        own = params_of(server, cache=True, cache_folder=str(tmp_path))
        first = audit(pilot, own, plan(slots=4, pairs=3))
        asked = len(server.questions)
        again = audit(pilot, own, plan(slots=4, pairs=3))
        assert len(server.questions) == asked > 0
    assert first.as_json() == again.as_json()
    kept = list(all_kept(tmp_path, KEPT, kept_answer))
    assert len(kept) == 2 * 4
    assert {each.wording for each in kept} == {"formulas", "plain"}


def test_progress_counts_the_answers(pilot):
    seen = []
    with OllamaServer() as server:
        audit(pilot, params_of(server), plan(slots=3, repeats=1), progress=lambda *counts: seen.append(counts))
    assert seen == [(done, 15) for done in range(1, 16)]


def test_the_report_is_plain_json(pilot):
    with OllamaServer() as server:
        report = audit(pilot, params_of(server), plan(slots=3, repeats=1, pairs=2)).as_json()
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert set(report["comparisons"][0]["difference"]) == {"ftg", "fbs", "fpp"}
    assert {"verdict", "agreements", "pairs", "asked", "answered"} <= set(report)


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
