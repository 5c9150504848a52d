"""What a scenario may say about weights of members."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from marketsim.core.params import Params

Weighting: TypeAlias = Literal["equal", "income", "rank", "feedback"]
_Gain: TypeAlias = Annotated[float, Field(ge=0, le=100)]


class MemberWeightsParams(Params):
    """Weights of a day."""

    weights: Weighting = "equal"
    """``equal``; ``income``: who has less gets more, always; ``rank``: who has borne most so far comes first; ``feedback``: the
    more one has borne beyond the mean, and the less local energy one had."""
    power: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Weights by income are (mean income / income)^power."""
    burden_gain: _Gain = 8.0
    """How strongly ``feedback`` answers to burdens, as parts of their mean [-]."""
    access_gain: _Gain = 4.0
    """How strongly ``feedback`` answers to the local share of what was used, as a part of its mean [-]."""
