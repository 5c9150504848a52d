"""Checkpoints of a training: everything that it needs to go on to the same bytes, in one file that runs no code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from marketsim.core.game import Layout
from marketsim.learning.adam import AdamState
from marketsim.learning.contents import layout_of, of_layout, of_memory
from marketsim.learning.envelope import is_whole, read, refusal, write
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo.checkpoint_schema import demand_fitting, demand_kinds, params_of
from marketsim.learning.ppo.networks import Networks, make_networks
from marketsim.learning.ppo.policy import FrozenPolicy
from marketsim.learning.ppo.scales import Moments, RunningMoments, observation_scale
from marketsim.learning.ppo.shape import PolicyShape


class Checkpoint(NamedTuple):
    """A training between two updates. Random numbers are drawn from counters, so seed and counters are their state."""

    params: LearnerParams
    shape: PolicyShape
    layout: Layout
    """Whose policies they are, and what they see."""
    scenario_hash: str
    """Of the scenario that was trained; empty for a game without one."""
    seed: int
    episode: int
    """Episodes of the game that have been played, in all markets at once."""
    updates: int
    """Updates that have been made."""
    agent_steps: int
    """Decisions of agents that have been made."""
    state: AdamState
    """Weights and optimiser."""
    scales: RunningMoments
    memory: Mapping[str, NDArray[Any]]
    """What the game's rewards remember across episodes."""

    @property
    def networks(self) -> Networks:
        """The networks that the weights belong to."""
        return make_networks(self.shape, self.params)

    def policy(self) -> FrozenPolicy:
        """The policies as they stand, frozen."""
        scale = observation_scale(self.scales.seen) if self.params.normalise_observations else None
        return FrozenPolicy(self.networks.tables(self.state.weights), scale)


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in place of ``path``, in one step and down to the disk; OSError where that fails."""
    write(path, _content(checkpoint))


def load(path: Path) -> Checkpoint:
    """Read a checkpoint; CheckpointError where it is missing, damaged, not ours, or of another version."""
    return understood(path, read(path))


def understood(path: Path, content: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint of what ``path`` holds; CheckpointError where it is damaged, or another learner's."""
    if "learner" in content:
        hint = "go on with that learner, or train into another --out"
        raise refusal(path, "this checkpoint is not of the learner ppo", hint, str(content["learner"])[:40])
    try:
        demand_kinds(content)
        if not is_whole(content):
            raise refusal(path, "this checkpoint is damaged: its contents do not match their checksum")
        params = params_of(content)
        demand_fitting(content, params)
    except (ValueError, RecursionError) as error:
        text = " ".join(str(error).split())
        raise refusal(path, f"this checkpoint is damaged: {text[:300]}") from error
    return _checkpoint(content, params)


def demand_same(path: Path, found: Checkpoint, wanted: Checkpoint) -> None:
    """CheckpointError unless ``found`` can go on as the training that ``wanted`` begins."""
    if found.scenario_hash != wanted.scenario_hash:
        hint = "resume with the scenario and the --set values that it began with, or train into another --out"
        raise refusal(path, "this checkpoint was trained on another scenario", hint)
    if found.params != wanted.params:
        ours, theirs = wanted.params.model_dump(), found.params.model_dump()
        changed = [key for key in ours if ours[key] != theirs[key]]
        hint = "resume with the parameters that it began with, or train into another --out"
        raise refusal(
            path,
            f"this checkpoint was trained with another learning.learner.ppo.{changed[0]}",
            hint,
            theirs[changed[0]],
        )
    if found.seed != wanted.seed:
        raise refusal(path, "this checkpoint was trained with another seed", f"resume with --seed {found.seed}")
    demand_shape(path, found.shape, wanted.shape)


def demand_shape(path: Path, found: PolicyShape, wanted: PolicyShape) -> None:
    """CheckpointError unless policies of ``found`` can play a game of shape ``wanted``, of any number of markets and slots."""
    for name in ("n_agents", "n_features", "n_state", "heads"):
        ours, theirs = getattr(wanted, name), getattr(found, name)
        if ours != theirs:
            text = f"this checkpoint is of a game with other {name}: {theirs}, here {ours}"
            raise refusal(path, text, "its policies fit only the agents and observations that they were trained with")
    if not np.array_equal(found.used, wanted.used):
        raise refusal(path, "this checkpoint is of a game whose agents use other parts of an action", "train anew")


def demand_memory(path: Path, remembered: Mapping[str, NDArray[Any]], fresh: Mapping[str, NDArray[Any]]) -> None:
    """CheckpointError unless the game, whose memory at its beginning is ``fresh``, can go on from what is ``remembered``."""
    ours = {name: (values.shape, values.dtype) for name, values in fresh.items()}
    theirs = {name: (values.shape, values.dtype) for name, values in remembered.items()}
    if ours != theirs:
        changed = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
        raise refusal(
            path, "what this checkpoint remembers does not fit the game", "train anew", ", ".join(changed)[:200]
        )


_AS_THEY_ARE: Final = ("scenario_hash", "seed", "episode", "updates", "agent_steps")
"""Texts and counts that stand in the file under the names of their fields."""


def _content(checkpoint: Checkpoint) -> dict[str, Any]:
    shape = checkpoint.shape
    moments = {
        f"scales.{name}.{part}": torch.as_tensor(value, dtype=torch.float64)
        for name, each in checkpoint.scales._asdict().items()
        for part, value in each._asdict().items()
    }
    return {
        "params": checkpoint.params.model_dump_json(),
        "shape": {**shape._asdict(), "heads": list(shape.heads), "used": torch.from_numpy(shape.used)},
        "layout": of_layout(checkpoint.layout),
        **{name: getattr(checkpoint, name) for name in _AS_THEY_ARE},
        **{f"adam.{name}": tensor for name, tensor in checkpoint.state._asdict().items()},
        **moments,
        "memory": of_memory(checkpoint.memory),
    }


def _checkpoint(content: Mapping[str, Any], params: LearnerParams) -> Checkpoint:
    shape = content["shape"]

    def moments(name: str) -> Moments:
        number, mean, variance = (content[f"scales.{name}.{part}"] for part in Moments._fields)
        return Moments(float(number), mean.numpy(), variance.numpy())

    return Checkpoint(
        params=params,
        shape=PolicyShape(**{**shape, "heads": tuple(shape["heads"]), "used": shape["used"].numpy()}),
        layout=layout_of(content["layout"]),
        **{name: content[name] for name in _AS_THEY_ARE},
        state=AdamState(*(content[f"adam.{name}"] for name in AdamState._fields)),
        scales=RunningMoments(*(moments(name) for name in RunningMoments._fields)),
        memory={name: values.numpy() for name, values in content["memory"].items()},
    )
