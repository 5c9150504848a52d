"""Parameters of the learner ``ppo``: what stands under ``learning.learner`` in a scenario.

No default here is a paper's number unless its docstring says so; all of them are choices that a scenario can change.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from marketsim.core.params import Params

Width = Annotated[int, Field(ge=1, le=4096)]


class TrustRegionParams(Params):
    """How far an agent's policy may move in one update, in approximate KL divergence of all its heads together."""

    target: float = Field(default=0.01, gt=0.0)
    """Divergence that is aimed at [nat]."""
    stop: float = Field(default=1.5, gt=0.0)
    """An agent's update ends after an epoch that leaves it above this many targets [-]."""
    undo: float = Field(default=3.0, gt=0.0)
    """An epoch that leaves an agent above this many targets is undone: weights and optimiser go back [-]."""

    @model_validator(mode="after")
    def _undo_is_beyond_stop(self) -> TrustRegionParams:
        if self.undo < self.stop:
            raise ValueError("undo must be at least stop: what is undone is stopped, too")
        return self


class LearnerParams(Params):
    """Proximal policy optimisation of many agents (Schulman et al. 2017, arXiv 1707.06347; Yu et al. 2022, arXiv 2103.01955)."""

    policies: Literal["independent", "shared", "alike"] = "independent"
    """A network for each agent (`independent`), one for all that knows which agent it acts for (`shared`), or one for all that
    does not (`alike`): it can act for agents that it was not trained with."""
    critic: Literal["local", "central"] = "local"
    """Values from what the agent sees (`local`), or also from the state of its market (`central`, MAPPO)."""
    joint_head: bool = False
    """Choose price, quantity and charge as one of all combinations instead of each by itself."""
    hidden: tuple[Width, ...] = Field(default=(64, 64), min_length=1, max_length=8)
    """Widths of the hidden layers of policies and critics; tanh."""
    markets: int = Field(default=16, ge=1, le=4096)
    """Markets played side by side."""
    episodes: int = Field(default=10_000, ge=1, le=10**9)
    """Episodes in all, those of every market counted, rounded up to whole rounds; the authors train 10,000."""
    agent_steps: int | None = Field(default=None, ge=1)
    """Ends the training after the round that reaches so many decisions of agents; null: `episodes` decides."""
    rounds_per_update: int = Field(default=1, ge=1, le=1000)
    """Rounds (an episode in each market) between two updates of the policies."""
    learning_rate: float = Field(default=3e-4, gt=0.0, le=1.0)
    """Step size of Adam at the beginning [-]."""
    anneal: bool = True
    """Whether the learning rate falls linearly to zero over the training."""
    epochs: int = Field(default=4, ge=1, le=100)
    """Passes over the data of an update, 4 to 10 as a rule; the trust region may end them earlier."""
    minibatches: int = Field(default=4, ge=1, le=1024)
    """Parts that each epoch splits the data into, a gradient step each."""
    clip: float = Field(default=0.2, gt=0.0, lt=1.0)
    """Ratio of new to old probability beyond which nothing is gained, as a distance from 1 [-]."""
    gamma: float = Field(default=0.99, ge=0.0, le=1.0)
    """Discount of a reward for each slot that it lies ahead [-]."""
    gae_lambda: float = Field(default=0.95, ge=0.0, le=1.0)
    """Weight of longer returns in the advantage (Schulman et al. 2016, arXiv 1506.02438) [-]."""
    entropy_bonus: float = Field(default=0.01, ge=0.0)
    """Weight of the policy's entropy in the loss [1/nat]."""
    value_weight: float = Field(default=0.5, ge=0.0)
    """Weight of the critic's loss [-]."""
    max_gradient: float = Field(default=0.5, gt=0.0)
    """Longest gradient of an agent; longer ones are scaled down to it [-]."""
    trust_region: TrustRegionParams = TrustRegionParams()
    """Stability of the policy updates."""
    normalise_observations: bool = False
    """Scale observations by their running mean and deviation; what the game shows is about [-1, 1] already."""
    normalise_rewards: bool = True
    """Divide each agent's rewards by the running deviation of its discounted return."""
    checkpoint_every: int = Field(default=25, ge=1)
    """Updates between two checkpoints; there is one at the end in any case."""
    keep_checkpoints: bool = False
    """Keep each checkpoint under its own name beside the latest."""
    tensorboard: bool = False
    """Write the learning curves for TensorBoard, too (needs the package tensorboard)."""
    threads: int = Field(default=1, ge=1, le=256)
    """Threads of the matrix products; more than one rarely pays at these sizes."""

    @model_validator(mode="after")
    def _alike_sees_alike(self) -> LearnerParams:
        if self.policies == "alike" and self.normalise_observations:
            raise ValueError("policies that are alike cannot scale what each agent sees by its own running mean")
        return self

    def rounds(self, n_agents: int, slots: int) -> int:
        """Rounds of the whole training with so many agents a market and slots an episode: the game's last episode + 1."""
        by_episodes = math.ceil(self.episodes / self.markets)
        if self.agent_steps is None:
            return by_episodes
        return min(by_episodes, math.ceil(self.agent_steps / (self.markets * n_agents * slots)))
