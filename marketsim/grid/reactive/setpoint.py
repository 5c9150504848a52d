"""Inverters that take set-points: Q = clip(curve(|V|) + asked, +-most(P)), most(P) = min(sqrt(S^2 - P^2), P tan phi).

P is the PV that is used, where strategies ask and all that their devices offer is executed (``AskedKvar.inverter_wh``), else
what the connection delivers beyond its load. The sum is solved inside of the power flow (``grid.flow.sweep_curve_kernel``), so it
holds at whatever P a gate admits. An inverter without PV gives nothing where a least power factor is set: reactive power for
nothing would make every claim about voltages a trivial one.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import Basics
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.inverters import curve_share, most_kvar
from marketsim.core.records import AskedKvar, Community, SlotInputs
from marketsim.core.units import WH_PER_KWH
from marketsim.grid.reactive.modes import InverterMode, tan_of
from marketsim.grid.reactive.params import SetpointParams


class SteeredInverters(InverterMode):
    """Ports ``Reactive`` and ``Steered``."""

    def __init__(self, params: SetpointParams, context: Basics) -> None:
        super().__init__(params, context)
        least = params.min_power_factor
        per_kw = np.inf if least is None else float(tan_of(np.array(least)))
        full = params.q_share if params.base == "volt_var" else 0.0
        self.law = self.law._replace(
            curve_pu=np.array(params.voltages_pu, dtype=np.float64),
            curve_kvar=full * self.kva,
            kvar_per_kw=np.full(len(self.kva), per_kw),
        )
        self._behind_kw: FloatArray = np.zeros(len(self.kva))
        self._asked: FloatArray = np.zeros(len(self.kva))

    def kvar(
        self, community: Community, inputs: SlotInputs, firm_wh: IntArray, decided: AskedKvar | None = None
    ) -> FloatArray:
        """See ``Reactive``: what loads draw; remembers what is asked, which the gate adds, and what PV serves behind meters."""
        behind_wh = inputs.load_wh.astype(np.float64)
        if decided is not None and decided.inverter_wh is not None:
            behind_wh = np.where(np.isnan(decided.inverter_wh), behind_wh, decided.inverter_wh - firm_wh)
        self._behind_kw = behind_wh / (inputs.time.hours * WH_PER_KWH)
        self._asked = np.zeros(len(self.kva)) if decided is None else np.where(self.kva > 0.0, decided.kvar, 0.0)
        return super().kvar(community, inputs, firm_wh)

    def behind_kw(self) -> FloatArray:
        """See ``Reactive``."""
        return self._behind_kw

    def asked_kvar(self) -> FloatArray:
        """See ``Steered``."""
        return self._asked

    def given_kvar(self, net_wh: IntArray, v_pu: FloatArray, hours: float) -> FloatArray:
        """See ``Steered``."""
        p_kw = net_wh / (hours * WH_PER_KWH) + self._behind_kw
        most = most_kvar(self.law, np.asarray(p_kw))
        share = np.where(np.isfinite(v_pu), curve_share(v_pu, self.law.curve_pu), 0.0)
        return np.where(self.kva > 0.0, np.clip(self.law.curve_kvar * share + self._asked, -most, most), 0.0)


def build(params: SetpointParams, context: Basics) -> SteeredInverters:
    """The mode; ScenarioError where trade and delivery are apart, for a set-point is one of the slot that is metered."""
    if context.closure_slots:
        hint = "set market.gate_closure_slots to 0, or choose another reactive mode"
        message = "inverters take set-points in the slot that is metered, and this market closes earlier"
        raise ScenarioError([Problem(message, "grid.reactive", "setpoint", hint)])
    return SteeredInverters(params, context)
