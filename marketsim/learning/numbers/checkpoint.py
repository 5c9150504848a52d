"""Checkpoints of learners of numbers, in the envelope of all checkpoints; what was played lately lies in a file beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marketsim.core.errors import CheckpointError, Problem
from marketsim.core.files import strict_json
from marketsim.core.game import Layout
from marketsim.learning.contents import (
    COUNT,
    MAPPING,
    TENSOR,
    TEXT,
    demand,
    demand_game,
    demand_named,
    demand_tensor,
    layout_of,
    of_layout,
    of_memory,
)
from marketsim.learning.envelope import digest, is_whole, read, refusal, write
from marketsim.learning.numbers.algorithm import LearnedState, StateSizes
from marketsim.learning.numbers.params import NumberLearnerParams
from marketsim.learning.numbers.replay import FIELDS, Replay
from marketsim.learning.numbers.shape import NumberShape

_COUNTS: Final = ("seed", "episode", "agent_steps")
_TEXTS: Final = ("learner", "params", "scenario_hash", "replay")
_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("format", "sha256", *_TEXTS), TEXT),
    **dict.fromkeys(("version", *_COUNTS), COUNT),
    **dict.fromkeys(("shape", "layout", "state", "memory"), MAPPING),
}
_SHAPE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("n_markets", "n_agents", "n_features", "n_state", "slots"), COUNT),
    **dict.fromkeys(("low", "high"), TENSOR),
}
_REPLAY_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("format", "sha256", "learner"), TEXT),
    **dict.fromkeys(("version", "episode"), COUNT),
    **dict.fromkeys(FIELDS, TENSOR),
}
_MOST_NUMBERS: Final = 2**29
"""Of a state: more fit into no checkpoint."""


class NumberCheckpoint(NamedTuple):
    """A training between two rounds. Random numbers are drawn from counters, so seed and counters are their state."""

    learner: str
    params: NumberLearnerParams
    shape: NumberShape
    layout: Layout
    """Whose policies they are, and what they see."""
    scenario_hash: str
    """Of the scenario that was trained; empty for a game without one."""
    seed: int
    episode: int
    """Rounds that have been played and learned from."""
    agent_steps: int
    """Decisions of agents that have been made."""
    state: LearnedState
    """All that is learned."""
    memory: Mapping[str, NDArray[Any]]
    """What the game's rewards remember across episodes."""
    replay: str = ""
    """Digest of what was played lately, which lies beside; empty where nothing of it is needed any more."""


class LearnerKind(NamedTuple):
    """What has to be known of a learner to read its checkpoints."""

    params: type[NumberLearnerParams]
    sizes: Callable[[Any, NumberShape], StateSizes]
    """(parameters, shape of the game) -> shapes of the state, without making any of it."""


Kinds: TypeAlias = Mapping[str, LearnerKind]
"""Learners of numbers by name."""


def save(path: Path, checkpoint: NumberCheckpoint) -> None:
    """Write a checkpoint in place of ``path``, in one step and down to the disk; OSError where that fails."""
    shape = checkpoint.shape
    sizes = {name: getattr(shape, name) for name in ("n_markets", "n_agents", "n_features", "n_state", "slots")}
    write(
        path,
        {
            "learner": checkpoint.learner,
            "params": checkpoint.params.model_dump_json(),
            "shape": {**sizes, "low": torch.tensor(shape.low), "high": torch.tensor(shape.high)},
            "layout": of_layout(checkpoint.layout),
            "scenario_hash": checkpoint.scenario_hash,
            **{name: getattr(checkpoint, name) for name in _COUNTS},
            "state": {name: _alone(checkpoint.state[name]) for name in sorted(checkpoint.state)},
            "memory": of_memory(checkpoint.memory),
            "replay": checkpoint.replay,
        },
    )


def _alone(tensor: Tensor) -> Tensor:
    """A tensor with a storage of its own: of a view the whole storage would be written."""
    return tensor.detach().clone(memory_format=torch.contiguous_format)


def load(path: Path, kinds: Kinds) -> NumberCheckpoint:
    """Read a checkpoint; CheckpointError where it is missing, damaged, not of these learners, or of another version."""
    return understood(path, read(path), kinds)


def understood(path: Path, content: Mapping[str, Any], kinds: Kinds) -> NumberCheckpoint:
    """The checkpoint of what ``path`` holds; CheckpointError as for ``load``."""
    try:
        learner = content.get("learner")
        if not isinstance(learner, str) or learner not in kinds:
            hint = "name a checkpoint of one of " + ", ".join(sorted(kinds))
            raise refusal(
                path, "this checkpoint is not of a learner of numbers", hint, str(content.get("learner", "ppo"))[:40]
            )
        demand(content, _KINDS, "")
        demand(content["shape"], _SHAPE, "shape.")
        demand_named(content["layout"], content["memory"])
        if not all(isinstance(name, str) for name in content["state"]):
            raise ValueError("state has names that are none")
        demand(content["state"], dict.fromkeys(content["state"], TENSOR), "state.")
        if not is_whole(content):
            raise refusal(path, "this checkpoint is damaged: its contents do not match their checksum")
        kind = kinds[learner]
        params = kind.params.model_validate(strict_json(content["params"]), strict=False)
        return _checkpoint(content, params, kind)
    except (ValueError, RecursionError) as error:
        text = " ".join(str(error).split())
        raise refusal(path, f"this checkpoint is damaged: {text[:300]}") from error


def _checkpoint(content: Mapping[str, Any], params: NumberLearnerParams, kind: LearnerKind) -> NumberCheckpoint:
    shape = _shape(content)
    wanted = kind.sizes(params, shape)
    if sum(int(np.prod(size, dtype=np.float64)) for size in wanted.values()) > _MOST_NUMBERS:
        raise ValueError("its networks are larger than any that was trained")
    demand(content["state"], dict.fromkeys(wanted, TENSOR), "state.")
    for name, size in wanted.items():
        lowest = 0.0 if name.endswith((".square", ".steps")) else None
        demand_tensor(content["state"][name], f"state.{name}", torch.float32, size, lowest)
    for name in _COUNTS[1:]:
        if content[name] < 0:
            raise ValueError(f"{name} is {content[name]}")
    return NumberCheckpoint(
        learner=content["learner"],
        params=params,
        shape=shape,
        layout=layout_of(content["layout"]),
        scenario_hash=content["scenario_hash"],
        **{name: content[name] for name in _COUNTS},
        state=dict(content["state"]),
        memory={name: values.numpy() for name, values in content["memory"].items()},
        replay=content["replay"],
    )


def _shape(content: Mapping[str, Any]) -> NumberShape:
    found = content["shape"]
    demand_game(found, content["layout"], content["memory"])
    low, high = found["low"], found["high"]
    if low.dim() != 2 or not 1 <= low.shape[1] <= 10_000:
        raise ValueError("shape.low has no numbers of an action")
    for name, bound in (("low", low), ("high", high)):
        demand_tensor(bound, f"shape.{name}", torch.float64, (found["n_agents"], low.shape[1]))
    if bool((low > high).any()):
        raise ValueError("shape.low is above shape.high")
    return NumberShape(**{**found, "low": low.numpy(), "high": high.numpy()})


def demand_same(path: Path, found: NumberCheckpoint, wanted: NumberCheckpoint) -> None:
    """CheckpointError unless ``found`` can go on as the training that ``wanted`` begins."""
    another = "or train into another --out"
    if found.scenario_hash != wanted.scenario_hash:
        hint = f"resume with the scenario and the --set values that it began with, {another}"
        raise refusal(path, "this checkpoint was trained on another scenario", hint)
    if found.learner != wanted.learner:
        raise refusal(path, "this checkpoint is of another learner", f"resume with it, {another}", found.learner)
    if found.params != wanted.params:
        ours, theirs = wanted.params.model_dump(), found.params.model_dump()
        changed = next(key for key in ours if ours[key] != theirs[key])
        message = f"this checkpoint was trained with another learning.learner.{found.learner}.{changed}"
        raise refusal(path, message, f"resume with the parameters that it began with, {another}", theirs[changed])
    if found.seed != wanted.seed:
        raise refusal(path, "this checkpoint was trained with another seed", f"resume with --seed {found.seed}")
    demand_playable(path, found.shape, wanted.shape)


def demand_playable(path: Path, found: NumberShape, wanted: NumberShape) -> None:
    """CheckpointError unless policies of ``found`` can play a game of shape ``wanted``, of any number of markets and slots."""
    fit = "its policies fit only the agents, observations and actions that they were trained with"
    for name in ("n_agents", "n_features", "n_state", "n_numbers"):
        ours, theirs = getattr(wanted, name), getattr(found, name)
        if ours != theirs:
            raise refusal(path, f"this checkpoint is of a game with other {name}: {theirs}, here {ours}", fit)
    if not (np.array_equal(found.low, wanted.low) and np.array_equal(found.high, wanted.high)):
        raise refusal(path, "this checkpoint is of a game whose actions have other bounds", fit)


def replay_path(folder: Path, episode: int) -> Path:
    """File of what was played lately, once ``episode`` rounds are over."""
    return folder / f"replay-{episode:06d}.pt"


def save_replay(path: Path, learner: str, episode: int, contents: Mapping[str, Tensor]) -> str:
    """Write what was played lately; its digest, which the checkpoint names."""
    write(path, {"learner": learner, "episode": episode, **contents})
    return digest(contents)


def restore_replay(path: Path, found: NumberCheckpoint, replay: Replay) -> None:
    """Fill a replay with what was played before ``found``; CheckpointError where its file is missing, damaged or another's."""
    if not path.exists():
        hint = "put back the file that the training wrote, or train anew into another --out"
        raise CheckpointError([Problem("what this training played lately is missing", file=str(path), hint=hint)])
    content = read(path)
    try:
        demand(content, _REPLAY_KINDS, "")
        contents = {name: content[name] for name in FIELDS}
        if not is_whole(content) or digest(contents) != found.replay:
            raise refusal(path, "what was played lately does not match its checkpoint", "train anew into another --out")
        replay.restore(found.episode, contents)
    except ValueError as error:
        raise refusal(path, f"what was played lately is damaged: {' '.join(str(error).split())[:300]}") from error
