"""The published facts of feeder141, by two solvers that share no code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandapower
import pytest

from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net import feeder141
from marketsim.grid.net.feeder import FeederOptions
from marketsim.grid.net.pandapower_nets import feeder

PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parent / "feeder141" / "published.json").read_text("utf-8"))


class Solved(NamedTuple):
    v_pu: np.ndarray
    losses_kw: float
    largest_current_a: float


def by_power_grid_model(scale: float, source_pu: float) -> Solved:
    network = feeder141.network(FeederOptions(source_pu=source_pu, line_rating_a=1.0))
    flow = Validator(network).solve_one(-scale * network.nominal_kw, -scale * network.nominal_kvar)
    losses_kw = float(flow.slack_kw[0] - scale * network.nominal_kw.sum())
    return Solved(flow.v_pu[0], losses_kw, float(flow.loading.max()))


def by_pandapower(scale: float, source_pu: float) -> Solved:
    net = feeder("feeder141")
    net.load["scaling"] = scale
    net.ext_grid["vm_pu"] = source_pu
    pandapower.runpp(net)
    return Solved(net.res_bus.vm_pu.to_numpy(), net.res_line.pl_mw.sum() * 1e3, net.res_line.i_ka.max() * 1e3)


def agrees(value: float, name: str) -> bool:
    return abs(value - PUBLISHED[name]["value"]) <= PUBLISHED[name]["tolerance"]


both_solvers = pytest.mark.parametrize("solve", [by_power_grid_model, by_pandapower])


def test_the_tables_hold_the_published_loads() -> None:
    of = feeder141.tables()
    assert np.count_nonzero(of.load_kw) == PUBLISHED["loads"]
    assert agrees(of.load_kw.sum(), "load_kw")
    assert agrees(of.load_kvar.sum(), "load_kvar")


@both_solvers
def test_nominal_load_gives_the_published_losses_voltage_and_current(solve: Any) -> None:
    solved = solve(1.0, 1.0)
    assert agrees(solved.losses_kw, "losses_kw")
    assert agrees(solved.v_pu.min(), "lowest_pu")
    assert str(solved.v_pu.argmin() + 1) == PUBLISHED["lowest_bus"]
    assert agrees(solved.largest_current_a, "largest_current_a")
    assert np.count_nonzero(solved.v_pu < 0.95) == PUBLISHED["buses_below_0_95"]


@both_solvers
def test_seven_tenths_of_the_load_keep_the_band(solve: Any) -> None:
    assert agrees(solve(0.7, 1.0).v_pu.min(), "lowest_pu_at_0_7_load")


@both_solvers
def test_a_higher_source_voltage_keeps_the_band(solve: Any) -> None:
    assert agrees(solve(1.0, 1.03).v_pu.min(), "lowest_pu_at_source_1_03")


@pytest.mark.parametrize("scale", [0.3, 0.7, 1.0])
def test_both_solvers_agree_to_1e_9(scale: float) -> None:
    ours, theirs = by_power_grid_model(scale, 1.0), by_pandapower(scale, 1.0)
    np.testing.assert_allclose(ours.v_pu, theirs.v_pu, rtol=0.0, atol=1e-9)
