"""Surrogates trained from logs and caches, and again when they drift."""

import json

import numpy as np
import pytest

import marketsim as ms
from marketsim.analysis.critics.audit import AuditPlan, audit
from marketsim.analysis.critics.training import JudgeChoice, drift_of, retrain_if_drifted, samples, train_surrogate
from marketsim.core.errors import InputError
from marketsim.fairness.params import OllamaCriticParams
from marketsim.fairness.surrogate_file import read_surrogate
from marketsim.testing.ollama_server import OllamaServer, by_volume

pytestmark = pytest.mark.full

BIAS = 12


def judge(view):
    """A model with an opinion of its own: harsher, and noisy by the slot."""
    noise = (int(view["traded"]) + int(view["demand"])) % 7 - 3
    return {name: max(0, min(100, score * 9 // 10 - BIAS + noise)) for name, score in by_volume(view).items()}


@pytest.fixture(scope="module")
def logged(tmp_path_factory, root):
    """A run of 40 days of the pilot, judged by a model: its folder and its cache."""
    folder = tmp_path_factory.mktemp("surrogate")
    with OllamaServer(judge=judge) as server:
        critic = {"kind": "ollama", "host": server.url, "cache_folder": str(folder / "cache"), "in_flight": 4}
        overrides = {"clock.slots": 960, "critic": critic}
        ms.simulate(ms.load_scenario(root / "scenarios" / "pilot.yaml", overrides), folder / "run")
    return folder


@pytest.fixture(scope="module")
def trained(logged):
    return train_surrogate([logged / "run"], logged / "s.npz")


def test_five_hundred_answers_predict_others_better_than_their_mean(trained):
    """Held-out errors of every score that varies at all are below those of the mean."""
    about = trained.about
    assert about["samples"] >= 500
    own, mean = np.array(about["held_out_error"]), np.array(about["mean_error"])
    varies = mean > 0.02
    assert varies.sum() >= 2
    assert (own[varies] < 0.6 * mean[varies]).all()


def test_a_log_and_the_cache_hold_the_same_answers(logged):
    """So that a surrogate can be trained from either; masked scores of the log aside."""
    ours, theirs = samples([logged / "run"]), samples([logged / "cache"])
    assert {each.features for each in ours} == {each.features for each in theirs}
    by_features = {each.features: each.scores for each in theirs}
    for each in ours:
        assert all(a is None or a == b for a, b in zip(each.scores, by_features[each.features], strict=True))


def test_each_slot_counts_once(logged):
    run = logged / "run"
    assert len(samples([run, run / "critic.jsonl", run])) == len(samples([run]))


def test_the_order_of_the_logs_does_not_matter(logged, trained, tmp_path):
    lines = (logged / "run" / "critic.jsonl").read_text().splitlines(keepends=True)
    for name, part in (("a", lines[:400]), ("b", lines[400:])):
        (tmp_path / name).write_text("".join(part))
    again = train_surrogate([tmp_path / "b", tmp_path / "a"], tmp_path / "s.npz")
    assert all(np.array_equal(a, b) for a, b in zip(again.network, trained.network, strict=True))


def test_what_was_written_is_what_was_trained(logged, trained):
    read = read_surrogate(logged / "s.npz")
    assert all(np.array_equal(a, b) for a, b in zip(read.network, trained.network, strict=True))


def changed(logged, tmp_path, change):
    """A log whose model has changed its mind."""
    rows = [json.loads(line) for line in (logged / "run" / "critic.jsonl").read_text().splitlines()]
    for row in rows:
        if row.get("answer"):
            row["answer"] = [None if score is None else change(score) for score in row["answer"]]
    (tmp_path / "later.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "later.jsonl"


def test_a_surrogate_that_still_agrees_is_left_alone(logged, trained):
    before = (logged / "s.npz").read_bytes()
    drift, renewed = retrain_if_drifted(logged / "s.npz", [logged / "run"])
    assert not drift.drifted
    assert drift.gap < drift.limit
    assert renewed is None
    assert (logged / "s.npz").read_bytes() == before


def test_a_surrogate_that_has_drifted_is_trained_again(logged, trained, tmp_path):
    """And agrees then."""
    later = changed(logged, tmp_path, lambda score: 1.0 - score)
    (tmp_path / "s.npz").write_bytes((logged / "s.npz").read_bytes())
    drift, renewed = retrain_if_drifted(tmp_path / "s.npz", [later])
    assert drift.drifted
    assert renewed is not None
    assert not drift_of(read_surrogate(tmp_path / "s.npz"), [later]).drifted


def test_answers_of_several_models_need_a_choice(logged, tmp_path):
    text = (logged / "run" / "critic.jsonl").read_text().replace("gemma3:4b", "llama3.2:3b").replace("1.0", "0.9")
    (tmp_path / "other.jsonl").write_text(text)
    both = [logged / "run", tmp_path / "other.jsonl"]
    with pytest.raises(InputError, match=r"several models[\s\S]*--model: gemma3:4b, [\s\S]*llama3.2:3b, "):
        samples(both)
    assert {each.judge.model for each in samples(both, JudgeChoice("llama3.2:3b"))} == {"llama3.2:3b"}
    with pytest.raises(InputError, match=r"no answers[\s\S]*gemma3:4b"):
        samples(both, JudgeChoice("qwen"))


@pytest.mark.parametrize(("name", "old", "new"), [("wording", "formulas", "plain"), ("digest", "a2af6cc3eb7f", "b3b0")])
def test_wordings_and_weights_are_not_mixed(logged, tmp_path, name, old, new):
    """Of a cache folder as of logs: what two judges say of a slot is not averaged, and the choice is named."""
    text = (logged / "run" / "critic.jsonl").read_text()
    (tmp_path / "other.jsonl").write_text(text.replace(f'"{name}": "{old}"', f'"{name}": "{new}"'))
    both = [logged / "cache", tmp_path / "other.jsonl"]
    with pytest.raises(InputError, match=rf"several {name}s[\s\S]*choose with --{name}: [\s\S]*{old}[\s\S]*{new}"):
        train_surrogate(both, tmp_path / "s.npz")
    for chosen in (old, new):
        found = samples(both, JudgeChoice(**{name: chosen}))
        assert {getattr(each.judge, name) for each in found} == {chosen}
        assert len(found) == len({each.features for each in found})
    assert not (tmp_path / "s.npz").exists()


def test_a_cache_in_which_an_audit_left_two_wordings_needs_a_choice(root, tmp_path):
    """The folder that everything is kept in; what the audit tried (orders, seeds, made-up slots) is not learned from."""
    pilot = ms.load_scenario(root / "scenarios" / "pilot.yaml", {"clock.slots": 48})
    with OllamaServer() as server:
        own = OllamaCriticParams(host=server.url, cache_folder=str(tmp_path), load_deadline_s=0)
        audit(pilot, own, AuditPlan(slots=6, repeats=2, pairs=2))
    with pytest.raises(InputError, match="several wordings"):
        samples([tmp_path])
    assert len(samples([tmp_path], JudgeChoice(wording="plain"))) == 6


def test_a_log_without_answers_is_told(tmp_path, root):
    run = ms.simulate(ms.load_scenario(root / "scenarios" / "pilot.yaml", {"clock.slots": 3}), tmp_path / "run")
    with pytest.raises(InputError, match="no answers of a language model"):
        train_surrogate([run.path], tmp_path / "s.npz")


def test_too_few_answers_are_told(logged, tmp_path):
    lines = (logged / "run" / "critic.jsonl").read_text().splitlines(keepends=True)[:24]
    (tmp_path / "few.jsonl").write_text("".join(lines))
    with pytest.raises(InputError, match="too few"):
        train_surrogate([tmp_path / "few.jsonl"], tmp_path / "s.npz")
