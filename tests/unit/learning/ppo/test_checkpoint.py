"""Checkpoints come back as they were, and say clearly why they cannot."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from marketsim.core import files
from marketsim.core.errors import CheckpointError
from marketsim.core.game import Layout
from marketsim.learning import adam, envelope
from marketsim.learning.learned import load_policy
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo import checkpoint
from marketsim.learning.ppo.checkpoint import Checkpoint
from marketsim.learning.ppo.networks import make_networks
from marketsim.learning.ppo.scales import new_scales
from marketsim.learning.ppo.shape import PolicyShape

SHAPE = PolicyShape(4, 2, 3, 2, (3, 2), np.array([[True, True], [True, False]]), 5)
LAYOUT = Layout(("Ann", "Bob"), ("load", "pv", "hour"), np.full((2, 3), 0.1), np.arange(6.0).reshape(2, 3), 5.0)


def made(**changes):
    params = LearnerParams(hidden=(4,), normalise_observations=True)
    weights = make_networks(SHAPE, params).initial(torch.Generator().manual_seed(1))
    state = adam.new_state(weights)
    adam.step(state, torch.ones_like(weights), 0.1)
    rng = np.random.default_rng(1)
    scales = new_scales(2, 3, 2)
    scales = scales._replace(
        seen=scales.seen.joined(rng.standard_normal((9, 2, 3))),
        returns=scales.returns.joined(rng.standard_normal((9, 2))),
    )
    memory = {"means": rng.standard_normal(3), "past": np.array([1.5], dtype=np.float32)}
    whole = Checkpoint(params, SHAPE, LAYOUT, "a" * 64, 3, 7, 5, 280, state, scales, memory)
    return whole._replace(**changes)


def alike(one: Checkpoint, other: Checkpoint) -> bool:
    def flat(value):
        parts = value.values() if isinstance(value, dict) else value
        return [each for part in parts for each in flat(part)] if isinstance(value, tuple | dict) else [value]

    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(flat(one), flat(other), strict=True))


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    saved = made()
    checkpoint.save(tmp_path / "c.pt", saved)
    found = checkpoint.load(tmp_path / "c.pt")
    assert alike(found, saved)
    assert found.params == saved.params
    assert found.state.weights.dtype == torch.float32
    assert found.scales.seen.mean.dtype == np.float64
    assert found.memory["past"].dtype == np.float32
    assert found.layout.agents == ("Ann", "Bob")


def test_the_same_checkpoint_has_the_same_bytes(tmp_path):
    """Whatever the file is called."""
    checkpoint.save(tmp_path / "one.pt", made())
    checkpoint.save(tmp_path / "other.pt", checkpoint.load(tmp_path / "one.pt"))
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "other.pt").read_bytes()


def test_writing_leaves_nothing_behind_and_replaces_what_was_there(tmp_path):
    checkpoint.save(tmp_path / "c.pt", made())
    checkpoint.save(tmp_path / "c.pt", made(updates=6))
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]
    assert checkpoint.load(tmp_path / "c.pt").updates == 6


def test_a_write_that_fails_keeps_the_old_one(tmp_path, monkeypatch):
    checkpoint.save(tmp_path / "c.pt", made())

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(tmp_path / "c.pt", made(updates=6))
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]
    assert checkpoint.load(tmp_path / "c.pt").updates == 5


def test_its_policy_acts_like_the_networks_it_came_from(tmp_path):
    saved = made()
    checkpoint.save(tmp_path / "c.pt", saved)
    features, agents = np.random.default_rng(2).standard_normal((6, 3)).astype(np.float32), np.arange(6) % 2
    learned = load_policy(tmp_path / "c.pt")
    assert (learned.layout.features, learned.scenario_hash) == (LAYOUT.features, "a" * 64)
    found = learned.policy.act(features, agents)
    assert np.array_equal(found, saved.policy().act(features, agents))
    assert not found[agents == 1, 1].any()


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_missing_file_says_where_to_look(tmp_path):
    message = refusal(tmp_path / "c.pt")
    assert message == (
        f"{tmp_path / 'c.pt'}: there is no such checkpoint\n"
        "    name the file checkpoint.pt in the folder that 'marketsim train' printed"
    )


def test_a_folder_is_no_checkpoint(tmp_path):
    assert "is a folder, not a file" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 not a zip"])
def test_a_foreign_file_is_named_so(tmp_path, content):
    (tmp_path / "c.pt").write_bytes(content)
    assert "this is no checkpoint of marketsim, or a damaged one" in refusal(tmp_path / "c.pt")


def test_a_foreign_file_of_torch_is_named_so(tmp_path):
    torch.save({"model": torch.ones(2)}, tmp_path / "c.pt")
    assert "this file of torch is no checkpoint of marketsim" in refusal(tmp_path / "c.pt")


def test_a_file_that_would_run_code_is_not_loaded(tmp_path):
    """Pickles may name any function; only tensors and plain values are read."""

    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    torch.save({"format": envelope.FORMAT, "trap": Trap()}, tmp_path / "c.pt")
    assert "no checkpoint of marketsim" in refusal(tmp_path / "c.pt")
    (tmp_path / "c.pt").write_bytes(pickle.dumps(Trap()))
    assert "no checkpoint of marketsim" in refusal(tmp_path / "c.pt")
    assert not (tmp_path / "sprung").exists()


def test_another_version_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(envelope, "VERSION", 2)
    checkpoint.save(tmp_path / "c.pt", made())
    monkeypatch.undo()
    assert "this checkpoint is of format 2, not 1" in refusal(tmp_path / "c.pt")


def test_every_cut_file_is_refused(tmp_path):
    checkpoint.save(tmp_path / "c.pt", made())
    whole = (tmp_path / "c.pt").read_bytes()
    for kept in np.linspace(0, len(whole) - 1, 12).astype(int):
        (tmp_path / "c.pt").write_bytes(whole[:kept])
        assert "checkpoint" in refusal(tmp_path / "c.pt")


def test_no_changed_number_passes(tmp_path):
    """One bit anywhere in the weights is seen."""
    checkpoint.save(tmp_path / "c.pt", made())
    content = torch.load(tmp_path / "c.pt", weights_only=True)
    for change in ({"seed": 4}, {"scenario_hash": "b" * 64}, {"adam.weights": content["adam.weights"] + 1e-6}):
        torch.save({**content, **change}, tmp_path / "c.pt")
        assert "contents do not match their checksum" in refusal(tmp_path / "c.pt")


def test_a_lacking_part_is_damage(tmp_path):
    checkpoint.save(tmp_path / "c.pt", made())
    content = torch.load(tmp_path / "c.pt", weights_only=True)
    del content["adam.mean"], content["sha256"]
    torch.save({**content, "sha256": envelope.digest(content)}, tmp_path / "c.pt")
    assert "this checkpoint is damaged: adam.mean is missing" in refusal(tmp_path / "c.pt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scenario_hash": "b" * 64}, "was trained on another scenario"),
        ({"seed": 4}, "was trained with another seed\n    resume with --seed 4"),
        (
            {"params": LearnerParams(hidden=(4,), normalise_observations=True, clip=0.3)},
            "another learning.learner.ppo.clip (got 0.3)",
        ),
        ({"shape": SHAPE._replace(n_agents=3)}, "of a game with other n_agents: 3, here 2"),
        ({"shape": SHAPE._replace(heads=(3, 3))}, r"of a game with other heads: (3, 3), here (3, 2)"),
        ({"shape": SHAPE._replace(used=~SHAPE.used)}, "whose agents use other parts of an action"),
    ],
)
def test_another_training_is_not_resumed(changes, message):
    with pytest.raises(CheckpointError) as caught:
        checkpoint.demand_same(Path("c.pt"), made(**changes), made())
    assert message in str(caught.value)


def test_the_same_training_is_resumed_wherever_it_stands():
    checkpoint.demand_same(Path("c.pt"), made(updates=1, episode=1, agent_steps=3), made())


def test_policies_fit_another_number_of_markets_and_slots():
    checkpoint.demand_shape(Path("c.pt"), SHAPE._replace(n_markets=1, slots=900), SHAPE)
