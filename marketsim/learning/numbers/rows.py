"""What a training says of a round: the rows of its curves."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from marketsim.core import game
from marketsim.core.arrays import FloatArray
from marketsim.core.learner import Row
from marketsim.learning.curves import AgentRow, CurveColumns
from marketsim.learning.numbers.algorithm import Algorithm, RoundReport
from marketsim.learning.numbers.checkpoint import NumberCheckpoint
from marketsim.learning.numbers.rollout import PlayedEpisode


def columns_of(shape: game.Shape, algorithm: Algorithm) -> CurveColumns:
    """Names of the values of each row: return, its parts and the lowest of an agent, scores, what the learner says."""
    own, of_agents = algorithm.columns
    return CurveColumns(("total", *shape.rewards, "lowest", *shape.scores, *own), ("total", *shape.rewards, *of_agents))


def rows_of(
    after: NumberCheckpoint, played: PlayedEpisode, report: RoundReport, algorithm: Algorithm
) -> tuple[Row, list[AgentRow]]:
    """The rows of a round, of all agents and of each; ``after`` is the training after it."""
    rewards = {name: _of_agents(part) for name, part in played.rewards.items()}
    total = reduce(np.add, rewards.values()) if rewards else _of_agents(played.reward)
    names, of_agents = algorithm.columns
    values = {
        "total": float(total.mean()),
        **{name: float(part.mean()) for name, part in rewards.items()},
        "lowest": float(total.min()),
        **{name: _mean(score) for name, score in played.scores.items()},
        **{name: report.values.get(name, math.nan) for name in names},
    }
    row = Row(after.episode, after.episode * after.shape.n_markets, after.agent_steps, values)
    unknown = np.full(after.shape.n_agents, math.nan)
    own = {"total": total, **rewards, **{name: report.of_agents.get(name, unknown) for name in of_agents}}
    lists = {name: np.asarray(each, dtype=np.float64).tolist() for name, each in own.items()}
    agents = [
        AgentRow(after.episode, agent, {name: each[a] for name, each in lists.items()})
        for a, agent in enumerate(after.layout.agents)
    ]
    return row, agents


def _of_agents(part: FloatArray) -> FloatArray:
    """Sums over an episode, means over markets, of rewards [T, M, A] [A]."""
    return np.asarray(part.sum(axis=0).mean(axis=0))


def _mean(values: FloatArray) -> float:
    """Mean of what is defined; NaN where nothing is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else math.nan
