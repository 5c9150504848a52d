"""Learning with updates on a game that costs nothing, against a plain stable-baselines3 PPO on the same game."""

from __future__ import annotations

import importlib
import statistics
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from marketsim.analysis.bench.rows import BenchFailed, BenchRow, once_s
from marketsim.app.memory import keep_memory
from marketsim.core.arrays import FloatArray
from marketsim.core.game import Actions, Categorical, Features, Layout, Shape, Step
from marketsim.core.learner import Progress
from marketsim.learning.params import LearnerParams, TrustRegionParams
from marketsim.learning.ppo.learner import Ppo

MARKETS, AGENTS, SLOTS, FEATURES, HEADS = 16, 20, 24, 16, (11, 5)
UPDATES, SEED = 12, 1
PARAMS = LearnerParams(
    markets=MARKETS,
    episodes=MARKETS * UPDATES,
    anneal=False,
    learning_rate=1e-3,
    trust_region=TrustRegionParams(target=1e9),
)
"""Two hidden layers of 64, 4 epochs of 4 minibatches; the trust region ends none of them early."""


class ToyGame:
    """Random features; an agent is paid for naming the largest of its first 11 and of its last 5 features."""

    def __init__(self) -> None:
        used = np.ones((AGENTS, len(HEADS)), dtype=np.bool_)
        self.shape = Shape(MARKETS, AGENTS, FEATURES, 1, Categorical(HEADS, used), SLOTS, ("economic",))
        names = tuple(str(feature) for feature in range(FEATURES))
        zero = np.zeros((AGENTS, FEATURES))
        self.layout = Layout(tuple(f"agent {a}" for a in range(AGENTS)), names, zero, zero + 1.0, 10.0)
        self._state = np.zeros((MARKETS, 1), dtype=np.float32)
        self._draw(0)

    def _draw(self, episode: int) -> None:
        rng = np.random.default_rng([SEED, episode])
        self._looks = rng.standard_normal((SLOTS + 1, MARKETS, AGENTS, FEATURES), dtype=np.float32)
        best = (self._looks[..., : HEADS[0]].argmax(axis=3), self._looks[..., -HEADS[1] :].argmax(axis=3))
        self._best = np.stack(best, axis=3)
        self._slot = 0

    def memory(self) -> Mapping[str, FloatArray]:
        """Nothing."""
        return {}

    def recall(self, memory: Mapping[str, FloatArray]) -> None:
        """Nothing to recall."""

    def reset(self, episode: int) -> tuple[Features, Features]:
        """Begin an episode."""
        self._draw(episode)
        return self._looks[0], self._state

    def close(self, *, wait: bool = True) -> Mapping[str, object]:  # noqa: ARG002 - part of the port
        """There is nothing to release."""
        return {}

    def step(self, actions: Actions) -> Step:
        """Play a slot."""
        economic = (actions == self._best[self._slot]).mean(axis=2)
        self._slot += 1
        ended = self._slot == SLOTS
        return Step(self._looks[self._slot], self._state, economic, {"economic": economic}, ended)


def ours(params: LearnerParams) -> float:
    """Agent-steps a second of our learner, playing and learning: median of its updates after the first."""
    keep_memory()
    seen: list[Progress] = []
    with tempfile.TemporaryDirectory() as folder:
        Ppo(params).train(ToyGame(), Path(folder), seed=SEED, scenario_hash="", progress=seen.append)
    returns = [each.row.values["total"] for each in seen]
    if not returns[-1] > returns[0]:
        raise BenchFailed(f"nothing was learned: returns {returns}")
    return statistics.median(each.agent_steps_per_s for each in seen[1:])


def theirs() -> float:
    """The same of stable-baselines3: one network for all agents, the same sizes, epochs and minibatches."""
    plain = importlib.import_module("stable_baselines3")  # not in the lock: who wants the comparison installs it
    decisions = MARKETS * AGENTS * SLOTS
    learner = plain.PPO(
        "MlpPolicy", _vector(), n_steps=SLOTS, batch_size=decisions // PARAMS.minibatches, n_epochs=PARAMS.epochs,
        learning_rate=PARAMS.learning_rate, seed=SEED, device="cpu",
    )  # fmt: skip
    learner.learn(decisions)
    return statistics.median(decisions / once_s(lambda: learner.learn(decisions)) for _ in range(UPDATES - 1))


def _vector() -> Any:
    """The toy game as a vector of one-agent environments, as stable-baselines3 wants it."""
    spaces = importlib.import_module("gymnasium.spaces")
    base: Any = importlib.import_module("stable_baselines3.common.vec_env").VecEnv

    class Vector(base):  # type: ignore[misc]
        def __init__(self) -> None:
            self.game, self.episode = ToyGame(), 0
            super().__init__(
                MARKETS * AGENTS, spaces.Box(-10.0, 10.0, (FEATURES,), np.float32), spaces.MultiDiscrete(list(HEADS))
            )

        def reset(self) -> Features:
            seen, _ = self.game.reset(self.episode)
            return seen.reshape(self.num_envs, FEATURES)

        def step_async(self, actions: Actions) -> None:
            self.actions = actions

        def step_wait(self) -> tuple[Features, FloatArray, Any, list[dict[str, Any]]]:
            step = self.game.step(self.actions.reshape(MARKETS, AGENTS, len(HEADS)))
            seen = step.seen.reshape(self.num_envs, FEATURES)
            infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
            if step.ended:
                infos = [{"terminal_observation": row} for row in seen]
                self.episode += 1
                seen = self.reset()
            return seen, step.reward.reshape(-1), np.full(self.num_envs, step.ended), infos

        def close(self) -> None: ...

        def get_attr(self, *_: Any) -> list[Any]:
            return [None] * self.num_envs

        def set_attr(self, *_: Any) -> None: ...

        def env_method(self, *_: Any, **__: Any) -> list[Any]:
            return [None] * self.num_envs

        def env_is_wrapped(self, *_: Any) -> list[bool]:
            return [False] * self.num_envs

    return Vector()


def rows() -> list[BenchRow]:
    """Agent-steps a second with updates, and the ratio to stable-baselines3 if it is installed."""
    own = ours(PARAMS)
    shared = ours(PARAMS.model_copy(update={"policies": "shared"}))
    workload = f"{MARKETS} markets x {AGENTS} agents x {SLOTS} slots, heads {HEADS}, toy game, one thread, seed {SEED}"
    detail = f"{workload}; one network for all: {shared:,.0f}"
    found = [BenchRow("PPO with updates, a network for each agent", own, "agent-steps/s", 25_000, 40_000, True, detail)]
    if find_spec("stable_baselines3") is not None:
        plain = theirs()
        detail = f"same game, sizes, epochs and minibatches; stable-baselines3, one network for all: {plain:,.0f} agent-steps/s"
        found.append(BenchRow("the same vs stable-baselines3 PPO", own / plain, "x", 1.0, 1.5, True, detail))
    return found
