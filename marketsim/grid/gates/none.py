"""The mode ``none``: no grid stands behind the market."""

from __future__ import annotations

from marketsim.core.build import Basics
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.grid.gates.params import GateParams


def build(params: GateParams, context: Basics) -> FreeGate:  # noqa: ARG001 - no parameters
    """A gate that admits everything and knows no network: all of a scenario's basics that it needs are its markets."""
    return FreeGate(context.community.n_markets, context.community.market)
