from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pandapower
import pandas as pd
import pytest

from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net import extraction
from marketsim.grid.net.branch_ratings import labels, text_of


def three_windings() -> Any:
    """110 kV source - star - 20 kV load and 10 kV load, with a rated switch behind the last."""
    net = pandapower.create_empty_network(name="star")
    hv, mv, lv, end = (pandapower.create_bus(net, kv) for kv in (110.0, 20.0, 10.0, 10.0))
    pandapower.create_ext_grid(net, hv)
    pandapower.create_transformer3w(net, hv, mv, lv, "63/25/38 MVA 110/20/10 kV", name="main")
    pandapower.create_switch(net, lv, end, et="b", z_ohm=0.01, in_ka=0.4)
    pandapower.create_load(net, mv, p_mw=12.0, q_mvar=3.0)
    pandapower.create_load(net, end, p_mw=7.0, q_mvar=2.0)
    return net


def test_a_winding_is_rated_at_its_bus_and_not_at_the_star() -> None:
    network = extraction.extract(three_windings()).network
    rows = {name: row for row, name in enumerate(network.branch_names)}
    megawatts = network.base_kva / 1e3
    assert network.rating_from_pu[rows["main hv"]] * megawatts == pytest.approx(63.0)
    assert network.rating_to_pu[rows["main mv"]] * megawatts == pytest.approx(25.0)
    assert network.rating_to_pu[rows["main lv"]] * megawatts == pytest.approx(38.0)
    inner = [network.rating_to_pu[rows["main hv"]], network.rating_from_pu[rows["main mv"]]]
    assert np.isinf(inner).all()


def test_a_switch_is_rated_by_its_own_current() -> None:
    network = extraction.extract(three_windings()).network
    row = network.branch_names.index("switch 0")
    assert network.rating_to_pu[row] == pytest.approx(0.4 * sqrt(3.0) * 10.0 / (network.base_kva / 1e3))


def test_the_loading_of_a_winding_is_runpps() -> None:
    net = three_windings()
    network = extraction.extract(net).network
    pandapower.runpp(net, tolerance_mva=1e-10)
    flow = Validator(network).solve_one(-network.nominal_kw, -network.nominal_kvar)
    worst = max(flow.loading[0, network.branch_names.index(f"main {winding}")] for winding in ("hv", "mv", "lv"))
    assert worst * 100.0 == pytest.approx(net.res_trafo3w.loading_percent.at[0], abs=1e-7)


def test_a_line_without_a_rating_in_the_net_is_unlimited() -> None:
    net = three_windings()
    pandapower.create_line_from_parameters(net, 2, pandapower.create_bus(net, 10.0), 1.0, 0.1, 0.1, 0.0, np.nan)
    network = extraction.extract(net).network
    assert np.isinf(network.rating_from_pu[network.branch_names.index("line 0")])


def test_elements_are_called_by_name_only_where_all_of_a_table_have_a_unique_one() -> None:
    assert labels(pd.DataFrame({"name": ["a", "b"]}), "line") == ["a", "b"]
    assert labels(pd.DataFrame({"name": ["a", "a"]}), "line") == ["line 0", "line 1"]
    assert labels(pd.DataFrame({"name": ["a", None]}, index=[4, 7]), "line") == ["line 4", "line 7"]
    assert labels(pd.DataFrame({"x": [1]}), "trafo") == ["trafo 0"]


@pytest.mark.parametrize("value", [None, np.nan, pd.NA, "", "  "])
def test_nothing_is_empty_text(value: object) -> None:
    assert text_of(value) == ""
