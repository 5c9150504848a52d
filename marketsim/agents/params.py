"""Parameters of strategies, as scenarios write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from marketsim.core.fence import Fence
from marketsim.core.named_file import NamedFile, named_checkpoint
from marketsim.core.params import OneOf, Params

Ratio: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]


class IdleParams(Params):
    """The store rests: neither charged nor discharged, unless the grid refuses the owner's PV."""


class SelfConsumptionParams(Params):
    """Charge from own surplus, discharge for own load; the market sees nothing of the store."""


class TradeParams(Params):
    """Self-consumption first; the rest of the store is offered at a value that falls as it fills."""

    buys: bool = True
    """Whether it also bids for energy of others; else it is charged from own surplus alone."""

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without ``buys`` where it is the default, as versions before had none."""
        written: dict[str, Any] = write(self)
        return {key: value for key, value in written.items() if key != "buys" or value is False}


class LpParams(Params):
    """Rolling linear programme over forecasts; what the plan does not fix is offered at the plan's dual values."""

    horizon_slots: Annotated[int, Field(ge=1, le=1344)] | None = None
    """Slots looked ahead, this one included; none: to the end of the day."""
    every: Annotated[int, Field(ge=1, le=1344)] = 4
    """Slots between two solutions; in between the last plan is followed."""
    end_value: Literal["feed_in", "none"] = "feed_in"
    """Worth of what is stored at the end of the horizon: the mean feed-in price, negative ones counted as 0, or nothing."""


class StorageChoice(OneOf):
    """How stores are run: exactly one policy, as a name or as ``{name: parameters}``."""

    idle: IdleParams | None = None
    """Rest."""
    self_consumption: SelfConsumptionParams | None = None
    """Own surplus in, own load out, no offers."""
    trade: TradeParams | None = None
    """Self-consumption, and offers of the rest."""
    lp: LpParams | None = None
    """Rolling linear programme."""


class UtilityOnlyParams(Params):
    """Parameters of ``utility_only``."""

    storage: StorageChoice = StorageChoice(self_consumption=SelfConsumptionParams())
    """How stores are run."""


class TraderParams(Params):
    """What every trading strategy lets its user choose about devices."""

    storage: StorageChoice = StorageChoice(trade=TradeParams())
    """How stores are run."""
    deferrable: Literal["flexible", "on_arrival"] = "flexible"
    """Take own surplus and bid for the rest; or EVs charge at full power on arrival, buffers when they must."""


class TruthfulParams(TraderParams):
    """Parameters of ``truthful``."""


class ExpertStrategyParams(Params):
    """Parameters of ``expert``: it has none, for who plans, and how, stands in the section ``expert``."""


class LearnedParams(Params):
    """Parameters of ``learned``."""

    checkpoint: Annotated[str, Field(min_length=1, max_length=1000)]
    """File that a training wrote, relative to the scenario's folder."""
    policy: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Agent of the training whose policy acts; null: the one of the same name."""
    actions: Literal["best", "sampled"] = "best"
    """Take the most probable action, or draw one by the policy's probabilities and the run's seed."""
    reactive: Literal["learned", "left"] = "learned"
    """Of policies that set numbers: ask inverters for the reactive power that was learned, or leave it to ``grid.reactive``."""

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without ``reactive`` where it is the default, as versions before had none."""
        written: dict[str, Any] = write(self)
        return {key: value for key, value in written.items() if key != "reactive" or value != "learned"}

    def files_named(self, fence: Fence, at: str) -> Iterator[NamedFile]:
        """The checkpoint."""
        yield named_checkpoint(fence, self.checkpoint, f"{at}.checkpoint")


class CoordinatedParams(Params):
    """Parameters of ``coordinated``."""

    horizon_slots: Annotated[int, Field(ge=1, le=1344)] | None = None
    """Slots looked ahead, this one included; none: to the first noon that is at least a day away. The last day of the plan
    gives each store back what it takes."""
    objective: Literal["cost", "peak", "cost_then_peak", "peak_then_cost"] = "cost_then_peak"
    """What the plan is best for, and what decides among the plans that are equally good for it."""
    by: Literal["programme", "consensus"] = "programme"
    """One programme that knows all devices; or by agreement of members who keep theirs to themselves and tell what they draw
    (consensus ADMM, for the objective ``cost`` without ``peak_price``)."""
    slack: Annotated[float, Field(ge=0, le=1)] = 0.001
    """Share of the least cost that ``cost_then_peak`` may spend on a lower peak [-]."""
    peak_price: Annotated[float, Field(ge=0, le=1_000)] = 0.0
    """Price of the largest import of all together within the horizon, as a part of the cost [currency/kW]."""
    peak_period: Literal["horizon", "day"] = "horizon"
    """Whether the whole horizon has one largest import, or each day from noon to noon its own (for the objective `cost`)."""
    scenarios: Annotated[int, Field(ge=1, le=32)] = 1
    """So many courses that load, PV and heat may take are planned for at once, of a forecast that has them
    (`profiles.forecast: contextual`): what devices do until the next plan is the same in all. 1: what is expected alone."""
    risk: Ratio = 0.0
    """How much the dearest scenarios count beside the mean cost of all [-]."""
    tail: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Share of the scenarios that are the dearest [-]."""
    replan_slots: Annotated[int, Field(ge=1, le=1344)] = 4
    """Slots between two plans, one of which is made at each noon; in between the last one is followed."""
    internal_price: Annotated[float, Field(ge=-1_000, le=1_000)] | None = None
    """Price at which members offer and bid [currency/kWh], held within the tariffs; none: the middle of the tariffs."""
    margin: Annotated[float, Field(ge=0, le=1_000)] = 0.0
    """Members bid so much more and ask so much less [currency/kWh], within the tariffs: room for network charges."""

    @model_validator(mode="after")
    def _agrees_on_costs(self) -> CoordinatedParams:
        if self.by == "consensus" and (self.objective != "cost" or self.peak_price > 0.0):
            raise ValueError(
                "members agree on the least cost alone: by: consensus goes with objective: cost and no peak_price"
            )
        if self.peak_period == "day" and self.objective != "cost":
            raise ValueError("days have largest imports of their own with objective: cost alone")
        if self.by == "consensus" and self.scenarios > 1:
            raise ValueError("members agree on one day: by: consensus goes with scenarios: 1")
        if self.risk > 0.0 and self.scenarios == 1:
            raise ValueError("risk is about scenarios: say how many, from 2 on")
        return self


class ZeroIntelligenceParams(TraderParams):
    """Parameters of ``zero_intelligence``."""


class FixedMarginParams(TraderParams):
    """Parameters of ``fixed_margin``."""

    margin: Ratio = 0.2
    """Distance from the own value towards the tariff's other price, as a share of that distance."""
    sell_share: Ratio = 1.0
    """Share of its own surplus that a seller offers, the rest goes to the utility [-]."""


Threshold: TypeAlias = Annotated[float, Field(ge=-1_000, le=1_000)]


class ThresholdsParams(Params):
    """Two prices between which demand stays as it was; a number for all, or a range from which each agent draws its own."""

    above: Threshold | tuple[Threshold, Threshold]
    """It is held while the utility's price is above this, until it comes back [currency/kWh, or share of a day's slots]."""
    below: Threshold | tuple[Threshold, Threshold]
    """It comes back while the price is below this [as ``above``]."""

    def ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Lowest and highest of ``above``, then of ``below``."""
        above, below = (each if isinstance(each, tuple) else (each, each) for each in (self.above, self.below))
        return above, below

    @model_validator(mode="after")
    def _ordered(self) -> ThresholdsParams:
        above, below = self.ranges()
        for name, (low, high) in (("above", above), ("below", below)):
            if low > high:
                raise ValueError(f"{name} must be [low, high] with low <= high, not [{low}, {high}]")
        if below[1] > above[0]:
            raise ValueError(
                f"below ({below[1]}) exceeds above ({above[0]}): demand would be held and come back at one price"
            )
        return self


class PriceResponseParams(Params):
    """Parameters of ``price_response``: demand that answers to the utility's price by thresholds."""

    measure: Literal["quantile", "price"] = "quantile"
    """What thresholds are: quantiles of the prices published for the 24 hours to come, in [0, 1]; or prices [currency/kWh]."""
    shiftable: ThresholdsParams = ThresholdsParams(above=0.75, below=0.75)
    """When what can wait does: shiftable load, vehicles, buffers, appliances."""
    curtailable: ThresholdsParams = ThresholdsParams(above=0.95, below=0.95)
    """When curtailable load is let go."""
    return_within_h: Annotated[float, Field(ge=0, le=24)] = 0.0
    """Demand comes back at a delay of its own, which each agent draws from 0 to this [h], so that not all come back at once."""
    storage: StorageChoice = StorageChoice(trade=TradeParams())
    """How stores are run."""

    @model_validator(mode="after")
    def _are_quantiles(self) -> PriceResponseParams:
        if self.measure == "quantile":
            for name in ("shiftable", "curtailable"):
                above, below = getattr(self, name).ranges()
                if not 0.0 <= below[0] <= above[1] <= 1.0:
                    raise ValueError(
                        f"{name}: quantiles lie in [0, 1], not {below[0]} to {above[1]}; for prices: measure: price"
                    )
        return self


class SetpointsParams(Params):
    """Parameters of ``setpoints``: rules that choose what the devices of an agent do."""

    battery: Literal["rest", "own_use"] = "own_use"
    """It rests; or takes own surplus and serves own need where retail is at its highest of the day to come."""
    generator: Literal["rest", "own_use"] = "own_use"
    """It stands still; or serves own need as far as a kWh more costs no more than retail."""


class ZipParams(TraderParams):
    """Parameters of ``zip``; the defaults are Cliff's, prices in units of the spread retail - feed-in."""

    learning_rate: tuple[Ratio, Ratio] = (0.1, 0.5)
    """Range from which each trader draws its learning rate."""
    momentum: tuple[Ratio, Ratio] = (0.0, 0.1)
    """Range from which each trader draws its momentum."""
    initial_margin: tuple[Ratio, Ratio] = (0.05, 0.35)
    """Range from which each trader draws its first margin, as a share of the spread."""
    relative_step: Ratio = 0.05
    """Largest relative distance of a target price from the price that was seen."""
    absolute_step: Ratio = 0.05
    """Largest absolute distance of a target price from the price that was seen, as a share of the spread."""

    @model_validator(mode="after")
    def _ordered(self) -> ZipParams:
        for name in ("learning_rate", "momentum", "initial_margin"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} must be [low, high] with low <= high, not [{low}, {high}]")
        return self
