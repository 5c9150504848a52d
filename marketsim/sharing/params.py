"""What a scenario may say about rules of cost sharing."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from marketsim.core.params import Params
from marketsim.core.weight_params import MemberWeightsParams

MOST_EXACT: Final = 20
"""Members whose 2^n groups are at most asked for."""
_Weight: TypeAlias = Annotated[float, Field(gt=0, le=1e6)]


class SharesMetricParams(Params):
    """Whether a group would rather leave, and how far shares may be off."""

    most_members: Annotated[int, Field(ge=2, le=16)] = 12
    """Agents of a market whose groups are all looked at; of more, ``share_worst_excess`` is undefined."""


class NoSharingParams(Params):
    """Everybody pays what the settlement says; no line of sharing is written."""


class ProportionalSharingParams(Params):
    """Each bill alone is changed by the same share of its size.

    A bill alone is what the agent would have paid with the utility only, at the energy through its own meter in each slot.
    Where nobody would have had a bill, what was paid is shared equally.
    """


class ShapleyParams(Params):
    """Mean marginal cost over all orders in which the community could have formed (Shapley 1953); up to 1,000 members."""

    exact_up_to: Annotated[int, Field(ge=0, le=MOST_EXACT)] = 14
    """Members whose shares are worked out from the bills of all 2^n groups; of more they are sampled."""
    orders: Annotated[int, Field(ge=2, le=1_000_000)] = 800
    """Orders that are drawn, each with its reverse, where shares are sampled."""


class WeightedShapleyParams(Params):
    """The same, but of what a group saves each member has a part by its weight (Kalai and Samet 1987); up to 1,000 members.

    Who has more weight gets more of what is saved together.
    """

    weights: Literal["income"] | dict[str, _Weight] = "income"
    """``income``: who has less gets more; or by name of an agent or of its income class, and 1 for all others."""
    power: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Weights by income are (mean income / income)^power."""
    exact_up_to: Annotated[int, Field(ge=0, le=MOST_EXACT)] = 14
    """Members whose shares are worked out from the bills of all 2^n groups; of more they are sampled."""
    orders: Annotated[int, Field(ge=2, le=1_000_000)] = 800
    """Orders that are drawn where shares are sampled."""


class RawlsParams(Params):
    """Bills that are as equal a burden on incomes as they can be while nobody pays more than alone; agents need an income."""

    least: Literal["worst", "gini"] = "worst"
    """``worst``: the heaviest burden is as light as it can be, then the next, ... (any number of members); ``gini``: the Gini
    coefficient of burdens is least, and nobody who pays alone is paid (up to 100 members)."""


class LeastCoreParams(Params):
    """The most that any group could gain by paying for itself is as small as possible; up to 14 members."""


class NucleolusParams(Params):
    """The most that any group could gain by paying for itself is as small as possible, then the next, ...; up to 14 members."""


class SlotPricesParams(Params):
    """One price a slot within the community: retail where it is short, the feed-in tariff where it has too much (Owen 1975).

    No group could gain by paying for itself at one meter. What was paid beyond one meter's bill is shared equally.
    """


class EqualGainParams(Params):
    """Everybody saves the same amount against its bill alone."""


class DividendParams(MemberWeightsParams):
    """What agents with ``owners`` earned goes to these, in proportion to their parts times weights; other bills stay.

    Weights are those of the start of a period; members need an income but for ``weights: equal``.
    """
