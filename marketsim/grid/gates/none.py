"""The mode ``none``: no grid stands behind the market."""

from __future__ import annotations

from marketsim.core.build import Basics
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.grid.gates.params import GateParams


def build(params: GateParams, context: Basics) -> FreeGate:  # noqa: ARG001 - no parameters
    """A gate that knows no network and admits what the limits of connections allow."""
    community = context.community
    return FreeGate(community.n_markets, community.market, community.import_limit_wh, community.export_limit_wh)
