"""A reactive mode of one's own: every connection is compensated, and inverters absorb a tenth of what they inject."""

import numpy as np

import marketsim as ms
from marketsim.core.ports import ReactiveLaw


class Compensated:
    def __init__(self, n_agents, slope):
        self.law = ReactiveLaw.none(n_agents)._replace(source_kvar_per_kw=np.full(n_agents, -slope))
        self._slope = slope

    def kvar(self, community, inputs, firm_wh, decided=None):  # inverters without a rating give nothing more
        return self.inverter_kvar(firm_wh / (inputs.time.hours * 1000))

    def inverter_kvar(self, p_kw):
        return -self._slope * np.maximum(p_kw, 0)

    def limit_pv(self, pv_wh, hours):
        return pv_wh

    def behind_kw(self):
        return np.zeros(len(self.law.kva))


class CompensatedParams(ms.Params):
    slope: float = 0.1
    """Reactive power absorbed with each kW injected [kvar/kW]."""


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(
        kind="reactive",
        name="compensated",
        build=lambda params, context: Compensated(context.community.n_agents, params.slope),
        params=CompensatedParams,
    )
