"""Parameters that learners of numbers share, and those of behaviour cloning, which others may begin with.

No default here is a paper's number unless its docstring says so; all of them are choices that a scenario can change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from marketsim.core.errors import CheckpointError
from marketsim.core.fence import Fence
from marketsim.core.named_file import NamedFile, named_checkpoint
from marketsim.core.params import OneOf, Params, Share
from marketsim.learning.params import Width

Deviation = Annotated[float, Field(ge=1e-4, le=10.0)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Rate = Annotated[float, Field(gt=0.0, le=1.0)]


class NumberLearnerParams(Params):
    """What every learner of numbers has."""

    hidden: tuple[Width, ...] = Field(default=(64, 64), min_length=1, max_length=8)
    """Widths of the hidden layers of policies; tanh."""
    markets: int = Field(default=16, ge=1, le=4096)
    """Markets played side by side."""
    episodes: int = Field(default=1_600, ge=1, le=10**9)
    """Episodes in all, those of every market and of an expert's demonstrations counted, rounded up to whole rounds."""
    agent_steps: int | None = Field(default=None, ge=1)
    """Ends the training after the round that reaches so many decisions of agents; null: `episodes` decides."""
    learning_rate: Rate = 3e-4
    """Step size of Adam for policies at the beginning [-]."""
    deviation: tuple[Deviation, Deviation] = (0.02, 0.4)
    """Least and most deviation of a policy around its mean, in halves of the range of a number [-]."""
    checkpoint_every: int = Field(default=25, ge=1)
    """Rounds (an episode in each market) between two checkpoints; there is one at the end in any case."""
    keep_checkpoints: bool = False
    """Keep each checkpoint under its own name beside the latest, without what was played."""
    tensorboard: bool = False
    """Write the learning curves for TensorBoard, too (needs the package tensorboard)."""
    threads: int = Field(default=1, ge=1, le=256)
    """Threads of the matrix products; more than one rarely pays at these sizes."""

    @model_validator(mode="after")
    def _least_is_below_most(self) -> NumberLearnerParams:
        if self.deviation[0] > self.deviation[1]:
            raise ValueError("deviation is [least, most], and the first is above the second")
        return self

    def rounds(self, n_agents: int, slots: int) -> int:
        """Rounds of the whole training with so many agents a market and slots an episode: the game's last episode + 1."""
        by_episodes = math.ceil(self.episodes / self.markets)
        if self.agent_steps is None:
            return by_episodes
        return min(by_episodes, math.ceil(self.agent_steps / (self.markets * n_agents * slots)))


class CloningRules(Params):
    """How policies are fitted to what an expert would do."""

    student: Share = 0.0
    """Share of the rounds, the last ones, that the clone plays while the expert says what it would have done (DAgger:
    Ross, Gordon, Bagnell 2011, arXiv 1011.0686); in all others the expert plays."""
    held_out_every: int = Field(default=4, ge=2, le=1000)
    """Every so many rounds one is held out: no clone learns from it, and its distance from the expert is measured there."""
    steps: int = Field(default=250, ge=1, le=10**6)
    """Gradient steps after each round, on everything that was played and not held out."""
    batch: int = Field(default=256, ge=1, le=10**6)
    """Decisions of each agent in a step."""
    learning_rate: Rate = 1e-3
    """Step size of Adam at the beginning; falls linearly to a tenth over the rounds of cloning [-]."""


class CloningStart(CloningRules):
    """Begin by cloning the game's expert."""

    rounds: int = Field(default=12, ge=1, le=10**6)
    """Rounds of it, counted among the `episodes` of the training."""

    @model_validator(mode="after")
    def _one_is_held_out(self) -> CloningStart:
        if self.rounds < self.held_out_every:
            raise ValueError("rounds must be at least held_out_every, so that one round is held out")
        return self


class CheckpointStart(Params):
    """Begin with the policies of an earlier training of the same game."""

    path: Annotated[str, Field(min_length=1, max_length=1000)]
    """Checkpoint that a learner of numbers wrote, relative to the scenario's folder."""

    def file(self, fence: Fence) -> Path:
        """Where it lies; CheckpointError for a place that the scenario may not read."""
        return fence.file(self.path, CheckpointError, "the checkpoint")

    def named(self, fence: Fence, at: str) -> Iterator[NamedFile]:
        """The file, for validation; ``at`` is where these parameters stand in the scenario."""
        yield named_checkpoint(fence, self.path, f"{at}.path")


class StartParams(OneOf):
    """What policies begin with, exactly one of."""

    cloning: CloningStart | None = None
    """A clone of the game's expert, made in the same training."""
    checkpoint: CheckpointStart | None = None
    """What an earlier training learned, such as a clone that several arms share."""


class StartedParams(NumberLearnerParams):
    """What learners have that may begin with what was learned before."""

    start: StartParams | None = None
    """What policies begin with: a clone of the expert, or the policies of a checkpoint; null: with nothing."""
    anneal: bool = False
    """Whether learning rates fall linearly to zero over the training."""

    @property
    def cloned_rounds(self) -> int:
        """Rounds of cloning at the beginning."""
        return self.start.cloning.rounds if self.start is not None and self.start.cloning is not None else 0

    def files_named(self, fence: Fence, at: str) -> Iterator[NamedFile]:
        """The checkpoint to begin with."""
        if self.start is not None and self.start.checkpoint is not None:
            yield from self.start.checkpoint.named(fence, f"{at}.start.checkpoint")


class CloningParams(NumberLearnerParams, CloningRules):
    """Behaviour cloning: the mean of each policy is fitted to what the expert of the game would do, by least squares."""

    episodes: int = Field(default=256, ge=1, le=10**9)
    """Episodes in all, those of every market counted, rounded up to whole rounds."""
    learning_rate: Rate = 1e-3
    """Step size of Adam at the beginning; falls linearly to a tenth [-]."""
    deviation: tuple[Deviation, Deviation] = (0.1, 0.1)
    """Least and most deviation where actions are drawn, in halves of the range of a number: the fit is of means alone [-]."""
