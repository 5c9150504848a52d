"""Parameters of the game ``equity``: what stands under ``learning.game`` in a scenario."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from marketsim.core.params import Params

_Price: TypeAlias = Annotated[float, Field(ge=0.0, le=1e6)]


class EquityGameParams(Params):
    """Weights of members as a game: a market is a community, an agent a member, a step a day, an action what becomes of a weight.

    The reward is the same for all members of a community: ``burden_price`` x (G0(b) - G(b)) + ``access_price`` x (G0(a) - G(a)) +
    ``cost_price`` x (c0 - c) / c0 with G the Gini coefficients of burdens b and local shares a, and c what all paid, since the
    episode began; 0: the same on the same day under equal weights, which no action changes.
    """

    burden_price: _Price = 1.0
    """Of the Gini coefficient of burdens [-]."""
    access_price: _Price = 1.0
    """Of the Gini coefficient of access to local energy [-]."""
    cost_price: _Price = 1.0
    """Of what all pay, as a part of what they would pay under equal weights [-]."""
    days: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Length of an episode; null: as long as the clock. It begins on a day drawn with its number, and goes on at the start of
    the clock where that ends."""
