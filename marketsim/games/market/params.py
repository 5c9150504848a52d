"""Parameters of the game ``market``: what stands under ``learning.game`` in a scenario."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from marketsim.core.params import Params


class MarketGameParams(Params):
    """The market as a game: episodes of days that are drawn from the training part of the year."""

    days: int = Field(default=1, ge=1, le=366)
    """Days of an episode [d]."""
    prices: int = Field(default=11, ge=2, le=1001)
    """K: prices to choose from, evenly from the feed-in tariff to retail."""
    quantities: int = Field(default=5, ge=2, le=1001)
    """L: shares of the slot's own surplus or deficit to choose from, evenly from nothing to all of it."""
    charges: Literal[3, 5, 7, 9, 11] = 5
    """Charge levels of stores to choose from, evenly from full discharge over rest to full charge."""
    agents: Literal["all"] | tuple[str, ...] = "all"
    """Who learns, by name; the others follow their strategies."""
    ratings: bool | None = None
    """Whether agents see their role and ratings; null: where one network acts for all."""
