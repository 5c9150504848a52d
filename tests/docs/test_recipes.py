"""Recipes for the libraries of others run as the page shows them, where these are installed."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "learning.md").read_text(encoding="utf-8")


def recipe(name):
    """The file of this name that the page shows."""
    return re.search(rf"^```python title=\"{name}\"\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]


@pytest.fixture
def execute(monkeypatch):
    """``execute(name)``: a recipe, run in the repository; what the libraries warn of is theirs."""
    monkeypatch.chdir(ROOT)

    def run(name):
        namespace = {"__name__": "recipe"}
        with warnings.catch_warnings(action="ignore"):
            exec(compile(recipe(name), name, "exec"), namespace)
        return namespace

    return run


def test_one_agent_learns_with_stable_baselines3(execute):
    """Two episodes of a week; what it has learned chooses an action of the agent."""
    pytest.importorskip("torch", reason="torch is not installed (extra learn)")
    pytest.importorskip("stable_baselines3", reason="stable-baselines3 is not installed: pip install stable-baselines3")
    made = execute("one_agent.py")
    assert made["model"].num_timesteps >= 336
    assert made["env"].action_space.contains(made["action"])


@pytest.mark.full
def test_all_agents_learn_with_rllib(execute):
    """An iteration with a policy for each of the eight agents."""
    for module in ("torch", "ray", "tree", "lz4"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install 'ray[rllib]'")
    import ray

    try:
        made = execute("all_agents.py")
        assert len(made["agents"]) == 8
        assert made["result"]["num_env_steps_sampled_lifetime"] >= 168
    finally:
        ray.shutdown()
