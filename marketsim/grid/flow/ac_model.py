"""AC power flow at positions that did not happen, with sensitivities: what the welfare optimum is verified by.

Margins say by how much each limit is exceeded; limits are those that a gate freezes when it opens: the network's own,
relaxed to the untraded state (and ``worsen`` beyond) where that breaks them already. The power flow is
power-grid-model's; gradients are exact derivatives at the solution, by the adjoint of its Jacobian.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse.linalg import splu

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.grid_model import demand_agents, of_all
from marketsim.core.ports import ReactiveLaw
from marketsim.core.records import Community, GridState, SlotRecord
from marketsim.core.units import UNLIMITED_WH, WH_PER_KWH
from marketsim.grid.flow.fixed_point import admittance
from marketsim.grid.flow.jacobian import BLOCK, jacobian
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.flow.rows_kernel import NO_FLOW_PU
from marketsim.grid.flow.untraded import UntradedBackground, UntradedFlow
from marketsim.grid.net.network import ComplexArray, Network
from marketsim.grid.net.topology import far_end_is_from


class Worsening(NamedTuple):
    """How far trades may push what the untraded state breaks."""

    voltage_pu: float = 1e-4
    loading: float = 1e-3


class _Limits(NamedTuple):
    """Frozen limits of a market in a slot."""

    v_min_pu: FloatArray
    v_max_pu: FloatArray
    loading: FloatArray
    """[n_branches]; inf where a branch has no rating."""


class _Slot(NamedTuple):
    """The state from which net positions count."""

    firm_wh: IntArray
    """Net injection of each agent in that state [n_agents]."""
    node_kw: FloatArray
    """Net injection of each node in that state [n_markets, n_nodes]."""
    kvar: FloatArray
    """Reactive injection of each node in that state [n_markets, n_nodes]."""
    v_pu: FloatArray
    """Voltages of the untraded state, by which limits are frozen [n_markets, n_nodes]."""
    loading: FloatArray
    """Loadings of the untraded state [n_markets, n_branches]."""
    holds_connections: bool = True
    """False where the state is under way: its gate holds the limits of connections."""


class _Solution(NamedTuple):
    v: ComplexArray
    from_pu: ComplexArray
    """Current at the from end of each branch."""
    to_pu: ComplexArray
    slack_kw: float
    """Drawn from the source."""


class AcModel:
    """Port ``core.grid_model.GridModel`` on one network for all markets; one slot at a time."""

    def __init__(
        self,
        network: Network,
        node_of_connection: IntArray,
        community: Community,
        hours: float,
        law: ReactiveLaw,
        worsening: Worsening = Worsening(),  # noqa: B008 - immutable
        background: UntradedBackground | None = None,
    ) -> None:
        """``law`` and ``community`` on the flat axis; ``hours``: length of a slot [h]; ``background`` None: no background."""
        self._network, self._nodes, self._community = network, node_of_connection, community
        self._to_kw = 1.0 / (hours * WH_PER_KWH)
        self._law, self._worsening = law, worsening
        self._validator = Validator(network)
        self._far_is_from = far_end_is_from(network)
        self._y, self._ends = admittance(network)
        self._slot: _Slot | None = None
        self._before: dict[int, FloatArray] = {}
        """Direction of each branch's flow in the state that was opened, by market, where a limit asked for it [n_branches]."""
        self._factored: tuple[_Solution, Any] | None = None
        self._solved: tuple[int, bytes, _Solution | None] | None = None
        """The last point that was asked for, by market and net positions: limits, energy and slopes are asked of the same."""
        background = background or UntradedBackground.none(network, community)
        self._untraded = UntradedFlow(
            self._validator, self._y, node_of_connection, community, law, background, self._to_kw
        )

    def open(self, record: SlotRecord) -> None:
        """Take over a slot that is over: its untraded state, limits and reactive power."""
        place, grid = record.positions, record.grid
        firm_wh = place.must_run_wh - place.firm_demand_wh
        node_kw: FloatArray = np.asarray(grid.net_wh * self._to_kw)
        moved_kw = (record.energy.net_wh - firm_wh) * self._to_kw
        np.add.at(node_kw, (self._community.market, np.tile(self._nodes, len(node_kw))), -moved_kw)
        self._take_over(_Slot(firm_wh, node_kw, grid.firm_kvar, grid.firm_v_pu, grid.firm_loading))

    def open_at(self, firm_wh: IntArray, kvar: FloatArray) -> None:
        """Take over an untraded state [n_agents]: limits are frozen, and curves followed, by a power flow of its own."""
        demand_agents(self._community, firm_wh, kvar)
        self._take_over(_Slot(firm_wh.copy(), *self._untraded.solve(firm_wh, kvar)))

    def open_state(self, grid: GridState) -> None:
        """Take over a slot under way: net positions count from what its gate holds, connections are its business."""
        nothing = np.zeros(self._community.n_agents, dtype=np.int64)
        node_kw = np.asarray(grid.net_wh * self._to_kw)
        self._take_over(_Slot(nothing, node_kw, grid.kvar, grid.firm_v_pu, grid.firm_loading, holds_connections=False))

    def _take_over(self, slot: _Slot) -> None:
        self._slot, self._solved, self._factored, self._before = slot, None, None, {}

    def margins(self, market: int, net_wh: FloatArray) -> FloatArray | None:
        """Excess over each limit at these injections [n_connections]: p.u., or share of a rating; None: unsolved."""
        net_wh = of_all(net_wh, len(self._nodes))
        solved = self._solve(market, net_wh)
        if solved is None:
            return None
        limits, v = self._limits(market), np.abs(solved.v[1:])
        return np.concatenate(
            (
                limits.v_min_pu[1:] - v,
                v - limits.v_max_pu[1:],
                *self._loading_margins(market, limits, solved)[0],
                *self._connection_margins(market, net_wh),
            )
        )

    def gradient(self, market: int, net_wh: FloatArray, limits: IntArray) -> FloatArray:
        """Derivative of these margins to the net injections [1/Wh] [len(limits), n_connections]."""
        n_grid = 2 * (self._network.n_nodes - 1) + 2 * self._network.n_branches
        net_wh = of_all(net_wh, len(self._nodes))
        answer = np.zeros((len(limits), len(net_wh)))
        own = np.flatnonzero(limits >= n_grid)
        side, connection = np.divmod(limits[own] - n_grid, len(net_wh))
        scale = self._connection_scale(market)[side, connection]
        answer[own, connection] = np.where(side == 0, -1.0, 1.0) / scale
        wired = np.flatnonzero(limits < n_grid)
        solved = self._solve(market, net_wh) if len(wired) else None
        if solved is not None:
            answer[wired] = self._wired_gradient(market, net_wh, solved, limits[wired])
        return answer

    def drawn_wh(self, market: int, net_wh: FloatArray) -> float | None:
        """Energy from the source for agents and losses at these injections [n_connections] [Wh]; None: unsolved.

        Load that belongs to no agent is left out, what it loses is not; shunts count as losses.
        """
        solved = self._solve(market, of_all(net_wh, len(self._nodes)))
        background_kw = self._given().node_kw[market].sum() - self._firm_wh(market).sum() * self._to_kw
        return None if solved is None else float(solved.slack_kw + background_kw) / self._to_kw

    def drawn_slope(self, market: int, net_wh: FloatArray) -> FloatArray:
        """Derivative of ``drawn_wh`` to the net injections [n_connections]; that of a feeder without losses if unsolved."""
        net_wh = of_all(net_wh, len(self._nodes))
        solved = self._solve(market, net_wh)
        if solved is None:
            return np.full(len(net_wh), -1.0)
        row = self._y[[0]].toarray()[0]
        slope = np.stack(((1j * row * solved.v), row * solved.v / np.abs(solved.v)))
        of_state = (solved.v[0] * np.conj(slope)).real[:, 1:].reshape(-1, 1)
        per_pu = self._per_injection(market, net_wh, solved, of_state)[0]
        return np.where(self._nodes == 0, -1.0, per_pu * (self._network.base_kva / self._to_kw))

    def _solve(self, market: int, net_wh: FloatArray) -> _Solution | None:
        point = net_wh.tobytes()
        if self._solved is None or self._solved[:2] != (market, point):
            self._solved = market, point, self._solution(market, net_wh)
        return self._solved[2]

    def _solution(self, market: int, net_wh: FloatArray) -> _Solution | None:
        found = self._validator.solve_one(*self._injections(market, net_wh))
        if not found.converged[0]:
            return None
        v = found.v_complex[0]
        from_node, to_node, (ff, ft, tf, tt) = self._network.from_node, self._network.to_node, self._ends
        currents = ff * v[from_node] + ft * v[to_node], tf * v[from_node] + tt * v[to_node]
        return _Solution(v, *currents, float(found.slack_kw[0]))

    def _rows(self, market: int) -> slice:
        n = len(self._nodes)
        return slice(market * n, (market + 1) * n)

    def _firm_wh(self, market: int) -> IntArray:
        return self._given().firm_wh[self._rows(market)]

    def _given(self) -> _Slot:
        if self._slot is None:
            raise ValueError("open a slot first")
        return self._slot

    def _slopes(self, market: int, net_wh: FloatArray) -> FloatArray:
        """Reactive injection that comes with each kW of net injection beyond the untraded state [n_connections]."""
        rows = self._rows(market)
        injects = net_wh > self._firm_wh(market)
        return np.where(injects, self._law.source_kvar_per_kw[rows], self._law.sink_kvar_per_kw[rows])

    def _injections(self, market: int, net_wh: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Power of every node [kW, kvar]; what belongs to no agent is as in the untraded state."""
        slot = self._given()
        moved_kw = (net_wh - self._firm_wh(market)) * self._to_kw
        power_kw, kvar = slot.node_kw[market].copy(), slot.kvar[market].copy()
        np.add.at(power_kw, self._nodes, moved_kw)
        np.add.at(kvar, self._nodes, moved_kw * self._slopes(market, net_wh))
        return power_kw, kvar

    def _limits(self, market: int) -> _Limits:
        slot, own = self._given(), self._network
        v, loading = slot.v_pu[market], np.nan_to_num(slot.loading[market])
        worse = self._worsening
        return _Limits(
            v_min_pu=np.where(v < own.v_min_pu, v - worse.voltage_pu, own.v_min_pu),
            v_max_pu=np.where(v > own.v_max_pu, v + worse.voltage_pu, own.v_max_pu),
            loading=np.where(loading > 1.0, loading + worse.loading, 1.0),
        )

    def _loading_margins(self, market: int, limits: _Limits, solved: _Solution) -> tuple[FloatArray, BoolArray]:
        """Excess over the ratings of both ends [2, n_branches], and branches whose flow may not turn but did [n_branches].

        A limit that is relaxed holds in the direction of the flow before trade, a reversed flow gets the plain rating. Where
        that is broken, the excess is what has turned [p.u.]: it leads back, and the loading would not.
        """
        own = self._network
        shares = np.stack((np.abs(solved.from_pu) / own.rating_from_pu, np.abs(solved.to_pu) / own.rating_to_pu))
        if not (limits.loading > 1.0).any():
            return shares - limits.loading, np.zeros(own.n_branches, dtype=bool)
        turned = -self._validator.active_flow(solved.v[None, :])[0] * self._direction(market)
        against = turned > NO_FLOW_PU
        excess = shares - np.where(against, 1.0, limits.loading)
        barred = against & (excess > 0.0).any(axis=0) & (limits.loading > 1.0)
        return np.where(barred, turned, excess), barred

    def _direction(self, market: int) -> FloatArray:
        """Sign of each branch's active flow in the state that was opened, 0 where there is none [n_branches]."""
        if market not in self._before:
            slot = self._given()
            before = self._validator.solve_one(slot.node_kw[market], slot.kvar[market])
            flow = np.nan_to_num(self._validator.active_flow(before.v_complex)[0])
            self._before[market] = np.where(np.abs(flow) > NO_FLOW_PU, np.sign(flow), 0.0)
        return self._before[market]

    def _connection_limits(self, market: int) -> tuple[FloatArray, FloatArray]:
        rows, firm = self._rows(market), self._firm_wh(market)
        if not self._given().holds_connections:
            return np.full(len(firm), float(UNLIMITED_WH)), np.full(len(firm), float(UNLIMITED_WH))
        imports = np.maximum(self._community.import_limit_wh[rows], -firm)
        exports = np.maximum(self._community.export_limit_wh[rows], firm)
        return imports.astype(np.float64), exports.astype(np.float64)

    def _connection_scale(self, market: int) -> FloatArray:
        return np.maximum(np.stack(self._connection_limits(market)), 1.0)

    def _connection_margins(self, market: int, net_wh: FloatArray) -> tuple[FloatArray, FloatArray]:
        imports, exports = self._connection_limits(market)
        scale = self._connection_scale(market)
        free = float(UNLIMITED_WH)
        under = np.where(imports < free, (-net_wh - imports) / scale[0], -1.0)
        over = np.where(exports < free, (net_wh - exports) / scale[1], -1.0)
        return under, over

    def _wired_gradient(self, market: int, net_wh: FloatArray, solved: _Solution, limits: IntArray) -> FloatArray:
        barred = self._loading_margins(market, self._limits(market), solved)[1]
        turning = -self._direction(market) * barred if barred.any() else None
        slopes_of_state = np.stack([self._state_slope(solved, int(limit), turning) for limit in limits], axis=1)
        return self._per_injection(market, net_wh, solved, slopes_of_state)

    def _per_injection(
        self, market: int, net_wh: FloatArray, solved: _Solution, slopes_of_state: FloatArray
    ) -> FloatArray:
        """Derivatives to net injections [1/Wh] [n, n_connections] of what has these to the state [2 n_inner, n].

        Adjoint solution: one factorisation, one back-substitution each.
        """
        n_inner, n = self._network.n_nodes - 1, slopes_of_state.shape[1]
        factors = self._adjoint(solved)
        blocks = range(0, n, BLOCK)
        adjoint = np.hstack([factors.solve(slopes_of_state[:, begin : begin + BLOCK]) for begin in blocks])
        by_node = np.zeros((2, self._network.n_nodes, n))
        by_node[:, 1:] = adjoint.reshape(2, n_inner, n)
        slope = self._slopes(market, net_wh)[:, None]
        per_pu = by_node[0, self._nodes] + slope * by_node[1, self._nodes]
        return np.asarray(per_pu.T * (self._to_kw / self._network.base_kva))

    def _adjoint(self, solved: _Solution) -> Any:
        """Factors of the transposed Jacobian of a state; slopes of limits and of energy are asked of the same."""
        if self._factored is None or self._factored[0] is not solved:
            self._factored = solved, splu(jacobian(self._y, solved.v).T.tocsc(), permc_spec="MMD_AT_PLUS_A")
        return self._factored[1]

    def _state_slope(self, solved: _Solution, limit: int, turning: FloatArray | None) -> FloatArray:
        """Derivative of one margin to angles and magnitudes of the inner nodes [2 n_inner].

        ``turning`` [n_branches]: not 0 where a branch's margin is that much of its active flow; None: nowhere.
        """
        own, n_inner = self._network, self._network.n_nodes - 1
        slope = np.zeros((2, own.n_nodes))
        if limit < 2 * n_inner:
            side, node = divmod(limit, n_inner)
            slope[1, node + 1] = -1.0 if side == 0 else 1.0
            return slope[:, 1:].reshape(-1)
        end, branch = divmod(limit - 2 * n_inner, own.n_branches)
        if turning is not None and turning[branch]:
            return np.asarray(turning[branch] * self._flow_slope(solved, branch))
        current = (solved.from_pu, solved.to_pu)[end][branch]
        rating = (own.rating_from_pu, own.rating_to_pu)[end][branch]
        weights = (self._ends[2 * end][branch], self._ends[2 * end + 1][branch])
        for node, weight in zip((own.from_node[branch], own.to_node[branch]), weights, strict=True):
            direction = np.conj(current) / max(abs(current), 1e-12) / rating * weight * solved.v[node]
            slope[0, node] += (1j * direction).real
            slope[1, node] += direction.real / abs(solved.v[node])
        return slope[:, 1:].reshape(-1)

    def _flow_slope(self, solved: _Solution, branch: int) -> FloatArray:
        """Derivative of a branch's active flow, as the validator has it, to angles and magnitudes [2 n_inner]."""
        own, end = self._network, int(not self._far_is_from[branch])
        nodes = own.from_node[branch], own.to_node[branch]
        slope, v_end = np.zeros((2, own.n_nodes)), solved.v[nodes[end]]
        by_voltage = [np.conj(v_end) * self._ends[2 * end + other][branch] for other in (0, 1)]
        by_voltage[end] += np.conj((solved.from_pu, solved.to_pu)[end][branch])
        for node, weight in zip(nodes, by_voltage, strict=True):
            direction = weight * solved.v[node]
            slope[0, node] += (1j * direction).real
            slope[1, node] += direction.real / abs(solved.v[node])
        return (1.0 - 2.0 * end) * slope[:, 1:].reshape(-1)
