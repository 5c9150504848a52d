"""The gate of meshed nets: every trade checked by a complete Newton-Raphson power flow (power-grid-model).

The same limits, freezing and search for the largest admissible quantity as on radial feeders, in plain Python at about
half a millisecond a solve. Engines run their Python twin on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import NetworkError, Problem
from marketsim.core.ports import GateKernel
from marketsim.core.records import BLAMES_SINK, GridState, Reason
from marketsim.core.units import WH_PER_KWH
from marketsim.grid.flow.power_flow_check import PowerFlow, Validator
from marketsim.grid.flow.rows_kernel import NO_FLOW_PU
from marketsim.grid.gates.limits import GateSettings, head_limit_wh, or_unlimited
from marketsim.grid.gates.state import or_zeros
from marketsim.grid.net.network import BranchKind, Network
from marketsim.grid.net.topology import head_of_node

_ROUNDING: Final = 1e-10
"""By how much two solutions of nearly the same state may differ [p.u.]."""
_REFUSED: Final = {BranchKind.LINE: Reason.LINE_LOADING, BranchKind.TRAFO: Reason.TRAFO_LOADING}


class _Binding(NamedTuple):
    """What binds most at a solved or unsolved state; ``reason`` NONE: every limit is kept."""

    reason: Reason
    element: int


class _Frozen(NamedTuple):
    """Limits of a slot, the guard taken off."""

    v_min_pu: FloatArray
    v_max_pu: FloatArray
    loading: FloatArray
    direction: FloatArray
    """Sign of the flow before trade through a branch that is overloaded already, else 0: against it the plain rating
    holds."""


class _Market:
    """State of one market in a slot."""

    def __init__(self, n_connections: int, n_nodes: int) -> None:
        self.net_wh = np.zeros(n_connections, dtype=np.int64)
        self.firm_wh = np.zeros(n_connections, dtype=np.int64)
        self.given_kvar = np.zeros(n_nodes)
        self.moved_kvar = np.zeros(n_nodes)
        self.firm: PowerFlow | None = None
        self.limits: _Frozen | None = None
        self.bounds_wh = np.zeros((2, n_connections), dtype=np.int64)
        self.head_bounds_wh = np.zeros((2, 0), dtype=np.int64)

    @property
    def solvable(self) -> bool:
        """Whether the untraded state has a solution."""
        return self.firm is not None and bool(self.firm.converged[0])


class MeshedGate:
    """Exact admission on ``n_markets`` replicas of any net. Implements ``core.ports.Gate`` without a kernel.

    A market whose untraded state has no power flow solution refuses everything with DIVERGED.
    """

    kernel: GateKernel | None = None

    def __init__(
        self,
        network: Network,
        node_of_connection: IntArray,
        n_markets: int,
        hours: float,
        settings: GateSettings | None = None,
    ) -> None:
        """As for radial feeders; NetworkError for volt-var curves, which only those have.

        A feeder head is here what hangs on the source in one piece: all its branches at the source carry together what
        ``head_import_kw`` and ``head_export_kw`` allow.
        """
        self.network, self._nodes = network, np.asarray(node_of_connection)
        self._settings = settings or GateSettings()
        _refuse_what_is_radial(self._settings)
        self._wh_per_kw = hours * WH_PER_KWH
        self._validator = Validator(network)
        n = len(self._nodes)
        self._base_kw = -or_zeros(self._settings.background_kw, network.n_nodes)
        self._base_kvar = -or_zeros(self._settings.background_kvar, network.n_nodes)
        self._source_slope = or_zeros(self._settings.source_kvar_per_kw, n)
        self._sink_slope = or_zeros(self._settings.sink_kvar_per_kw, n)
        self._head_of_node = head_of_node(network)
        self._head = np.where(self._nodes >= 0, self._head_of_node[self._nodes], -1)
        self._markets = [_Market(n, network.n_nodes) for _ in range(n_markets)]

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> None:
        """Solve the untraded state of each market and freeze its limits."""
        n = len(self._nodes)
        for index, market in enumerate(self._markets):
            rows = slice(index * n, (index + 1) * n)
            market.net_wh[:] = market.firm_wh[:] = firm_wh[rows]
            market.moved_kvar[:] = 0.0
            market.given_kvar = self._given(kvar[rows])
            market.bounds_wh = self._bounds(market.firm_wh)
            market.head_bounds_wh = self._head_bounds(market)
            market.firm = self._solve(market, market.net_wh, market.moved_kvar)
            market.limits = self._freeze(market.firm)

    def admit(self, market: int, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        """See ``core.ports.Gate``."""
        state = self._markets[market]
        most, code, element = self._headroom(state, source, sink, wh)
        binding = self._binding(state, source, sink, most) if most else _Binding(Reason.NONE, -1)
        if binding.reason != Reason.NONE:
            most, binding = self._largest(state, source, sink, most, binding)
            code, element = self._blamed(state, source, sink, most, binding), binding.element
        self._move(state, source, sink, most)
        return most, code, element

    def admit_unsolved(self, market: int, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        """Commit what the limits of connections and heads leave of ``wh``, without a power flow."""
        state = self._markets[market]
        most, code, element = self._headroom(state, source, sink, wh)
        self._move(state, source, sink, most)
        return most, code, element

    def breaks(self, market: int) -> bool:
        """Whether what is committed breaks a limit of the slot, or has no solution."""
        state = self._markets[market]
        return state.solvable and self._binding(state, -1, -1, 0).reason != Reason.NONE

    def release(self, market: int, source: int, sink: int, wh: int) -> None:
        """See ``core.ports.Gate``."""
        self._move(self._markets[market], source, sink, -wh)

    def amend(self, delta_wh: IntArray, kvar: FloatArray) -> None:
        """See ``core.ports.Gate``."""
        n = len(self._nodes)
        for index, market in enumerate(self._markets):
            rows = slice(index * n, (index + 1) * n)
            market.net_wh += delta_wh[rows]
            market.given_kvar = self._given(kvar[rows])

    def broken(self) -> BoolArray:
        """Never: every admitted trade was solved."""
        return np.zeros(len(self._markets), dtype=np.bool_)

    def sensitivity(self) -> FloatArray:
        """See ``core.ports.Gate``; by central differences of 1 kW at each connection."""
        return np.concatenate([self._sensitivity(market) for market in self._markets])

    def close(self) -> GridState:
        """Solve what was committed."""
        own = self.network
        n_markets, empty = len(self._markets), np.zeros((len(self._markets), own.n_nodes))
        solved = [self._solve(market, market.net_wh, market.moved_kvar) for market in self._markets]
        firm = [market.firm for market in self._markets if market.firm is not None]
        net_wh = np.array([self._net_by_node(market.net_wh) for market in self._markets]).reshape(empty.shape)
        slack_wh = np.array([flow.slack_kw[0] for flow in solved]) * self._wh_per_kw
        shunt_wh = own.ground_kw(np.concatenate([flow.v_pu for flow in solved])) * self._wh_per_kw
        given = np.array([market.given_kvar for market in self._markets])
        return GridState(
            net_wh=net_wh,
            kvar=given + np.array([market.moved_kvar for market in self._markets]),
            v_pu=np.concatenate([flow.v_pu for flow in solved]),
            loading=np.concatenate([flow.loading for flow in solved]),
            slack_wh=slack_wh,
            losses_wh=slack_wh + net_wh.sum(axis=1) - shunt_wh,
            shunt_wh=shunt_wh,
            firm_kvar=given,
            firm_v_pu=np.concatenate([flow.v_pu for flow in firm]) if len(firm) == n_markets else empty,
            firm_loading=np.concatenate([flow.loading for flow in firm]),
            converged=np.array([bool(flow.converged[0]) for flow in solved]),
        )

    def _given(self, kvar: FloatArray) -> FloatArray:
        given = self._base_kvar.copy()
        np.add.at(given, self._nodes, kvar)
        return given

    def _net_by_node(self, net_wh: IntArray) -> IntArray:
        by_node = np.rint(self._base_kw * self._wh_per_kw).astype(np.int64)
        np.add.at(by_node, self._nodes, net_wh)
        return by_node

    def _solve(self, state: _Market, net_wh: IntArray, moved_kvar: FloatArray) -> PowerFlow:
        return self._validator.solve_one(self._net_by_node(net_wh) / self._wh_per_kw, state.given_kvar + moved_kvar)

    def _freeze(self, firm: PowerFlow) -> _Frozen:
        """Limits as they are, or what the untraded state breaks already and a little beyond, less the guard."""
        own, made = self.network, self._settings
        v, loading = firm.v_pu[0], np.nan_to_num(firm.loading[0])
        guard, worsen = made.guard_voltage_pu, made.worsen_voltage_pu
        flow = self._validator.active_flow(firm.v_complex)[0]
        return _Frozen(
            v_min_pu=-_frozen(-v, -own.v_min_pu, guard, worsen),
            v_max_pu=_frozen(v, own.v_max_pu, guard, worsen),
            loading=_frozen(loading, 1.0, made.guard_loading, made.worsen_loading),
            direction=np.where((loading > 1.0) & (np.abs(flow) > NO_FLOW_PU), np.sign(flow), 0.0),
        )

    def _bounds(self, firm_wh: IntArray) -> IntArray:
        """Net energy that each connection may have, lowest and highest."""
        made, n = self._settings, len(firm_wh)
        imports, exports = (or_unlimited(limit, n) for limit in (made.import_limit_wh, made.export_limit_wh))
        return np.stack((np.minimum(-imports, firm_wh), np.maximum(exports, firm_wh)))

    def _headroom(self, state: _Market, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        """What connection limits leave of ``wh``, nothing without an untraded state; checked before any power flow."""
        if wh <= 0 or not state.solvable:
            return 0, int(Reason.NONE if wh <= 0 else Reason.DIVERGED), -1
        most, code, element = wh, int(Reason.NONE), -1
        if source >= 0:
            room = int(state.bounds_wh[1, source] - state.net_wh[source])
            if room < most:
                most, code, element = max(room, 0), int(Reason.CONNECTION_EXPORT), source
        if sink >= 0:
            room = int(state.net_wh[sink] - state.bounds_wh[0, sink])
            if room < most:
                most, code, element = max(room, 0), int(Reason.CONNECTION_IMPORT) + BLAMES_SINK, sink
        first = int(self._head[source]) if source >= 0 else -1
        second = int(self._head[sink]) if sink >= 0 else -1
        if first == second or not state.head_bounds_wh.size:  # what stays behind a head does not pass it
            return most, code, element
        through = self._through_heads(state.net_wh)
        if first >= 0 and state.head_bounds_wh[1, first] - through[first] < most:
            most = max(int(state.head_bounds_wh[1, first] - through[first]), 0)
            code, element = int(Reason.HEAD_EXPORT), first
        if second >= 0 and through[second] - state.head_bounds_wh[0, second] < most:
            most = max(int(through[second] - state.head_bounds_wh[0, second]), 0)
            code, element = int(Reason.HEAD_IMPORT) + BLAMES_SINK, second
        return most, code, element

    def _through_heads(self, net_wh: IntArray) -> IntArray:
        """Net energy out of each head, without losses [n_heads]."""
        n_heads = int(self._head_of_node.max(initial=-1)) + 1
        through = np.zeros(n_heads + 1, dtype=np.int64)  # the last: at the source itself
        np.add.at(through, self._head_of_node, self._net_by_node(net_wh))
        return through[:n_heads]

    def _head_bounds(self, state: _Market) -> IntArray:
        """Net energy that each head may let through, lowest and highest; empty where nothing limits them."""
        made = self._settings
        if np.isinf(made.head_import_kw) and np.isinf(made.head_export_kw):
            return np.zeros((2, 0), dtype=np.int64)
        firm, hours = self._through_heads(state.firm_wh), self._wh_per_kw / WH_PER_KWH
        most = (head_limit_wh(limit, hours) for limit in (made.head_import_kw, made.head_export_kw))
        imports, exports = (np.full(len(firm), limit) for limit in most)
        return np.stack((np.minimum(-imports, firm), np.maximum(exports, firm)))

    def _moved(self, state: _Market, source: int, sink: int, wh: int) -> tuple[IntArray, FloatArray]:
        net_wh, moved = state.net_wh.copy(), state.moved_kvar.copy()
        if source >= 0:
            net_wh[source] += wh
            moved[self._nodes[source]] += self._source_slope[source] * wh / self._wh_per_kw
        if sink >= 0:
            net_wh[sink] -= wh
            moved[self._nodes[sink]] -= self._sink_slope[sink] * wh / self._wh_per_kw
        return net_wh, moved

    def _move(self, state: _Market, source: int, sink: int, wh: int) -> None:
        state.net_wh, state.moved_kvar = self._moved(state, source, sink, wh)

    def _binding(self, state: _Market, source: int, sink: int, wh: int) -> _Binding:
        """What would bind most with ``wh`` more."""
        return self._binding_at(state, *self._moved(state, source, sink, wh))

    def _fits(self, state: _Market) -> Callable[[IntArray], bool]:
        """Whether so much more at each connection, withdrawals negative, keeps every limit and head."""

        def fits(delta_wh: IntArray) -> bool:
            net_wh = state.net_wh + delta_wh
            through = self._through_heads(net_wh)
            low, high = state.head_bounds_wh if state.head_bounds_wh.size else (through, through)
            if (through < low).any() or (through > high).any():
                return False
            slope = np.where(delta_wh > 0, self._source_slope, self._sink_slope)
            moved = state.moved_kvar.copy()
            np.add.at(moved, self._nodes, slope * delta_wh / self._wh_per_kw)
            return self._binding_at(state, net_wh, moved).reason == Reason.NONE

        return fits

    def _binding_at(self, state: _Market, net_wh: IntArray, moved_kvar: FloatArray) -> _Binding:
        """What binds most in a state that need not be committed."""
        if state.limits is None:
            raise ValueError("open a slot first")
        flow = self._solve(state, net_wh, moved_kvar)
        if not flow.converged[0]:
            return _Binding(Reason.DIVERGED, -1)
        limits, v = state.limits, flow.v_pu[0]
        excess = np.stack((limits.v_min_pu - v, v - limits.v_max_pu))
        against = self._validator.active_flow(flow.v_complex)[0] * limits.direction < -NO_FLOW_PU
        most = np.where(against, 1.0 - self._settings.guard_loading, limits.loading)
        over = np.nan_to_num(flow.loading[0] - most, nan=-np.inf)
        excess[:, 0] = -np.inf  # the source
        if max(excess.max(), over.max(initial=-np.inf)) <= 0.0:
            return _Binding(Reason.NONE, -1)
        if over.max(initial=-np.inf) > excess.max():
            branch = int(over.argmax())
            return _Binding(_REFUSED[BranchKind(int(self.network.kind[branch]))], branch)
        side, node = divmod(int(excess.argmax()), self.network.n_nodes)
        return _Binding(Reason.OVERVOLTAGE if side else Reason.UNDERVOLTAGE, node)

    def _largest(self, state: _Market, source: int, sink: int, wh: int, binding: _Binding) -> tuple[int, _Binding]:
        """Largest admissible quantity below ``wh`` to 1 Wh, and what binds one Wh above it."""
        low, high = 0, wh
        while high - low > 1:
            middle = (low + high) // 2
            found = self._binding(state, source, sink, middle)
            if found.reason == Reason.NONE:
                low = middle
            else:
                high, binding = middle, found
        return low, binding

    def _blamed(self, state: _Market, source: int, sink: int, most: int, binding: _Binding) -> int:
        """The code, with the buyer to blame where without its withdrawal the limit would be kept."""
        code = int(binding.reason)
        if sink < 0:
            return code
        if source < 0 or binding.reason == Reason.UNDERVOLTAGE:
            return code + BLAMES_SINK
        alone = self._binding(state, source, -1, most + 1)
        return code + (BLAMES_SINK if alone.reason == Reason.NONE else 0)

    def _sensitivity(self, state: _Market) -> FloatArray:
        """Movement of the tightest bus towards its limit [p.u./Wh] [n_connections]."""
        answer = np.zeros(len(self._nodes))
        if state.firm is None or state.limits is None or not state.firm.converged[0]:
            return answer
        v = state.firm.v_pu[0]
        room = np.stack((v - state.limits.v_min_pu, state.limits.v_max_pu - v))
        room[:, 0] = np.inf
        side, node = divmod(int(np.nanargmin(room)), self.network.n_nodes)
        power_kw = self._net_by_node(state.net_wh) / self._wh_per_kw
        cases = np.tile(power_kw, (2 * len(answer), 1))
        every = np.arange(len(answer))
        cases[every, self._nodes] += 1.0
        cases[len(answer) + every, self._nodes] -= 1.0
        solved = self._validator.solve(cases, np.tile(state.given_kvar, (2 * len(answer), 1)))
        above, below = solved.v_pu[: len(answer), node], solved.v_pu[len(answer) :, node]
        return np.asarray((above - below) / 2.0 / self._wh_per_kw * (1.0 if side else -1.0))


class MeshedObserveGate(MeshedGate):
    """Mode ``observe`` on any net: nothing is refused and nothing rolled back."""

    def admit(self, market: int, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        """Commit all of ``wh``, whatever the grid makes of it."""
        self._move(self._markets[market], source, sink, max(wh, 0))
        return max(wh, 0), int(Reason.NONE), -1


def _frozen(value: FloatArray, limit: FloatArray | float, guard: float, worsen: float) -> FloatArray:
    """Upper limits of quantities that stand at ``value`` before trade; inside the guard they may stay, and no more."""
    return np.where(value > limit, value + worsen - guard, np.maximum(limit - guard, value + _ROUNDING))


def _refuse_what_is_radial(settings: GateSettings) -> None:
    if settings.curve_pu is not None and len(settings.curve_pu):
        hint = "choose unity, fixed_pf or fixed_q"
        raise NetworkError([Problem("volt-var curves are solved on radial feeders only", "grid.reactive", hint=hint)])
