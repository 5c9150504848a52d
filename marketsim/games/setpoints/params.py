"""Parameters of the game ``setpoints``: what stands under ``learning.game`` in a scenario."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from marketsim.core.params import Params

SlotPrice: TypeAlias = Annotated[float, Field(ge=0.0, le=1e6)]


class SetpointsGameParams(Params):
    """Set-points as a game: an episode is a day, an action the set-points of a slot.

    The reward of an agent in a slot is (bill of an idle day with the utility - bill + change of stored value) / ``scale``, less
    an equal share of the price of the feeder's voltages. Bills hold wear, fuel and discomfort.
    """

    agents: Literal["all"] | tuple[str, ...] = "all"
    """Who plays, by name; all: everybody who has something to set. The others follow their strategies."""
    depth_price: SlotPrice = 25.0
    """What the sum over buses of the distance from the voltage band costs all agents together [currency/(p.u. slot)]."""
    outside_price: SlotPrice = 100.0
    """What it costs them if all buses are outside of the band; a share of the buses that share of it [currency/slot]."""
    slope_width_pu: Annotated[float, Field(gt=0.0, le=0.1)] = 0.002
    """Distance before the band's edge from which slopes count a bus: crossing it costs ``outside_price`` there, so that who
    learns from slopes feels the step before it is taken. No part of the reward [p.u.]."""
    planned: Literal["source_days", "played_days"] = "source_days"
    """Days that an expert with perfect information plans for ``labels``: those of the source year, without the noise of
    loads, each once, whose plans are then followed in every market and episode; or each day as it is played, noise included."""
    scale: Annotated[float, Field(gt=0.0, le=1e9)] = 2.5
    """Money that is a reward of 1 [currency]."""
    missing_per_kwh: Annotated[float, Field(ge=0.0, le=1_000.0)] = 0.20
    """Price at which energy below the level of the start is valued, charging losses on top [currency/kWh]."""
    spare_per_kwh: Annotated[float, Field(ge=0.0, le=1_000.0)] = 0.14
    """Price at which energy above it is valued, less the losses of discharging [currency/kWh]; at most ``missing_per_kwh``."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.spare_per_kwh > self.missing_per_kwh:
            what = f"spare_per_kwh ({self.spare_per_kwh}) exceeds missing_per_kwh ({self.missing_per_kwh})"
            raise ValueError(f"{what}: storing would pay without end")
        return self
