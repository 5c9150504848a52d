"""Training a scenario: what is composed, and what stands in its folder."""

from __future__ import annotations

import json
import math
import shutil
import threading

import pytest

from marketsim.analysis.evaluation.plan import evaluation_of
from marketsim.app.game import build_game
from marketsim.app.ready import load_scenario
from marketsim.app.training import CriticNotes, _write_up, latest_training, summed_up, train_scenario
from marketsim.core.errors import CheckpointError, InputError, RunError, RunFolderError
from marketsim.fairness.critic import Critique
from marketsim.learning.curves import read_curves
from marketsim.learning.learned import load_policy
from marketsim.learning.ppo.rows import columns_of
from marketsim.scenario.dump import scenario_hash
from marketsim.testing.games import Bandit
from marketsim.testing.ollama_server import OllamaServer

PILOT = "scenarios/pilot.yaml"
SMALL = {"learning.learner": {"ppo": {"markets": 2, "episodes": 6, "hidden": [4], "checkpoint_every": 2}}}


@pytest.fixture(scope="module")
def pilot(request):
    return load_scenario(request.config.rootpath / PILOT, SMALL)


@pytest.fixture(scope="module")
def trained(pilot, tmp_path_factory):
    """A small training, made once; with the rows of its progress."""
    seen = []
    return train_scenario(pilot, tmp_path_factory.mktemp("trained") / "t", progress=seen.append), seen


def test_the_folder_holds_everything_that_is_promised(trained, pilot):
    made, seen = trained
    names = {path.name for path in made.folder.iterdir()}
    assert {
        "checkpoint.pt", "training.csv", "training_agents.csv", "speed.csv", "learning_curves.svg", "learning_curves.png",
        "scenario.yaml", "manifest.json", "summary.json",
    } <= names  # fmt: skip
    manifest = json.loads((made.folder / "manifest.json").read_text())
    assert manifest["status"] == "complete"
    assert manifest["scenario_hash"] == scenario_hash(pilot.model, pilot.agents)
    assert manifest["versions"]["torch"]
    assert json.loads((made.folder / "summary.json").read_text()) == made.summary
    assert [each.row.update for each in seen] == [1, 2, 3]


def test_the_summary_counts_what_was_played(trained, pilot):
    made, _ = trained
    slots = 24
    assert made.summary["episodes"] == 6
    assert made.summary["agent_steps"] == 6 * slots * len(pilot.agents)
    assert made.summary["ftg_last"] == pytest.approx(read_curves(made.folder)["ftg"][-1])


def test_the_checkpoint_knows_its_agents_and_scenario(trained, pilot):
    learned = load_policy(trained[0].checkpoint)
    assert learned.layout.agents == tuple(agent.name for agent in pilot.agents)
    assert learned.scenario_hash == scenario_hash(pilot.model, pilot.agents)


def test_the_saved_scenario_is_the_one_that_was_trained(trained, pilot):
    again = load_scenario(trained[0].folder / "scenario.yaml")
    assert scenario_hash(again.model, again.agents) == scenario_hash(pilot.model, pilot.agents)


def test_interrupted_and_resumed_it_ends_with_the_same_bytes(trained, pilot, tmp_path):
    """On the simulation itself, running means of the shaping included."""

    def interrupt(progress):
        if progress.row.update == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_scenario(pilot, tmp_path / "t", progress=interrupt)
    assert json.loads((tmp_path / "t" / "manifest.json").read_text())["status"] == "interrupted"
    train_scenario(pilot, tmp_path / "t", resume=True)
    for name in ("checkpoint.pt", "training.csv", "training_agents.csv", "learning_curves.svg"):
        assert (tmp_path / "t" / name).read_bytes() == (trained[0].folder / name).read_bytes(), name


def test_another_scenario_does_not_resume_it(trained, pilot):
    with pytest.raises(CheckpointError, match="was trained on another scenario"):
        train_scenario(pilot.variant({"tariff.flat.retail": 0.31}), trained[0].folder, resume=True)


def test_the_latest_training_of_a_scenario_is_found(pilot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunFolderError, match="there is no training to resume\n    name its folder by out"):
        latest_training(pilot)
    for name in (
        "pilot-training-1-20261125T100000",
        "pilot-training-1-20261125T090000",
        "pilot-training-2-20261126T090000",
    ):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text('{"format": "marketsim training 1"}')
    (tmp_path / "runs" / "pilot-training-1-20991231T000000").mkdir()
    assert latest_training(pilot).name == "pilot-training-1-20261125T100000"


def test_the_summary_compares_the_first_with_the_last_tenth():
    """Undefined scores are left out; where there are none the mean is null."""
    shape = Bandit([0], 2).shape._replace(scores=("fbs", "fpp"))
    names = ("update", "episodes", "agent_steps", *columns_of(shape).updates)
    curves = {name: [float(i) for i in range(20)] for name in names}
    curves["fbs"] = [math.nan] * 20
    curves["fpp"] = [math.nan, 0.5, *[0.0] * 18]
    found = summed_up(curves, shape)
    assert (found["total_first"], found["total_last"]) == (0.5, 18.5)
    assert (found["fbs_first"], found["fpp_first"]) == (None, 0.5)
    assert found["updates"] == 20


def test_a_model_that_was_asked_stands_in_the_manifest_and_its_connections_are_closed(root, tmp_path):
    """Server and model as they answered, and the fallbacks by reason; a formula has nothing to say of itself."""
    with OllamaServer(lambda n: "500" if n % 2 else None) as server:
        critic = {
            "kind": "ollama",
            "host": server.url,
            "pause_s": 0.0,
            "cache": False,
            "load_deadline_s": 0,
            "failures": 99,
        }
        small = {"learning.learner": {"ppo": {"markets": 1, "episodes": 1, "hidden": [4]}}}
        chosen = {**small, "critic": critic, "learning.reward.credit": "shared"}
        before = {thread.name for thread in threading.enumerate()}
        made = train_scenario(load_scenario(root / PILOT, chosen), tmp_path / "t")
    assert {thread.name for thread in threading.enumerate()} <= before
    about = json.loads((made.folder / "manifest.json").read_text())["critic"]
    assert (about["kind"], about["server"]) == ("ollama", server.version)
    assert sum(about["fallbacks"].values()) == made.summary["critic_fallbacks"]


def test_a_formula_says_nothing_of_itself(trained):
    assert "critic" not in json.loads((trained[0].folder / "manifest.json").read_text())


def test_critiques_are_counted_and_a_model_s_are_kept(tmp_path):
    """A formula's answers can be had again; a model's cannot."""

    def critique(source, error=None):
        return Critique(3, 1, "abc", 0.5, None, 0.25, source, 0.1, error)

    heard = [[critique("rule"), critique("model")], [critique("rule", "timed out")], []]
    notes = CriticNotes(tmp_path / "critic.jsonl", lambda: heard.pop(0))
    for update in (1, 2, 3):
        notes.take(update)
    lines = [json.loads(line) for line in (tmp_path / "critic.jsonl").read_text().splitlines()]
    assert [(line["update"], line["source"], line["error"]) for line in lines] == [
        (1, "model", None),
        (2, "rule", "timed out"),
    ]
    counts = notes.tally.summary()
    assert (counts["critic_calls"], counts["critic_fallbacks"]) == (3, 1)


@pytest.mark.parametrize("damage", ["text", "cut", "folder", "link"])
def test_damaged_policies_are_refused_before_anything_is_evaluated(trained, tmp_path, damage):
    """Not after all other arms were simulated, as a failure of each seed."""
    shutil.copytree(trained[0].folder, tmp_path / "training")
    path = tmp_path / "training" / "checkpoint.pt"
    data = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "link":
        path.symlink_to(trained[0].checkpoint)
    else:
        path.write_bytes(b"no policies" if damage == "text" else data[:-100])
    with pytest.raises(InputError, match="checkpoint.pt: "):
        evaluation_of(tmp_path / "training", out=tmp_path / "out", weeks=1)
    assert not (tmp_path / "out").exists()


def test_a_training_whose_end_cannot_be_written_says_so(trained, pilot, tmp_path):
    """A folder in the place of its summary: refused on resume before anything is learned, and named."""
    shutil.copytree(trained[0].folder, tmp_path / "training")
    (tmp_path / "training" / "summary.json").unlink()
    (tmp_path / "training" / "summary.json").mkdir()
    with pytest.raises(RunFolderError, match="summary.json: is a folder, where a file belongs"):
        train_scenario(pilot, tmp_path / "training", resume=True)
    with pytest.raises(RunError, match="its policies are kept"):
        _write_up(tmp_path / "training", read_curves(trained[0].folder), {}, build_game(pilot, markets=1).shape, {})
