"""A checkpoint may be anybody's: whatever is in it, with the right checksum or not, it is a checkpoint or a sentence."""

from __future__ import annotations

import json
import os
import random
import warnings
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch

from marketsim.core.errors import CheckpointError
from marketsim.core.game import Layout
from marketsim.learning import adam, envelope
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo import checkpoint
from marketsim.learning.ppo.checkpoint import Checkpoint, demand_memory
from marketsim.learning.ppo.networks import make_networks
from marketsim.learning.ppo.scales import new_scales
from marketsim.learning.ppo.shape import PolicyShape

SHAPE = PolicyShape(4, 2, 3, 2, (3, 2), np.array([[True, True], [True, False]]), 5)
LAYOUT = Layout(("Ann", "Bob"), ("load", "pv", "hour"), np.full((2, 3), 0.1), np.arange(6.0).reshape(2, 3), 5.0)


def made(**changes):
    params = LearnerParams(hidden=(4,), **changes)
    weights = make_networks(SHAPE, params).initial(torch.Generator().manual_seed(1))
    memory = {"means": np.arange(3.0), "past": np.array([1.5], dtype=np.float32)}
    return Checkpoint(
        params, SHAPE, LAYOUT, "a" * 64, 3, 7, 5, 280, adam.new_state(weights), new_scales(2, 3, 2), memory
    )


@pytest.fixture
def saved(tmp_path):
    """A checkpoint's file and its contents."""
    path = tmp_path / "c.pt"
    checkpoint.save(path, made())
    return path, torch.load(path, weights_only=True)


def sealed(content):
    """With the checksum that belongs to it, if there is one that can be made."""
    body = {key: value for key, value in content.items() if key != "sha256"}
    try:
        return {**body, "sha256": envelope.digest(body)}
    except (AttributeError, TypeError, RuntimeError, ValueError):
        return {**body, "sha256": "0" * 64}


def refusal(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no warning of torch's reaches the user
        with pytest.raises(CheckpointError) as caught:
            checkpoint.load(path)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    assert len(str(problem)) < 800
    return str(problem)


WIDTH = int(made().state.weights.shape[1])
ODD_WEIGHTS = {
    "another width": lambda: torch.zeros(2, WIDTH + 1),
    "another number of rows": lambda: torch.zeros(3, WIDTH),
    "no axes": lambda: torch.tensor(1.0),
    "turned": lambda: torch.zeros(WIDTH, 2).T,
    "one number for all": lambda: torch.zeros(1).expand(2, WIDTH),
    "overlapping": lambda: torch.zeros(2 * WIDTH).as_strided((2, WIDTH), (1, 1)),
    "every other": lambda: torch.zeros(2, 2 * WIDTH)[:, ::2],
    "doubles": lambda: torch.zeros(2, WIDTH, dtype=torch.float64),
    "halves": lambda: torch.zeros(2, WIDTH, dtype=torch.float16),
    "whole": lambda: torch.zeros(2, WIDTH, dtype=torch.int64),
    "complex": lambda: torch.zeros(2, WIDTH, dtype=torch.complex64),
    "nothing known": lambda: torch.full((2, WIDTH), float("nan")),
    "without end": lambda: torch.full((2, WIDTH), float("-inf")),
    "sparse": lambda: torch.zeros(2, WIDTH).to_sparse(),
    "sparse rows": lambda: torch.zeros(2, WIDTH).to_sparse_csr(),
    "nowhere": lambda: torch.zeros(2, WIDTH, device="meta"),
    "quantized": lambda: torch.quantize_per_tensor(torch.zeros(2, WIDTH), 0.1, 0, torch.qint8),
    "learning": lambda: torch.nn.Parameter(torch.zeros(2, WIDTH)),
    "negated": lambda: torch.imag(torch.zeros(2, WIDTH, dtype=torch.complex64).conj()),
    "a list": lambda: [0.0],
    "a text": lambda: "weights",
    "nothing": lambda: None,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["adam.weights", "adam.square"])
@pytest.mark.parametrize("what", ODD_WEIGHTS)
def test_weights_that_do_not_fit_are_refused(saved, what, name):
    path, content = saved
    torch.save(sealed({**content, name: ODD_WEIGHTS[what]()}), path)
    assert "checkpoint" in refusal(path)


def inside(section, **changes):
    return lambda content: {**content, section: {**content[section], **changes}}


def without(section, name):
    return lambda content: {**content, section: {key: value for key, value in content[section].items() if key != name}}


def changed(**changes):
    return lambda content: {**content, **changes}


def params(**changes):
    return lambda content: {**content, "params": json.dumps({**json.loads(content["params"]), **changes})}


NAN = float("nan")
ODD = {
    "heads of another size": (inside("shape", heads=[3, 3]), "adam.weights"),
    "huge heads": (inside("shape", heads=[10**9, 10**9]), "choices to each"),
    "a head of none": (inside("shape", heads=[0, 2]), "shape.heads"),
    "no heads": (inside("shape", heads=[]), "shape.heads"),
    "one head": (inside("shape", heads=[3]), "shape.used"),
    "heads of text": (inside("shape", heads=["3", "2"]), "shape.heads"),
    "heads of truth": (inside("shape", heads=[True, True]), "shape.heads"),
    "heads in a tensor": (inside("shape", heads=torch.tensor([3, 2])), "shape.heads"),
    "used of numbers": (inside("shape", used=torch.zeros(2, 2)), "shape.used"),
    "used by others": (inside("shape", used=torch.zeros(3, 2, dtype=torch.bool)), "shape.used"),
    "no agents": (inside("shape", n_agents=0), "shape.n_agents"),
    "other agents": (inside("shape", n_agents=3), "layout names"),
    "agents beyond count": (inside("shape", n_agents=2**62), "shape.n_agents"),
    "agents below": (inside("shape", n_agents=-2), "shape.n_agents"),
    "other features": (inside("shape", n_features=4), "layout names"),
    "another state": (inside("shape", n_state=9), "scales.state.mean"),
    "no slots": (inside("shape", slots=0), "shape.slots"),
    "half a slot": (inside("shape", slots=1.5), "shape.slots"),
    "more in the shape": (inside("shape", more=1), "nothing that a checkpoint has"),
    "less in the shape": (without("shape", "slots"), "shape.slots is missing"),
    "a shape that is none": (changed(shape=[1, 2]), "shape is not a mapping"),
    "other names": (inside("layout", agents=["Ann"]), "layout names"),
    "a name twice": (inside("layout", agents=["Ann", "Ann"]), "layout names"),
    "names of numbers": (inside("layout", agents=[1, 2]), "layout.agents"),
    "one long name": (inside("layout", agents="AB"), "layout.agents"),
    "features twice as many": (inside("layout", features=["a"] * 6), "layout names"),
    "an offset of others": (inside("layout", offset=torch.zeros(3, 2, dtype=torch.float64)), "layout.offset"),
    "an offset in single": (inside("layout", offset=torch.zeros(2, 3)), "layout.offset"),
    "a factor of NaN": (inside("layout", factor=torch.full((2, 3), NAN, dtype=torch.float64)), "layout.factor"),
    "no bound": (inside("layout", bound=NAN), "layout.bound"),
    "a bound below": (inside("layout", bound=-5.0), "layout.bound"),
    "a bound of text": (inside("layout", bound="5"), "layout.bound"),
    "a hash of numbers": (changed(scenario_hash=7), "scenario_hash is not a text"),
    "a seed of text": (changed(seed="3"), "seed is not a whole number"),
    "a seed of truth": (changed(seed=True), "seed is not a whole number"),
    "a seed without end": (changed(seed=2**80), "seed is not a whole number"),
    "an episode below": (changed(episode=-1), "episode is -1"),
    "half an update": (changed(updates=0.5), "updates is not a whole number"),
    "more": (changed(more=1), "nothing that a checkpoint has"),
    "steps below": (changed(**{"adam.steps": torch.full((2, 1), -1.0)}), "adam.steps has numbers below 0"),
    "steps of others": (changed(**{"adam.steps": torch.zeros(1, 2)}), "adam.steps"),
    "squares below": (changed(**{"adam.square": torch.full((2, WIDTH), -1.0)}), "adam.square has numbers below 0"),
    "a number of NaN": (changed(**{"scales.seen.number": torch.tensor(NAN, dtype=torch.float64)}), "not finite"),
    "a number in a row": (changed(**{"scales.seen.number": torch.zeros(1, dtype=torch.float64)}), "scales.seen.number"),
    "variance below": (changed(**{"scales.returns.variance": torch.full((2,), -1.0, dtype=torch.float64)}), "below 0"),
    "a memory of NaN": (inside("memory", means=torch.full((3,), NAN, dtype=torch.float64)), "memory.means"),
    "a memory of truth": (inside("memory", means=torch.zeros(3, dtype=torch.bool)), "memory.means"),
    "a memory of text": (inside("memory", means="none"), "memory.means is not a tensor"),
    "a memory of numbers": (changed(memory={7: torch.zeros(1)}), "memory has names that are none"),
    "an ordered memory": (changed(memory=OrderedDict()), "memory is not a mapping"),
    "wider layers": (params(hidden=[5]), "adam.weights"),
    "shared networks": (params(policies="shared"), "adam.weights"),
    "a central critic": (params(critic="central"), "adam.weights"),
    "a joint head": (params(joint_head=True), "adam.weights"),
    "a layer too wide": (params(hidden=[10**9]), "hidden"),
    "layers without number": (params(hidden=[4] * 99), "hidden"),
    "an unknown parameter": (params(more=1), "more"),
    "a rate of text": (params(learning_rate="quick"), "learning_rate"),
    "no parameters": (changed(params="{"), "Expecting"),
    "a list of parameters": (changed(params="[]"), "LearnerParams"),
    "brackets": (changed(params="[" * 50_000), "more than 100 levels"),
    "a rate of NaN": (changed(params='{"learning_rate": NaN}'), "NaN is no number"),
    "endless parameters": (changed(params=" " * 200_000), "params is not a text"),
    "parameters of none": (changed(params=None), "params is not a text"),
}


@pytest.mark.parametrize("what", ODD)
def test_contents_that_do_not_fit_are_refused_with_what_is_wrong(saved, what):
    path, content = saved
    change, message = ODD[what]
    torch.save(sealed(change(content)), path)
    assert message in refusal(path)


@pytest.mark.parametrize("version", [None, "1", True, 1.0, torch.tensor([1, 1]), 2**70, [1]])
def test_another_version_is_named_whatever_it_is(saved, version):
    path, content = saved
    torch.save(sealed({**content, "version": version}), path)
    assert "this checkpoint is of format" in refusal(path)


@pytest.mark.parametrize(
    "content", [torch.zeros(3), [], "text", None, {"format": torch.zeros(2)}, {1: 2}, {"format": 1}]
)
def test_what_is_no_mapping_of_ours_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "c.pt")
    assert "this file of torch is no checkpoint of marketsim" in refusal(tmp_path / "c.pt")


def test_lists_within_lists_cost_nothing(saved):
    """Each list holds the next one ten times: nobody walks through all of them."""
    path, content = saved
    deep = []
    for _ in range(40):
        deep = [deep] * 10
    torch.save({**content, "seed": deep}, path)
    assert "seed is not a whole number but list" in refusal(path)


def parts_of(path):
    with zipfile.ZipFile(path) as archive:
        return {member.filename: archive.read(member) for member in archive.infolist()}


def repacked(path, parts, how=zipfile.ZIP_STORED):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "w", how) as archive:
            for name, part in parts.items() if isinstance(parts, dict) else parts:
                archive.writestr(name, part)


def test_odd_zips_are_refused(saved):
    """Packed parts, parts twice, too many, storages that are shorter than the tensors that use them."""
    path, _ = saved
    parts = parts_of(path)
    repacked(path, parts)
    assert checkpoint.load(path).updates == 5
    repacked(path, {**parts, "archive/data/0": bytes(10_000_000)}, zipfile.ZIP_DEFLATED)
    assert "its parts are packed" in refusal(path)
    repacked(path, [*parts.items(), ("archive/data.pkl", parts["archive/data.pkl"])])
    assert "have the same name" in refusal(path)
    repacked(path, {**parts, **{f"archive/x{n}": b"" for n in range(1_000)}})
    assert "too many" in refusal(path)
    for short in (b"", bytes(3), bytes(10**6)):
        repacked(path, {**parts, "archive/data/3": short})
        refusal(path)
    repacked(path, {name: part for name, part in parts.items() if name != "archive/data.pkl"})
    assert "it has no contents" in refusal(path)
    repacked(path, {**parts, "archive/data.pkl": b"\x80\x02" + b"(" * 10**6})
    refusal(path)


@pytest.mark.filterwarnings("ignore")
def test_files_of_older_torch_are_none(tmp_path):
    """What is no zip goes through other readers of torch; no checkpoint was ever written so."""
    torch.save({"format": envelope.FORMAT}, tmp_path / "c.pt", _use_new_zipfile_serialization=False)
    assert "no checkpoint of marketsim, or a damaged one" in refusal(tmp_path / "c.pt")


def alike(one, other):
    names = ("params", "layout", "scenario_hash", "seed", "episode", "updates", "agent_steps")
    return (
        all(repr(getattr(one, name)) == repr(getattr(other, name)) for name in names)
        and all(torch.equal(a, b) for a, b in zip(one.state, other.state, strict=True))
        and all(np.array_equal(one.memory[name], other.memory[name]) for name in one.memory)
    )


@pytest.mark.full
def test_whatever_bit_is_flipped_it_is_refused_or_right(saved):
    path, _ = saved
    whole, right = path.read_bytes(), checkpoint.load(path)
    for bit in random.Random(1).sample(range(8 * len(whole)), 700):
        path.write_bytes(whole[: bit // 8] + bytes([whole[bit // 8] ^ 1 << bit % 8]) + whole[bit // 8 + 1 :])
        try:
            found = checkpoint.load(path)
        except CheckpointError:
            continue
        assert alike(found, right), bit


@pytest.mark.full
def test_whatever_bit_of_its_pickle_is_flipped_it_is_refused_or_right(saved):
    """With a zip that is right: its checksums hide nothing."""
    path, _ = saved
    parts, right = parts_of(path), checkpoint.load(path)
    content = parts["archive/data.pkl"]
    for bit in random.Random(2).sample(range(8 * len(content)), 900):
        bad = content[: bit // 8] + bytes([content[bit // 8] ^ 1 << bit % 8]) + content[bit // 8 + 1 :]
        repacked(path, {**parts, "archive/data.pkl": bad})
        try:
            found = checkpoint.load(path)
        except CheckpointError:
            continue
        assert alike(found, right), bit


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_only_regular_files_are_read(tmp_path, kind):
    path = tmp_path / "c.pt"
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    assert "not a file" in refusal(path)


def test_a_game_goes_on_only_from_what_it_remembers():
    found = made()
    demand_memory("c.pt", found.memory, found.memory)
    for other in ({}, {"means": found.memory["means"]}, {**found.memory, "past": np.zeros(2, dtype=np.float32)}):
        with pytest.raises(CheckpointError, match="what this checkpoint remembers does not fit the game"):
            demand_memory("c.pt", found.memory, other)
