"""The untraded state of a network from net power alone: what agents have, what is there beside them, and its power flow."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.sparse import csc_array

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.ports import ReactiveLaw
from marketsim.core.records import Community
from marketsim.grid.flow.jacobian import voltage_per_kvar
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net.network import Network
from marketsim.grid.reactive.curve_state import InverterCurves, Solved, followed


class UntradedBackground(NamedTuple):
    """What an untraded state has beside the net power of agents."""

    background_wh: IntArray
    """Load of a slot that belongs to no agent, at each node of a market [n_nodes]."""
    background_kvar: FloatArray
    behind_kw: Callable[[], FloatArray]
    """What inverters deliver to loads behind the same meter [n_agents]; asked only where they follow a curve."""
    asked_kvar: Callable[[], FloatArray] | None = None
    """What is asked of steered inverters [n_agents]; None: none is steered."""

    @classmethod
    def none(cls, network: Network, community: Community) -> UntradedBackground:
        """No load beside the agents', and none behind their meters."""
        nothing = np.zeros(network.n_nodes)
        return cls(nothing.astype(np.int64), nothing, lambda: np.zeros(community.n_agents))


class Untraded(NamedTuple):
    """Injections and power flow of an untraded state, a row a market; NaN where there is no solution."""

    node_kw: FloatArray
    """Net injection of each node [n_markets, n_nodes]."""
    kvar: FloatArray
    """Reactive injection of each node, curves included [n_markets, n_nodes]."""
    v_pu: FloatArray
    """[n_markets, n_nodes]."""
    loading: FloatArray
    """[n_markets, n_branches]."""


class UntradedFlow:
    """Solves untraded states of all markets of one network."""

    def __init__(
        self,
        validator: Validator,
        y: csc_array,
        nodes: IntArray,
        community: Community,
        law: ReactiveLaw,
        background: UntradedBackground,
        to_kw: float,
    ) -> None:
        """``y``: admittances of all nodes; ``nodes`` of a market's connections; ``to_kw``: mean power of a Wh in a slot."""
        self._validator, self._y, self._nodes, self._law = validator, y, nodes, law
        self._background, self._to_kw, self._n_markets = background, to_kw, community.n_markets
        self._at = community.market, np.tile(nodes, community.n_markets)
        follows = law.curve_kvar if law.kvar_per_kw is None else np.maximum(law.curve_kvar, law.kva)
        self._curved = np.flatnonzero((follows[: len(nodes)] > 0.0) & (nodes > 0))

    def solve(self, firm_wh: IntArray, kvar: FloatArray) -> Untraded:
        """The state at the net energy and reactive power of all agents [n_agents]; curves come on top."""
        net_wh = np.tile(-self._background.background_wh, (self._n_markets, 1))
        node_kvar = np.tile(-self._background.background_kvar, (self._n_markets, 1))
        np.add.at(net_wh, self._at, firm_wh)
        np.add.at(node_kvar, self._at, kvar)
        node_kw = np.asarray(net_wh * self._to_kw)
        if len(self._curved):
            p_kw = (firm_wh * self._to_kw + self._background.behind_kw()).reshape(self._n_markets, -1)
            told = self._background.asked_kvar
            asked = np.zeros(p_kw.shape) if told is None else told().reshape(p_kw.shape)
            for market in range(self._n_markets):
                own = market, self._curved
                curves = InverterCurves.of(self._law, self._curved, p_kw[own], asked[own])
                self._follow(curves, node_kw[market], node_kvar[market])
        flow = self._validator.solve(node_kw, node_kvar)
        return Untraded(node_kw, node_kvar, flow.v_pu, flow.loading)

    def _follow(self, curves: InverterCurves, node_kw: FloatArray, node_kvar: FloatArray) -> None:
        """Add what curves do to ``node_kvar`` [n_nodes] in place; NaN: there is no solution."""
        nodes, given = self._nodes[self._curved], node_kvar.copy()

        def solve(q: FloatArray) -> Solved | None:
            node_kvar[:] = given
            np.add.at(node_kvar, nodes, q)
            found = self._validator.solve_one(node_kw, node_kvar)
            if not found.converged[0]:
                return None
            per_kvar = voltage_per_kvar(self._y, found.v_complex[0], nodes, self._validator.network.base_kva)
            return Solved(found.v_pu[0, nodes], per_kvar)

        if not followed(curves, solve):
            node_kvar[:] = np.nan
