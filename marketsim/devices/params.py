"""Parameters of the devices that an agent can have. Every default is an assumption of this program.

PV is no fleet: what could be generated is an input of the slot, and what is neither used, sold, exported nor stored is
curtailed.
"""

from __future__ import annotations

from math import sqrt
from typing import Annotated, Any, Final, Self, TypeAlias, TypeGuard

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from marketsim.core.params import Params, Share

_MOST = 1e6  # keeps every product in Wh and money far inside 64 bits

Positive: TypeAlias = Annotated[float, Field(gt=0, le=_MOST)]
NotNegative: TypeAlias = Annotated[float, Field(ge=0, le=_MOST)]
_LEAST_EFFICIENCY: Final = 0.1
_DIGITS: Final = 12
"""Of a level that is worked out: 1 - 0.8 is 0.2."""
Efficiency: TypeAlias = Annotated[float, Field(ge=_LEAST_EFFICIENCY, le=1)]
HourOfDay: TypeAlias = Annotated[float, Field(ge=0, lt=24)]
Cost: TypeAlias = Annotated[float, Field(ge=0, le=1_000)]


class BatteryParams(Params):
    """A battery behind the owner's meter."""

    energy_kwh: Positive
    """Nameplate capacity [kWh]."""
    power_kw: Positive
    """Largest charging and discharging power at the meter [kW]."""
    charge_efficiency: Efficiency = 0.95
    """Stored energy for each kWh drawn at the meter [-]."""
    discharge_efficiency: Efficiency = 0.95
    """Energy at the meter for each kWh taken from the store [-]."""
    soc_min: Share = 0.1
    """Lowest state of charge, as a share of the nameplate capacity [-]."""
    soc_max: Share = 0.9
    """Highest state of charge, as a share of the nameplate capacity [-]."""
    soc_initial: Share = 0.5
    """State of charge at the start of the run, as a share of the nameplate capacity [-]."""
    wear_cost: Cost = 0.01
    """Wear for each kWh charged or discharged at the meter [currency/kWh]; a cost, not a payment."""
    round_trip_efficiency: Efficiency | None = Field(default=None, exclude=True)
    """Energy at the meter for each kWh drawn there [-], in place of the two efficiencies, each of which is its square root."""
    depth_of_discharge: Share | None = Field(default=None, exclude=True)
    """Share of the nameplate capacity that is used [-], in place of ``soc_min``, which lies so far below ``soc_max``."""

    @model_validator(mode="before")
    @classmethod
    def _in_other_words(cls, given: Any) -> Any:
        return _battery_as_kept(given) if isinstance(given, dict) else given

    def largest_power_kw(self) -> float:
        """Its rated power."""
        return self.power_kw

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.soc_min < self.soc_max:
            raise ValueError(f"soc_min ({self.soc_min}) must be below soc_max ({self.soc_max})")
        if not self.soc_min <= self.soc_initial <= self.soc_max:
            raise ValueError(
                f"soc_initial ({self.soc_initial}) must lie between soc_min ({self.soc_min}) "
                f"and soc_max ({self.soc_max})"
            )
        return self


_ONE_WAY: Final = ("charge_efficiency", "discharge_efficiency")


def _is_share(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value <= 1.0


def _battery_as_kept(given: dict[str, Any]) -> dict[str, Any]:
    """A battery's parameters in the terms that are kept; what is no share is left to its field to refuse."""
    kept = dict(given)
    round_trip, depth = given.get("round_trip_efficiency"), given.get("depth_of_discharge")
    if round_trip is not None and (both := [name for name in _ONE_WAY if name in given]):
        raise ValueError(f"give round_trip_efficiency or {' and '.join(both)}, not both")
    if depth is not None and "soc_min" in given:
        raise ValueError("give depth_of_discharge or soc_min, not both")
    if _is_share(round_trip) and round_trip >= _LEAST_EFFICIENCY:
        kept.pop("round_trip_efficiency")
        kept |= dict.fromkeys(_ONE_WAY, sqrt(round_trip))
    if _is_share(depth) and _is_share(highest := given.get("soc_max", BatteryParams.model_fields["soc_max"].default)):
        if depth > highest:
            raise ValueError(f"depth_of_discharge ({depth}) exceeds soc_max ({highest})")
        kept.pop("depth_of_discharge")
        kept["soc_min"] = round(highest - depth, _DIGITS)
    return kept


class EvParams(Params):
    """An electric vehicle that charges at home; it gives nothing back."""

    energy_kwh: Positive = 50.0
    """Size of the vehicle's battery [kWh]."""
    power_kw: Positive = 11.0
    """Largest charging power at the meter [kW]."""
    arrival_hour: HourOfDay = 18.0
    """Mean hour of arrival [h of the day]."""
    departure_hour: HourOfDay = 7.0
    """Mean hour of departure [h of the day]; before the arrival: the next morning."""
    arrival_spread_h: Annotated[float, Field(ge=0, le=12)] = 1.5
    """Standard deviation of the hour of arrival [h]."""
    departure_spread_h: Annotated[float, Field(ge=0, le=12)] = 0.75
    """Standard deviation of the hour of departure [h]."""
    daily_kwh: NotNegative = 8.0
    """Mean energy that the battery lacks on arrival [kWh]."""
    efficiency: Efficiency = 0.9
    """Energy in the vehicle's battery for each kWh drawn at the meter [-]."""
    file: Annotated[str, Field(min_length=1, max_length=1_000)] | None = None
    """CSV file of charging sessions, relative to the scenario; null: stays are drawn around the mean hours. Columns:
    ``vehicle``, ``arrival`` and ``departure`` (ISO 8601, local standard time), and ``energy_kwh``, which the battery lacks
    on arrival [kWh], or ``arrival_soc`` and ``departure_soc``, its level then and the one required at departure (0..1).
    Later sessions the owner expects at the mean hours, as without a file."""
    vehicle: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Its name in the column ``vehicle`` of the file [text]; null: that of the agent."""

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the keys of sessions where there is no file, as versions before had none."""
        written: dict[str, Any] = write(self)
        return {key: value for key, value in written.items() if value is not None or key not in ("file", "vehicle")}

    def files_read(self) -> tuple[str, ...]:
        """The sessions."""
        return () if self.file is None else (self.file,)

    def largest_power_kw(self) -> float:
        """Its rated power."""
        return self.power_kw

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.daily_kwh > self.energy_kwh:
            raise ValueError(f"daily_kwh ({self.daily_kwh}) exceeds the battery's energy_kwh ({self.energy_kwh})")
        if self.vehicle is not None and self.file is None:
            raise ValueError(f"vehicle ({self.vehicle}) names sessions in a file, but there is no file")
        if self.arrival_hour == self.departure_hour:
            raise ValueError(
                f"arrival_hour and departure_hour are both {self.arrival_hour}: there is no time to charge"
            )
        return self


class HeatPumpParams(Params):
    """A heat pump that feeds a thermal buffer; the building draws its heat from the buffer."""

    power_kw: Positive
    """Largest electric power [kW]."""
    cop: Annotated[float, Field(ge=1, le=10)] = 3.0
    """Coefficient of performance: heat for each kWh of electricity [-], constant."""
    buffer_kwh: NotNegative = 5.0
    """Heat that the full buffer holds above its lowest useful temperature [kWh thermal]."""
    annual_heat_kwh: NotNegative = 8_000.0
    """Heat demand of a year [kWh thermal]."""
    loss_per_h: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """Share of the buffer's heat lost in an hour [1/h]."""
    level_initial: Share = 0.5
    """Heat in the buffer at the start of the run, as a share of the full buffer [-]."""

    def largest_power_kw(self) -> float:
        """Its rated power."""
        return self.power_kw


class CurtailableLoadParams(Params):
    """A part of the agent's load that may be left unserved."""

    share: Share = 0.1
    """Share of the agent's load that may be curtailed [-]."""
    cost_per_kwh: Cost = 0.25
    """What a curtailed kWh is worth to its owner [currency/kWh]."""


class ShiftableLoadParams(Params):
    """A part of the agent's load that may be served later; as it comes, unless somebody plans it."""

    share: Share = 0.1
    """Share of the agent's load that may wait [-]."""
    delay_h: Annotated[float, Field(gt=0, le=24)] = 4.0
    """Longest time that it waits [h], in whole slots, at least one."""


class ApplianceParams(Params):
    """A machine that runs once a day and cannot be stopped: a washing machine, a dishwasher, a sauna."""

    power_kw: Positive = 1.0
    """Power while it runs [kW]."""
    cycle_h: Annotated[float, Field(gt=0, le=12)] = 2.0
    """How long it runs [h]."""
    earliest_hour: HourOfDay = 8.0
    """It may begin from here on [h of the day]."""
    usual_hour: HourOfDay = 18.0
    """When it begins unless somebody plans it [h of the day]."""
    latest_hour: Annotated[float, Field(gt=0, le=24)] = 23.0
    """By when it has to have run [h of the day]."""

    def largest_power_kw(self) -> float:
        """Its power."""
        return self.power_kw

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.earliest_hour <= self.usual_hour <= self.latest_hour - self.cycle_h:
            raise ValueError(
                f"earliest_hour ({self.earliest_hour}), usual_hour ({self.usual_hour}) and latest_hour less cycle_h "
                f"({self.latest_hour} - {self.cycle_h}) must follow each other"
            )
        return self


class GeneratorParams(Params):
    """A dispatchable generator.

    An hour at P kW costs ``quadratic_cost`` P^2 + ``cost_per_kwh`` P + ``constant_cost``.
    """

    max_kw: Positive
    """Largest power [kW]."""
    min_kw: NotNegative = 0.0
    """Smallest power [kW]; it always runs at least at this."""
    ramp_kw_per_h: Positive | None = None
    """Largest change of power in an hour, up or down [kW/h]; none: unlimited."""
    cost_per_kwh: Cost = 0.2
    """Linear part of the cost [currency/kWh]."""
    quadratic_cost: Cost = 0.0
    """Quadratic part of the cost [currency/(kW^2 h)]."""
    constant_cost: Cost = 0.0
    """Cost of each hour in which it runs [currency/h]."""

    def largest_power_kw(self) -> float:
        """Its rated power."""
        return self.max_kw

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_kw > self.max_kw:
            raise ValueError(f"min_kw ({self.min_kw}) exceeds max_kw ({self.max_kw})")
        return self
