"""A gate without a grid: it admits what the limits of connections leave, everything without them, and counts what flows."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.compiled import ADMIT, AdmitPointer, kernel
from marketsim.core.ports import GateKernel
from marketsim.core.records import BLAMES_SINK, GridState, Reason
from marketsim.core.units import UNLIMITED_WH

_MARKET, _NET, _LOW, _HIGH, _ROWS = range(5)
_SUM = 0
"""Column of _MARKET."""
_EXPORT, _IMPORT = int(Reason.CONNECTION_EXPORT), int(Reason.CONNECTION_IMPORT) + BLAMES_SINK
_NO_FLOATS = np.zeros((1, 1))


@kernel(ADMIT)
def admit_all(ints: IntArray, _: FloatArray, source: int, sink: int, wh: int) -> tuple[int, int, int]:
    """Admit everything; ``ints[_MARKET, _SUM]`` counts the net injection of the market [Wh]."""
    ints[_MARKET, _SUM] += wh * (int(source >= 0) - int(sink >= 0))  # without branches, hence without reference counts
    return wh, 0, -1


@kernel(ADMIT)
def admit_within(ints: IntArray, _: FloatArray, source: int, sink: int, wh: int) -> tuple[int, int, int]:
    """Admit what the limits of both connections leave; rows of ``ints`` as in ``FreeGate``."""
    left, code, element = wh, 0, -1
    if source >= 0 and ints[_HIGH, source] - ints[_NET, source] < left:
        left = max(ints[_HIGH, source] - ints[_NET, source], 0)
        code, element = _EXPORT, source
    if sink >= 0 and ints[_NET, sink] - ints[_LOW, sink] < left:
        left = max(ints[_NET, sink] - ints[_LOW, sink], 0)
        code, element = _IMPORT, sink
    if source >= 0:
        ints[_NET, source] += left
        ints[_MARKET, _SUM] += left
    if sink >= 0:
        ints[_NET, sink] -= left
        ints[_MARKET, _SUM] -= left
    return left, code, element


_ALL, _WITHIN = AdmitPointer(admit_all), AdmitPointer(admit_within)


class FreeGate:
    """Port ``Gate`` where there is no grid: no node and no loss, and no limit but those of connections.

    ``market`` [n_agents], ascending, is the market of each agent; without it the gate still admits, which is all that
    an engine outside a simulation needs. What an agent does in any case is never cut: where it exceeds a limit, it may
    stand, and no more.
    """

    kernel: GateKernel | None

    def __init__(
        self,
        n_markets: int,
        market: IntArray | None = None,
        import_limit_wh: IntArray | None = None,
        export_limit_wh: IntArray | None = None,
    ) -> None:
        """Limits a slot [Wh] [n_agents], UNLIMITED_WH: none; None: none at all."""
        self._market = np.zeros(0, dtype=np.int64) if market is None else market
        n_agents = len(self._market)
        unlimited = np.full(n_agents, UNLIMITED_WH)
        self._imports = unlimited if import_limit_wh is None else import_limit_wh
        self._exports = unlimited if export_limit_wh is None else export_limit_wh
        self._limited = bool((np.minimum(self._imports, self._exports) < UNLIMITED_WH).any())
        self._connection = np.arange(n_agents) - np.searchsorted(self._market, self._market)
        rows, columns = (_ROWS, int(self._connection.max()) + 1) if self._limited else (1, 1)
        self._ints = np.zeros((n_markets, rows, columns), dtype=np.int64)
        """Row 0: net injection of the market, in its first column; then of each connection, and its bounds [Wh]."""
        self._admit = _WITHIN if self._limited else _ALL
        self.kernel = GateKernel(self._admit, self._ints, np.zeros((n_markets, 1, 1)))

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> None:  # noqa: ARG002 - reactive power needs a grid
        """Start a slot from the net energy of each agent [Wh]."""
        self._ints[:] = 0
        np.add.at(self._ints[:, _MARKET, _SUM], self._market, firm_wh)
        if self._limited:
            self._ints[self._market, _NET, self._connection] = firm_wh
            self._ints[self._market, _LOW, self._connection] = np.minimum(-self._imports, firm_wh)
            self._ints[self._market, _HIGH, self._connection] = np.maximum(self._exports, firm_wh)

    def admit(self, market: int, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        """Admit what the connections' limits leave."""
        return self._admit(self._ints[market], _NO_FLOATS, source, sink, wh)

    def release(self, market: int, source: int, sink: int, wh: int) -> None:
        """Take back what was admitted."""
        for end, sign in ((source, -1), (sink, 1)):
            if end >= 0:
                self._ints[market, _MARKET, _SUM] += sign * wh
                if self._limited:
                    self._ints[market, _NET, end] += sign * wh

    def amend(self, delta_wh: IntArray, kvar: FloatArray) -> None:  # noqa: ARG002 - reactive power needs a grid
        """Change what was committed to what was delivered [n_agents], limits or not."""
        np.add.at(self._ints[:, _MARKET, _SUM], self._market, delta_wh)
        if self._limited:
            self._ints[self._market, _NET, self._connection] += delta_wh

    def broken(self) -> BoolArray:
        """Nothing to break [n_markets]."""
        return np.zeros(len(self._ints), dtype=np.bool_)

    def sensitivity(self) -> FloatArray:
        """No voltage, no sensitivity: zeros [n_agents]."""
        return np.zeros(len(self._market))

    def close(self) -> GridState:
        """No nodes and no branches; the source supplies what the agents' net positions lack, without losses."""
        n_markets = len(self._ints)
        nodes = np.zeros((n_markets, 0))
        return GridState(
            net_wh=nodes.astype(np.int64),
            kvar=nodes,
            v_pu=nodes,
            loading=nodes,
            slack_wh=-self._ints[:, _MARKET, _SUM].astype(np.float64),
            losses_wh=np.zeros(n_markets),
            shunt_wh=np.zeros(n_markets),
            firm_kvar=nodes,
            firm_v_pu=nodes,
            firm_loading=nodes,
            converged=np.ones(n_markets, dtype=np.bool_),
        )
