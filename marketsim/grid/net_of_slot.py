"""A pandapower net of one slot, solved: what ``run.net(slot)`` returns, to take the analysis on from there."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandapower  # type: ignore[import-untyped]
from pandapower.powerflow import LoadflowNotConverged  # type: ignore[import-untyped]

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import PowerFlowDiverged
from marketsim.core.units import WH_PER_KWH
from marketsim.grid import extraction, pandapower_nets
from marketsim.grid.feeder import DEFAULTS, FeederOptions
from marketsim.grid.preparation import prepare
from marketsim.grid.quiet import quiet_pandapower

LOADS: Final = ("load", "asymmetric_load", "motor")
"""Tables whose rows the agents replace."""
TOLERANCES_MVA: Final = (1e-10, 1e-8)
"""Of ``runpp``, tried in turn: rounding on branches with next to no impedance (86-87 of feeder141) hides the first."""


class Injection(NamedTuple):
    """What agents (or whole buses) do in a slot; one row each."""

    names: Sequence[str]
    buses: Sequence[str]
    """Bus of the feeder by name or index."""
    net_kw: FloatArray
    """Mean net power; generation positive."""
    kvar: FloatArray
    """Mean reactive injection."""


class SlotNets:
    """Makes the nets of any number of slots of one feeder; building and preparing it is done once."""

    def __init__(
        self,
        name: str,
        folder: Path | None = None,
        options: FeederOptions = DEFAULTS,
        *,
        background: float = 0.0,
        hours: float = 1.0,
    ) -> None:
        """The feeder's own loads are taken out of service; its shunts stay.

        ``background``: factor on the nominal load that buses without an injection draw all the same, in whole Wh of a
        slot of ``hours``, as the gate meters it.
        """
        prepared = prepare(pandapower_nets.feeder(name, folder), options)
        self.feeder = extraction.read(prepared)
        self._name, self._net = name, prepared.net
        network, slot_wh = self.feeder.network, hours * WH_PER_KWH
        self._background_kw = np.rint(network.nominal_kw * background * slot_wh) / slot_wh
        self._background_kvar = network.nominal_kvar * background
        _remove_loads(self._net)

    def net(self, injection: Injection, source_factor: float = 1.0) -> Any:
        """A net with these injections as loads (drawing) and static generators (injecting), solved by ``runpp``.

        ``source_factor``: by which a tap changer has stepped the source's voltage.

        PowerFlowDiverged if there is no solution; NetworkError for buses that do not exist.
        """
        net = copy.deepcopy(self._net)
        net.ext_grid["vm_pu"] *= source_factor
        nodes = self.feeder.nodes_of(injection.buses)
        injects = np.asarray(injection.net_kw) > 0.0
        _add(net, "sgen", injection, self.feeder.indices[nodes], injects)
        _add(net, "load", injection, self.feeder.indices[nodes], ~injects)
        self._add_background(net, nodes)
        _solve(net, self._name)
        return net

    def _add_background(self, net: Any, taken: IntArray) -> None:
        draws = (self._background_kw != 0.0) | (self._background_kvar != 0.0)
        draws[taken] = False
        names = [f"background {bus}" for bus in self.feeder.network.bus_names]
        drawn = Injection(names, names, -self._background_kw, -self._background_kvar)
        _add(net, "load", drawn, self.feeder.indices, draws)


def _remove_loads(net: Any) -> None:
    for table in LOADS:
        net[table]["in_service"] = False
    net.ward[["ps_mw", "qs_mvar"]] = 0.0


def _add(net: Any, table: str, injection: Injection, buses: IntArray, which: BoolArray) -> None:
    rows = np.flatnonzero(which).tolist()
    if not rows:
        return
    create, sign = (pandapower.create_sgens, 1e-3) if table == "sgen" else (pandapower.create_loads, -1e-3)
    create(
        net,
        buses[rows],
        p_mw=np.asarray(injection.net_kw, dtype=np.float64)[rows] * sign,
        q_mvar=np.asarray(injection.kvar, dtype=np.float64)[rows] * sign,
        name=[injection.names[row] for row in rows],
    )


def _solve(net: Any, name: str) -> None:
    for tolerance_mva in TOLERANCES_MVA:
        try:
            with quiet_pandapower():  # numba would be compiled in every process anew, for seconds
                pandapower.runpp(net, init="dc", tolerance_mva=tolerance_mva, max_iteration=30, numba=False)
        except LoadflowNotConverged as error:
            last = error
        else:
            return
    raise PowerFlowDiverged(f"feeder {name}: pandapower finds no solution for this slot ({last})") from last
