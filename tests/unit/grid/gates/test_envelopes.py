"""Operating envelopes: jointly feasible, as large as their rule says, and kept by trade."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from marketsim.core.arrays import IntArray
from marketsim.core.grid_model import GridModel
from marketsim.core.records import NOWHERE, Reason
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.gates.envelope.limits import EnvelopePlanner, equal, largest, maximal
from marketsim.grid.gates.envelope.modes import EqualEnvelopeGate, MeshedEqualEnvelopeGate
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.net import feeder141
from marketsim.grid.net.feeder import FeederOptions
from marketsim.grid.net.network import Network

HOURS = 0.25
BUSES = np.array([51, 86, 108, 24])


class Sum:
    """A grid of two lines: what all inject, and what the last injects, is limited. Linear, so optima are known."""

    most = np.array([100.0, 30.0])

    def __init__(self, n: int) -> None:
        self.rows = np.stack((np.ones(n), np.append(np.zeros(n - 1), 1.0)))

    def open(self, record: object) -> None:
        pass

    def open_at(self, firm_wh: object, kvar: object) -> None:
        pass

    def open_state(self, grid: object) -> None:
        pass

    def margins(self, market: int, net_wh: np.ndarray) -> np.ndarray:
        return (self.rows @ net_wh - self.most) / 100.0

    def gradient(self, market: int, net_wh: np.ndarray, limits: IntArray) -> np.ndarray:
        return self.rows[limits] / 100.0

    def drawn_wh(self, market: int, net_wh: np.ndarray) -> float:
        return -float(net_wh.sum())

    def drawn_slope(self, market: int, net_wh: np.ndarray) -> np.ndarray:
        return np.full(len(net_wh), -1.0)

    def fits(self, delta_wh: IntArray) -> bool:
        return bool((self.rows @ delta_wh <= self.most).all())


@pytest.mark.parametrize("limit", [0, 1, 17, 99, 100])
def test_the_largest_number_that_fits_is_found(limit: int) -> None:
    """As trying every number would find it; all of it where that fits."""
    assert largest(lambda wh: wh <= limit, 100) == limit


def test_equal_envelopes_are_the_largest_common_one() -> None:
    """One Wh more for everybody below its rating no longer fits; nobody is granted more than its rating."""
    grid, rated = Sum(4), np.array([10, 60, 60, 60])
    found = equal(grid.fits, rated, 1)
    assert found.tolist() == [10, 30, 30, 30]
    assert grid.fits(found)
    assert not grid.fits(np.minimum(31, rated))


def test_maximal_envelopes_have_the_largest_sum() -> None:
    """The sum equals the best over all whole combinations, tried one by one on a tiny grid."""
    grid, rated = Sum(3), np.array([8, 8, 8])
    grid.most = np.array([17.0, 3.0])
    assert isinstance(grid, GridModel)
    found = maximal(grid.fits, rated, 1, EnvelopePlanner(grid, 0, np.zeros(3, dtype=np.int64)))
    best = max(sum(each) for each in itertools.product(range(9), repeat=3) if grid.fits(np.array(each)))
    assert found.sum() == best == 17
    assert grid.fits(found)


def test_where_everything_fits_envelopes_are_the_ratings() -> None:
    grid, rated = Sum(3), np.array([8, 0, 9])
    assert maximal(grid.fits, rated, 1, EnvelopePlanner(grid, 0, np.zeros(3, dtype=np.int64))).tolist() == [8, 0, 9]
    assert equal(grid.fits, rated, 1).tolist() == [8, 0, 9]


def network() -> Network:
    return feeder141.feeder(FeederOptions(1.04, (0.95, 1.05))).network


def ring(of: Network) -> Network:
    return of._replace(
        branch_names=(*of.branch_names, "tie 52-87"),
        kind=np.append(of.kind, 0),
        from_node=np.append(of.from_node, 51),
        to_node=np.append(of.to_node, 86),
        z_pu=np.append(of.z_pu, of.z_pu[0]),
        y_from_pu=np.append(of.y_from_pu, 0),
        y_to_pu=np.append(of.y_to_pu, 0),
        ratio=np.append(of.ratio, 1),
        rating_from_pu=np.append(of.rating_from_pu, np.inf),
        rating_to_pu=np.append(of.rating_to_pu, np.inf),
    )


def settings(rated_kw: float = 20_000.0) -> GateSettings:
    rated = np.full(len(BUSES), int(rated_kw * HOURS * 1e3))
    return GateSettings(rated_export_wh=rated, rated_import_wh=rated)


def firm(of: Network) -> tuple[IntArray, np.ndarray]:
    return -np.rint(of.nominal_kw[BUSES] * 0.3 * HOURS * 1e3).astype(np.int64), -of.nominal_kvar[BUSES] * 0.3


@pytest.mark.parametrize(
    ("gate_class", "of"),
    [(EqualEnvelopeGate, network()), (MeshedEqualEnvelopeGate, ring(network()))],
    ids=["radial", "meshed"],
)
@pytest.mark.parametrize("sign", [1, -1], ids=["injections", "withdrawals"])
def test_all_envelopes_used_at_once_stand_at_a_limit(gate_class: type, of: Network, sign: int) -> None:
    """By an independent power flow: used up by all, every limit is kept; ten kW more each, and one is broken."""
    gate = gate_class(of, BUSES, 1, HOURS, settings())
    gate.open(*firm(of))
    granted = []
    for connection in range(len(BUSES)):
        ends = (connection, NOWHERE) if sign > 0 else (NOWHERE, connection)
        admitted, code, element = gate.admit(0, *ends, 10**9)
        assert code & 63 in (Reason.CONNECTION_EXPORT, Reason.CONNECTION_IMPORT)
        assert element == connection
        granted.append(admitted)
    assert len(set(granted)) == 1, "equal means equal"
    state = gate.close()
    net_kw = state.net_wh / (HOURS * 1e3)
    more = net_kw.copy()
    more[0, BUSES] += sign * 10.0
    inside, outside = Validator(of).solve(net_kw, state.kvar), Validator(of).solve(more, state.kvar)

    def worst(flow: object) -> float:
        v = flow.v_pu[0, 1:]  # type: ignore[attr-defined]
        loading = np.nanmax(flow.loading) - 1.0  # type: ignore[attr-defined]
        return float(max(v.max() - 1.05, 0.95 - v.min(), loading))

    assert worst(inside) <= 0.0 < worst(outside)


def test_trade_within_envelopes_asks_no_power_flow_and_never_leaves_them() -> None:
    """Whatever is asked in whatever order, no connection ends beyond what it was granted."""
    of = network()
    gate = EqualEnvelopeGate(of, BUSES, 1, HOURS, settings())
    firm_wh, kvar = firm(of)
    gate.open(firm_wh, kvar)
    first = gate.admit(0, 0, NOWHERE, 10**9)[0]
    gate.release(0, 0, NOWHERE, first)
    rng = np.random.default_rng(5)
    for _ in range(200):
        source, sink = rng.choice(len(BUSES), 2, replace=False)
        gate.admit(0, int(source), int(sink), int(rng.integers(1, 400_000)))
    net = gate.close().net_wh[0, BUSES] - firm_wh
    assert net.max() <= first
    assert gate.solves == 0


def test_without_ratings_nothing_is_granted() -> None:
    """A connection that is rated for nothing may add nothing."""
    of = network()
    gate = EqualEnvelopeGate(of, BUSES, 1, HOURS)
    gate.open(*firm(of))
    assert gate.admit(0, 0, 1, 100)[0] == 0


def test_the_exact_gate_admits_more_than_envelopes_to_one_who_comes_alone() -> None:
    """An envelope shares the feeder in advance; the exact gate gives all of it to the first."""
    of = network()
    exact, shared = RadialGate(of, BUSES, 1, HOURS), EqualEnvelopeGate(of, BUSES, 1, HOURS, settings())
    for gate in (exact, shared):
        gate.open(*firm(of))
    assert exact.admit(0, 0, NOWHERE, 10**8)[0] > shared.admit(0, 0, NOWHERE, 10**8)[0] > 0
