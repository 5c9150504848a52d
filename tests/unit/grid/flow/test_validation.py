from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from marketsim.core.errors import ValidationMismatch
from marketsim.core.records import Community, Exchange, GridState
from marketsim.grid.flow.power_flow_check import ALL_CORES, SEQUENTIAL, Validator
from marketsim.grid.flow.validation import BatchValidator, compare
from marketsim.grid.net import feeder141

HOURS = 0.25
N_MARKETS = 2


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator(feeder141.network())


@pytest.fixture
def community() -> Community:
    """Two markets with an agent at each node."""
    n_nodes = 141
    market = np.repeat(np.arange(N_MARKETS), n_nodes)
    unlimited = np.full(N_MARKETS * n_nodes, 2**62)
    return Community(
        names=tuple(str(row) for row in range(N_MARKETS * n_nodes)),
        market=market,
        connection=np.tile(np.arange(n_nodes), N_MARKETS),
        is_prosumer=np.zeros(N_MARKETS * n_nodes, dtype=bool),
        n_markets=N_MARKETS,
        import_limit_wh=unlimited,
        export_limit_wh=unlimited,
    )


def slot_of(validator: Validator, scale: float = 0.7) -> tuple[GridState, Exchange]:
    """A correct slot: both markets draw from the utility, the second half as much."""
    network = validator.network
    share = scale * np.array([[1.0], [0.5]])
    net_wh = np.rint(-share * network.nominal_kw * HOURS * 1e3).astype(np.int64)
    kvar = -share * network.nominal_kvar
    flow = validator.solve(net_wh / (HOURS * 1e3), kvar)
    slack_wh = flow.slack_kw * HOURS * 1e3
    state = GridState(
        net_wh=net_wh,
        kvar=kvar,
        v_pu=flow.v_pu,
        loading=flow.loading,
        slack_wh=slack_wh,
        losses_wh=slack_wh + net_wh.sum(axis=1),
        shunt_wh=np.zeros(2),
        firm_v_pu=flow.v_pu,
        firm_loading=flow.loading,
        firm_kvar=kvar,
        converged=np.array([True, True]),
    )
    nothing = np.zeros(net_wh.size, dtype=np.int64)
    none = np.zeros((0, net_wh.size), dtype=np.int64)
    exchange = Exchange(-net_wh.reshape(-1), nothing, nothing, none)
    return state, exchange


def broken(state: GridState, field: str, at: tuple[int, ...], by: float) -> GridState:
    values = getattr(state, field).copy()
    values[at] += by
    return state._replace(**{field: values})


def make(validator: Validator, community: Community, **options: Any) -> BatchValidator:
    return BatchValidator(validator, community, HOURS, **options)


def test_a_correct_run_agrees(validator: Validator, community: Community) -> None:
    checker = make(validator, community)
    for slot in range(5):
        checker.add(slot, *slot_of(validator, 0.2 * slot))
    summary = checker.finish()
    assert (summary.cases, summary.unsolved, summary.mismatches) == (10, 0, ())
    assert summary.worst_pu < 1e-12
    assert summary.worst_wh < 1e-3


def test_a_voltage_that_differs_stops_the_run_and_names_slot_bus_and_both_values(
    validator: Validator, community: Community
) -> None:
    state, exchange = slot_of(validator)
    checker = make(validator, community)
    checker.add(7, broken(state, "v_pu", (1, 86), 2e-8), exchange)
    pattern = r"slot 7, market 1: voltage at bus 87 is 0\.\d+ by the run and 0\.\d+ by the independent .*2e-08"
    with pytest.raises(ValidationMismatch, match=pattern):
        checker.finish()


@pytest.mark.parametrize("by", [9e-9, -9e-9])
def test_the_tolerance_is_1e_8(by: float, validator: Validator, community: Community) -> None:
    state, exchange = slot_of(validator)
    checker = make(validator, community)
    checker.add(0, broken(state, "v_pu", (0, 40), by), exchange)
    assert checker.finish().worst_pu == pytest.approx(9e-9, rel=1e-2)


@pytest.mark.parametrize(
    ("field", "at", "by", "quantity", "element"),
    [
        ("v_pu", (0, 86), 1e-7, "voltage", "bus 87"),
        ("loading", (0, 3), 1e-5, "loading", "line 4-5"),
        ("losses_wh", (0,), 1.5, "energy", ""),
        ("losses_wh", (0,), -1.5, "energy", ""),
    ],
)
def test_what_differs_is_recorded_on_demand(
    field: str, at: tuple[int, ...], by: float, quantity: str, element: str, validator: Validator, community: Community
) -> None:
    state, exchange = slot_of(validator)
    checker = make(validator, community, on_mismatch="record")
    checker.add(3, broken(state, field, at, by), exchange)
    (found,) = checker.finish().mismatches
    assert (found.slot, found.market, found.quantity, found.element) == (3, 0, quantity, element)
    assert found.difference == pytest.approx(by, rel=1e-3)


def test_energy_that_moved_without_the_grid_knowing_breaks_the_law(validator: Validator, community: Community) -> None:
    """An import that no node drew: the slack has less energy than imports and losses say."""
    state, exchange = slot_of(validator)
    imports = exchange.import_wh.copy()
    imports[10] += 2
    checker = make(validator, community)
    checker.add(0, state, exchange._replace(import_wh=imports))
    with pytest.raises(ValidationMismatch, match="energy is"):
        checker.finish()


def test_what_shunts_draw_is_no_loss_and_booking_it_as_one_is_found(community: Community) -> None:
    """The check takes the shunts of its own solution off what the source delivers."""
    network = feeder141.network()
    shunted = network._replace(shunt_pu=np.where(np.arange(network.n_nodes) == 60, 0.005 + 0.002j, 0.0))
    validator = Validator(shunted)
    grid, exchange = slot_of(validator)
    drawn_wh = shunted.ground_kw(grid.v_pu) * HOURS * 1e3
    assert drawn_wh.min() > 1_000
    good = grid._replace(losses_wh=grid.losses_wh - drawn_wh, shunt_wh=drawn_wh)
    checker = make(validator, community)
    checker.add(0, good, exchange)
    assert checker.finish().mismatches == ()
    checker = make(validator, community)
    checker.add(0, grid, exchange)
    with pytest.raises(ValidationMismatch, match="energy"):
        checker.finish()


def test_background_load_is_bought_by_nobody_and_still_adds_up(validator: Validator, community: Community) -> None:
    """The same draw of both markets, 1000 Wh of which belong to no agent."""
    state, exchange = slot_of(validator)
    imports = exchange.import_wh.copy()
    imports[[79, 141 + 79]] -= 1_000
    checker = make(validator, community, background_wh=1_000)
    checker.add(0, state, exchange._replace(import_wh=imports))
    assert checker.finish().worst_wh < 1e-3


def test_a_side_that_alone_finds_a_solution_is_a_mismatch(validator: Validator, community: Community) -> None:
    state, exchange = slot_of(validator)
    checker = make(validator, community, on_mismatch="record")
    checker.add(0, state._replace(converged=np.array([False, True])), exchange)
    (found,) = checker.finish().mismatches
    assert (found.quantity, found.run, found.check) == ("convergence", 0.0, 1.0)


def test_a_slot_without_any_solution_is_counted_and_not_compared(validator: Validator, community: Community) -> None:
    state, exchange = slot_of(validator)
    state = state._replace(net_wh=state.net_wh * 100, v_pu=state.v_pu * np.nan, converged=np.array([False, False]))
    checker = make(validator, community)
    checker.add(0, state, exchange)
    summary = checker.finish()
    assert (summary.cases, summary.unsolved) == (2, 2)


def test_a_full_batch_is_checked_at_once_and_only_once(validator: Validator, community: Community) -> None:
    state, exchange = slot_of(validator)
    checker = make(validator, community, batch=4)
    checker.add(0, broken(state, "v_pu", (0, 5), 1.0), exchange)
    with pytest.raises(ValidationMismatch):
        checker.add(1, state, exchange)
    assert checker.flush() == ()


def test_a_sample_leaves_out_the_slots_between(validator: Validator, community: Community) -> None:
    checker = make(validator, community, every=3)
    for slot in range(7):
        checker.add(slot, *slot_of(validator))
    assert checker.finish().cases == 3 * N_MARKETS


def test_compare_finds_the_worst_element_of_each_differing_case() -> None:
    run = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [np.nan, 1.0, 1.0], [np.nan, 1.0, 1.0]])
    check = np.array([[1.0, 1.1, 1.3], [1.0, 1.0, 1.0], [np.nan, 1.0, 1.0], [1.0, 1.0, 1.0]])
    cases, elements, worst = compare(run, check, 1e-8)
    assert (cases.tolist(), elements.tolist(), worst) == ([0, 3], [2, 0], np.inf)
    assert compare(run[:0], check[:0], 1e-8)[2] == 0.0


def test_threads_change_no_bit_of_a_batch() -> None:
    """A run may use all cores, a worker of a study one; both say the same."""
    network = feeder141.network()
    kw = np.random.default_rng(1).normal(0.0, 20.0, (24, network.n_nodes))
    one, all_ = (Validator(network, threads=threads).solve(kw, 0.3 * kw) for threads in (SEQUENTIAL, ALL_CORES))
    assert np.array_equal(one.v_complex, all_.v_complex)
    assert np.array_equal(one.slack_kw, all_.slack_kw)
