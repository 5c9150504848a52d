from __future__ import annotations

import numpy as np
import pandapower  # type: ignore[import-untyped]
import pytest

from marketsim.core.compiled import ADMIT
from marketsim.core.records import BLAMES_SINK, NOWHERE, Reason
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.net import feeder141, pandapower_nets
from marketsim.grid.net.feeder import FeederOptions
from marketsim.grid.net.network import BranchKind, Network
from marketsim.grid.net.quiet import quiet_pandapower
from marketsim.testing.grids import dense_power_flow, random_network, tree_network

HOURS = 0.25
MUCH = 1_000_000
LINE = tree_network([0, 1, 2], np.full(3, 0.02 + 0.01j))
"""0-1-2-3, base 1000 kVA, band 0.95 ... 1.05."""
Z = np.full(5, 0.02 + 0.01j)
TWO = tree_network([0, 1, 2, 0, 4], Z)
"""0-1-2-3 and 0-4-5."""


def opened(network: Network, firm_kw: list[float], settings: GateSettings | None = None) -> RadialGate:
    """A gate with an agent at each node."""
    gate = RadialGate(network, np.arange(network.n_nodes), 1, HOURS, settings)
    gate.open(wh(*firm_kw), np.zeros(network.n_nodes))
    return gate


def wh(*kw: float) -> np.ndarray:
    return np.rint(np.array(kw) * HOURS * 1000).astype(np.int64)


def bytes_of(gate: RadialGate) -> list[bytes]:
    return [np.asarray(column).tobytes() for column in gate.close()]


def largest_by_dense(network: Network, kw: np.ndarray, source: int, sink: int, most: int) -> int:
    """Largest quantity [Wh] within band and ratings by the independent solver and bisection."""

    def holds(quantity: int) -> bool:
        moved = kw.copy()
        for node, sign in ((source, 1), (sink, -1)):
            if node >= 0:
                moved[node] += sign * quantity / (HOURS * 1000)
        state = dense_power_flow(network, moved / network.base_kva + 0j)
        v = np.abs(state.v_pu)
        inside = ((network.v_min_pu <= v) & (v <= network.v_max_pu)).all()
        return bool(inside and not (state.loading(network) > 1.0).any())

    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


# --- the largest admissible quantity ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "sink", "code"),
    [
        (3, NOWHERE, Reason.OVERVOLTAGE),
        (NOWHERE, 3, Reason.UNDERVOLTAGE + BLAMES_SINK),
        (3, 1, Reason.OVERVOLTAGE),
        (1, 3, Reason.UNDERVOLTAGE + BLAMES_SINK),
    ],
)
def test_the_admitted_quantity_is_the_largest(source: int, sink: int, code: int) -> None:
    """By an independent solver, to the 1e-8 p.u. of the guard; and for the gate itself 1 Wh more breaks the limit."""
    gate = opened(LINE, [0, 0, 0, 0])
    admitted, seen, element = gate.admit(0, source, sink, MUCH)
    assert (seen, element) == (code, 3)
    assert abs(admitted - largest_by_dense(LINE, np.zeros(4), source, sink, MUCH)) <= 2
    assert gate.admit(0, source, sink, 1) == (0, code, 3)


@pytest.mark.parametrize("end", ["rating_from_pu", "rating_to_pu"])
@pytest.mark.parametrize(("source", "sink"), [(3, NOWHERE), (NOWHERE, 3)])
def test_a_rating_holds_at_either_end(end: str, source: int, sink: int) -> None:
    rating = np.array([np.inf, 0.1, np.inf])
    network = LINE._replace(**{end: rating}, y_from_pu=np.full(3, 0.01j), y_to_pu=np.full(3, 0.02j))
    gate = opened(network, [0, 0, 0, 0])
    admitted, code, element = gate.admit(0, source, sink, MUCH)
    assert (code & ~BLAMES_SINK, element) == (Reason.LINE_LOADING, 1)
    assert abs(admitted - largest_by_dense(network, np.zeros(4), source, sink, MUCH)) <= 2


def test_an_overloaded_transformer_is_named_as_one() -> None:
    network = LINE._replace(
        kind=np.array([BranchKind.TRAFO, 0, 0]), ratio=np.array([1.02 + 0j, 1, 1]), rating_from_pu=np.array([0.1, 1, 1])
    )
    _, code, element = opened(network, [0, 0, 0, 0]).admit(0, NOWHERE, 2, MUCH)
    assert (code, element) == (Reason.TRAFO_LOADING + BLAMES_SINK, 0)


@pytest.mark.parametrize("seed", range(20))
def test_the_largest_quantity_on_random_feeders(seed: int) -> None:
    """Taps, charging, shunts, ratings at both ends: the gate and a bisection with the dense solver find the same."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, int(rng.integers(3, 25)))
    kw = rng.uniform(-10, 5, network.n_nodes)
    source, sink = (int(node) for node in rng.choice(network.n_nodes, 2, replace=False))
    source, sink = [(source, sink), (source, NOWHERE), (NOWHERE, sink)][seed % 3]
    gate = opened(network, list(kw))
    firm = wh(*kw) / (HOURS * 1000)
    state = dense_power_flow(network, firm / network.base_kva + 0j)
    v = np.abs(state.v_pu)
    if (v < network.v_min_pu).any() or (v > network.v_max_pu).any() or (state.loading(network) > 1).any():
        pytest.skip("the untraded state breaks a limit")
    admitted, code, _ = gate.admit(0, source, sink, MUCH)
    assert abs(admitted - largest_by_dense(network, firm, source, sink, MUCH)) <= 2
    if admitted < MUCH:
        assert gate.admit(0, source, sink, 1)[:2] == (0, code)


@pytest.mark.parametrize(("load", "source", "sink"), [(0.7, NOWHERE, 86), (0.3, 86, NOWHERE), (0.7, 133, 86)])
def test_feeder141_stays_within_limits_by_runpp(load: float, source: int, sink: int) -> None:
    """At what the gate admits `runpp` finds every limit kept; 20 Wh more and it finds one broken."""
    network = feeder141.network(FeederOptions(source_pu=1.02, voltage_band_pu=(0.95, 1.05)))
    settings = GateSettings(background_kw=load * network.nominal_kw, background_kvar=load * network.nominal_kvar)
    gate = RadialGate(network, np.arange(141), 1, HOURS, settings)
    gate.open(np.zeros(141, dtype=np.int64), np.zeros(141))
    admitted, code, _ = gate.admit(0, source, sink, 10 * MUCH)
    assert 0 < admitted < 10 * MUCH
    assert code != Reason.NONE
    state = gate.close()
    assert not breaks_by_runpp(network, state.net_wh[0], state.kvar[0])
    beyond = state.net_wh[0].copy()
    beyond[[node for node in (source, sink) if node != NOWHERE]] += [
        sign * 20 for node, sign in ((source, 1), (sink, -1)) if node != NOWHERE
    ]
    assert breaks_by_runpp(network, beyond, state.kvar[0])


def breaks_by_runpp(network: Network, net_wh: np.ndarray, kvar: np.ndarray) -> bool:
    """Whether feeder141 with these injections leaves its limits by an independent Newton-Raphson."""
    net = pandapower_nets.feeder("feeder141")
    net.ext_grid["vm_pu"] = network.source_pu
    net.load["in_service"] = False
    pandapower.create_loads(net, net.bus.index, p_mw=net_wh / HOURS * -1e-6, q_mvar=kvar * -1e-3)
    with quiet_pandapower():
        pandapower.runpp(net, tolerance_mva=1e-8)
    v = net.res_bus.vm_pu.to_numpy()[1:]
    loading = net.res_line.i_ka.to_numpy() * (np.sqrt(3) * 12.47 / 10.0) / network.rating_from_pu
    return bool((v < network.v_min_pu[1:]).any() or (v > network.v_max_pu[1:]).any() or (loading > 1.0).any())


# --- restoring, releasing, amending -----------------------------------------------------------------------------------


def test_a_refusal_leaves_no_trace() -> None:
    """After a trade that is refused the committed state is restored to the byte."""
    gate = opened(TWO, [0, -20, -30, 10, 0, -40])
    gate.admit(0, 3, 5, 5_000)
    ints, floats = gate.kernel.ints.copy(), gate.kernel.floats.copy()
    before = bytes_of(gate)
    again = opened(TWO, [0, -20, -30, 10, 0, -40])
    again.admit(0, 3, 5, 5_000)
    saturated = again.admit(0, 3, 5, MUCH)
    assert again.admit(0, 3, 5, MUCH) == (0, *saturated[1:])
    again.release(0, 3, 5, saturated[0])
    assert bytes_of(again) == before
    assert ints.shape == gate.kernel.ints.shape
    assert floats.shape == gate.kernel.floats.shape


def test_the_result_does_not_depend_on_the_order_of_trades() -> None:
    """All that a trade commits is integer: any order of the same trades gives the same bytes."""
    trades = [(3, 5, 1200), (2, NOWHERE, 333), (NOWHERE, 5, 77), (1, 2, 4000)]
    one, other = (opened(TWO, [0, -20, -30, 10, 0, -40]) for _ in range(2))
    for trade in trades:
        one.admit(0, *trade)
    for trade in trades[::-1]:
        other.admit(0, *trade)
    assert bytes_of(one) == bytes_of(other)


def test_closing_twice_gives_the_same_and_opening_forgets() -> None:
    gate = opened(TWO, [0, -20, -30, 10, 0, -40])
    fresh = bytes_of(gate)
    gate.admit(0, 3, 5, 5_000)
    assert bytes_of(gate) == bytes_of(gate) != fresh
    gate.open(wh(0, -20, -30, 10, 0, -40), np.zeros(6))
    assert bytes_of(gate) == fresh


def test_the_untraded_state_stands_beside_the_final_one() -> None:
    gate = opened(TWO, [0, -20, -30, 10, 0, -40])
    untraded = gate.close()
    np.testing.assert_array_equal(untraded.v_pu, untraded.firm_v_pu)
    gate.admit(0, 3, NOWHERE, 5_000)
    traded = gate.close()
    np.testing.assert_array_equal(traded.firm_v_pu, untraded.v_pu)
    assert traded.v_pu[0, 3] > untraded.v_pu[0, 3]


def test_amending_is_as_if_the_slot_had_delivered_that_from_the_start() -> None:
    gate = opened(TWO, [0, -20, -30, 10, 0, -40])
    gate.admit(0, 3, NOWHERE, 5_000)
    gate.amend(wh(0, 0, -5, 0, 0, 1), np.array([0, 0, -2.0, 0, 0, 0]))
    other = RadialGate(TWO, np.arange(6), 1, HOURS)
    other.open(wh(0, -20, -35, 10 + 20, 0, -39), np.array([0, 0, -2.0, 0, 0, 0]))
    for ours, theirs in zip(gate.close()[:6], other.close()[:6], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_released_is_free_again() -> None:
    """For others on the same lateral too: the next trade is solved without what was taken back."""
    gate, fresh = (opened(LINE, [0, 0, 0, 0]) for _ in range(2))
    taken = gate.admit(0, NOWHERE, 3, MUCH)[0]
    gate.release(0, NOWHERE, 2, gate.admit(0, NOWHERE, 2, 1000)[0])
    gate.release(0, NOWHERE, 3, taken)
    assert gate.admit(0, NOWHERE, 2, MUCH) == fresh.admit(0, NOWHERE, 2, MUCH)


def test_what_was_amended_counts_for_later_trades() -> None:
    gate = opened(LINE, [0, 0, 0, 0])
    gate.amend(wh(0, 0, -100, 0), np.zeros(4))
    other = opened(LINE, [0, 0, -100, 0])
    assert gate.admit(0, NOWHERE, 3, MUCH) == other.admit(0, NOWHERE, 3, MUCH)


def test_nothing_asked_nothing_done() -> None:
    gate = opened(LINE, [0, 0, 0, 0])
    assert gate.admit(0, 1, 2, 0) == (0, Reason.NONE, -1)
    assert gate.admit(0, NOWHERE, NOWHERE, 7) == (7, Reason.NONE, -1)
    assert not gate.broken().any()


# --- limits that the untraded state breaks already ----------------------------------------------------------------------


def test_a_violated_bus_is_not_pushed_beyond_its_state_before_matching() -> None:
    """All trades of a slot together worsen it by the tolerance at most."""
    gate = opened(LINE, [0, 0, 0, -1200])
    before = gate.close().v_pu[0]
    assert before[3] < 0.95
    taken = [gate.admit(0, NOWHERE, 3, 50)[0] for _ in range(2000)]
    after = gate.close().v_pu[0]
    assert 0 < sum(taken) < 2000 * 50
    assert before[3] - 1e-4 <= after[3] <= before[3] - 0.99e-4


def test_a_violated_bus_may_return() -> None:
    gate = opened(LINE, [0, 0, 0, -1200])
    assert gate.admit(0, 3, NOWHERE, 100_000) == (100_000, Reason.NONE, -1)


def test_a_remote_bus_below_its_band_does_not_stop_the_feeder() -> None:
    """A bus 0.1 % below its band: trade elsewhere goes on, also where it shares the trunk with that bus."""
    band = tree_network([0, 1, 1, 3], np.full(4, 0.01 + 0.005j))
    gate = RadialGate(band, np.arange(5), 1, HOURS)
    gate.open(wh(0, 0, -1000 * 2.38, 0, -60), np.zeros(5))
    assert gate.close().v_pu[0, 2] == pytest.approx(0.949, abs=3e-4)
    assert gate.admit(0, 3, NOWHERE, 20_000)[0] == 20_000
    assert gate.admit(0, 3, 4, 20_000)[0] == 20_000


def test_an_overload_may_stay_in_its_direction_and_a_reversed_flow_gets_the_plain_rating() -> None:
    rated = LINE._replace(
        rating_from_pu=np.array([0.2, np.inf, np.inf]), v_min_pu=np.zeros(4), v_max_pu=np.full(4, 9.0)
    )
    gate = opened(rated, [0, 0, 0, -250])
    overloaded = gate.close().loading[0, 0]
    assert overloaded > 1.25
    more = gate.admit(0, NOWHERE, 3, 10_000)
    assert more[1:] == (Reason.LINE_LOADING + BLAMES_SINK, 0)
    assert overloaded < gate.close().loading[0, 0] <= overloaded + 1e-3
    gate.release(0, NOWHERE, 3, more[0])
    admitted, code, _ = gate.admit(0, 3, NOWHERE, MUCH)
    assert code == Reason.LINE_LOADING
    assert gate.close().loading[0, 0] == pytest.approx(1.0, abs=1e-5)
    assert admitted / (HOURS * 1000) > 250 + 190


def test_counter_flows_free_capacity() -> None:
    gate = opened(LINE, [0, 0, 0, 0])
    first = gate.admit(0, NOWHERE, 3, MUCH)[0]
    assert gate.admit(0, NOWHERE, 3, 1000)[0] == 0
    assert gate.admit(0, 2, NOWHERE, 5000)[0] == 5000
    assert 0 < gate.admit(0, NOWHERE, 3, MUCH)[0] < first


def test_a_state_inside_the_guard_may_stay_but_not_grow() -> None:
    """A voltage that lies between the guarded and the stated limit before trade is no violation, and has no room."""
    probe = opened(LINE, [0, 0, 0, -100]).close().v_pu[0, 3]
    low = LINE.v_min_pu.copy()
    low[3] = probe - 5e-9
    gate = opened(LINE._replace(v_min_pu=low), [0, 0, 0, -100])
    assert gate.admit(0, NOWHERE, 3, 10) == (0, Reason.UNDERVOLTAGE + BLAMES_SINK, 3)
    assert gate.admit(0, 3, NOWHERE, 10)[0] == 10


# --- who is to blame ----------------------------------------------------------------------------------------------------


def test_overload_blames_the_sink_only_below_the_element_and_with_the_flow() -> None:
    """A trade within a lateral overloads the trunk by feeding back: the seller parks although the buyer lies below."""
    rated = TWO._replace(rating_from_pu=np.array([0.05, np.inf, np.inf, 0.05, np.inf]))
    assert opened(rated, [0] * 6).admit(0, 3, NOWHERE, MUCH)[1:] == (Reason.LINE_LOADING, 0)
    assert opened(rated, [0] * 6).admit(0, NOWHERE, 3, MUCH)[1:] == (Reason.LINE_LOADING + BLAMES_SINK, 0)
    below = opened(rated, [0, 0, 0, -10, 0, 0])
    assert below.admit(0, 3, 5, MUCH)[1] in (Reason.LINE_LOADING, Reason.LINE_LOADING + BLAMES_SINK)
    weak = TWO._replace(rating_from_pu=np.array([np.inf] * 4 + [0.05]))
    assert opened(weak, [0] * 6).admit(0, 3, 5, MUCH)[1:] == (Reason.LINE_LOADING + BLAMES_SINK, 4)


def test_overvoltage_blames_the_source_and_the_sink_alone_without_one() -> None:
    gate = opened(LINE, [0, 0, 0, 0])
    assert gate.admit(0, 3, 1, MUCH)[1] == Reason.OVERVOLTAGE


# --- limits without a power flow ---------------------------------------------------------------------------------------


def limited(**limits: object) -> GateSettings:
    return GateSettings(**limits)  # type: ignore[arg-type]


def test_connection_limits_count_what_flows_anyway() -> None:
    caps = np.full(6, 3_000)
    gate = opened(TWO, [0, 0, 0, 4, 0, -8], limited(import_limit_wh=caps, export_limit_wh=caps))
    assert gate.admit(0, 3, NOWHERE, 9_999) == (2_000, Reason.CONNECTION_EXPORT, 3)
    assert gate.admit(0, NOWHERE, 5, 9_999) == (1_000, Reason.CONNECTION_IMPORT + BLAMES_SINK, 5)
    assert gate.admit(0, 5, 3, 9_999) == (6_000, Reason.CONNECTION_EXPORT, 5), "both have 3000 to each side of 0"


def test_a_connection_beyond_its_limit_before_trade_may_stay_but_not_go_further() -> None:
    caps = np.full(6, 1_000)
    gate = opened(TWO, [0, 0, 0, 0, 0, -8], limited(import_limit_wh=caps))
    assert gate.admit(0, NOWHERE, 5, 100) == (0, Reason.CONNECTION_IMPORT + BLAMES_SINK, 5)
    assert gate.admit(0, 5, NOWHERE, 300)[0] == 300
    assert gate.admit(0, NOWHERE, 5, 500)[0] == 300, "back to where it stood, no further"


def test_head_limits_hold_each_lateral_without_losses() -> None:
    gate = opened(TWO, [0, -4, 0, 0, 0, 0], limited(head_import_kw=10.0, head_export_kw=6.0))
    assert gate.admit(0, 3, NOWHERE, 9_999) == (2_500, Reason.HEAD_EXPORT, 0)
    assert gate.admit(0, 2, 3, 5_000)[0] == 5_000, "inside a lateral its head does not notice"
    assert gate.admit(0, NOWHERE, 5, 9_999) == (2_500, Reason.HEAD_IMPORT + BLAMES_SINK, 1)
    assert gate.admit(0, 5, 2, 9_999)[0] == 4_000, "from 10 kW in to 6 kW out, and from 6 kW out to 10 kW in"


def test_ends_at_the_source_or_off_the_grid_move_no_power_flow() -> None:
    gate = RadialGate(LINE, np.array([0, -1, 3]), 1, HOURS)
    gate.open(np.zeros(3, dtype=np.int64), np.zeros(3))
    assert gate.admit(0, 0, 1, MUCH) == (MUCH, Reason.NONE, -1)
    state = gate.close()
    assert state.net_wh[0].tolist() == [MUCH, 0, 0, 0]
    assert state.slack_wh[0] == -MUCH


# --- reactive power that moves with energy ------------------------------------------------------------------------------


def test_reactive_power_moves_with_every_admitted_wh() -> None:
    ratio = np.full(4, -0.3286841)
    settings = limited(source_kvar_per_kw=ratio, sink_kvar_per_kw=np.full(4, 0.5))
    gate = opened(LINE, [0, 0, 0, 0], settings)
    assert gate.admit(0, 3, 2, 10_000)[0] == 10_000
    state = gate.close()
    np.testing.assert_allclose(state.kvar[0], [0, 0, -20.0, -0.3286841 * 40], rtol=0, atol=1e-6)
    gate.release(0, 3, 2, 10_000)
    np.testing.assert_array_equal(gate.close().kvar[0], 0.0)


def test_absorbing_inverters_take_more_pv_into_the_same_band() -> None:
    plain = opened(LINE, [0, 0, 0, 0]).admit(0, 3, NOWHERE, MUCH)[0]
    absorbing = opened(LINE, [0, 0, 0, 0], limited(source_kvar_per_kw=np.full(4, -0.33)))
    assert absorbing.admit(0, 3, NOWHERE, MUCH)[0] > 1.1 * plain


# --- sensitivities and the compiled face --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_the_sensitivity_is_the_derivative_of_the_tightest_voltage(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, 20)
    kw = rng.uniform(-15, 5, 20)
    gate = opened(network, list(kw))
    v = gate.close().v_pu[0]
    tightest = 1 + int(np.argmin(np.minimum(v - network.v_min_pu, network.v_max_pu - v)[1:]))
    upper = network.v_max_pu[tightest] - v[tightest] <= v[tightest] - network.v_min_pu[tightest]
    towards = 1.0 if upper else -1.0
    step_kw = 0.05
    base = np.abs(dense_power_flow(network, wh(*kw) / (HOURS * 1000) / 1000 + 0j).v_pu[tightest])
    found = gate.sensitivity()
    assert found[0] == 0.0
    for node in rng.choice(np.arange(1, 20), 5, replace=False):
        moved = wh(*kw) / (HOURS * 1000)
        moved[node] += step_kw
        up = np.abs(dense_power_flow(network, moved / 1000 + 0j).v_pu[tightest])
        moved[node] -= 2 * step_kw
        down = np.abs(dense_power_flow(network, moved / 1000 + 0j).v_pu[tightest])
        slope = (up - down) / (2 * step_kw * HOURS * 1000)
        assert found[node] == pytest.approx(slope * towards, abs=1e-12)
    assert base == pytest.approx(v[tightest], abs=1e-10)


def test_the_kernel_is_the_gate() -> None:
    """The pointer in ``kernel`` has the agreed signature and works on the state that the methods see."""
    gate = opened(LINE, [0, 0, 0, 0])
    assert gate.kernel is not None
    assert gate.kernel.admit.signature() == ADMIT  # type: ignore[attr-defined]
    admitted = gate.kernel.admit(gate.kernel.ints[0], gate.kernel.floats[0], 3, NOWHERE, 400)
    assert admitted == (400, 0, -1)
    assert gate.close().net_wh[0, 3] == 400
