"""Trained policies as a strategy of any scenario."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import marketsim as ms
from marketsim.app.game import build_game
from marketsim.core.errors import CheckpointError
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo.learner import Ppo

SCENARIOS = Path(__file__).resolve().parents[4] / "scenarios"
SMALL = {"learning.learner": {"ppo": {"markets": 2, "episodes": 2, "hidden": [8], "epochs": 1}}}
DAY = {"clock.slots": 24, "profiles.days": {"part": "test", "season": "summer"}}


def trained(folder: Path, name: str = "pilot.yaml", overrides: dict | None = None) -> str:
    """A checkpoint of a very short training."""
    ready = ms.load_scenario(SCENARIOS / name, {**SMALL, **(overrides or {})})
    params = ready.model.learning.learner.params
    assert isinstance(params, LearnerParams)
    game = build_game(ready)
    return str(Ppo(params).train(game, folder, seed=1, scenario_hash="x"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return trained(tmp_path_factory.mktemp("trained"))


def everyone(strategy: object, name: str = "pilot.yaml", overrides: dict | None = None) -> ms.ReadyScenario:
    """A scenario in which all agents follow one strategy."""
    base = ms.load_scenario(SCENARIOS / name, overrides)
    count = len(base.model.agents)
    return ms.load_scenario(
        SCENARIOS / name, {**(overrides or {}), **{f"agents[{n}].strategy": strategy for n in range(count)}}
    )


def test_trained_agents_trade_on_days_that_they_have_not_seen(checkpoint):
    """Deterministic: the same run twice has the same tables; their prices lie on the grid of the actions."""
    ready = everyone({"learned": {"checkpoint": checkpoint}}, overrides=DAY)
    once, again = ms.simulate(ready), ms.simulate(ready)
    assert once.agents.equals(again.agents)
    assert once.trades.equals(again.trades)
    assert once.summary["money_imbalance"] == 0
    steps = (once.frame("trades", raw=True)["price_ticks"].to_numpy() - 80_000) / 22_000
    np.testing.assert_array_equal(steps, np.rint(steps))


def test_sampled_actions_follow_the_seed(checkpoint):
    strategy = {"learned": {"checkpoint": checkpoint, "actions": "sampled"}}
    tables = [ms.simulate(everyone(strategy, overrides={**DAY, "seed": seed})).trades for seed in (1, 1, 2)]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


def test_a_policy_of_another_name_can_act(checkpoint):
    ready = everyone({"learned": {"checkpoint": checkpoint, "policy": "house"}}, overrides=DAY)
    assert ms.simulate(ready).summary["money_imbalance"] == 0


def test_it_acts_in_the_game_as_in_a_run(checkpoint):
    """What a policy sees in a run is what it saw in its training: the same features, to the byte."""
    from marketsim.agents.strategies import learned
    from marketsim.app.wiring import build
    from marketsim.core.simulation import initial_state
    from marketsim.core.slot import open_slot

    ready = ms.load_scenario(SCENARIOS / "pilot.yaml", SMALL)
    game = build_game(ready, seeds=(1,))
    in_game, _ = game.reset(0)
    days = {"profiles.days": {"part": "training", "season": "summer"}}
    run = build(everyone({"learned": {"checkpoint": checkpoint}}, overrides=days))
    seen = open_slot(run.world, initial_state(run.world)).seen[0]
    strategy = run.world.cast[0].strategy
    assert isinstance(strategy, learned.LearnedStrategy)
    in_run = strategy._scaling(learned.Look(seen))
    np.testing.assert_array_equal(in_game[0], in_run)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ({"checkpoint": "nowhere.pt"}, "there is no such checkpoint"),
        ({"policy": "nobody"}, "no policy for these agents.*nobody"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_named(checkpoint, strategy, message):
    with pytest.raises(CheckpointError, match=message):
        ms.simulate(everyone({"learned": {"checkpoint": checkpoint, **strategy}}))


def test_agents_that_were_not_trained_are_listed(checkpoint):
    ready = everyone({"learned": {"checkpoint": checkpoint}}, "mixed_assets.yaml")
    with pytest.raises(CheckpointError, match=r"no policy for these agents(.|\n)*roof-small"):
        ms.simulate(ready)


def test_policies_without_stores_cannot_run_one(checkpoint):
    ready = everyone({"learned": {"checkpoint": checkpoint, "policy": "house"}}, "mixed_assets.yaml")
    with pytest.raises(CheckpointError, match="trained without stores"):
        ms.simulate(ready)


def test_a_checkpoint_of_another_observation_layout_is_refused():
    from marketsim.agents.game.features import unknown_features
    from marketsim.agents.strategies.learned import demand_features

    with pytest.raises(CheckpointError, match="moon_phase"):
        demand_features(Path("x.pt"), unknown_features(("load_kw", "moon_phase")))


def test_a_shared_network_knows_whom_it_acts_for(tmp_path):
    """Ratings are seen where one network acts for all."""
    shared = {"learning.learner": {"ppo": {**SMALL["learning.learner"]["ppo"], "policies": "shared"}}}
    ready = everyone({"learned": {"checkpoint": trained(tmp_path, overrides=shared)}}, overrides=DAY)
    assert ms.simulate(ready).summary["energy_imbalance_wh"] == 0
    assert "pv_rating" in build_game(ms.load_scenario(SCENARIOS / "pilot.yaml", shared), markets=1).layout.features
