"""What decisions made with the nominal model do where the model is wrong: AC once more, with other parameters."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.trajectory import Trajectory, outside
from marketsim.grid.flow.power_flow_check import Validator


class Error(NamedTuple):
    """How the real feeder differs from the model that decisions were made with."""

    name: str
    impedance: float = 1.0
    """Factor on the series impedance of every branch."""
    load: float = 1.0
    """Factor on firm load, active and reactive."""
    source: float = 1.0
    """Factor on the voltage of the source."""


ERRORS: Final = (
    Error("nominal"),
    Error("impedance +20 %", impedance=1.2),
    Error("impedance -20 %", impedance=0.8),
    Error("load +10 %", load=1.1),
    Error("load -10 %", load=0.9),
    Error("source +1 %", source=1.01),
    Error("source -1 %", source=0.99),
)


class Real(NamedTuple):
    """What the decisions do to the feeder as it really is."""

    slots: int
    """Slots outside a limit."""
    caused: int
    """Of these, slots that the untraded state would have kept within limits on the same feeder."""
    deepest_pu: float
    """Farthest that a voltage lies outside the band [p.u.]; 0: none does."""
    highest_loading: float
    """Of any branch, as a share of its rating."""


def really(path: Trajectory, error: Error) -> Real:
    """Solve all slots of a trajectory on the feeder as it really is (power-grid-model, one batch)."""
    network = path.network._replace(
        z_pu=path.network.z_pu * error.impedance, source_pu=path.network.source_pu * error.source
    )
    more_kw = path.load_kw * (error.load - 1.0)
    more_kvar = np.minimum(path.firm_kvar, 0.0) * (error.load - 1.0)
    solver = Validator(network)
    traded = solver.solve(path.net_kw - more_kw, path.kvar + more_kvar)
    before = solver.solve(path.firm_kw - more_kw, path.firm_kvar + more_kvar)
    broken, broken_before = (outside(network, flow.v_pu, flow.loading) for flow in (traded, before))
    v = traded.v_pu[:, 1:]
    beyond = np.maximum(network.v_min_pu[1:] - v, v - network.v_max_pu[1:])
    return Real(
        slots=int(broken.sum()),
        caused=int((broken & ~broken_before).sum()),
        deepest_pu=float(np.nanmax(beyond, initial=0.0)),
        highest_loading=float(np.nanmax(traded.loading, initial=0.0)),
    )
