"""Games and learners of plugins that are broken on purpose: named with method, line, episode, slot and rule."""

from __future__ import annotations

import json
import logging
import textwrap

import pytest
import torch

from marketsim.core import watch

SCENARIO = """\
name: broken
clock: {{start: 2016-07-12, slots: 24, slot_minutes: 60}}
agents:
  - {{name: roof, kind: prosumer, pv_kw: 8, load: {{annual_kwh: 3000}}}}
  - {{name: flat, kind: consumer, load: {{annual_kwh: 4000}}}}
tariff: {{flat: {{retail: 0.30, feed_in: 0.08}}}}
learning:
  game: {game}
  learner: {{{learner}: {{markets: 2, episodes: 4, hidden: [8]}}}}
{plugins}
"""
PLUGIN = """\
import sys, time
from pathlib import Path
import numpy as np
import marketsim as ms
from marketsim.builtin import built_in_registry
from marketsim.core.game import Box, Categorical, Step

KIND, NAME = {kind!r}, {name!r}
KNOWN = built_in_registry()

class Mine:
    def __init__(self, params, context):
        self.inner = KNOWN.builder(KIND, NAME)(params, context)
        self.slot = 0

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def slots(self, actions):
        self.slot += 1
        return self.inner.step(np.array(actions))

{method}

@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind=KIND, name="mine", build=lambda params, context: Mine(params, context),
                   params=KNOWN.params(KIND, NAME))
"""
NAMES = {"game": "market", "learner": "ppo"}


@pytest.fixture
def scenario(scenario_file):
    """``scenario(kind, method)``: with a plugin ``mine.py`` that copies the built-in part of a kind but for a method."""

    def write(kind: str = "", method: str = ""):
        chosen = {**NAMES, kind: "mine"} if kind else NAMES
        if kind:
            method = textwrap.indent(textwrap.dedent(method), "    ")
            scenario_file(PLUGIN.format(kind=kind, name=NAMES[kind], method=method), "mine.py")
        plugins = "plugins: [mine.py]" if kind else ""
        return scenario_file(SCENARIO.format(game=chosen["game"], learner=chosen["learner"], plugins=plugins))

    return write


@pytest.mark.parametrize("kind", NAMES)
def test_a_correct_copy_is_accepted_and_learns_the_same(scenario, cli, tmp_path, kind):
    """Curves to the byte, and weights to the bit; the checkpoint says of which game it is."""
    kept = []
    for copy in ("", kind):
        folder = tmp_path / f"training-{copy}"
        ended = cli("train", scenario(copy), "--out", folder, "--quiet")
        assert (ended.code, ended.out, ended.err) == (0, "", "")
        checkpoint = torch.load(folder / "checkpoint.pt", weights_only=True)
        curves = [(folder / name).read_bytes() for name in ("training.csv", "training_agents.csv")]
        kept.append((curves, checkpoint["adam.weights"].numpy().tobytes()))
    assert kept[0] == kept[1]
    assert checkpoint["layout"].get("game", "market") == ("mine" if kind == "game" else "market")


SPEAKING = """

class Speaking:
    def __init__(self, params, context):
        self.inner = KNOWN.builder("critic", "rule")(KNOWN.params("critic", "rule")(), context)

    def review(self, record):
        return self.inner.review(record)

    def drain(self):
        return [each._replace(source="speaking") for each in self.inner.drain()]
"""
CRITIC = '    yield ms.Entry(kind="critic", name="speaking", build=Speaking)\n'


SILENT = """
def __getattr__(self, name):
    if name == "critiques":
        raise AttributeError(name)
    return getattr(self.inner, name)
"""


def test_a_copy_of_the_market_tells_what_its_critic_wrote(scenario, cli, tmp_path):
    """As the market itself does; a game that reviews nothing has none of it."""
    told = []
    for game, method in (("market", ""), ("mine", ""), ("mine", SILENT)):
        path = scenario("game", method)
        plugin = path.parent / "mine.py"
        plugin.write_text(plugin.read_text().replace("@ms.hookimpl", SPEAKING + "\n@ms.hookimpl") + CRITIC)
        folder = tmp_path / str(len(told))
        options = ("--set", f"learning.game={game}", "--set", "critic.kind=speaking")
        assert cli("train", path, "--out", folder, "--quiet", *options).code == 0
        lines = (folder / "critic.jsonl").read_text().splitlines() if (folder / "critic.jsonl").exists() else []
        told.append([{**json.loads(each), "latency_s": 0.0} for each in lines])
    assert told[0] == told[1] != []
    assert told[2] == []


BROKEN = [
    ("game", "step", " of episode 0, slot 3", "ZeroDivisionError: ", """
     def step(self, actions):
         self.slot += 1
         1 / (self.slot - 4)  # HERE
         return self.inner.step(actions)"""),
    ("game", "step", " of episode 0, slot 0", "SystemExit: 0", """
     def step(self, actions):
         sys.exit(0)  # HERE"""),
    ("game", "step", " of episode 0, slot 0", "ValueError: assignment destination is read-only", """
     def step(self, actions):
         actions[:] = 0  # HERE"""),
    ("game", "step", " of episode 0, slot 0", "it has to return Step, not NoneType", """
     def step(self, actions):  # HERE
         self.slots(actions)"""),
    ("game", "step", " of episode 1, slot 2", "reward has to be finite, not nan", """
     def step(self, actions):  # HERE
         step = self.slots(actions)
         return step._replace(reward=step.reward * np.nan) if self.slot == 27 else step"""),
    ("game", "step", " of episode 0, slot 0", "reward has to have the shape (2, 2), not (2, 1)", """
     def step(self, actions):  # HERE
         step = self.slots(actions)
         return step._replace(reward=step.reward[:, :1])"""),
    ("game", "step", " of episode 0, slot 0", "what is seen has to have the shape", """
     def step(self, actions):  # HERE
         step = self.slots(actions)
         return step._replace(seen=step.seen[:1])"""),
    ("game", "step", " of episode 0, slot 5", "what is seen has to be finite, not inf", """
     def step(self, actions):  # HERE
         step = self.slots(actions)
         return step._replace(seen=step.seen + np.inf) if self.slot == 6 else step"""),
    ("game", "step", " of episode 0, slot 0", "what is seen has to be within +-2, which the layout says, not ", """
     def step(self, actions):  # HERE
         step = self.slots(actions)
         return step._replace(seen=step.seen * 0 + 7)"""),
    ("game", "step", " of episode 0, slot 0", "the state has to be an array, not list", """
     def step(self, actions):  # HERE
         step = self.slots(actions)
         return step._replace(state=step.state.tolist())"""),
    ("game", "step", " of episode 0, slot 0", "the game declares the parts ", """
     def step(self, actions):  # HERE
         step = self.slots(actions)
         return step._replace(parts={"economic": step.reward})"""),
    ("game", "step", " of episode 0, slot 0", "parts has to be a mapping of arrays by name, not list", """
     def step(self, actions):  # HERE
         step = self.slots(actions)
         return step._replace(parts=[step.reward])"""),
    ("game", "step", " of episode 0, slot 0", "the part 'shaping' has to hold real numbers, not object", """
     def step(self, actions):  # HERE
         step = self.slots(actions)
         return step._replace(parts={**step.parts, "shaping": step.reward.astype(object)})"""),
    ("game", "step", " of episode 0, slot 0", "the score 'fbs' has to be finite, not inf", """
     def step(self, actions):  # HERE
         step = self.slots(actions)
         return step._replace(parts={**step.parts, "fbs": np.full(2, np.inf)})"""),
    ("game", "step", " of episode 0, slot 23", "ended has to be True, not False", """
     def step(self, actions):  # HERE
         return self.slots(actions)._replace(ended=False)"""),
    ("game", "step", " of episode 0, slot 4", "ended has to be False, not True", """
     def step(self, actions):  # HERE
         return self.slots(actions)._replace(ended=self.slot == 5)"""),
    ("game", "reset", " of episode 1", "RuntimeError: no second day", """
     def reset(self, episode):
         if episode:
             raise RuntimeError("no second day")  # HERE
         return self.inner.reset(episode)"""),
    ("game", "reset", " of episode 0", "it has to return what is seen and the state, not ndarray", """
     def reset(self, episode):  # HERE
         return self.inner.reset(episode)[0]"""),
    ("game", "memory", " of episode 0, slot 23", "'mean' has to be finite, not nan", """
     def memory(self):  # HERE
         return {"mean": np.array([np.nan])}"""),
    ("game", "memory", " of episode 0, slot 23", "it has to return arrays by name, not list", """
     def memory(self):  # HERE
         return []"""),
    ("game", "close", " of episode 1, slot 23", "it has to return texts, finite numbers, and lists and mappings of them: ", """
     def close(self, *, wait=True):  # HERE
         return {"game": self}"""),
    ("game", "critiques", " of episode 0, slot 23", "it has to return a list of Critique", """
     def critiques(self):  # HERE
         return ["fair"]"""),
    ("game", "shape", "", "shape has to be a Shape, not tuple", """
     @property  # HERE
     def shape(self):
         return tuple(self.inner.shape)"""),
    ("game", "shape", "", "ZeroDivisionError: division by zero", """
     asked = 0
     @property
     def shape(self):
         self.asked += 1
         return self.inner.shape if self.asked < 2 else 1 / 0  # HERE"""),
    ("game", "shape", "", "the game declares slots = 0, at least 1 expected", """
     @property  # HERE
     def shape(self):
         return self.inner.shape._replace(slots=0)"""),
    ("game", "shape", "", "shape.actions has to be Categorical or Box, not list", """
     @property  # HERE
     def shape(self):
         return self.inner.shape._replace(actions=[11, 5])"""),
    ("game", "shape", "", "the game declares the part 'economic' twice", """
     @property  # HERE
     def shape(self):
         return self.inner.shape._replace(scores=("economic",))"""),
    ("game", "layout", "", "layout.agents has 1 names, and the shape counts 2", """
     @property  # HERE
     def layout(self):
         return self.inner.layout._replace(agents=("roof",))"""),
    ("learner", "train", "", "ValueError: nothing learned", """
     def train(self, game, folder, **more):
         raise ValueError("nothing learned")  # HERE"""),
    ("learner", "train", "", "SystemExit: 0", """
     def train(self, game, folder, **more):
         sys.exit(0)  # HERE"""),
    ("learner", "train", "", "it has to return the path of its last checkpoint, not NoneType", """
     def train(self, game, folder, **more):  # HERE
         self.inner.train(game, folder, **more)"""),
    ("learner", "train", "", "it has to return a checkpoint that it wrote into ", """
     def train(self, game, folder, **more):  # HERE
         self.inner.train(game, folder, **more)
         return folder / "other.pt" """),
    ("learner", "train", "", "and there is no training.csv", """
     def train(self, game, folder, **more):  # HERE
         (folder / "mine.pt").write_bytes(b"")
         return folder / "mine.pt" """),
    ("learner", "train", "", "ValueError: actions are whole numbers of the shape (2, 2, 2), and these are ", """
     def train(self, game, folder, **more):
         game.reset(0)
         game.step(np.zeros((2, 2, 2)))  # HERE"""),
    ("learner", "needs", "", "needs has to be GameNeeds, not tuple", """
     @property  # HERE
     def needs(self):
         return tuple(self.inner.needs)"""),
    ("learner", "needs", "", "needs.markets has to be a whole number within 1..1000000, not 0", """
     @property  # HERE
     def needs(self):
         return self.inner.needs._replace(markets=0)"""),
    ("learner", "needs", "", "needs.rounds_per_update has to be a whole number within 1..1000000000, not 0.5", """
     @property  # HERE
     def needs(self):
         return self.inner.needs._replace(rounds_per_update=0.5)"""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "method", "when", "rule", "code"),
    BROKEN,
    ids=[f"{each[0]}-{each[1]}-{place}" for place, each in enumerate(BROKEN)],
)
def test_a_broken_part_is_named_with_line_slot_and_rule(scenario, cli, tmp_path, kind, method, when, rule, code):
    """Exit code 1, never a fault of marketsim, no traceback; the folder says what happened."""
    path = scenario(kind, code)
    if "these are" in rule:  # only a plugin's game looks at what is asked of it
        path.write_text(path.read_text().replace("game: market", "game: plain"))
        plugin = path.parent / "mine.py"
        more = '    yield ms.Entry(kind="game", name="plain", build=KNOWN.builder("game", "market"), params=KNOWN.params("game", "market"))\n'
        plugin.write_text(plugin.read_text() + more)
    ended = cli("train", path, "--out", tmp_path / "training", "--quiet")
    plugin = path.parent / "mine.py"
    lines = plugin.read_text().splitlines()
    line = next((at for at, text in enumerate(lines, 1) if "# HERE" in text), None)
    assert (ended.code, ended.out) == (1, ""), ended.err
    assert f"plugin mine: {kind} 'mine' failed in {method}{when}: " in ended.err
    assert rule in ended.err
    assert f"{plugin}:{line or ''}" in ended.err
    assert "fault of marketsim" not in ended.err
    assert "Traceback" not in ended.err
    if kind == "game":
        assert '"status": "failed"' in (tmp_path / "training" / "manifest.json").read_text()


def test_the_first_fault_is_told_where_closing_fails_too(scenario, cli, tmp_path, caplog):
    """The second stands in the log alone."""
    path = scenario("game", """
        def step(self, actions):
            raise ValueError("first")

        def close(self, *, wait=True):
            raise ValueError("second")
    """)  # fmt: skip
    with caplog.at_level(logging.WARNING, "marketsim.training"):
        ended = cli("train", path, "--out", tmp_path / "training", "--quiet")
    assert ended.code == 1
    assert "failed in step of episode 0, slot 0: ValueError: first" in ended.err
    assert "ValueError: second" in caplog.text
    assert "ValueError: first" in (tmp_path / "training" / "manifest.json").read_text()


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("sys.exit(0)", "cannot be built"),
        ("1 / 0", "cannot be built"),
        ("Mine.__getattr__ = object.__getattribute__", "which the port"),
    ],
)
def test_a_part_that_cannot_be_built_is_the_user_s_input(scenario, cli, tmp_path, kind, fault, message):
    """Exit code 2, with the line that builds it."""
    path = scenario(kind, f"def __init__(self, params, context):\n    {fault}  # HERE")
    ended = cli("train", path, "--out", tmp_path / "training", "--quiet")
    assert (ended.code, ended.out) == (2, "")
    assert f"plugin mine: {kind} 'mine'" in ended.err
    assert message in ended.err
    assert "mine.py:" in ended.err


def test_a_step_that_takes_long_is_told_with_its_line(scenario, caplog, monkeypatch, tmp_path, cli):
    """Once a call; a training takes as long as it takes."""
    monkeypatch.setenv(watch.VARIABLE, "0.2")
    path = scenario("game", "def step(self, actions):\n    self.slot == 2 and time.sleep(1.6)  # HERE\n"
                    "    return self.slots(actions)")  # fmt: skip
    with caplog.at_level(logging.WARNING, "marketsim.plugins"):
        cli("train", path, "--out", tmp_path / "training", "--quiet")
    told = [each.getMessage() for each in caplog.records if each.name == "marketsim.plugins"]
    lines = (path.parent / "mine.py").read_text().splitlines()
    line = next(at for at, text in enumerate(lines, 1) if "# HERE" in text)
    asleep = [
        each for each in told if each.endswith(f"mine.py:{line}")
    ]  # a first step that is compiled takes long, too
    assert len(asleep) == 1
    assert "plugin mine: game 'mine', step, has taken more than 0.2 s in one call, and stands at " in asleep[0]


def test_a_training_may_take_long(scenario, caplog, monkeypatch, tmp_path, cli):
    """Nothing is told of a learner's ``train``."""
    monkeypatch.setenv(watch.VARIABLE, "0.2")
    path = scenario("learner", "def train(self, *given, **more):\n    time.sleep(1.6)\n"
                    "    return self.inner.train(*given, **more)")  # fmt: skip
    with caplog.at_level(logging.WARNING, "marketsim.plugins"):
        assert cli("train", path, "--out", tmp_path / "training", "--quiet").code == 0
    assert [each for each in caplog.records if each.name == "marketsim.plugins"] == []
