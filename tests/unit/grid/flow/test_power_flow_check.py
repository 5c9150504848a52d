from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net import feeder141
from marketsim.grid.net.network import Network


@pytest.fixture(scope="module")
def network() -> Network:
    return feeder141.network()


@pytest.fixture(scope="module")
def validator(network: Network) -> Validator:
    return Validator(network)


def two_nodes(**changes: object) -> Network:
    """Source - one branch - load, where everything can be computed by hand; base 1 MVA."""
    one = np.ones(1)
    network = Network(
        name="two",
        base_kva=1000.0,
        bus_names=("a", "b"),
        base_kv=np.array([10.0, 0.4]),
        source_pu=1.0,
        branch_names=("line a-b",),
        kind=np.zeros(1, dtype=np.int64),
        from_node=np.zeros(1, dtype=np.int64),
        to_node=np.ones(1, dtype=np.int64),
        z_pu=one * (0.01 + 0.02j),
        y_from_pu=one * 0j,
        y_to_pu=one * 0j,
        ratio=one * (1.0 + 0j),
        rating_from_pu=one * np.inf,
        rating_to_pu=one * np.inf,
        shunt_pu=np.zeros(2, dtype=np.complex128),
        load_pu=np.zeros(2, dtype=np.complex128),
        v_min_pu=np.full(2, 0.9),
        v_max_pu=np.full(2, 1.1),
        nominal_kw=np.zeros(2),
        nominal_kvar=np.zeros(2),
    )
    return network._replace(**changes)  # type: ignore[arg-type]


def solve(network: Network, net_kw: float, kvar: float) -> tuple[float, complex, float]:
    flow = Validator(network).solve_one(np.array([0.0, net_kw]), np.array([0.0, kvar]))
    return float(flow.v_pu[0, 1]), complex(flow.slack_kw[0], flow.slack_kvar[0]), float(flow.loading[0, 0])


def test_a_load_at_the_end_of_a_line_solves_the_quadratic_of_its_voltage() -> None:
    """v^4 + v^2 (2 (rp + xq) - 1) + |z|^2 |s|^2 = 0 for a source of 1 p.u."""
    z, s = 0.01 + 0.02j, 0.5 + 0.2j
    b, c = 2.0 * (z * s.conjugate()).real - 1.0, abs(z * s) ** 2
    expected = np.sqrt((-b + np.sqrt(b * b - 4.0 * c)) / 2.0)
    v_pu, slack, _ = solve(two_nodes(), -500.0, -200.0)
    assert v_pu == pytest.approx(expected, abs=1e-14)
    losses = z * abs(s) ** 2 / expected**2
    assert slack / 1e3 == pytest.approx(s + losses, abs=1e-12)


def test_an_unloaded_transformer_shows_its_ratio() -> None:
    v_pu, slack, _ = solve(two_nodes(ratio=np.array([1.05 * np.exp(1j * 0.3)])), 0.0, 0.0)
    assert v_pu == pytest.approx(1.0 / 1.05, abs=1e-14)
    assert abs(slack) == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("ratio", [1.0 + 0j, 0.95 + 0j])
def test_shunts_draw_by_the_square_of_their_voltage_at_their_own_end(ratio: complex) -> None:
    """With next to no series impedance both ends are at the source, the to end behind the ratio."""
    network = two_nodes(
        z_pu=np.array([1e-6j]),
        ratio=np.array([ratio]),
        y_from_pu=np.array([0.01 + 0.02j]),
        y_to_pu=np.array([0.03 - 0.05j]),
        shunt_pu=np.array([0.0, 0.1 + 0.2j]),
    )
    _, slack, _ = solve(network, 0.0, 0.0)
    inner = 1.0 / abs(ratio) ** 2
    assert slack / 1e3 == pytest.approx(inner * np.conj(0.01 + 0.02j + 0.03 - 0.05j + 0.1 + 0.2j), abs=1e-6)


def test_loading_is_the_larger_share_of_both_ends() -> None:
    network = two_nodes(rating_from_pu=np.array([2.0]), rating_to_pu=np.array([0.5]))
    v_pu, _, loading = solve(network, -500.0, 0.0)
    assert loading == pytest.approx(0.5 / v_pu / 0.5, rel=1e-12)


def test_loading_without_a_rating_is_nan() -> None:
    assert np.isnan(solve(two_nodes(), -500.0, 0.0)[2])


def test_an_injection_at_the_source_reduces_what_is_drawn(network: Network, validator: Validator) -> None:
    net_kw = -network.nominal_kw
    plain = validator.solve_one(net_kw, -network.nominal_kvar)
    net_kw = net_kw.copy()
    net_kw[0] += 100.0
    helped = validator.solve_one(net_kw, -network.nominal_kvar)
    assert plain.slack_kw[0] - helped.slack_kw[0] == pytest.approx(100.0, abs=1e-6)
    np.testing.assert_allclose(helped.v_pu, plain.v_pu, atol=1e-13)


def test_a_batch_is_its_cases_one_by_one(network: Network, validator: Validator) -> None:
    scale = np.linspace(-1.0, 1.2, 7)[:, None]
    net_kw, kvar = -scale * network.nominal_kw, -scale * network.nominal_kvar
    batch = validator.solve(net_kw, kvar)
    for row in range(len(scale)):
        alone = validator.solve_one(net_kw[row], kvar[row])
        np.testing.assert_array_equal(alone.v_pu[0], batch.v_pu[row])
        np.testing.assert_array_equal(alone.slack_kw[0], batch.slack_kw[row])


def test_order_and_history_do_not_matter(network: Network, validator: Validator) -> None:
    heavy, light = -network.nominal_kw, -0.1 * network.nominal_kw
    first = validator.solve_one(heavy, 0.0 * heavy).v_pu
    validator.solve_one(light, 0.0 * light)
    np.testing.assert_array_equal(validator.solve_one(heavy, 0.0 * heavy).v_pu, first)


def test_the_stiff_source_stays_at_its_voltage(network: Network) -> None:
    flow = Validator(network._replace(source_pu=1.03)).solve_one(-network.nominal_kw, -network.nominal_kvar)
    assert flow.v_pu[0, 0] == pytest.approx(1.03, abs=1e-13)


def test_no_solution_is_nan_and_leaves_the_other_cases_alone(network: Network, validator: Validator) -> None:
    net_kw = np.stack([-network.nominal_kw, -30.0 * network.nominal_kw, -network.nominal_kw])
    net_kw[2, 5] = np.nan
    flow = validator.solve(net_kw, 0.0 * np.nan_to_num(net_kw))
    assert flow.converged.tolist() == [True, False, False]
    assert np.isnan(flow.v_pu[1:]).all()
    assert np.isnan(flow.slack_kw[1:]).all()
    assert np.isfinite(flow.v_pu[0]).all()


def test_what_memory_held_before_is_no_result(
    network: Network, validator: Validator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of cases that failed are not written to by the solver; infinities and numbers found there change nothing."""
    model = validator._model

    class Littered:
        batch_error = property(lambda _: model.batch_error)

        def calculate_power_flow(self, **options: Any) -> Any:
            found = model.calculate_power_flow(**options)
            for columns in found.values():
                for name, values in columns.items():
                    values[model.batch_error.failed_scenarios] = np.inf if name == "u_angle" else 1.0
            return found

    net_kw = np.tile(-network.nominal_kw, (3, 1))
    net_kw[1] *= 1e3
    kvar = np.zeros_like(net_kw)
    plain = validator.solve(net_kw, kvar)
    monkeypatch.setattr(validator, "_model", Littered())
    littered = validator.solve(net_kw, kvar)
    assert littered.converged.tolist() == [True, False, True]
    assert np.isnan(littered.v_pu[1]).all()
    for ours, theirs in zip(littered, plain, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("scale", [30.0, np.nan])
def test_one_case_without_a_solution_is_nan_and_the_next_one_is_solved(
    scale: float, network: Network, validator: Validator
) -> None:
    assert not validator.solve_one(-scale * network.nominal_kw, 0.0 * network.nominal_kw).converged[0]
    assert validator.solve_one(-network.nominal_kw, 0.0 * network.nominal_kw).converged[0]


def test_no_cases_give_empty_tables(validator: Validator) -> None:
    flow = validator.solve(np.zeros((0, 141)), np.zeros((0, 141)))
    assert (flow.v_pu.shape, flow.loading.shape) == ((0, 141), (0, 140))


def test_a_wrong_shape_is_refused(validator: Validator) -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 141\) are needed"):
        validator.solve(np.zeros((2, 140)), np.zeros((2, 141)))
