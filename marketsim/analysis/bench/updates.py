"""Gradient steps of a learner of numbers, on a game that costs nothing."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np

from marketsim.analysis.bench.rows import BenchFailed, BenchRow
from marketsim.app.memory import keep_memory
from marketsim.core.build import OPEN
from marketsim.core.game import Actions, Box, Features, Layout, Memoryless, Shape, Step
from marketsim.learning.curves import read_curves
from marketsim.learning.number_learner import NumberLearner
from marketsim.learning.offpolicy.params import CriticKind, SacParams

MARKETS, AGENTS, SLOTS, FEATURES, NUMBERS, STATE = 16, 20, 24, 14, 5, 30
ROUNDS, BATCH, SEED = 4, 128, 1
CROWD: Final = 100
"""Agents of the larger game, by which growth is told."""
TARGETS: Final = {"mlp": (38.0, 20.0), "attention": (150.0, 60.0), "differential": (150.0, 75.0)}
"""Critics, with the longest step that is aimed at, and the stretch [ms]."""


class ToyNumbers(Memoryless):
    """Random features; an agent is paid for setting its numbers to its first five features."""

    def __init__(self, agents: int) -> None:
        ones = np.ones((agents, NUMBERS))
        self.shape = Shape(MARKETS, agents, FEATURES, STATE, Box(-ones, ones), SLOTS, ("close",))
        names = tuple(str(feature) for feature in range(FEATURES))
        zero = np.zeros((agents, FEATURES))
        self.layout = Layout(tuple(f"agent {a}" for a in range(agents)), names, zero, zero + 1.0, 10.0)
        self._state = np.zeros((MARKETS, STATE), dtype=np.float32)
        self._slot = 0

    def reset(self, episode: int) -> tuple[Features, Features]:
        """Begin an episode."""
        rng = np.random.default_rng([SEED, episode])
        shape = (SLOTS + 1, MARKETS, self.shape.n_agents, FEATURES)
        self._looks = rng.uniform(-1.0, 1.0, shape).astype(np.float32)
        self._slot = 0
        return self._looks[0], self._state

    def step(self, actions: Actions) -> Step:
        """Play a slot."""
        close = -((actions - self._looks[self._slot, :, :, :NUMBERS]) ** 2).mean(axis=2)
        self._slot += 1
        return Step(self._looks[self._slot], self._state, close, {"close": close}, self._slot == SLOTS)


def step_ms(critic: str, agents: int) -> float:
    """CPU time of a gradient step of critics and policies with critics of a kind [ms]: median of rounds after the first.

    The slot that it is made for is played in it, too.
    """
    params = SacParams(
        markets=MARKETS, episodes=MARKETS * ROUNDS, batch=BATCH, warm_up=0, critic=CriticKind.model_validate(critic)
    )
    keep_memory()
    ended_s: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        NumberLearner("sac", params, OPEN).train(
            ToyNumbers(agents),
            Path(folder),
            seed=SEED,
            scenario_hash="",
            progress=lambda _: ended_s.append(time.process_time()),
        )
        losses = read_curves(Path(folder))["critic_loss"]
    if not losses[-1] < losses[0]:
        raise BenchFailed(f"critics learned nothing: losses {losses}")
    return 1_000.0 * statistics.median(np.diff(ended_s).tolist()) / SLOTS


def rows() -> list[BenchRow]:
    """A gradient step with each kind of critic."""
    workload = f"SAC, {AGENTS} agents with {NUMBERS} numbers, batch {BATCH}, twin critics, policies moved each time, one thread"
    return [
        BenchRow(
            f"gradient step, critics: {critic}", step_ms(critic, AGENTS), "ms CPU", target, stretch, False, workload
        )
        for critic, (target, stretch) in TARGETS.items()
    ]


def crowd_rows() -> list[BenchRow]:
    """The same with more agents; reported without targets."""
    rows = []
    for critic in TARGETS:
        few_ms, many_ms = (step_ms(critic, agents) for agents in (AGENTS, CROWD))
        grown = f"{CROWD / AGENTS:.0f}x the agents: {many_ms / few_ms:.1f}x the time of {few_ms:.0f} ms; batch {BATCH}"
        rows.append(
            BenchRow(f"gradient step, {CROWD} agents, critics: {critic}", many_ms, "ms CPU", None, None, False, grown)
        )
    return rows
