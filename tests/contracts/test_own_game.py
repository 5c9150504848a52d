"""A game of one's own, a short file, is trained, resumed and viewed on a feeder without a change anywhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import marketsim as ms
from marketsim.app.game import build_game
from marketsim.app.training import Training, train_scenario
from marketsim.core.errors import CheckpointError, MarketsimError, ScenarioError
from marketsim.core.walls import PluginFault
from marketsim.envs.market_env import MarketEnv
from marketsim.learning.curves import read_curves
from marketsim.testing.env_kit import EnvContract

OWN = Path(__file__).resolve().parent.parent / "parts" / "own_game.py"
MOST_LINES = 40
SCENARIO = f"""\
name: injection
clock: {{start: 2016-07-12, slots: 24, slot_minutes: 60}}
grid: {{feeder: feeder141, source_pu: 1.03, voltage_band_pu: [0.95, 1.05]}}
tariff: {{flat: {{retail: 0.30, feed_in: 0.08}}}}
profiles: {{source: simbench_2016, days: {{season: summer}}}}
agents:
  - {{name: p48, kind: prosumer, bus: 48, pv_kw: 5000, load: {{annual_kwh: 4000}}}}
  - {{name: p78, kind: prosumer, bus: 78, pv_kw: 5000, load: {{annual_kwh: 4000}}}}
  - {{name: p102, kind: prosumer, bus: 102, pv_kw: 5000, load: {{annual_kwh: 4000}}}}
  - {{name: shop, kind: consumer, bus: 127, load: {{annual_kwh: 9000}}}}
learning:
  game: injection
  learner: {{ppo: {{markets: 4, episodes: 160, gamma: 0.0, learning_rate: 0.005, hidden: [16], trust_region: {{target: 0.05}}}}}}
plugins: [{OWN}]
"""
NUMBERS = {"learning.game": {"injection": {"choices": 0}}}
SHORT = {"learning.learner.ppo.episodes": 24, "learning.learner.ppo.checkpoint_every": 2}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario as a file."""
    file = tmp_path_factory.mktemp("own") / "injection.yaml"
    file.write_text(SCENARIO)
    return file


@pytest.fixture(scope="module")
def trained(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """What comes of it."""
    return train_scenario(ms.load_scenario(path, trust=True), tmp_path_factory.mktemp("trained") / "training")


def test_the_game_is_a_short_file() -> None:
    assert len(OWN.read_text().splitlines()) <= MOST_LINES


def test_the_game_is_learned(trained: Training) -> None:
    """The return rises by more than its first updates differ among each other, and limits are kept better; both by name."""
    curves = read_curves(trained.folder)
    total, tenth = np.array(curves["total"]), len(curves["total"]) // 10
    assert total[-tenth:].mean() > total[:tenth].max()
    assert np.mean(curves["violation"][-tenth:]) > np.mean(curves["violation"][:tenth])
    np.testing.assert_allclose(total, np.add(curves["earned"], curves["violation"]))
    assert (trained.game, trained.summary["critic_calls"]) == ("injection", 0)
    assert trained.summary["violation_last"] > trained.summary["violation_first"]
    assert (trained.folder / "learning_curves.svg").exists()
    assert "game: {injection: {choices: 5, per_pu: 400.0}}" in (trained.folder / "scenario.yaml").read_text()


def test_who_has_nothing_to_inject_has_nothing_to_choose(path: Path) -> None:
    """The head means nothing to the consumer."""
    game = build_game(ms.load_scenario(path, trust=True))
    assert game.shape.actions.used[:, 0].tolist() == [True, True, True, False]
    assert game.layout.game == "injection"


@pytest.mark.full
def test_a_training_that_was_stopped_ends_with_the_same_bytes(path: Path, tmp_path: Path) -> None:
    """Policies and curves, whether or not it was stopped in between."""
    ready = ms.load_scenario(path, SHORT, trust=True)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train_scenario(ready, whole)

    def stop(progress: object) -> None:
        if len(read_curves(stopped)["update"]) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_scenario(ready, stopped, progress=stop)
    assert len(read_curves(stopped)["update"]) == 3
    train_scenario(ready, stopped, resume=True)
    for name in ("training.csv", "training_agents.csv", "checkpoint.pt"):
        assert (whole / name).read_bytes() == (stopped / name).read_bytes(), name


class TestEnvironmentOfChoices(EnvContract):
    """``ms.parallel_env`` shows the game as any other."""

    overrides: ClassVar[dict] = {}

    def make_env(self):
        return ms.parallel_env(ms.load_scenario(SCENARIO, self.overrides, trust=True))


class TestEnvironmentOfNumbers(TestEnvironmentOfChoices):
    """The same with any share of the PV."""

    overrides: ClassVar[dict] = NUMBERS


def test_environments_of_other_games_have_no_market(path: Path) -> None:
    """Nobody could say what was traded."""
    env = ms.parallel_env(path, trust=True)
    assert not isinstance(env, MarketEnv)
    assert isinstance(ms.parallel_env(ms.load_scenario("scenarios/pilot.yaml")), MarketEnv)
    assert str(env.action_space("p48")) == "MultiDiscrete([5])"
    env.reset(seed=3)
    *_, infos = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    assert set(infos["p48"]) == {"earned", "violation"}


def test_numbers_are_refused_by_a_learner_of_choices(path: Path, cli, tmp_path: Path) -> None:
    """Before anything is played: with the line that names the learner, and the plugin's line that builds the game."""
    path.write_text(SCENARIO.replace("game: injection", "game: {injection: {choices: 0}}"))
    ended = cli("train", path, "--trust", "--out", tmp_path / "training", "--quiet")
    path.write_text(SCENARIO)
    line = SCENARIO.splitlines().index(next(each for each in SCENARIO.splitlines() if "learner:" in each)) + 1
    assert (ended.code, ended.out) == (2, "")
    assert f"injection.yaml:{line}:" in ended.err
    assert "learning.learner: ppo chooses among choices, and actions of this game are numbers" in ended.err
    assert f"it is that of plugin own_game: game 'injection', {OWN}:" in ended.err
    assert not (tmp_path / "training" / "checkpoint.pt").exists()


def test_wrong_parameters_of_the_game_have_their_line(path: Path) -> None:
    with pytest.raises(ScenarioError, match="learning.game.injection.choice: unknown key"):
        ms.load_scenario(path, {"learning.game.injection.choice": 3}, trust=True)
    with pytest.raises(ScenarioError, match="quantities is a setting of the game market"):
        ms.load_scenario(path, {"learning.game.quantities": 3}, trust=True)
    with pytest.raises(ScenarioError, match="learning.reward.eta: belongs to the game market"):
        ms.load_scenario(path, {"learning.reward.eta": 3}, trust=True)


def test_a_scenario_is_checked_without_its_plugin(path: Path, cli) -> None:
    """``validate`` runs no code of a plugin, and says what it could not check."""
    checked = cli("validate", path, "--trust")
    assert checked.code == 0
    assert "game injection" in checked.out


def test_other_games_are_not_evaluated_as_a_market(trained: Training, path: Path, cli, tmp_path: Path) -> None:
    """``evaluate`` refuses scenario and training with the place and what to do, and makes no folder."""
    for what in (path, trained.folder):
        ended = cli("evaluate", what, "--trust", "--out", tmp_path / "evaluation")
        assert ended.code == 2
        assert "learning.game: the game injection is not the market, and an evaluation compares strategies" in ended.err
        assert "choose the market by --set learning.game=market" in ended.err
    ended = cli(
        "evaluate", trained.folder, "--trust", "--set", "learning.game=market", "--out", tmp_path / "evaluation"
    )
    assert ended.code == 2
    assert "these policies were trained in the game injection, and a strategy acts in the market" in ended.err
    assert not (tmp_path / "evaluation").exists()


def test_policies_of_another_game_are_no_strategy(trained: Training, path: Path) -> None:
    strategy = {"learned": {"checkpoint": str(trained.checkpoint)}}
    ready = ms.load_scenario(path, {"agents[0].strategy": strategy}, trust=True)
    with pytest.raises(CheckpointError, match="trained in the game injection, and a strategy acts in the market"):
        ms.simulate(ready)


def test_a_training_is_not_resumed_with_another_game(trained: Training, path: Path) -> None:
    ready = ms.load_scenario(path, {"learning.game": "market"}, trust=True)
    with pytest.raises(MarketsimError, match="this checkpoint was trained on another scenario"):
        train_scenario(ready, trained.folder, resume=True)


def test_what_comes_next_is_said_for_the_game(path: Path, cli, tmp_path: Path) -> None:
    """Nobody is sent to commands that are about the market."""
    ended = cli("train", path, "--trust", "--out", tmp_path / "training", *(f"--set={k}={v}" for k, v in SHORT.items()))
    assert ended.code == 0
    assert "These are policies of the game injection." in ended.out
    assert "strategy: {learned" not in ended.out


def test_faults_in_an_environment_are_the_game_s(path: Path, tmp_path: Path) -> None:
    """With episode and slot, as in a training."""
    broken = tmp_path / "own_game.py"
    broken.write_text(
        OWN.read_text().replace("gate.open(", "self.slot % 24 == 5 and 1 / 0  # HERE\n        gate.open(")
    )
    env = ms.parallel_env(ms.load_scenario(SCENARIO.replace(str(OWN), str(broken)), trust=True))
    env.reset(seed=1)

    def play() -> None:
        while env.agents:
            env.step({agent: env.action_space(agent).sample() for agent in env.agents})

    with pytest.raises(PluginFault, match="game 'injection' failed in step of episode 0, slot 5: ZeroDivisionError"):
        play()


def test_the_game_is_listed_shown_and_in_the_schema(cli) -> None:
    """By the commands that know the parts."""
    listed = json.loads(cli("plugins", "list", "--kind", "game", "--plugin", OWN, "--json").out)
    assert [(each["name"], each["source"]) for each in listed] == [
        ("market", "marketsim"),
        ("setpoints", "marketsim"),
        ("equity", "marketsim"),
        ("injection", "own_game"),
    ]
    assert "per_pu" in cli("plugins", "show", "injection", "--plugin", OWN).out
    assert "quantities" in cli("plugins", "show", "market").out
    choice = json.loads(cli("schema", "--plugin", OWN).out)["$defs"]["choice:game"]
    assert {"enum": ["market", "setpoints", "equity", "injection"]} in choice["anyOf"]
