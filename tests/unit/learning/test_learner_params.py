"""What a scenario may say about the learner."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from marketsim.learning.params import LearnerParams, TrustRegionParams


def test_defaults_are_the_documented_ones():
    """clip 0.2, gamma 0.99, GAE 0.95, 3e-4 annealed, 4 epochs, target 0.01 with factors 1.5 and 3."""
    params = LearnerParams()
    assert (params.clip, params.gamma, params.gae_lambda) == (0.2, 0.99, 0.95)
    assert (params.learning_rate, params.anneal, params.epochs) == (3e-4, True, 4)
    assert params.trust_region == TrustRegionParams(target=0.01, stop=1.5, undo=3.0)


@pytest.mark.parametrize(
    ("changes", "rounds"),
    [
        ({}, 625),
        ({"episodes": 10_001}, 626),
        ({"episodes": 1}, 1),
        ({"agent_steps": 1}, 1),
        ({"agent_steps": 16 * 8 * 24}, 1),
        ({"agent_steps": 16 * 8 * 24 + 1}, 2),
        ({"agent_steps": 10**12}, 625),
    ],
)
def test_rounds_are_whole_and_the_first_limit_ends_them(changes, rounds):
    assert LearnerParams(**changes).rounds(n_agents=8, slots=24) == rounds


def test_policies_that_are_alike_see_alike():
    """A running mean of each agent would make them differ."""
    assert LearnerParams(policies="alike").policies == "alike"
    with pytest.raises(ValidationError, match="own running mean"):
        LearnerParams(policies="alike", normalise_observations=True)


def test_what_is_undone_is_stopped_too():
    with pytest.raises(ValidationError, match="undo must be at least stop"):
        TrustRegionParams(stop=2.0, undo=1.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden": []},
        {"hidden": [0]},
        {"clip": 1.0},
        {"gamma": 1.1},
        {"epochs": 0},
        {"learning_rate": float("nan")},
        {"x": 1},
    ],
)
def test_nonsense_is_refused(changes):
    with pytest.raises(ValidationError):
        LearnerParams(**changes)


def test_the_parameters_load_without_torch():
    """`marketsim validate` reads them and stays quick."""
    code = "import sys, marketsim.learning.params; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
