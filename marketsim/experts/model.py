"""A prosumer as experts know it: devices, ratings and preferences (Lou et al. 2025, arXiv 2507.14995, with units made explicit).

What is planned an hour at a time costs::

    generator   quadratic_cost P^2 + cost_per_kwh P
    battery     wear_per_kwh (P_charge + P_discharge)
    curtailed   cost_per_kwh P_curtailed

and stored energy moves by ``efficiency P_charge - P_discharge / efficiency``. Reactive power comes from the inverter of PV.
"""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

from pydantic import Field, model_validator

from marketsim.core.params import Params, Share

_MOST = 1e6
_Positive: TypeAlias = Annotated[float, Field(gt=0, le=_MOST)]
_NotNegative: TypeAlias = Annotated[float, Field(ge=0, le=_MOST)]
_Efficiency: TypeAlias = Annotated[float, Field(ge=0.1, le=1)]
_Cost: TypeAlias = Annotated[float, Field(ge=0, le=1_000)]


class BatteryModel(Params):
    """A battery."""

    energy_kwh: _Positive
    """Nameplate capacity [kWh]."""
    power_kw: _Positive
    """Largest charging and discharging power at the meter [kW]."""
    efficiency: _Efficiency = 0.95
    """One way: stored energy for each kWh drawn, and energy at the meter for each kWh taken from the store [-]."""
    discharge_efficiency: _Efficiency | None = None
    """Energy at the meter for each kWh taken from the store [-]; none: ``efficiency``."""
    min_soc: Share = 0.1
    """Lowest state of charge, as a share of the nameplate capacity [-]."""
    max_soc: Share = 0.9
    """Highest state of charge, as a share of the nameplate capacity [-]."""
    wear_per_kwh: _Cost = 0.01
    """Wear for each kWh charged or discharged at the meter [currency/kWh]."""

    @property
    def efficiency_out(self) -> float:
        """Energy at the meter for each kWh taken from the store [-]."""
        return self.efficiency if self.discharge_efficiency is None else self.discharge_efficiency

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.min_soc < self.max_soc:
            raise ValueError(f"min_soc ({self.min_soc}) must be below max_soc ({self.max_soc})")
        return self


class GeneratorModel(Params):
    """A dispatchable generator that never stands still below its smallest power."""

    max_kw: _Positive
    """Largest power [kW]."""
    min_kw: _NotNegative = 0.0
    """Smallest power [kW]."""
    ramp_kw_per_h: _Positive | None = None
    """Largest change of power in an hour, up or down [kW/h]; none: unlimited."""
    cost_per_kwh: _Cost = 0.2
    """Linear part of the cost [currency/kWh]."""
    quadratic_cost: _Cost = 0.0
    """Quadratic part of the cost [currency/(kW^2 h)]."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_kw > self.max_kw:
            raise ValueError(f"min_kw ({self.min_kw}) exceeds max_kw ({self.max_kw})")
        return self


class CurtailableModel(Params):
    """A part of the load that may be left unserved."""

    share: Share = 0.1
    """Share of the load that may be curtailed [-]."""
    cost_per_kwh: _Cost = 0.4
    """What a curtailed kWh is worth to its owner [currency/kWh]."""


class TerminalModel(Params):
    """What stored energy is worth at the end of the day, so that a plan does not sell it."""

    soc: Share = 0.5
    """State of charge to end with, as a share of the nameplate capacity [-]."""
    missing_per_kwh: _Cost = 0.2
    """Price at which what is missing is bought, charging losses on top [currency/kWh]."""
    spare_per_kwh: _Cost = 0.14
    """Price at which what is over will be sold, less the losses of discharging [currency/kWh]; at most ``missing_per_kwh``."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.spare_per_kwh > self.missing_per_kwh:
            what = f"spare_per_kwh ({self.spare_per_kwh}) exceeds missing_per_kwh ({self.missing_per_kwh})"
            raise ValueError(f"{what}: storing would pay without end")
        return self


class ProsumerModel(Params):
    """Everything that an expert has to know of a prosumer."""

    load_peak_kw: _NotNegative = 0.0
    """Largest load [kW]."""
    pv_kw: _NotNegative = 0.0
    """Rating of PV [kW]."""
    battery: BatteryModel | None = None
    """None: there is no battery."""
    generator: GeneratorModel | None = None
    """None: there is no generator."""
    curtailable: CurtailableModel | None = None
    """None: all load is served."""
    min_power_factor: Annotated[float, Field(gt=0, le=1)] | None = 0.95
    """Least power factor of the inverter: its reactive power is at most tan(acos(min_power_factor)) times its active power, none
    without sun [-]; none: ``inverter_kva`` alone limits it."""
    inverter_kva: _Positive | None = None
    """Apparent power of the inverter [kVA], P^2 + Q^2 <= S^2; none: 1.1 times ``pv_kw``."""
    terminal: TerminalModel = TerminalModel()
    """What stored energy is worth at the end of the day."""

    @property
    def kva(self) -> float:
        """Apparent power of the inverter [kVA]; 0 without PV."""
        return (1.1 * self.pv_kw if self.inverter_kva is None else self.inverter_kva) if self.pv_kw else 0.0

    @model_validator(mode="after")
    def _terminal_within(self) -> Self:
        own, end = self.battery, self.terminal.soc
        if own is not None and not own.min_soc <= end <= own.max_soc:
            raise ValueError(
                f"terminal.soc ({end}) must lie between min_soc ({own.min_soc}) and max_soc ({own.max_soc})"
            )
        return self
