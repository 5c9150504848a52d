"""Mode ``market_first``: trade freely, then curtail until every limit is kept.

Nothing is refused while orders are matched. At the end of the slot the AC state is solved; where it breaks a limit
beyond the untraded state, the slot path takes back residual exchange and then trades, the last first, until it does
not (``core.rollback``): what had come last is curtailed first, whole trades at a time.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import BoolArray
from marketsim.core.compiled import AdmitPointer
from marketsim.core.ports import Gate
from marketsim.grid.gates.context import GateContext
from marketsim.grid.gates.inexact import InexactGate
from marketsim.grid.gates.meshed.gate import MeshedObserveGate
from marketsim.grid.gates.observed.observe_kernel import admit_freely
from marketsim.grid.gates.params import GateParams


class MarketFirstGate(InexactGate):
    """Admits everything; ``broken`` says where curtailment has to follow."""

    _check = AdmitPointer(admit_freely)


class MeshedMarketFirstGate(MeshedObserveGate):
    """The same on any net."""

    def broken(self) -> BoolArray:
        """Markets whose AC state breaks a limit of the slot, or has no solution."""
        return np.array([self.breaks(market) for market in range(len(self._markets))], dtype=np.bool_)


def build(params: GateParams, context: GateContext) -> Gate:  # noqa: ARG001 - no parameters
    """Free trade, curtailed afterwards."""
    made = MarketFirstGate if context.is_radial else MeshedMarketFirstGate
    return made(context.network, context.nodes, context.n_markets, context.hours, context.settings)
