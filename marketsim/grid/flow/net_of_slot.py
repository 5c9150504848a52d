"""A pandapower net of one slot, solved: what ``run.net(slot)`` returns, to take the analysis on from there."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import pandapower  # type: ignore[import-untyped]
from pandapower.powerflow import LoadflowNotConverged  # type: ignore[import-untyped]

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import NetworkError, PowerFlowDiverged, Problem
from marketsim.core.fence import Fence
from marketsim.core.units import WH_PER_KWH
from marketsim.grid.flow.tap_changer import SOURCE, Law
from marketsim.grid.net import extraction, pandapower_nets
from marketsim.grid.net.branch_ratings import element_of
from marketsim.grid.net.feeder import DEFAULTS, FeederOptions
from marketsim.grid.net.preparation import prepare
from marketsim.grid.net.quiet import quiet_pandapower
from marketsim.grid.net.topology import far_end_is_from

LOADS: Final = ("load", "asymmetric_load", "motor")
"""Tables whose rows the agents replace."""
TOLERANCES_MVA: Final = (1e-10, 1e-8)
"""Of ``runpp``, tried in turn: rounding on branches with next to no impedance (86-87 of feeder141) hides the first."""


Taps: TypeAlias = tuple[tuple[Law, int], ...]
"""Tap changers and their positions."""
_HANDED_OVER: Final = 0.05
"""Share of a regulated line's impedance that its regulator gets in a net of a slot."""
_REGULATOR_MVA: Final = 100.0
_NEUTRAL_TAP: Final = {
    "tap2_side": "hv",
    "tap2_neutral": 0.0,
    "tap2_pos": 0.0,
    "tap2_step_percent": 0.0,
    "tap2_step_degree": 0.0,
    "tap2_changer_type": "Ratio",
}


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
        folder: Fence | Path | None = None,
        options: FeederOptions = DEFAULTS,
        *,
        background: float = 0.0,
        hours: float = 1.0,
    ) -> None:
        """The feeder's own loads are taken out of service; its shunts and wards' admittances stay.

        ``background``: factor on the nominal load that buses without an injection draw all the same, in whole Wh of a
        slot of ``hours``, as the gate meters it.
        """
        prepared = prepare(pandapower_nets.feeder(name, folder), options)
        self.feeder = extraction.read(prepared)
        self._name, self._net = name, pandapower_nets.placed(prepared.net)
        network, slot_wh = self.feeder.network, hours * WH_PER_KWH
        self._background_kw = np.rint(network.nominal_kw * background * slot_wh) / slot_wh
        self._background_kvar = network.nominal_kvar * background
        self._impedance_kva = network.load_pu.conj() * network.base_kva * background
        _remove_loads(self._net)

    def net(self, injection: Injection, taps: Taps = ()) -> Any:
        """A net with these injections as loads (drawing) and static generators (injecting), solved by ``runpp``.

        ``taps``: where tap changers stand.

        PowerFlowDiverged if there is no solution; NetworkError for buses that do not exist.
        """
        net = copy.deepcopy(self._net)
        for law, position in taps:
            self._step(net, law, position)
        nodes = self.feeder.nodes_of(injection.buses)
        injects = np.asarray(injection.net_kw) > 0.0
        _add(net, "sgen", injection, self.feeder.indices[nodes], injects)
        _add(net, "load", injection, self.feeder.indices[nodes], ~injects)
        self._add_background(net, nodes)
        _solve(net, self._name)
        return net

    def _step(self, net: Any, law: Law, position: int) -> None:
        """Set a tap changer: of the source, as second tap of a transformer, or as a transformer at the head of a line."""
        if law.branch == SOURCE:
            net.ext_grid["vm_pu"] *= 1.0 + law.step * position
            return
        name = self.feeder.network.branch_names[law.branch]
        table, row = element_of(self._net, name)
        if not table:
            raise NetworkError([Problem("only lines and transformers are regulated in a net of a slot", value=name)])
        if table == "trafo":
            _second_tap(net.trafo, row, law.step, position)
        else:
            _regulate_line(net, row, self._near_end(law.branch), 1.0 - law.step * position)

    def _near_end(self, branch: int) -> str:
        """Which end of a line is at the source."""
        return "to" if far_end_is_from(self.feeder.network)[branch] else "from"

    def _add_background(self, net: Any, taken: IntArray) -> None:
        draws = (self._background_kw != 0.0) | (self._background_kvar != 0.0)
        draws[taken] = False
        names = self.feeder.network.bus_names
        drawn = Injection([f"background {bus}" for bus in names], names, -self._background_kw, -self._background_kvar)
        _add(net, "load", drawn, self.feeder.indices, draws)
        impedances = self._impedance_kva != 0.0
        impedances[taken] = False
        for node in np.flatnonzero(impedances).tolist():  # as shunts: runpp averages the shares of the loads of a bus
            drawn_mva = complex(self._impedance_kva[node]) / 1e3
            name = f"background impedance {names[node]}"
            bus = int(self.feeder.indices[node])
            pandapower.create_shunt(net, bus, q_mvar=drawn_mva.imag, p_mw=drawn_mva.real, name=name)


def _second_tap(table: Any, row: Any, step: float, position: int) -> None:
    """Turns of the high-voltage winding, on top of what the transformer's own tap is set to."""
    if "tap2_pos" not in table or table["tap2_pos"].isna().all():
        for column, value in _NEUTRAL_TAP.items():
            table[column] = value
    table.loc[row, ["tap2_step_percent", "tap2_pos"]] = [100.0 * step, float(-position)]


def _regulate_line(net: Any, row: Any, end: str, turns: float) -> None:
    """Put a transformer at the source's end of a line, which hands it a share of its impedance: none would not converge."""
    line, near = net.line.loc[row], net.line.at[row, f"{end}_bus"]
    kv = float(net.bus.at[near, "vn_kv"])
    z_ohm = complex(line.r_ohm_per_km, line.x_ohm_per_km) * line.length_km / line.parallel * _HANDED_OVER
    percent = 100.0 * _REGULATOR_MVA / kv**2
    behind = pandapower.create_bus(net, kv, name=f"behind the regulator of line {row}", min_vm_pu=0.0, max_vm_pu=2.0)
    pandapower.create_transformer_from_parameters(
        net,
        near,
        behind,
        sn_mva=_REGULATOR_MVA,
        vn_hv_kv=kv * turns,
        vn_lv_kv=kv,
        vk_percent=abs(z_ohm) * percent,
        vkr_percent=z_ohm.real * percent,
        pfe_kw=0.0,
        i0_percent=0.0,
        name=f"regulator of line {row}",
    )
    net.line.loc[row, ["r_ohm_per_km", "x_ohm_per_km"]] *= 1.0 - _HANDED_OVER
    net.line.loc[row, f"{end}_bus"] = behind
    at_line = (net.switch.et == "l") & (net.switch.element == row) & (net.switch.bus == near)
    net.switch.loc[at_line, "bus"] = behind


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
