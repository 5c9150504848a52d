"""The gate of meshed nets admits the largest quantity that keeps every limit."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.errors import NetworkError
from marketsim.core.records import BLAMES_SINK, NOWHERE, Reason
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.gates.meshed.gate import MeshedGate, MeshedObserveGate
from marketsim.grid.net import feeder141
from marketsim.grid.net.feeder import FeederOptions
from marketsim.grid.net.network import Network

HOURS, ODD = 0.25, 1.0
BUSES = np.array([51, 86, 108, 24])


def feeder(band: tuple[float, float] = (0.95, 1.05)) -> Network:
    return feeder141.feeder(FeederOptions(1.02, band)).network


def ring(network: Network) -> Network:
    """The feeder with one more line between two of its ends, which closes a loop."""
    return network._replace(
        branch_names=(*network.branch_names, "tie 52-87"),
        kind=np.append(network.kind, 0),
        from_node=np.append(network.from_node, 51),
        to_node=np.append(network.to_node, 86),
        z_pu=np.append(network.z_pu, network.z_pu[0]),
        y_from_pu=np.append(network.y_from_pu, 0),
        y_to_pu=np.append(network.y_to_pu, 0),
        ratio=np.append(network.ratio, 1),
        rating_from_pu=np.append(network.rating_from_pu, np.inf),
        rating_to_pu=np.append(network.rating_to_pu, np.inf),
    )


def opened(gate: MeshedGate | RadialGate, network: Network, load: float = 0.5) -> None:
    firm = -np.rint(network.nominal_kw[BUSES] * load * HOURS * 1_000).astype(np.int64)
    gate.open(firm, -network.nominal_kvar[BUSES] * load)


def test_on_a_radial_feeder_it_decides_as_the_compiled_gate() -> None:
    """Same admitted Wh and reason for injections, withdrawals and trades, to 1 Wh of 10 MWh."""
    network = feeder()
    ours, compiled = MeshedGate(network, BUSES, 1, HOURS), RadialGate(network, BUSES, 1, HOURS)
    for gate in (ours, compiled):
        opened(gate, network)
    for source, sink, wh in ((0, NOWHERE, 10_000_000), (NOWHERE, 1, 10_000_000), (2, 3, 10_000_000), (3, 2, 500)):
        plain, fast = ours.admit(0, source, sink, wh), compiled.admit(0, source, sink, wh)
        assert abs(plain[0] - fast[0]) <= 1
        assert plain[1] & ~BLAMES_SINK == fast[1] & ~BLAMES_SINK
    np.testing.assert_allclose(ours.close().v_pu, compiled.close().v_pu, atol=1e-8)


@pytest.mark.parametrize(("source", "sink"), [(0, NOWHERE), (NOWHERE, 1), (2, 0)])
def test_one_wh_more_breaks_a_limit(source: int, sink: int) -> None:
    """On a loop, the admitted quantity keeps every limit by an independent solve, and 1 Wh more is refused."""
    network = ring(feeder())
    gate = MeshedGate(network, BUSES, 1, HOURS)
    opened(gate, network)
    admitted, code, _ = gate.admit(0, source, sink, 50_000_000)
    assert 0 < admitted < 50_000_000
    assert code & ~BLAMES_SINK in (Reason.OVERVOLTAGE, Reason.UNDERVOLTAGE, Reason.LINE_LOADING)
    assert gate.admit(0, source, sink, 1)[0] == 0
    state = gate.close()
    solved = Validator(network).solve(state.net_wh / (HOURS * 1e3), state.kvar)
    assert (solved.v_pu[0, 1:] >= 0.95).all()
    assert (solved.v_pu[0, 1:] <= 1.05).all()
    assert np.nanmax(solved.loading) <= 1.0


def test_what_is_released_can_be_admitted_again() -> None:
    """Taking back restores the room exactly."""
    network = ring(feeder())
    gate = MeshedGate(network, BUSES, 1, HOURS)
    opened(gate, network)
    first = gate.admit(0, 0, NOWHERE, 50_000_000)
    gate.release(0, 0, NOWHERE, first[0])
    assert gate.admit(0, 0, NOWHERE, 50_000_000) == first


def test_observe_admits_everything() -> None:
    """And the slot's state shows what it breaks."""
    network = ring(feeder())
    gate = MeshedObserveGate(network, BUSES, 1, HOURS)
    opened(gate, network)
    assert gate.admit(0, 0, NOWHERE, 3_000_000) == (3_000_000, Reason.NONE, -1)
    assert gate.close().v_pu.max() > 1.05


def test_connection_limits_come_first() -> None:
    """They need no power flow, and name the connection."""
    network = ring(feeder())
    limits = GateSettings(export_limit_wh=np.full(4, 1_000), import_limit_wh=np.full(4, 2**62))
    gate = MeshedGate(network, BUSES, 1, HOURS, limits)
    gate.open(np.zeros(4, dtype=np.int64), np.zeros(4))
    assert gate.admit(0, 2, NOWHERE, 5_000) == (1_000, Reason.CONNECTION_EXPORT, 2)


def test_a_diverging_untraded_state_refuses_everything() -> None:
    """A hundred times the nominal load has no solution: DIVERGED, and the state says it did not converge."""
    network = ring(feeder())
    gate = MeshedGate(network, np.arange(141), 1, HOURS)
    gate.open(-np.rint(network.nominal_kw * 100 * HOURS * 1e3).astype(np.int64), -network.nominal_kvar * 100)
    assert gate.admit(0, 0, NOWHERE, 5)[:2] == (0, Reason.DIVERGED)
    assert not gate.close().converged[0]


def test_what_only_radial_feeders_have_is_refused() -> None:
    """Volt-var curves are solved inside the sweep."""
    settings = GateSettings(head_export_kw=5.0, curve_pu=np.array([0.9, 0.95, 1.05, 1.1]))
    with pytest.raises(NetworkError, match="grid.reactive: volt-var curves are solved on radial feeders only"):
        MeshedGate(feeder(), BUSES, 1, HOURS, settings)
