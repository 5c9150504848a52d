"""What a scenario may say about weights of members."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from marketsim.core.fence import Fence
from marketsim.core.named_file import NamedFile, named_checkpoint
from marketsim.core.params import Params

Weighting: TypeAlias = Literal["equal", "income", "rank", "feedback"]
_Gain: TypeAlias = Annotated[float, Field(ge=0, le=100)]


class LearnedWeightsParams(Params):
    """Weights by a policy that was trained in the game ``equity``."""

    checkpoint: Annotated[str, Field(min_length=1, max_length=1000)]
    """File that a training wrote, relative to the scenario's folder."""


class LearnedWeighting(Params):
    """Weights that a policy sets."""

    learned: LearnedWeightsParams
    """Which."""


class WeightRuleParams(Params):
    """Of the rules of weights."""

    power: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Weights by income are (mean income / income)^power."""
    burden_gain: _Gain = 8.0
    """How strongly ``feedback`` answers to burdens, as parts of their mean [-]."""
    access_gain: _Gain = 4.0
    """How strongly ``feedback`` answers to the local share of what was used, as a part of its mean [-]."""


class MemberWeightsParams(WeightRuleParams):
    """Weights of a day."""

    weights: Weighting | LearnedWeighting = "equal"
    """``equal``; ``income``: who has less gets more, always; ``rank``: who has borne most so far comes first; ``feedback``: the
    more one has borne beyond the mean, and the less local energy one had; ``{learned: {checkpoint: PATH}}``: by a policy."""

    @property
    def name(self) -> str:
        """Of the rule."""
        return "learned" if isinstance(self.weights, LearnedWeighting) else self.weights

    def files_named(self, fence: Fence, at: str) -> Iterator[NamedFile]:
        """The checkpoint of learned weights."""
        if not isinstance(self.weights, LearnedWeighting):
            return
        yield named_checkpoint(fence, self.weights.learned.checkpoint, f"{at}.weights.learned.checkpoint")
