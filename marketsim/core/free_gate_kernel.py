"""A gate without a grid: it admits everything and only counts what flows."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.compiled import ADMIT, AdmitPointer, kernel
from marketsim.core.ports import GateKernel
from marketsim.core.records import GridState


@kernel(ADMIT)
def admit_all(
    ints: IntArray,
    floats: FloatArray,  # noqa: ARG001 - part of the signature
    source: int,
    sink: int,
    wh: int,
) -> tuple[int, int, int]:
    """Admit everything; ``ints[0, 0]`` counts the net injection of the market [Wh]."""
    ints[0, 0] += wh * (int(source >= 0) - int(sink >= 0))  # without branches, hence without reference counts
    return wh, 0, -1


_POINTER = AdmitPointer(admit_all)


class FreeGate:
    """Port ``Gate`` where there is no grid: no node, no limit, no loss.

    ``market`` [n_agents] is the market of each agent; without it the gate still admits, which is all that an engine
    outside a simulation needs.
    """

    kernel: GateKernel | None

    def __init__(self, n_markets: int, market: IntArray | None = None) -> None:
        self._market = np.zeros(0, dtype=np.int64) if market is None else market
        self._net = np.zeros((n_markets, 1, 1), dtype=np.int64)
        self.kernel = GateKernel(_POINTER, self._net, np.zeros((n_markets, 1, 1)))

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> None:  # noqa: ARG002 - reactive power needs a grid
        """Start a slot from the net energy of each agent [Wh]."""
        self._net[:] = 0
        np.add.at(self._net[:, 0, 0], self._market, firm_wh)

    def admit(self, market: int, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        """Admit everything."""
        self._net[market, 0, 0] += wh * ((source >= 0) - (sink >= 0))
        return wh, 0, -1

    def release(self, market: int, source: int, sink: int, wh: int) -> None:
        """Take back what was admitted."""
        self._net[market, 0, 0] -= wh * ((source >= 0) - (sink >= 0))

    def amend(self, delta_wh: IntArray, kvar: FloatArray) -> None:  # noqa: ARG002 - reactive power needs a grid
        """Change what was committed to what was delivered [n_agents]."""
        np.add.at(self._net[:, 0, 0], self._market, delta_wh)

    def broken(self) -> BoolArray:
        """Nothing to break [n_markets]."""
        return np.zeros(len(self._net), dtype=np.bool_)

    def sensitivity(self) -> FloatArray:
        """No voltage, no sensitivity: zeros [n_agents]."""
        return np.zeros(len(self._market))

    def close(self) -> GridState:
        """No nodes and no branches; the source supplies what the agents' net positions lack, without losses."""
        n_markets = len(self._net)
        nodes = np.zeros((n_markets, 0))
        return GridState(
            net_wh=nodes.astype(np.int64),
            kvar=nodes,
            v_pu=nodes,
            loading=nodes,
            slack_wh=-self._net[:, 0, 0].astype(np.float64),
            losses_wh=np.zeros(n_markets),
            firm_kvar=nodes,
            firm_v_pu=nodes,
            firm_loading=nodes,
            converged=np.ones(n_markets, dtype=np.bool_),
        )
