"""A plugin's game of numbers with an expert: cloned, imitated, resumed and refused through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from marketsim.learning.learned import load_policy
from marketsim.learning.number_kinds import KINDS
from marketsim.learning.numbers.checkpoint import load

PLUGIN = """\
import numpy as np
import marketsim as ms
from marketsim.core.game import Box, Layout, Memoryless, Shape, Step

class Tracking(Memoryless):
    def __init__(self, params, context):
        m, n = context.community.n_markets, len(context.agents)
        space = Box(np.zeros((n, 1)), np.full((n, 1), 4.0))
        self.shape = Shape(m, n, 1, 1, space, 6, ("close",), ("far",))
        names = tuple(agent.name for agent in context.agents)
        self.layout = Layout(names, ("mark",), np.zeros((n, 1)), np.ones((n, 1)), 9.0)

    def reset(self, episode):
        self.slot, self.rng = 0, np.random.default_rng(episode)
        return self.look()

    def look(self):
        self.mark = self.rng.uniform(0.0, 4.0, self.shape[:2])
        return self.mark[:, :, None], np.ones((len(self.mark), 1))

    def labels(self):
        return {labels}

    def step(self, actions):
        apart = np.abs(actions[:, :, 0] - self.mark)
        self.slot += 1
        return Step(*self.look(), -apart, {{"close": -apart, "far": apart.mean(axis=1)}}, self.slot == 6)

@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="game", name="tracking", build=Tracking)
"""
SCENARIO = """\
name: tracking
clock: {{start: 2016-07-12, slots: 24, slot_minutes: 60}}
tariff: {{flat: {{retail: 0.30, feed_in: 0.08}}}}
agents:
  - {{name: ann, kind: prosumer, pv_kw: 5, load: {{annual_kwh: 4000}}}}
  - {{name: bob, kind: consumer, load: {{annual_kwh: 4000}}}}
learning: {{game: tracking, learner: {learner}}}
plugins: [plugin.py]
"""
CLONING = "{cloning: {markets: 2, episodes: 16, hidden: [8], steps: 60, batch: 32, learning_rate: 0.01}}"
SAC = (
    "{sac: {markets: 2, episodes: 12, hidden: [8], critic: differential, warm_up: 2, batch: 8, imitation: {}, "
    "start: {checkpoint: {path: clone/checkpoint.pt}}}}"
)


@pytest.fixture
def scenario(scenario_file):
    """``scenario(learner, labels)``: a scenario beside a plugin whose expert does what ``labels`` says."""

    def write(learner: str = CLONING, labels: str = "self.mark[:, :, None]") -> Path:
        scenario_file(PLUGIN.format(labels=labels), "plugin.py")
        return scenario_file(SCENARIO.format(learner=learner))

    return write


def test_a_clone_is_trained_and_imitated_from_its_folder(scenario, cli, tmp_path):
    """The clone acts as its expert nearly does; SAC begins with it, told by a path beside the scenario."""
    path = scenario()
    ended = cli("train", path, "--trust", "--out", path.parent / "clone")
    assert ended.code == 0, ended.err
    assert "marketsim.learning.learned.load_policy" in ended.out
    learned = load_policy(path.parent / "clone" / "checkpoint.pt")
    assert (learned.layout.game, learned.layout.agents) == ("tracking", ("ann", "bob"))
    marks = np.linspace(0.5, 3.5, 5, dtype=np.float32)[:, np.newaxis]
    assert np.abs(learned.policy.act(marks, np.zeros(5, np.int64)) - marks).max() < 1.0
    ended = cli("train", scenario(SAC), "--trust", "--out", tmp_path / "sac", "--json")
    assert ended.code == 0, ended.err
    summary = json.loads(ended.out)
    assert summary["updates"] == 6
    begun, clone = (load(at / "checkpoint.pt", KINDS).state for at in (tmp_path / "sac", path.parent / "clone"))
    assert (begun["clone.floor"] == clone["clone.floor"]).all()
    assert (tmp_path / "sac" / "learning_curves.svg").exists()


def test_a_start_that_is_not_there_is_told_by_validate(scenario, cli):
    """Before a training, with its place in the scenario."""
    ended = cli("validate", scenario(SAC), "--trust")
    assert ended.code == 2
    assert "there is no such checkpoint" in ended.err
    assert "learning.learner" in ended.err


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("5.0 + self.mark[:, :, None]", "labels have to lie within the bounds of the actions, not"),
        ("self.mark", "labels"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_an_expert_that_is_broken_is_told_with_episode_and_slot(scenario, cli, tmp_path, labels, message):
    ended = cli("train", scenario(labels=labels), "--trust", "--out", tmp_path / "t", "--quiet")
    assert ended.code in (1, 2)
    assert message in ended.err
    assert "failed in labels of episode 0, slot 0" in ended.err


def test_its_policies_are_none_of_the_market(scenario, scenario_file, cli, tmp_path):
    """A strategy that acts in the market says so, whatever the file calls its game."""
    path = scenario()
    assert cli("train", path, "--trust", "--out", path.parent / "clone", "--quiet").code == 0
    text = (
        path.read_text()
        .split("learning:")[0]
        .replace("pv_kw: 5,", "pv_kw: 5, strategy: {learned: {checkpoint: clone/checkpoint.pt, policy: ann}},")
    )
    ended = cli("run", scenario_file(text, "acting.yaml"), "--out", tmp_path / "run")
    assert ended.code == 2
    assert "these policies were trained in the game tracking, and a strategy acts in the market" in ended.err
