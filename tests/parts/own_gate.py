"""A gate of one's own: no connection injects or draws more than a few kilowatts beyond what it does anyway."""

import numpy as np

import marketsim as ms
from marketsim.core.records import NOWHERE, Reason
from marketsim.grid.gates.meshed.gate import MeshedObserveGate


class QuotaParams(ms.Params):
    kw: float = 20.0  # of each connection, for trade


class Quota(MeshedObserveGate):
    """The AC state is observed; what is refused are quantities beyond the quota."""

    def open(self, firm_wh, kvar):
        super().open(firm_wh, kvar)
        self.left = np.full(*self.quota)

    def admit(self, market, source, sink, wh):
        ends = [end for end in (source, sink) if end != NOWHERE]
        most = min((int(self.left[market, end]) for end in ends), default=wh)
        admitted = min(wh, most)
        self.left[market, ends] -= admitted
        super().admit(market, source, sink, admitted)
        if admitted == wh:
            return wh, int(Reason.NONE), -1
        return admitted, int(Reason.CONNECTION_EXPORT), source if source != NOWHERE else sink


def build(params, context):
    gate = Quota(context.network, context.nodes, context.n_markets, context.hours, context.settings)
    gate.quota = (context.n_markets, len(context.nodes)), int(params.kw * context.hours * 1000)
    return gate


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="gate", name="quota", build=build, params=QuotaParams, summary="a quota a connection")
