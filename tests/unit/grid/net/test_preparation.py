from __future__ import annotations

from math import inf
from typing import Any

import pandapower
import pytest

from marketsim.core.errors import NetworkError
from marketsim.grid.net.feeder import FeederOptions
from marketsim.grid.net.preparation import prepare


@pytest.fixture
def net() -> Any:
    """Source - line - load, 0.4 kV."""
    net = pandapower.create_empty_network(name="tiny")
    pandapower.create_buses(net, 3, vn_kv=0.4)
    pandapower.create_ext_grid(net, 0, vm_pu=1.02)
    for start in (0, 1):
        pandapower.create_line_from_parameters(net, start, start + 1, 0.1, 0.2, 0.08, 0.0, max_i_ka=0.2)
    pandapower.create_load(net, 2, p_mw=0.01, q_mvar=0.002, name="home")
    return net


def test_a_plain_net_passes_unchanged(net: Any) -> None:
    before = net.load.copy()
    assert prepare(net).notes == ()
    assert net.load.equals(before)
    assert net.ext_grid.vm_pu.tolist() == [1.02]


def test_everything_that_cannot_be_represented_is_said_at_once(net: Any) -> None:
    pandapower.create_gen(net, 1, p_mw=0.01)
    pandapower.create_xward(net, 1, 0, 0, 0, 0, 0.1, 0.1, 1.0)
    pandapower.create_dcline(net, 0, 2, p_mw=0.001, loss_percent=0, loss_mw=0, vm_from_pu=1, vm_to_pu=1)
    net.load["const_i_p_percent"] = 30.0
    with pytest.raises(NetworkError) as caught:
        prepare(net)
    seen = {problem.path for problem in caught.value.problems}
    assert seen >= {"tiny.gen[0]", "tiny.xward[0]", "tiny.dcline[0]", "tiny.load[0]"}
    assert all(problem.hint for problem in caught.value.problems)


def test_what_is_out_of_service_is_no_problem(net: Any) -> None:
    pandapower.create_gen(net, 1, p_mw=0.01, in_service=False)
    assert prepare(net).notes == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda net: net.ext_grid.drop(0, inplace=True), "no external grid in service"),
        (lambda net: pandapower.create_ext_grid(net, 1, vm_pu=1.0), "external grids at several voltages"),
        (lambda net: pandapower.create_ext_grid(net, 1, vm_pu=1.02, va_degree=5.0), "external grids at several angles"),
        (lambda net: pandapower.create_ext_grid(net, pandapower.create_bus(net, 10.0), vm_pu=1.02), "nominal voltages"),
        (lambda net: pandapower.create_impedance(net, 0, 1, 0.1, 0.1, 1.0, rtf_pu=0.2), "depends on the direction"),
    ],
)
def test_other_impossible_nets_are_refused_with_the_reason(net: Any, change: Any, message: str) -> None:
    change(net)
    with pytest.raises(NetworkError, match=message):
        prepare(net)


def test_a_source_voltage_of_the_scenario_unites_external_grids(net: Any) -> None:
    pandapower.create_ext_grid(net, 1, vm_pu=1.0)
    prepare(net, FeederOptions(source_pu=1.01))
    assert net.ext_grid.vm_pu.tolist() == [1.01, 1.01]


def test_generation_and_storage_of_the_net_are_left_out_and_noted(net: Any) -> None:
    pandapower.create_sgen(net, 2, p_mw=0.02)
    pandapower.create_storage(net, 2, p_mw=0.02, max_e_mwh=1.0)
    notes = prepare(net).notes
    assert [note.split()[:2] for note in notes] == [["1", "sgen"], ["1", "storage"]]
    assert not net.sgen.in_service.any()
    assert not net.storage.in_service.any()


def test_the_constant_impedance_share_is_taken_out_of_a_load_and_listed(net: Any) -> None:
    """As shunts at its bus it gives the power flow that it gave as part of the load."""
    net.load["const_z_p_percent"], net.load["const_z_q_percent"], net.load["scaling"] = 40.0, 60.0, 2.0
    pandapower.runpp(net, tolerance_mva=1e-12)
    voltage = net.res_bus.vm_pu.copy()
    prepared = prepare(net)
    assert net.load.p_mw.tolist() == pytest.approx([0.006])
    assert "constant impedance" in prepared.notes[0]
    for share in prepared.shares:
        pandapower.create_shunt(net, share.bus, q_mvar=share.q_mvar, p_mw=share.p_mw)
    pandapower.runpp(net, tolerance_mva=1e-12)
    assert net.res_bus.vm_pu.tolist() == pytest.approx(voltage.tolist(), abs=1e-12)


def test_an_active_controller_is_refused_and_a_passive_one_noted(net: Any) -> None:
    import pandas as pd
    from pandapower.control import ConstControl, ContinuousTapControl
    from pandapower.timeseries.data_sources.frame_data import DFData

    ConstControl(net, "load", "p_mw", [0], profile_name=["a"], data_source=DFData(pd.DataFrame({"a": [1.0]})))
    assert "not run" in prepare(net).notes[0]
    bus = pandapower.create_bus(net, 20.0)
    pandapower.create_transformer(net, bus, 1, "0.25 MVA 20/0.4 kV")
    ContinuousTapControl(net, 0, 1.0)
    with pytest.raises(NetworkError, match="controllers are not run"):
        prepare(net)


def test_the_band_of_the_scenario_goes_before_the_nets_and_that_before_the_norm(net: Any) -> None:
    prepare(net)
    assert (net.bus.min_vm_pu[0], net.bus.max_vm_pu[0]) == (0.9, 1.1)
    net.bus["max_vm_pu"] = [1.03, None, 1.04]
    prepare(net)
    assert net.bus.max_vm_pu.tolist() == [1.03, 1.1, 1.04]
    prepare(net, FeederOptions(voltage_band_pu=(0.95, 1.05)))
    assert net.bus.max_vm_pu.tolist() == [1.05] * 3


def test_a_rating_of_the_scenario_holds_for_the_whole_branch(net: Any) -> None:
    net.line["parallel"], net.line["df"] = 2, 0.5
    prepare(net, FeederOptions(line_rating_a=300.0))
    assert (net.line.max_i_ka * net.line.parallel * net.line.df).tolist() == pytest.approx([0.3, 0.3])
    prepare(net, FeederOptions(line_rating_a=None))
    assert net.line.max_i_ka.tolist() == [inf, inf]
