"""The section ``learning`` of a scenario: the game that is played, its reward, and who learns it.

Every default is this program's choice; the sources give the form of the reward in words and no numbers.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from marketsim.core.params import Params, Share
from marketsim.scenario.choice import GameChoice, LearnerChoice, default

Weight = Annotated[float, Field(ge=0.0, le=1000.0)]


Updates = Annotated[float, Field(ge=0.0, le=1e9)]


class ScoreWeights(Params):
    """Largest weight of each fairness score in the reward, reached at the end of the ramp."""

    ftg: Weight = 1.0
    """Of fairness to the grid."""
    fbs: Weight = 1.0
    """Of fairness between sellers."""
    fpp: Weight = 1.0
    """Of fairness of pricing."""


class RewardParams(Params):
    """Reward of a slot of the market game: (c0 - c + dV) / scale + eta x sum of weight x credited score.

    c are payments, network charges and wear, c0 the same in the reference run, dV the change of stored energy at the
    mean feed-in price.
    """

    scores: Literal["critic", "placebo", "constant", "withholding", "none"] = "critic"
    """Where scores come from: the scenario's critic; its credits of other slots of the same hour (a placebo); the same
    number in every slot; for each seller the share of its surplus that it does not offer, in place of FBS (another placebo);
    nowhere."""
    eta: float = Field(default=1.0, ge=0.0, le=1000.0)
    """Scales all of the shaping [-]."""
    weights: ScoreWeights = ScoreWeights()
    """Of the single scores."""
    credit: Literal["difference", "shared", "influence"] | None = None
    """What an agent is credited with: the score less what it would be with its own order replaced by its truthful one
    (`difference`); the score (`shared`); the score by its share of what could be traded (`influence`). Null:
    `difference` where scores are formulas, else `shared`."""
    counterfactual: Literal["market", "grid"] = "market"
    """Whether `difference` compares markets without wires, or asks a copy of the gate."""
    ramp_updates: tuple[Updates, Updates] = (10, 100)
    """Updates of the policies between which the weights grow from 0 to their largest."""
    ramp: tuple[Share, Share] | None = None
    """The same as shares of the training, in place of `ramp_updates`: a longer training then has a slower ramp."""
    cap: float = Field(default=0.5, ge=0.0, le=1000.0)
    """Largest size of the shaping in a slot, in standard deviations of the agent's economic reward until the ramp begins."""
    centred: bool = True
    """Whether the running mean of each credit is taken off."""


class LearningSection(Params):
    """What a training does with the scenario."""

    game: GameChoice = default("market")
    """What is played. The settings of `market` may also stand without its name."""
    reward: RewardParams = RewardParams()
    """Reward of the game `market`; other games have rewards of their own."""
    learner: LearnerChoice = default("ppo")
    """Learning algorithm."""
