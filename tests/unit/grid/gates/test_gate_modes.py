from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.errors import NetworkError
from marketsim.core.records import BLAMES_SINK, NOWHERE, Reason
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.gates.observed.observe import ObserveGate
from marketsim.grid.gates.screened import sensitivity
from marketsim.grid.gates.screened.comparison import compare
from marketsim.grid.gates.screened.sensitivity import SensitivityGate
from marketsim.grid.net import feeder141
from marketsim.grid.net.feeder import FeederOptions
from marketsim.grid.net.network import Network
from marketsim.testing.grids import tree_network

HOURS = 0.25
MUCH = 1_000_000
LINE = tree_network([0, 1, 2], np.full(3, 0.02 + 0.01j))
TWO = tree_network([0, 1, 2, 0, 4], np.full(5, 0.02 + 0.01j))


def opened(kind: type[RadialGate], network: Network, *firm_kw: float, **options: object) -> RadialGate:
    gate = kind(network, np.arange(network.n_nodes), 1, HOURS, GateSettings(**options))  # type: ignore[arg-type]
    gate.open(np.rint(np.array(firm_kw) * 250).astype(np.int64), np.zeros(network.n_nodes))
    return gate


def near_limits(load: float) -> tuple[Network, np.ndarray, GateSettings]:
    """feeder141 at 1.02 p.u. with a load in the background and 20 agents on buses of its ends."""
    network = feeder141.network(FeederOptions(source_pu=1.02, voltage_band_pu=(0.95, 1.05)))
    buses = [48, 78, 102, 127, 59, 109, 130, 140, 67, 95, 133, 136, 62, 86, 106, 138, 74, 100, 116, 134]
    settings = GateSettings(background_kw=load * network.nominal_kw, background_kvar=load * network.nominal_kvar)
    return network, np.array(buses) - 1, settings


# --- observe ----------------------------------------------------------------------------------------------------------


def test_observe_admits_everything_and_records_what_breaks() -> None:
    """Limits of voltages, connections and heads are all left to be seen afterwards; nothing is rolled back."""
    gate = opened(ObserveGate, LINE, 0, 0, 0, 0, import_limit_wh=np.full(4, 10), head_import_kw=1.0)
    assert gate.admit(0, NOWHERE, 3, 300_000) == (300_000, Reason.NONE, -1)
    assert gate.admit(0, NOWHERE, 3, 0) == (0, Reason.NONE, -1)
    state = gate.close()
    assert state.v_pu[0, 3] < 0.95
    assert not gate.broken().any()


def test_observe_shows_the_same_physics_as_ac() -> None:
    observed, exact = (opened(kind, TWO, 0, -20, -30, 10, 0, -40) for kind in (ObserveGate, RadialGate))
    for gate in (observed, exact):
        assert gate.admit(0, 3, 5, 2_000)[0] == 2_000
    for one, other in zip(observed.close(), exact.close(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_collapse_is_observed_as_one() -> None:
    gate = opened(ObserveGate, LINE, 0, 0, 0, 0)
    gate.admit(0, NOWHERE, 3, 10**9)
    state = gate.close()
    assert not state.converged[0]
    assert np.isnan(state.v_pu).all()
    assert not np.isnan(state.firm_v_pu).any()


# --- sensitivity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "sink", "code"),
    [(3, NOWHERE, Reason.OVERVOLTAGE), (NOWHERE, 3, Reason.UNDERVOLTAGE + BLAMES_SINK), (3, 1, Reason.OVERVOLTAGE)],
)
def test_the_screen_stops_a_guard_band_before_ac(source: int, sink: int, code: int) -> None:
    exact = opened(RadialGate, LINE, 0, 0, 0, 0).admit(0, source, sink, MUCH)
    gate = opened(SensitivityGate, LINE, 0, 0, 0, 0)
    screened = gate.admit(0, source, sink, MUCH)
    assert screened[1:] == exact[1:] == (code, 3)
    assert 0.98 * exact[0] < screened[0] < exact[0]
    v = gate.close().v_pu[0, 3]
    assert min(abs(v - 0.95), abs(v - 1.05)) == pytest.approx(1e-4, rel=0.9)
    assert not gate.broken()[0]


def test_the_screen_holds_ratings_by_complex_currents() -> None:
    rated = LINE._replace(rating_from_pu=np.array([np.inf, 0.1, np.inf]), y_to_pu=np.full(3, 0.02j))
    gate, exact = (opened(kind, rated, 0, 0, 0, 0) for kind in (SensitivityGate, RadialGate))
    screened, limit = gate.admit(0, NOWHERE, 3, MUCH), exact.admit(0, NOWHERE, 3, MUCH)
    assert screened[1:] == limit[1:] == (Reason.LINE_LOADING + BLAMES_SINK, 1)
    assert 0.998 * limit[0] < screened[0] < limit[0]


def test_the_screen_sees_ends_on_two_laterals() -> None:
    gate = opened(SensitivityGate, TWO, 0, 0, 0, 0, 0, 0)
    _, code, element = gate.admit(0, 3, 5, MUCH)
    assert (code, element) == (Reason.OVERVOLTAGE, 3)
    assert 1.049 < gate.close().v_pu[0, 3] < 1.05
    _, code, element = gate.admit(0, NOWHERE, 5, MUCH)
    assert (code, element) == (Reason.UNDERVOLTAGE + BLAMES_SINK, 5)


def test_limits_without_a_power_flow_hold_in_the_screen_too() -> None:
    gate = opened(SensitivityGate, LINE, 0, 0, 0, 0, export_limit_wh=np.full(4, 500), head_export_kw=3.0)
    assert gate.admit(0, 3, NOWHERE, 900) == (500, Reason.CONNECTION_EXPORT, 3)
    assert gate.admit(0, 2, NOWHERE, 900) == (250, Reason.HEAD_EXPORT, 0)


def test_a_state_that_ac_finds_broken_is_reported_until_it_is_taken_back() -> None:
    """A guard band below zero lets the screen admit too much, on purpose."""
    gate = opened(SensitivityGate, LINE, 0, 0, 0, 0, screen_band=-2e-3)
    admitted = gate.admit(0, NOWHERE, 3, MUCH)[0]
    assert gate.broken()[0]
    gate.release(0, NOWHERE, 3, admitted // 2)
    assert not gate.broken()[0]


def test_what_the_screen_releases_is_free_again() -> None:
    gate = opened(SensitivityGate, TWO, 0, -20, -30, 10, 0, -40)
    first = gate.admit(0, 3, 5, MUCH)
    gate.release(0, 3, 5, first[0])
    assert gate.admit(0, 3, 5, MUCH)[0] == pytest.approx(first[0], rel=1e-3)


def test_a_market_without_a_solution_refuses_everything_in_every_screen() -> None:
    gate = opened(SensitivityGate, LINE, 0, 0, 0, -1e6)
    assert gate.admit(0, 3, NOWHERE, 5) == (0, Reason.DIVERGED, -1)
    assert not gate.broken()[0]


def test_a_table_of_sensitivities_that_would_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensitivity, "MOST_BYTES", 100)
    with pytest.raises(NetworkError, match=r"too large for a table of sensitivities.*4 connections"):
        opened(SensitivityGate, LINE, 0, 0, 0, 0)


@pytest.mark.parametrize(("load", "seed"), [(0.3, 1), (0.7, 2), (0.9, 3)])
def test_against_ac_the_screen_accepts_nothing_wrongly_and_misses_little(load: float, seed: int) -> None:
    """On random trades of feeder141 that meet limits: no false accept, and at most a few percent of the energy missed."""
    found = compare(*near_limits(load), trades=3_000, most_kw=1500.0, seed=seed)
    assert found.near > 20
    assert found.false_accepts == 0
    assert found.false_rejects > 0, "the guard band must show"
    assert found.missed_share < 0.1


def test_without_guard_band_false_accepts_are_still_none_beyond_the_tolerance() -> None:
    """What the prediction leaves out is bounded, not guessed: the band only makes the screen stricter."""
    network, nodes, settings = near_limits(0.9)
    options = {**{name: getattr(settings, name) for name in ("background_kw", "background_kvar")}, "screen_band": 1e-7}
    found = compare(network, nodes, GateSettings(**options), trades=2_000, most_kw=1500.0, seed=4)
    assert found.false_accepts == 0
