"""The reactive modes: unity, fixed power factor, fixed reactive power, volt-var.

Loads draw at their own power factor (profile series ``load_kvar``; without it ``LoadSpec.power_factor``), scaled with
the metered energy. Behind the meter the rest of the net energy, P = net + load, belongs to the connection's inverter
where it is positive and to drawing devices where it is negative. The gate moves reactive power with each admitted Wh
by the slopes of ``ReactiveLaw``, and solves a curve itself. What strategies ask for comes on top, within the apparent
power. An inverter without ``inverter_kva`` is sized to its plant (``oversize`` times the PV's rating) and never limits it.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import Basics
from marketsim.core.inverters import granted_kvar, within_kvar
from marketsim.core.ports import ReactiveLaw
from marketsim.core.records import AskedKvar, Community, SlotInputs
from marketsim.core.units import WH_PER_KWH
from marketsim.grid.reactive.params import FixedPfParams, FixedQParams, ReactiveParams, VoltVarParams


class InverterMode:
    """Loads, drawing devices and ratings; the modes add their inverters."""

    law: ReactiveLaw

    def __init__(self, params: ReactiveParams, context: Basics) -> None:
        agents, n_markets = context.agents, context.community.n_markets
        factors = np.array([agent.load.power_factor for agent in agents], dtype=np.float64)
        self._load_tan = np.tile(tan_of(factors), n_markets)
        sized = params.oversize * context.pv_scale
        rated = [sized * agent.pv_kw if agent.inverter_kva is None else agent.inverter_kva for agent in agents]
        self.kva: FloatArray = np.tile(np.array(rated, dtype=np.float64), n_markets)
        self._limits_pv = np.tile([agent.inverter_kva is not None for agent in agents], n_markets)
        self._limits_any = bool(self._limits_pv.any())
        n_agents = len(self.kva)
        sink = np.full(n_agents, float(tan_of(np.array(params.deferrable_power_factor))))
        none = np.zeros(n_agents)
        self.law = ReactiveLaw(none, sink, self.kva, np.zeros(0), none)

    def kvar(
        self, community: Community, inputs: SlotInputs, firm_wh: IntArray, decided: AskedKvar | None = None
    ) -> FloatArray:
        """Reactive injection of the untraded state [kvar] [n_agents]; consumption is negative.

        What strategies have ``decided`` is added as far as it keeps within the inverters, whatever a gate admits.
        """
        if len(firm_wh) != community.n_agents:
            raise ValueError(f"firm_wh has {len(firm_wh)} agents, the community {community.n_agents}")
        per_kw = 1.0 / (inputs.time.hours * WH_PER_KWH)
        p_kw = np.asarray((firm_wh + inputs.load_wh) * per_kw, dtype=np.float64)
        drawn = self._load_ratio(inputs) * inputs.load_wh * per_kw
        drawn += self.law.sink_kvar_per_kw * np.maximum(-p_kw, 0.0)
        own = self.inverter_kvar(p_kw)
        if decided is not None:
            own = own + granted_kvar(self.law, decided, p_kw, own, inputs.time.hours)
        return np.asarray(own - drawn)

    def limit_pv(self, pv_wh: IntArray, hours: float) -> IntArray:
        """PV left within the apparent limit of the inverter at its set-point [Wh] [n_agents]."""
        if not self._limits_any:
            return pv_wh
        most = np.floor(self._most_kw() * (hours * WH_PER_KWH)).astype(np.int64)
        return np.where(self._limits_pv, np.minimum(pv_wh, most), pv_wh)

    def behind_kw(self) -> FloatArray:
        """See ``Reactive``: asked for by the one mode with a curve, which says more."""
        return np.zeros(len(self.kva))

    def _load_ratio(self, inputs: SlotInputs) -> FloatArray:
        if "load_kvar" not in inputs.series:
            return self._load_tan
        kw, kvar = inputs.series["load_kw"], inputs.series["load_kvar"]
        return np.divide(kvar, kw, out=np.zeros(len(kw)), where=kw > 0.0)

    def inverter_kvar(self, p_kw: FloatArray) -> FloatArray:
        """Reactive injection of the inverters by themselves at active power ``p_kw``, without a curve [kvar] [n_agents]."""
        return np.zeros_like(p_kw)

    def _most_kw(self) -> FloatArray:
        """Largest active power of the inverters at their set-point [kW]."""
        return self.kva

    def _capped(self, wanted: FloatArray, p_kw: FloatArray) -> FloatArray:
        """What the inverters can do of a wanted reactive injection beside their active power."""
        room = within_kvar(self.kva, p_kw)
        return np.clip(wanted, -room, room)


class Unity(InverterMode):
    """Inverters at power factor 1."""


class FixedPf(InverterMode):
    """Q = -+ tan(phi) P for what is injected."""

    def __init__(self, params: FixedPfParams, context: Basics) -> None:
        super().__init__(params, context)
        self._pf = params.power_factor
        slope = float(tan_of(np.array(self._pf))) * (-1.0 if params.absorbing else 1.0)
        self.law = self.law._replace(source_kvar_per_kw=np.where(self.kva > 0.0, slope, 0.0))

    def inverter_kvar(self, p_kw: FloatArray) -> FloatArray:
        """See ``Reactive``."""
        return self._capped(self.law.source_kvar_per_kw * np.maximum(p_kw, 0.0), p_kw)

    def _most_kw(self) -> FloatArray:
        return self.kva * self._pf


class FixedQ(InverterMode):
    """Q at its set-point, within sqrt(S^2 - P^2); reactive power goes before active."""

    def __init__(self, params: FixedQParams, context: Basics) -> None:
        super().__init__(params, context)
        self._share = params.q_share

    def inverter_kvar(self, p_kw: FloatArray) -> FloatArray:
        """See ``Reactive``."""
        return self._capped(self._share * self.kva, p_kw)

    def _most_kw(self) -> FloatArray:
        return self.kva * sqrt(1.0 - self._share**2)


class VoltVar(InverterMode):
    """Q from the bus voltage; the gate solves the curve, so the untraded state starts without it."""

    def __init__(self, params: VoltVarParams, context: Basics) -> None:
        super().__init__(params, context)
        curve_pu = np.array(params.voltages_pu, dtype=np.float64)
        self.law = self.law._replace(curve_pu=curve_pu, curve_kvar=params.q_share * self.kva)
        self._load_kw: FloatArray = np.zeros(len(self.kva))

    def kvar(
        self, community: Community, inputs: SlotInputs, firm_wh: IntArray, decided: AskedKvar | None = None
    ) -> FloatArray:
        """See ``Reactive``; remembers the load that inverters serve behind the meter."""
        self._load_kw = inputs.load_wh / (inputs.time.hours * WH_PER_KWH)
        return super().kvar(community, inputs, firm_wh, decided)

    def behind_kw(self) -> FloatArray:
        """What an inverter delivers beyond its connection's net injection in the slot of the last ``kvar`` [kW]."""
        return self._load_kw


build_unity, build_fixed_pf, build_fixed_q, build_volt_var = Unity, FixedPf, FixedQ, VoltVar
"""The modes are built from their parameters and ``Basics``."""


def tan_of(power_factor: FloatArray) -> FloatArray:
    """Reactive for each unit of active power."""
    return np.asarray(np.sqrt(1.0 - power_factor**2) / power_factor)
