"""The loop of a training: play, learn, write down; stopped anywhere, it goes on to the same bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from marketsim.core import files
from marketsim.core.errors import CheckpointError, MarketsimError, Problem, RunError
from marketsim.core.game import Game
from marketsim.core.learner import Progress, Row
from marketsim.core.rng import Streams
from marketsim.learning import adam
from marketsim.learning.curves import AgentRow, Curves, SpeedRow
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo.checkpoint import Checkpoint, demand_memory, demand_same, load, save
from marketsim.learning.ppo.networks import Networks, make_networks
from marketsim.learning.ppo.rollout import Rollout, play
from marketsim.learning.ppo.rows import columns_of, rows_of
from marketsim.learning.ppo.scales import RunningMoments, discounted_sums, new_scales, observation_scale, scaled_state
from marketsim.learning.ppo.shape import shape_of
from marketsim.learning.ppo.update import Experience, update

CHECKPOINT: Final = "checkpoint.pt"
"""The latest checkpoint in a training's folder."""
KEPT: Final = "checkpoints"
"""Folder of earlier ones, where they are kept."""


class FinishedTraining(NamedTuple):
    """A finished training."""

    folder: Path
    checkpoint: Path
    last: Checkpoint
    """Its contents."""


def train(
    game: Game,
    params: LearnerParams,
    folder: Path,
    *,
    seed: int = 1,
    scenario_hash: str = "",
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> FinishedTraining:
    """Train all agents of a game and write curves and checkpoints into ``folder``, which is there.

    With ``resume`` the training in the folder goes on; ends with the same weights as one that was never stopped. On an
    interrupt the latest update is kept. Raises CheckpointError for a folder that holds no training, or another one,
    and RunError where the game or the disk fails.
    """
    torch.set_num_threads(params.threads)
    current = _beginning(game, params, seed, scenario_hash)
    path = folder / CHECKPOINT
    if resume:
        found = load(path)
        demand_same(path, found, current)
        current = found
    elif path.exists():
        raise CheckpointError([Problem("there is a training already", file=str(path), hint="go on with --resume")])
    if current.updates:
        demand_memory(path, current.memory, {name: np.array(values) for name, values in game.memory().items()})
        game.recall(current.memory)
    try:
        if not resume:
            save(path, current)  # so that a training killed early can be resumed, too
        return _train(game, current, folder, progress)
    except OSError as error:
        raise RunError(f"cannot write the training to {folder}: {error.strerror or error}") from error


def _beginning(game: Game, params: LearnerParams, seed: int, scenario_hash: str) -> Checkpoint:
    shape = shape_of(game.shape)
    first = int(Streams((seed,)).keys("weights")[0] >> np.uint64(1))
    weights = make_networks(shape, params).initial(torch.Generator().manual_seed(first))
    return Checkpoint(
        params=params,
        shape=shape,
        layout=game.layout,
        scenario_hash=scenario_hash,
        seed=seed,
        episode=0,
        updates=0,
        agent_steps=0,
        state=adam.new_state(weights),
        scales=new_scales(shape.n_agents, shape.n_features, shape.n_state),
        memory={},
    )


def _train(
    game: Game,
    current: Checkpoint,
    folder: Path,
    progress: Callable[[Progress], None] | None,
) -> FinishedTraining:
    params, shape = current.params, game.shape
    networks = current.networks
    rounds = params.rounds(shape.n_agents, shape.slots)
    updates = -(-rounds // params.rounds_per_update)
    agents, columns = current.layout.agents, columns_of(shape)
    with Curves(folder, current.updates, columns, agents, tensorboard=params.tensorboard) as curves:
        try:
            while current.episode < rounds:
                after, row, of_agents, speed = _advanced(game, networks, current, rounds)
                curves.add(row, of_agents, speed)
                current = after  # not before: an interrupt here must not save an update without its rows
                if progress is not None:
                    progress(Progress(row, shape.scores, updates, speed.agent_steps_per_s))
                if current.updates % params.checkpoint_every == 0 or current.episode >= rounds:
                    curves.sync()
                    _save(folder, current)
        except (KeyboardInterrupt, MarketsimError):
            curves.sync()
            _save(folder, current)
            raise
    return FinishedTraining(folder, folder / CHECKPOINT, current)


def _advanced(
    game: Game, networks: Networks, current: Checkpoint, rounds: int
) -> tuple[Checkpoint, Row, list[AgentRow], SpeedRow]:
    """The training after another update. ``current`` is left as it is, so an interrupt finds it whole."""
    params = current.params
    began = time.perf_counter()
    episodes = range(current.episode, min(current.episode + params.rounds_per_update, rounds))
    played = play(game, current.policy(), current.seed, episodes)
    played_at = time.perf_counter()
    scales = current.scales
    if params.normalise_rewards:
        sums = discounted_sums(played.reward, played.ended, params.gamma)
        scales = scales._replace(returns=scales.returns.joined(sums.reshape(-1, sums.shape[2])))
    state = adam.copied(current.state)
    learning_rate = params.learning_rate * (1.0 - current.episode / rounds if params.anneal else 1.0)
    order = Streams((current.seed,)).generator(f"minibatches {current.updates}")
    report = update(networks, state, _experience(played, scales, params), params, learning_rate, order)
    if params.normalise_observations:
        scales = scales._replace(
            seen=scales.seen.joined(played.seen.reshape(-1, *played.seen.shape[2:]).astype(np.float64)),
            state=scales.state.joined(played.state.reshape(-1, played.state.shape[2]).astype(np.float64)),
        )
    decisions = played.reward.size
    after = current._replace(
        episode=episodes.stop,
        updates=current.updates + 1,
        agent_steps=current.agent_steps + decisions,
        state=state,
        scales=scales,
        memory={name: np.array(values) for name, values in game.memory().items()},
    )
    ended = time.perf_counter()
    speed = SpeedRow(after.updates, played_at - began, ended - played_at, decisions / (ended - began))
    row, agents = rows_of(after, played, report, learning_rate)
    return after, row, agents, speed


def _experience(played: Rollout, scales: RunningMoments, params: LearnerParams) -> Experience:
    seen, state = played.seen, played.state
    if params.normalise_observations:
        agents = np.arange(seen.shape[2])
        seen, state = observation_scale(scales.seen)(seen, agents), scaled_state(scales.state, state)
    features = _by_agent(torch.from_numpy(seen))
    critic_features = features
    if params.critic == "central":
        of_market = torch.from_numpy(state).expand(len(features), *state.shape)
        critic_features = torch.cat([features, of_market], dim=3)
    reward = played.reward * (scales.returns.inverse if params.normalise_rewards else 1.0)
    r_t = torch.from_numpy(reward.astype(np.float32)).transpose(1, 2)
    discount = params.gamma * (1.0 - played.ended).astype(np.float32)
    discount_t = torch.from_numpy(discount).view(-1, 1, 1).expand(r_t.shape)
    return Experience(features, critic_features, _by_agent(torch.from_numpy(played.choices)), r_t, discount_t)


def _by_agent(values: Tensor) -> Tensor:
    """[T, M, A, ...] as [A, T, M, ...]."""
    return values.permute(2, 0, 1, 3).contiguous()


def _save(folder: Path, current: Checkpoint) -> None:
    save(folder / CHECKPOINT, current)
    if current.params.keep_checkpoints:
        kept = folder / KEPT
        files.make_folder(kept)
        files.replace(kept / f"update-{current.updates:06d}.pt", (folder / CHECKPOINT).read_bytes(), durable=False)
