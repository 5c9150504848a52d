"""The loop of a training of numbers: play, learn, write down; stopped anywhere, it goes on to the same bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from marketsim.core import files
from marketsim.core.errors import CheckpointError, MarketsimError, Problem, RunError
from marketsim.core.game import Game
from marketsim.core.learner import Progress, Row
from marketsim.core.rng import Streams
from marketsim.learning.curves import AgentRow, Curves, SpeedRow
from marketsim.learning.numbers.algorithm import Algorithm, Start
from marketsim.learning.numbers.checkpoint import (
    Kinds,
    NumberCheckpoint,
    demand_same,
    load,
    replay_path,
    restore_replay,
    save,
    save_replay,
)
from marketsim.learning.numbers.replay import Replay
from marketsim.learning.numbers.rollout import play_episode
from marketsim.learning.numbers.rows import columns_of, rows_of
from marketsim.learning.numbers.shape import NumberShape, guided, sloped
from marketsim.learning.ppo.checkpoint import demand_memory
from marketsim.learning.ppo.trainer import CHECKPOINT, KEPT

Told: TypeAlias = Callable[[Progress], None] | None


class NumberTraining:
    """A training of a game of numbers in a folder, which is there."""

    def __init__(self, game: Game, algorithm: Algorithm, shape: NumberShape, folder: Path) -> None:
        self._game, self._algorithm, self._shape, self._folder = game, algorithm, shape, folder
        self._labels = guided(game, algorithm.name).labels if algorithm.labelled else None
        self._slopes = sloped(game, algorithm.name).slopes if algorithm.sloped else None
        self._replay = Replay(shape, algorithm.kept, labelled=algorithm.labelled, sloped=algorithm.sloped)

    def run(
        self,
        kinds: Kinds,
        *,
        seed: int,
        scenario_hash: str,
        start: Callable[[], Start | None],
        resume: bool,
        progress: Told,
    ) -> NumberCheckpoint:
        """Train to the end; the last checkpoint.

        With ``resume`` the training in the folder goes on; ends with the same bytes as one that was never stopped. On an
        interrupt the latest round is kept. ``start`` is asked at the very beginning alone. Raises CheckpointError for a
        folder that holds no training, or another one, and RunError where the game or the disk fails.
        """
        torch.set_num_threads(self._algorithm.params.threads)
        path = self._folder / CHECKPOINT
        if not resume and path.exists():
            raise CheckpointError([Problem("there is a training already", file=str(path), hint="go on with --resume")])
        current = self._beginning(seed, scenario_hash, None if resume else start())
        if resume:
            current = self._resumed(path, load(path, kinds), current)
        try:
            if not resume:
                self._save(current)  # so that a training killed early can be resumed, too
            return self._train(current, progress)
        except OSError as error:
            raise RunError(f"cannot write the training to {self._folder}: {error.strerror or error}") from error

    def _beginning(self, seed: int, scenario_hash: str, start: Start | None) -> NumberCheckpoint:
        first = int(Streams((seed,)).keys("weights")[0] >> np.uint64(1))
        algorithm = self._algorithm
        state = algorithm.initial(torch.Generator().manual_seed(first), start)
        return NumberCheckpoint(
            algorithm.name, algorithm.params, self._shape, self._game.layout, scenario_hash, seed, 0, 0, state, {}
        )

    def _resumed(self, path: Path, found: NumberCheckpoint, wanted: NumberCheckpoint) -> NumberCheckpoint:
        demand_same(path, found, wanted)
        if found.episode:
            demand_memory(path, found.memory, _memory(self._game))
            self._game.recall(found.memory)
        if found.replay:
            restore_replay(replay_path(self._folder, found.episode), found, self._replay)
        elif found.episode < self._algorithm.rounds and found.episode and self._algorithm.remembers:
            raise CheckpointError([Problem("this checkpoint says nothing of what was played lately", file=str(path))])
        return found

    def _train(self, current: NumberCheckpoint, progress: Told) -> NumberCheckpoint:
        algorithm, shape = self._algorithm, self._game.shape
        columns, agents = columns_of(shape, algorithm), current.layout.agents
        with Curves(self._folder, current.episode, columns, agents, tensorboard=algorithm.params.tensorboard) as curves:
            try:
                while current.episode < algorithm.rounds:
                    after, row, of_agents, speed = self._advanced(current)
                    curves.add(row, of_agents, speed)
                    current = after  # not before: an interrupt here must not save a round without its rows
                    if progress is not None:
                        progress(Progress(row, shape.scores, algorithm.rounds, speed.agent_steps_per_s))
                    if current.episode % algorithm.params.checkpoint_every == 0 or current.episode >= algorithm.rounds:
                        curves.sync()
                        current = self._save(current)
            except (KeyboardInterrupt, MarketsimError):
                curves.sync()
                self._save(current)
                raise
        return current

    def _advanced(self, current: NumberCheckpoint) -> tuple[NumberCheckpoint, Row, list[AgentRow], SpeedRow]:
        """The training after another round. ``current`` is left as it is, so an interrupt finds it whole."""
        algorithm, began = self._algorithm, time.perf_counter()
        number = current.episode
        player = algorithm.player(current.state, number)
        played = play_episode(self._game, self._shape, player, current.seed, number, self._labels, self._slopes)
        self._replay.put(number, played, algorithm.critical(played))
        played_at = time.perf_counter()
        state = {name: tensor.clone() for name, tensor in current.state.items()}
        state, report = algorithm.learn(state, self._replay, played, number, Streams((current.seed,)))
        decisions = played.reward.size
        after = current._replace(
            episode=number + 1,
            agent_steps=current.agent_steps + decisions,
            state=state,
            memory=_memory(self._game),
        )
        ended = time.perf_counter()
        speed = SpeedRow(after.episode, played_at - began, ended - played_at, decisions / (ended - began))
        row, agents = rows_of(after, played, report, algorithm)
        return after, row, agents, speed

    def _save(self, current: NumberCheckpoint) -> NumberCheckpoint:
        """Write a checkpoint, what it needs of what was played first; files of earlier ones go last."""
        algorithm, folder = self._algorithm, self._folder
        goes_on = current.episode < algorithm.rounds and current.episode > 0 and algorithm.remembers
        beside = replay_path(folder, current.episode)
        replay = (
            save_replay(beside, algorithm.name, current.episode, self._replay.contents(current.episode))
            if goes_on
            else ""
        )
        saved = current._replace(replay=replay)
        save(folder / CHECKPOINT, saved)
        for path in folder.glob("replay-*.pt"):
            if not goes_on or path != beside:
                path.unlink()
        if algorithm.params.keep_checkpoints and current.episode:
            kept = folder / KEPT
            files.make_folder(kept)
            files.replace(kept / f"round-{current.episode:06d}.pt", (folder / CHECKPOINT).read_bytes(), durable=False)
        return saved


def _memory(game: Game) -> dict[str, NDArray[Any]]:
    return {name: np.array(values) for name, values in game.memory().items()}
