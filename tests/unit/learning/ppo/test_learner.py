"""The learner as a scenario names it."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from marketsim.builtin import built_in_registry
from marketsim.core.errors import MissingDependency
from marketsim.core.learner import Learner
from marketsim.learning import extra
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo.learner import build
from marketsim.testing.games import Bandit
from marketsim.testing.worlds import build_context

PARAMS = LearnerParams(hidden=(4,), markets=8, episodes=16)


def test_ppo_is_registered_with_its_parameters():
    registry = built_in_registry()
    assert registry.params("learner", "ppo") is LearnerParams
    assert registry.builder("learner", "ppo") is build


def test_it_trains_and_names_its_checkpoint(tmp_path):
    learner = build(PARAMS, build_context())
    needs = learner.needs
    assert (needs.markets, needs.shared, needs.rounds(2, 8)) == (8, False, 2)
    assert build(PARAMS.model_copy(update={"policies": "shared"}), build_context()).needs.shared
    assert isinstance(learner, Learner)
    seen = []
    path = learner.train(Bandit([0, 1], 2), tmp_path, seed=1, scenario_hash="", progress=seen.append)
    assert path == tmp_path / "checkpoint.pt"
    assert path.exists()
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("library", "params", "message"),
    [
        ("torch", PARAMS, r"Training needs torch: pip install 'marketsim\[learn\]'"),
        (
            "tensorboard",
            PARAMS.model_copy(update={"tensorboard": True}),
            r"needs tensorboard: pip install 'marketsim\[tensorboard\]'",
        ),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(monkeypatch, library, params, message):
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == library else find_spec(name))
    with pytest.raises(MissingDependency, match=message):
        build(params, build_context())
