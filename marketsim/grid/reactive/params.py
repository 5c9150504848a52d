"""Parameters of the reactive modes. Every default is an assumption of this program."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from marketsim.core.params import Params

PowerFactor: TypeAlias = Annotated[float, Field(ge=0.5, le=1.0)]
VoltagePu: TypeAlias = Annotated[float, Field(ge=0.5, le=1.5)]


class ReactiveParams(Params):
    """What all modes share. Inverters: those of agents with PV or with an ``inverter_kva`` of their own."""

    oversize: Annotated[float, Field(ge=1.0, le=10.0)] = 1.1
    """Apparent power of an inverter without ``inverter_kva``, as a multiple of the PV's rating [-]."""
    deferrable_power_factor: PowerFactor = 1.0
    """Power factor of energy that devices draw (EV, heat pump, battery), lagging [-]."""


class UnityParams(ReactiveParams):
    """Inverters at power factor 1."""


class FixedPfParams(ReactiveParams):
    """Inverters at one power factor: reactive power moves with every Wh that they inject."""

    power_factor: PowerFactor = 0.95
    """Power factor of what an inverter injects [-]."""
    absorbing: bool = True
    """True: absorbs reactive power, which lowers the voltage (under-excited); False: injects it."""


class FixedQParams(ReactiveParams):
    """Inverters at one reactive power, day and night."""

    q_share: Annotated[float, Field(ge=-1.0, le=1.0)] = -0.2
    """Reactive injection as a share of the inverter's apparent power; negative: absorbing [-]."""


class CurveParams(ReactiveParams):
    """A volt-var curve; the defaults are category B of IEEE 1547-2018, table 8."""

    voltages_pu: tuple[VoltagePu, VoltagePu, VoltagePu, VoltagePu] = (0.92, 0.98, 1.02, 1.08)
    """Full injection up to the first, none between the second and third, full absorption from the fourth on [p.u.]."""
    q_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.44
    """Full reactive power as a share of the inverter's apparent power [-]."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        v1, v2, v3, v4 = self.voltages_pu
        if not (v1 < v2 <= v3 < v4):
            raise ValueError("voltages_pu must rise: v1 < v2 <= v3 < v4")
        return self


class VoltVarParams(CurveParams):
    """Inverters that follow their bus voltage."""


class SetpointParams(CurveParams):
    """Inverters that take set-points: what strategies ask for, on top of a curve or of nothing."""

    min_power_factor: Annotated[float, Field(ge=0.5, lt=1.0)] | None = 0.95
    """Least power factor of an inverter, so that it gives no reactive power without PV [-]; null: its apparent power alone
    bounds it, sqrt(S^2 - P^2), by night as well."""
    base: Literal["none", "volt_var"] = "none"
    """What an inverter does when nothing is asked: nothing, or the curve of its bus voltage."""
