"""Shipped scenarios train without a change of code: a short roll-out, one update, and the policies act."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import marketsim as ms
from marketsim.app.game import build_game
from marketsim.learning.ppo.learner import Ppo

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
SHORT = {
    "clock.slots": 24,
    "clock.slot_minutes": 60,
    "learning.learner": {"ppo": {"markets": 2, "episodes": 2, "hidden": [8], "epochs": 1, "minibatches": 1}},
    "learning.reward.ramp": [0, 0],
}


@pytest.mark.parametrize("name", ["community", "ieee141", "mixed_assets"])
def test_a_scenario_trains_and_its_policies_act(name, tmp_path):
    """With the gate on where there is a feeder."""
    ready = ms.load_scenario(SCENARIOS / f"{name}.yaml", SHORT)
    assert (ready.feeder is None) == (ready.model.grid.gate.name == "none")
    game = build_game(ready)
    checkpoint = Ppo(ready.model.learning.learner.params).train(game, tmp_path, seed=1, scenario_hash="")
    assert game.shape.n_agents == len(ready.agents)
    assert np.isfinite(np.genfromtxt(tmp_path / "training.csv", delimiter=",", names=True)["total"]).all()
    strategy = {
        f"agents[{n}].strategy": {"learned": {"checkpoint": str(checkpoint)}} for n in range(len(ready.model.agents))
    }
    run = ms.simulate(ready.variant({**strategy, "clock.slots": 2}))
    assert run.summary["money_imbalance"] == 0
