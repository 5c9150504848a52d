from __future__ import annotations

import subprocess
import sys
from math import inf, sqrt

import numpy as np
import pytest

from marketsim.core.errors import NetworkError
from marketsim.grid.net import extraction, feeder141, pandapower_nets
from marketsim.grid.net.feeder import Feeder, FeederOptions

OPTIONS = [
    FeederOptions(),
    FeederOptions(source_pu=1.03, voltage_band_pu=(0.95, 1.05), line_rating_a=500.0),
    FeederOptions(line_rating_a=None),
]


@pytest.mark.parametrize("options", OPTIONS)
def test_the_direct_network_is_that_of_the_pandapower_net(options: FeederOptions) -> None:
    direct = feeder141.feeder(options)
    extracted = extraction.extract(pandapower_nets.feeder("feeder141"), options)
    assert direct.nodes == extracted.nodes
    np.testing.assert_array_equal(direct.indices, extracted.indices)
    for name, value in direct.network._asdict().items():
        other = getattr(extracted.network, name)
        if isinstance(value, np.ndarray):
            assert value.dtype == other.dtype, name
            np.testing.assert_allclose(value, other, rtol=1e-12, atol=0.0, err_msg=name)
        else:
            assert value == other, name


def test_nodes_follow_the_bus_numbers_from_the_source_on() -> None:
    network = feeder141.network()
    assert network.bus_names == tuple(str(bus) for bus in range(1, 142))
    assert (network.n_nodes, network.n_branches, network.base_kva) == (141, 140, 10_000.0)
    assert not set(network.to_node) - set(range(1, 141)), "every node but the source is fed once"
    assert len(set(network.to_node)) == 140


def test_the_closed_switch_has_reactance_only() -> None:
    network = feeder141.network()
    z_pu = network.z_pu[network.branch_names.index("line 86-87")]
    assert z_pu.real == 0.0
    assert z_pu.imag == pytest.approx(1e-5 / (12.47**2 / 10.0), rel=1e-12)


def test_every_load_has_power_factor_085() -> None:
    of = feeder141.tables()
    loaded = of.load_kw > 0.0
    np.testing.assert_allclose(of.load_kw[loaded] / np.hypot(of.load_kw, of.load_kvar)[loaded], 0.85, rtol=1e-12)


def test_assumed_ratings_are_standard_and_carry_the_load_behind_them_with_margin() -> None:
    rating_a = feeder141.line_rating_a()
    assert set(rating_a) <= set(feeder141.STANDARD_A)
    of = feeder141.tables()
    total_a = np.hypot(of.load_kw, of.load_kvar).sum() / (sqrt(3.0) * feeder141.BASE_KV)
    assert rating_a[0] == min(a for a in feeder141.STANDARD_A if a >= feeder141.MARGIN * total_a)


def test_assumed_ratings_never_rise_away_from_the_source() -> None:
    of, rating_a = feeder141.tables(), feeder141.line_rating_a()
    of_bus = dict(zip(of.to_bus.tolist(), rating_a.tolist(), strict=True))
    for start, stop in zip(of.from_bus.tolist(), of.to_bus.tolist(), strict=True):
        assert of_bus[stop] <= of_bus.get(start, inf)


def test_one_rating_for_all_lines_is_in_ampere() -> None:
    network = feeder141.network(FeederOptions(line_rating_a=400.0))
    base_a = network.base_kva / (sqrt(3.0) * feeder141.BASE_KV)
    np.testing.assert_allclose(network.rating_from_pu * base_a, 400.0, rtol=1e-12)
    np.testing.assert_array_equal(network.rating_from_pu, network.rating_to_pu)


def test_no_rating_is_infinite() -> None:
    assert np.isinf(feeder141.network(FeederOptions(line_rating_a=None)).rating_to_pu).all()


def test_the_source_has_no_band() -> None:
    network = feeder141.network(FeederOptions(voltage_band_pu=(0.95, 1.05)))
    assert (network.v_min_pu[0], network.v_max_pu[0]) == (0.0, inf)
    assert (network.v_min_pu[1:] == 0.95).all()
    assert (network.v_max_pu[1:] == 1.05).all()


def test_tables_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        feeder141.tables().r_ohm[0] = 1.0


def test_loading_it_imports_no_heavy_library() -> None:
    code = (
        "import sys; from marketsim.grid.net import feeders; feeders.bus_loads('feeder141');"
        "print(*{'pandapower', 'pandas', 'power_grid_model', 'numba', 'scipy'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""


@pytest.fixture
def feeder() -> Feeder:
    return feeder141.feeder()


def test_buses_are_found_by_number_or_text(feeder: Feeder) -> None:
    assert feeder.node(48) == feeder.node("48") == 47
    np.testing.assert_array_equal(feeder.nodes_of(["1", 141, "2"]), [0, 140, 1])


def test_every_unknown_bus_is_named_with_a_suggestion(feeder: Feeder) -> None:
    with pytest.raises(NetworkError, match="no such bus") as caught:
        feeder.nodes_of(["144", "5", "xyz", "144"])
    assert [problem.value for problem in caught.value.problems] == ["144", "xyz"]
    assert "did you mean" in caught.value.problems[0].hint
    assert "buses: 1, 2" in caught.value.problems[1].hint


def test_a_dropped_or_ambiguous_bus_says_so(feeder: Feeder) -> None:
    odd = feeder._replace(dropped=("dead",), ambiguous=frozenset({"twin"}))
    with pytest.raises(NetworkError, match="bus has no supply"):
        odd.node("dead")
    with pytest.raises(NetworkError, match="several buses have this name"):
        odd.node("twin")
