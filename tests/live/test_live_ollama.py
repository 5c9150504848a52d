"""A real language model, where an Ollama server with one answers; elsewhere these tests say why they are skipped."""

import os

import pytest

import marketsim as ms
from marketsim.fairness.params import OllamaCriticParams
from marketsim.llm.ollama_host import look, ollama_url

WANTED = (os.environ.get("MARKETSIM_LIVE_MODEL", ""), OllamaCriticParams().model, "qwen2.5:7b-instruct", "llama3.2:3b")


@pytest.fixture(scope="module")
def model():
    """A model that the server has."""
    state = look(ollama_url())
    if state.version is None:
        pytest.skip(f"no Ollama at {state.url}: {state.error}; start it with 'ollama serve'")
    found = [name for name in WANTED if name in state.models]
    if not found:
        pytest.skip(f"Ollama at {state.url} has none of {', '.join(filter(None, WANTED))}; 'ollama pull {WANTED[1]}'")
    return found[0]


def test_a_model_scores_slots_of_the_pilot(root, model, tmp_path):
    """Answers that can be read, close enough to the rule to be about the same thing, and from the cache the second time."""
    critic = {
        "kind": "ollama",
        "model": model,
        "deadline_s": 120,
        "load_deadline_s": 600,
        "every": 4,
        "cache_folder": str(tmp_path),
    }
    scenario = ms.load_scenario(root / "scenarios" / "pilot.yaml", {"clock.slots": 24, "critic": critic})
    run = ms.simulate(scenario)
    asked = [row for row in run.critiques if row.get("asked")]
    answered = [row for row in asked if row["source"] == "ollama"]
    assert len(answered) >= 0.5 * len(asked) > 0
    assert run.summary["critic_rule_gap"] < 0.6
    assert run.manifest["critic"]["digest"]
    again = ms.simulate(scenario)
    assert again.summary["critic_cached"] == len(answered)
