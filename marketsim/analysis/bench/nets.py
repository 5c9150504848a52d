"""Real nets beside feeder141: time to build one, and to admit a trade on it, against one ``runpp`` of the same net."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.analysis.bench.rows import BenchFailed, BenchRow, median_s
from marketsim.core.ports import Gate
from marketsim.core.records import GridState
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.net.network import Network
from marketsim.grid.net.topology import is_radial

SEED, LOAD, HOURS, AGREES_PU = 1, 0.5, 0.25, 1e-8


class BenchNet(NamedTuple):
    """A net of the bench."""

    feeder: str
    what: str
    trades: int
    meshed: bool = False
    """Whether all its switches are closed."""
    needs: str = ""
    """Package without which it is left out."""


NETS: Final = (
    BenchNet("pandapower:create_kerber_vorstadtnetz_kabel_1", "LV suburb with transformer", 2_000),
    BenchNet("pandapower:create_cigre_network_mv", "CIGRE MV, rings closed", 100, meshed=True),
    BenchNet("simbench:1-LV-rural1--0-sw", "SimBench LV rural with transformer", 2_000, needs="simbench"),
)


def read(net: BenchNet) -> tuple[Any, Network]:
    """The pandapower net and what a run extracts of it."""
    from marketsim.grid.net import extraction, pandapower_nets

    frame = pandapower_nets.feeder(net.feeder)
    if net.meshed:
        frame.switch["closed"] = True
    network = extraction.extract(copy.deepcopy(frame)).network
    if is_radial(network) == net.meshed:
        raise BenchFailed(f"{net.feeder} should be {'meshed' if net.meshed else 'radial'}")
    return frame, network


def gate_of(network: Network) -> Gate:
    """The exact gate of a net, with a connection at every bus."""
    every = np.arange(network.n_nodes)
    if is_radial(network):
        return RadialGate(network, every, 1, HOURS)
    from marketsim.grid.gates.meshed.gate import MeshedGate

    return MeshedGate(network, every, 1, HOURS)


def check_state(network: Network, state: GridState) -> float:
    """Largest difference of a voltage to an independent Newton-Raphson solution [p.u.]; BenchFailed if too large."""
    kw = state.net_wh[0] / (HOURS * 1e3)
    off = float(np.nanmax(np.abs(Validator(network).solve_one(kw, state.kvar[0]).v_pu[0] - state.v_pu[0])))
    if not off <= AGREES_PU:
        raise BenchFailed(f"the gate's voltages differ from those of an independent power flow by {off:.1e} p.u.")
    return off


def traded(gate: Gate, network: Network, n_trades: int) -> Callable[[], GridState]:
    """A slot of small random trades between all buses."""
    firm_wh = -np.rint(network.nominal_kw * (LOAD * HOURS * 1e3)).astype(np.int64)
    kvar = -network.nominal_kvar * LOAD
    rng = np.random.default_rng(SEED)
    ends = rng.integers(1, network.n_nodes, (n_trades, 2)).tolist()

    def slot() -> GridState:
        gate.open(firm_wh, kvar)
        for source, sink in ends:
            gate.admit(0, source, sink, 5)
        return gate.close()

    return slot


def _rows_of(net: BenchNet) -> list[BenchRow]:
    import pandapower  # type: ignore[import-untyped]

    build_s = median_s(lambda: read(net), 1)
    frame, network = read(net)
    gate = gate_of(network)
    slot = traded(gate, network, net.trades)
    off = check_state(network, slot())
    each_s = median_s(slot, 3) / net.trades
    runpp_s = median_s(lambda: pandapower.runpp(frame), 5)
    size = f"{net.what}: {network.n_nodes} buses, {network.n_branches} branches"
    detail = f"{net.trades:,} trades, seed {SEED}: {each_s * 1e6:.0f} us each, runpp {runpp_s * 1e3:.1f} ms; {off:.0e} p.u. off"
    name = net.feeder.partition(":")[2]
    return [
        BenchRow(f"build {name}", build_s, "s", None, None, False, size),
        BenchRow(f"admit on {name} vs one runpp", runpp_s / each_s, "x", None, None, True, detail),
    ]


def rows() -> list[BenchRow]:
    """Rows of every net whose package is installed; without target."""
    import pandapower.networks  # type: ignore[import-untyped]  # noqa: F401 - its import is no part of building a net

    installed = [net for net in NETS if not net.needs or importlib.util.find_spec(net.needs)]
    return [row for net in installed for row in _rows_of(net)]
