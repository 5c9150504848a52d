"""Parameters of the learner ``mappo``.

No default here is a paper's number unless its docstring says so; all of them are choices that a scenario can change.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from marketsim.learning.numbers.params import StartedParams
from marketsim.learning.params import TrustRegionParams


class MappoParams(StartedParams):
    """Proximal policy optimisation of Gaussian policies with centralised critics (Yu et al. 2022, arXiv 2103.01955)."""

    critic: Literal["local", "central"] = "central"
    """Values from what the agent sees (`local`), or also from the state of its market (`central`)."""
    credit: Literal["own", "team"] = "own"
    """Whether an agent learns from its own reward or from the mean of all agents of its market."""
    anneal: bool = True
    """Whether the learning rate falls linearly to zero over the training."""
    epochs: int = Field(default=4, ge=1, le=100)
    """Passes over the data of a round; the trust region may end them earlier."""
    minibatches: int = Field(default=4, ge=1, le=1024)
    """Parts that each epoch splits the data into, a gradient step each."""
    clip: float = Field(default=0.2, gt=0.0, lt=1.0)
    """Ratio of new to old density beyond which nothing is gained, as a distance from 1 [-]."""
    gamma: float = Field(default=0.99, ge=0.0, le=1.0)
    """Discount of a reward for each slot that it lies ahead; 1 within an episode is sound, which ends at a known time [-]."""
    gae_lambda: float = Field(default=0.95, ge=0.0, le=1.0)
    """Weight of longer returns in the advantage (Schulman et al. 2016, arXiv 1506.02438) [-]."""
    entropy_bonus: float = Field(default=0.0, ge=0.0)
    """Weight of the policy's entropy in the loss [1/nat]."""
    value_weight: float = Field(default=0.5, ge=0.0)
    """Weight of the critic's loss [-]."""
    max_gradient: float = Field(default=0.5, gt=0.0)
    """Longest gradient of an agent; longer ones are scaled down to it [-]."""
    trust_region: TrustRegionParams = TrustRegionParams()
    """Stability of the policy updates."""
    warm_up_rounds: int = Field(default=2, ge=0, le=10**6)
    """Rounds in which critics alone learn, before policies that were learned before move: an untrained critic undoes a clone.
    Without `start` there are none."""
