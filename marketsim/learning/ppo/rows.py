"""What a training of this learner says of an update: the rows of its curves."""

from __future__ import annotations

from functools import reduce
from typing import Final

import numpy as np

from marketsim.core import game
from marketsim.core.arrays import FloatArray
from marketsim.core.learner import Row
from marketsim.learning.curves import AgentRow, CurveColumns
from marketsim.learning.ppo.checkpoint import Checkpoint
from marketsim.learning.ppo.rollout import Rollout
from marketsim.learning.ppo.update import UpdateReport

MOVEMENT: Final = {
    "kl": "mean over agents of the divergence of this update [nat]",
    "highest_kl": "of the agent whose policy moved most [nat]",
    "entropy": "of the policies, all heads together [nat]",
    "clipped": "share of decisions beyond the clip range",
    "policy_loss": "clipped loss of the policies after the update, advantages standardised",
    "explained_variance": "of the returns by the critics before the update",
    "stopped": "agents whose update the trust region ended",
    "undone": "agents whose last epoch the trust region undid",
}
"""Columns of what an update did, after returns and scores."""
OF_AGENT: Final = ("kl", "entropy", "epochs", "stopped", "undone")
"""The same of an agent; ``epochs`` are those that count, undone ones left out."""


def columns_of(shape: game.Shape) -> CurveColumns:
    """Names of the values of each row: return, its parts and the lowest of an agent, scores, movement."""
    updates = ("learning_rate", "total", *shape.rewards, "lowest", *shape.scores, *MOVEMENT)
    return CurveColumns(updates, ("total", *shape.rewards, *OF_AGENT))


def rows_of(
    after: Checkpoint, played: Rollout, report: UpdateReport, learning_rate: float
) -> tuple[Row, list[AgentRow]]:
    """The rows of an update, of all agents and of each; ``after`` is the training after it."""
    n_episodes = played.ended.sum() * after.shape.n_markets
    rewards = {name: part.sum(axis=(0, 1)) / n_episodes for name, part in played.rewards.items()}
    total = reduce(np.add, rewards.values()) if rewards else played.reward.sum(axis=(0, 1)) / n_episodes
    values: dict[str, float] = {
        "learning_rate": learning_rate,
        "total": float(total.mean()),
        **{name: float(part.mean()) for name, part in rewards.items()},
        "lowest": float(total.min()),
        **{name: _mean(score) for name, score in played.scores.items()},
        "kl": _mean(report.kl),
        "highest_kl": float(report.kl.max()),
        "entropy": _mean(report.entropy),
        "clipped": _mean(report.clipped),
        "policy_loss": _mean(report.policy_loss),
        "explained_variance": _mean(report.explained_variance),
        "stopped": int(report.stopped.sum()),
        "undone": int(report.undone.sum()),
    }
    row = Row(after.updates, after.episode * after.shape.n_markets, after.agent_steps, values)
    own = {
        "total": total,
        **rewards,
        "kl": report.kl,
        "entropy": report.entropy,
        "epochs": report.epochs,
        "stopped": report.stopped.astype(np.int64),
        "undone": report.undone.astype(np.int64),
    }
    lists = {name: of_agents.tolist() for name, of_agents in own.items()}
    agents = [
        AgentRow(after.updates, agent, {name: of_agents[a] for name, of_agents in lists.items()})
        for a, agent in enumerate(after.layout.agents)
    ]
    return row, agents


def _mean(values: FloatArray) -> float:
    """Mean of what is defined; NaN where nothing is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")
