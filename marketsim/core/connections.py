"""Limits of connections where there is no grid: what the welfare optimum is verified by then."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.grid_model import demand_agents, of_all
from marketsim.core.records import Community, GridState, SlotRecord
from marketsim.core.units import UNLIMITED_WH


def has_limits(community: Community) -> bool:
    """Whether any connection is limited."""
    limits = np.minimum(community.import_limit_wh, community.export_limit_wh)
    return bool((limits < UNLIMITED_WH).any())


class ConnectionModel:
    """Port ``core.grid_model.GridModel`` without a grid: imports and exports of each connection, as frozen by the slot."""

    def __init__(self, community: Community) -> None:
        self._community = community
        self._firm_wh: IntArray | None = np.zeros(community.n_agents, dtype=np.int64)

    def open(self, record: SlotRecord) -> None:
        """Take over a slot that is over."""
        self._firm_wh = record.positions.must_run_wh - record.positions.firm_demand_wh

    def open_at(self, firm_wh: IntArray, kvar: FloatArray) -> None:
        """Take over an untraded state [n_agents]; without a grid, reactive power does not matter."""
        demand_agents(self._community, firm_wh, kvar)
        self._firm_wh = firm_wh.copy()

    def open_state(self, grid: GridState) -> None:  # noqa: ARG002 - connections are the gate's business then
        """Take over a slot under way: net positions count from what its gate holds, which limits connections itself."""
        self._firm_wh = None

    def margins(self, market: int, net_wh: FloatArray) -> FloatArray:
        """Excess over each connection's import, then export limit, as a share of it [2 n_connections]."""
        imports, exports = self._limits(market)
        net_wh = of_all(net_wh, len(imports))
        under, over = (-net_wh - imports) / _scale(imports), (net_wh - exports) / _scale(exports)
        return np.concatenate((under, over))

    def gradient(self, market: int, net_wh: FloatArray, limits: IntArray) -> FloatArray:  # noqa: ARG002 - linear
        """Derivative of these margins to the net injections [1/Wh] [len(limits), n_connections]."""
        imports, exports = self._limits(market)
        side, connection = np.divmod(limits, len(imports))
        answer = np.zeros((len(limits), len(imports)))
        slope = np.where(side == 0, -1.0 / _scale(imports)[connection], 1.0 / _scale(exports)[connection])
        answer[np.arange(len(limits)), connection] = slope
        return answer

    def drawn_wh(self, market: int, net_wh: FloatArray) -> float:  # noqa: ARG002 - the same in every market
        """What all draw together: nothing is lost without a grid [Wh]."""
        return -float(net_wh.sum())

    def drawn_slope(self, market: int, net_wh: FloatArray) -> FloatArray:  # noqa: ARG002 - linear
        """Derivative of ``drawn_wh`` [n_connections]."""
        return np.full(int((self._community.market == market).sum()), -1.0)

    def _limits(self, market: int) -> tuple[FloatArray, FloatArray]:
        """What may be drawn and injected, at least what happens in any case [Wh] [n_connections]."""
        rows = self._community.market == market
        if self._firm_wh is None:
            free = np.full(int(rows.sum()), float(UNLIMITED_WH))
            return free, free
        firm = self._firm_wh[rows]
        imports = np.maximum(self._community.import_limit_wh[rows], -firm)
        exports = np.maximum(self._community.export_limit_wh[rows], firm)
        return imports.astype(np.float64), exports.astype(np.float64)


def _scale(limits: FloatArray) -> FloatArray:
    return np.maximum(limits, 1.0)
