"""The strategy ``learned``: policies that were trained, of choices in the market or of set-points."""

from __future__ import annotations

from marketsim.agents.params import LearnedParams
from marketsim.agents.setpoints.learned import setpoint_player
from marketsim.agents.strategies.learned import market_strategy
from marketsim.core.build import BuildContext
from marketsim.core.errors import CheckpointError
from marketsim.core.learner import NumberPolicy, Trained
from marketsim.core.ports import Strategy


def build(params: LearnedParams, context: BuildContext) -> Strategy:
    """The policies of a checkpoint for the agents of ``context``.

    CheckpointError where it cannot be read, knows none of the agents, or saw what this version does not know;
    MissingDependency without torch.
    """
    path = context.fence.file(params.checkpoint, CheckpointError, "the checkpoint")
    if context.policies is None:
        raise ValueError("a strategy of trained policies is built with BuildContext.policies, which loads them")
    trained: Trained = context.policies(path)
    of_numbers = isinstance(trained.policy, NumberPolicy)
    return (setpoint_player if of_numbers else market_strategy)(path, trained, params, context)
