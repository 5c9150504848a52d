"""Parameters of the learner ``adjoint``.

No default here is a paper's number unless its docstring says so; all of them are choices that a scenario can change.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from marketsim.learning.numbers.params import Deviation, StartedParams
from marketsim.learning.offpolicy.params import ImitationParams


class AdjointParams(StartedParams):
    """Policies that ascend the slopes of an episode's reward through the game, on what they have played lately."""

    deviation: tuple[Deviation, Deviation] = (0.03, 0.03)
    """Deviation of what is played around the means, so that a step of a price or a limit is felt from both sides; it is not
    learned, so both numbers are alike [-]."""
    anneal: bool = True
    """Whether the learning rate falls linearly to zero over the training."""
    gamma: float = Field(default=1.0, ge=0.0, le=1.0)
    """Discount of a slope for each slot that it lies ahead; 1 within an episode is sound, which ends at a known time [-]."""
    longest_slope: float = Field(default=50.0, gt=0.0)
    """Slopes are held to so many times the root mean square of those within a slot: few days' would else outweigh all others'
    [-]."""
    stiffness: float = Field(default=10.0, gt=0.0)
    """A slope of that root mean square is followed for one over this, in halves of the range of a number [-]."""
    kept_rounds: int = Field(default=8, ge=1, le=10_000)
    """Rounds whose slopes are learned from, the latest ones: those of older policies still tell good days from bad ones."""
    steps: int = Field(default=100, ge=1, le=10_000)
    """Gradient steps after each round."""
    batch: int = Field(default=256, ge=1, le=10**6)
    """Decisions of each agent in a step."""
    max_gradient: float = Field(default=10.0, gt=0.0)
    """Longest gradient of a policy; longer ones are scaled down to it [-]."""
    imitation: ImitationParams | None = None
    """Holds policies near the game's expert; needs `start`."""

    @model_validator(mode="after")
    def _sound(self) -> AdjointParams:
        if self.imitation is not None and self.start is None:
            raise ValueError("imitation needs start: its distance is measured by that of a clone, e.g. start: cloning")
        if self.imitation is not None and self.imitation.with_deviation:
            raise ValueError("with_deviation means nothing here: the deviation is not learned")
        if self.deviation[0] != self.deviation[1]:
            raise ValueError("deviation is that of the noise here, which is not learned: give the same number twice")
        return self
