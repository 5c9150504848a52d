"""Nets with one thing wrong: every refusal names table, row, column, the element and the value, and what to do."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandapower
import pandas as pd
import pytest

from marketsim.core.errors import NetworkError
from marketsim.grid.net import extraction, net_file
from marketsim.grid.net.preparation import prepare

NAN, INF = float("nan"), float("inf")


def village() -> Any:
    """Source, transformer, two lines and what may stand at their buses; all of it with names."""
    net = pandapower.create_empty_network(name="village")
    for kv, name in ((20.0, "mv"), (0.4, "busbar"), (0.4, "middle"), (0.4, "end")):
        pandapower.create_bus(net, kv, name=name)
    pandapower.create_ext_grid(net, 0, vm_pu=1.0, name="source")
    pandapower.create_transformer(net, 0, 1, "0.25 MVA 20/0.4 kV", name="station")
    pandapower.create_line(net, 1, 2, 0.1, "NAYY 4x150 SE", name="Cable 1")
    pandapower.create_line(net, 2, 3, 0.1, "NAYY 4x150 SE", name="Cable 2")
    pandapower.create_load(net, 3, p_mw=0.01, q_mvar=0.002, name="home")
    pandapower.create_shunt(net, 2, q_mvar=0.01, name="coil")
    pandapower.create_ward(net, 2, 0.001, 0.0, 0.001, 0.0, name="ward")
    pandapower.create_motor(net, 2, 0.001, 0.9, name="pump")
    pandapower.create_asymmetric_load(net, 2, p_a_mw=0.001, name="shop")
    pandapower.create_switch(net, 2, 1, et="l", name="breaker")
    return net


def at(table: str, column: str, value: object, row: int = 0) -> Callable[[Any], None]:
    def change(net: Any) -> None:
        held = (
            net[table][column].astype(object).copy()
            if column in net[table]
            else pd.Series(None, net[table].index, dtype=object)
        )
        held[row] = value
        net[table][column] = held

    return change


def _without(table: str, column: str) -> Callable[[Any], None]:
    return lambda net: net[table].drop(columns=column, inplace=True)


def _index(table: str, index: list[object]) -> Callable[[Any], None]:
    def change(net: Any) -> None:
        net[table].index = pd.Index(index)

    return change


def _no_buses(net: Any) -> None:
    net.bus.drop(net.bus.index, inplace=True)


def _impedance(**change: float) -> Callable[[Any], None]:
    def add(net: Any) -> None:
        pandapower.create_impedance(net, 1, 3, 0.01, 0.02, 0.1, name="coupling")
        for column, value in change.items():
            net.impedance[column] = value

    return add


def _windings(net: Any) -> None:
    buses = [pandapower.create_bus(net, kv) for kv in (110.0, 20.0, 10.0)]
    pandapower.create_transformer3w(net, *buses, "63/25/38 MVA 110/20/10 kV", name="big")
    net.trafo3w["vk_mv_percent"] = 0.0


MUTATIONS: list[tuple[Callable[[Any], None], str, str]] = [
    (
        at("line", "length_km", -0.5, 1),
        "village.line[1].length_km",
        "'Cable 2' must be above 0, and at most 1e12 (got -0.5)",
    ),
    (
        at("line", "length_km", 0.0),
        "village.line[0].length_km",
        "'Cable 1' must be above 0, and at most 1e12 (got 0.0)",
    ),
    (at("line", "length_km", NAN), "village.line[0].length_km", "(got nothing)"),
    (at("load", "p_mw", 1e308), "village.load[0].p_mw", "(got 1e+308)"),
    (at("line", "length_km", INF), "village.line[0].length_km", "(got inf)"),
    (at("line", "length_km", "far"), "village.line[0].length_km", "(got far)"),
    (at("line", "length_km", ""), "village.line[0].length_km", "(got an empty text)"),
    (at("line", "length_km", True), "village.line[0].length_km", "(got True)"),
    (
        at("line", "r_ohm_per_km", -0.1),
        "village.line[0].r_ohm_per_km",
        "must be 0 or more, and at most 1e12 (got -0.1)",
    ),
    (at("line", "r_ohm_per_km", NAN), "village.line[0].r_ohm_per_km", "(got nothing)"),
    (
        at("line", "x_ohm_per_km", NAN),
        "village.line[0].x_ohm_per_km",
        "must be a number, of at most 1e12 (got nothing)",
    ),
    (at("line", "c_nf_per_km", None), "village.line[0].c_nf_per_km", "(got nothing)"),
    (at("line", "max_i_ka", 0.0), "village.line[0].max_i_ka", "must be above 0"),
    (at("line", "max_i_ka", -0.2), "village.line[0].max_i_ka", "(got -0.2)"),
    (at("line", "parallel", 1.5), "village.line[0].parallel", "must be a whole number above 0 (got 1.5)"),
    (at("line", "parallel", 0), "village.line[0].parallel", "(got 0)"),
    (at("line", "df", NAN), "village.line[0].df", "(got nothing)"),
    (at("line", "to_bus", 77), "village.line[0].to_bus", "'Cable 1' there is no such bus (got 77)"),
    (at("line", "from_bus", -1), "village.line[0].from_bus", "(got -1)"),
    (at("line", "from_bus", None), "village.line[0].from_bus", "(got nothing)"),
    (at("line", "to_bus", 1), "village.line[0].to_bus", "both ends at one bus"),
    (at("line", "in_service", "false"), "village.line[0].in_service", "must be true or false (got false)"),
    (at("line", "in_service", None), "village.line[0].in_service", "(got nothing)"),
    (at("bus", "vn_kv", 0.0, 2), "village.bus[2].vn_kv", "'middle' must be above 0, and at most 1e12 (got 0.0)"),
    (at("bus", "vn_kv", -0.4, 2), "village.bus[2].vn_kv", "(got -0.4)"),
    (at("bus", "min_vm_pu", "low", 2), "village.bus[2].min_vm_pu", "(got low)"),
    (
        lambda net: net.bus.insert(0, "min_vm_pu", 1.2) or net.bus.insert(0, "max_vm_pu", 1.1),
        "village.bus[0].min_vm_pu",
        "max_vm_pu",
    ),
    (at("load", "p_mw", NAN), "village.load[0].p_mw", "'home' must be a number, of at most 1e12 (got nothing)"),
    (at("load", "q_mvar", "2 kvar"), "village.load[0].q_mvar", "(got 2 kvar)"),
    (at("load", "scaling", None), "village.load[0].scaling", "(got nothing)"),
    (at("load", "const_z_p_percent", 140.0), "village.load[0].const_z_p_percent", "between 0 and 100 (got 140.0)"),
    (at("load", "bus", 9), "village.load[0].bus", "(got 9)"),
    (
        at("ext_grid", "vm_pu", NAN),
        "village.ext_grid[0].vm_pu",
        "'source' must be above 0, and at most 1e12 (got nothing)",
    ),
    (at("ext_grid", "bus", 9), "village.ext_grid[0].bus", "(got 9)"),
    (
        at("trafo", "sn_mva", -0.25),
        "village.trafo[0].sn_mva",
        "'station' must be above 0, and at most 1e12 (got -0.25)",
    ),
    (at("trafo", "vk_percent", 0.0), "village.trafo[0].vk_percent", "other than 0 (got 0.0)"),
    (at("trafo", "vn_lv_kv", 0.0), "village.trafo[0].vn_lv_kv", "(got 0.0)"),
    (at("trafo", "shift_degree", NAN), "village.trafo[0].shift_degree", "(got nothing)"),
    (at("trafo", "tap_pos", "up"), "village.trafo[0].tap_pos", "(got up)"),
    (at("shunt", "q_mvar", NAN), "village.shunt[0].q_mvar", "'coil' must be a number"),
    (at("ward", "pz_mw", NAN), "village.ward[0].pz_mw", "'ward' must be a number"),
    (at("motor", "cos_phi", 1.4), "village.motor[0].cos_phi", "'pump' must be above 0 and at most 1 (got 1.4)"),
    (at("asymmetric_load", "p_b_mw", NAN), "village.asymmetric_load[0].p_b_mw", "'shop' must be a number"),
    (at("switch", "element", 9), "village.switch[0].element", "'breaker' there is no such line (got 9)"),
    (at("switch", "et", "x"), "village.switch[0].et", "must be one of b, l, t, t3 (got x)"),
    (at("switch", "closed", "no"), "village.switch[0].closed", "(got no)"),
    (at("switch", "z_ohm", -1.0), "village.switch[0].z_ohm", "(got -1.0)"),
    (
        _impedance(xft_pu=NAN),
        "village.impedance[0].xft_pu",
        "'coupling' must be a number, of at most 1e12 (got nothing)",
    ),
    (_impedance(sn_mva=0.0), "village.impedance[0].sn_mva", "(got 0.0)"),
    (_impedance(rft_pu=0.5), "village.impedance[0]", "'coupling' a branch whose impedance depends on the direction"),
    (_windings, "village.trafo3w[0].vk_mv_percent", "'big' must be a number other than 0 (got 0.0)"),
    (_without("line", "length_km"), "village.line", "the table has no column length_km"),
    (_without("load", "bus"), "village.load", "the table has no column bus"),
    (_without("bus", "vn_kv"), "village.bus", "the table has no column vn_kv"),
    (_index("line", [0, 0]), "village.line", "an index stands twice (got 0)"),
    (_index("bus", [0, 1, 2, 2]), "village.bus", "an index stands twice (got 2)"),
    (_index("bus", [0, 1, 2, 2**40]), "village.bus", "must be a whole number from 0 to 9999999"),
    (_index("bus", ["a", "b", "c", "d"]), "village.bus", "must be a whole number"),
    (_no_buses, "village.bus", "the net has no buses"),
    (lambda net: net.ext_grid.drop(0, inplace=True), "village.ext_grid", "no external grid in service"),
    (lambda net: pandapower.create_ext_grid(net, 3, vm_pu=1.0), "village.ext_grid", "several nominal voltages"),
    (
        lambda net: pandapower.create_gen(net, 3, p_mw=0.01, name="diesel"),
        "village.gen[0]",
        "'diesel' cannot be used: a generator",
    ),
    (
        lambda net: pandapower.create_xward(net, 3, 0, 0, 0, 0, 0.1, 0.1, 1.0, name="far"),
        "village.xward[0]",
        "'far' cannot be used: an extended ward",
    ),
    (
        lambda net: pandapower.create_dcline(net, 0, 3, 0.001, 0, 0, 1, 1, name="link"),
        "village.dcline[0]",
        "'link' cannot be used: a DC line",
    ),
    (at("load", "const_i_p_percent", 10.0), "village.load[0]", "'home' loads of constant current"),
]


@pytest.mark.parametrize(("change", "path", "said"), MUTATIONS, ids=lambda each: each if isinstance(each, str) else "")
def test_one_thing_wrong_is_refused_with_its_place_name_and_value(
    change: Callable[[Any], None], path: str, said: str
) -> None:
    net = village()
    change(net)
    with pytest.raises(NetworkError) as caught:
        extraction.extract(net)
    found = [problem for problem in caught.value.problems if problem.path == path]
    assert found, str(caught.value)
    assert said in str(found[0]), str(caught.value)
    assert "got ''" not in str(caught.value)
    assert "cannot convert" not in str(caught.value)


def test_the_village_itself_is_sound() -> None:
    assert extraction.extract(village()).network.bus_names == ("mv", "busbar", "middle", "end")


def test_all_that_is_wrong_is_said_at_once_and_many_rows_are_counted() -> None:
    net = village()
    net.line["length_km"] = -1.0
    for _ in range(9):
        pandapower.create_gen(net, 3, p_mw=0.01)
    net.load["p_mw"] = NAN
    with pytest.raises(NetworkError) as caught:
        extraction.extract(net)
    paths = {problem.path for problem in caught.value.problems}
    assert paths >= {"village.line[0].length_km", "village.line[1].length_km", "village.gen[4]", "village.load[0].p_mw"}
    assert "and 4 more" in str(caught.value)


def test_what_is_out_of_service_may_be_wrong() -> None:
    net = village()
    pandapower.create_line_from_parameters(net, 1, 3, -1.0, NAN, 0.1, 0.0, 0.0, in_service=False)
    pandapower.create_load(net, 3, p_mw=NAN, in_service=False)
    assert extraction.extract(net).network.n_branches == 3


@pytest.mark.parametrize("value", [NAN, None])
def test_a_line_without_a_rating_has_none(value: object) -> None:
    net = village()
    at("line", "max_i_ka", value)(net)
    net.line["max_i_ka"] = net.line["max_i_ka"].astype(float)
    network = extraction.extract(net).network
    assert np.isinf(network.rating_from_pu[network.branch_names.index("Cable 1")])


def test_a_net_without_any_column_of_names_is_labelled_by_indices() -> None:
    net = village()
    for table in ("bus", "line", "trafo", "load", "switch", "ext_grid", "shunt", "ward", "motor", "asymmetric_load"):
        net[table] = net[table].drop(columns="name")
    feeder = extraction.extract(net)
    assert feeder.network.bus_names == ("0", "1", "2", "3")
    assert set(feeder.network.branch_names) == {"line 0", "line 1", "trafo 0"}
    assert feeder.node("3") == feeder.node(3) == 3


def test_flags_and_numbers_in_columns_of_objects_count_as_what_they_are() -> None:
    net = village()
    at("bus", "in_service", 0, 3)(net)
    at("line", "in_service", 0, 1)(net)
    at("load", "p_mw", 2)(net)
    net.load["bus"] = 2
    network = extraction.extract(net).network
    assert network.n_nodes == 3
    assert network.nominal_kw[2] > 2_000.0


def test_columns_that_pandapower_has_a_default_for_may_be_missing() -> None:
    net, plain = village(), village()
    for column in ("parallel", "df", "g_us_per_km"):
        net.line = net.line.drop(columns=column)
    net.load = net.load.drop(columns=["const_z_p_percent", "scaling"])
    one, other = extraction.extract(net).network, extraction.extract(plain).network
    np.testing.assert_array_equal(one.z_pu, other.z_pu)
    np.testing.assert_array_equal(one.nominal_kw, other.nominal_kw)


def test_a_nets_own_options_of_power_flows_are_set_aside_and_noted() -> None:
    net = village()
    pandapower.set_user_pf_options(net, trafo_model="pi", max_iteration=10**9)
    prepared = prepare(net)
    assert any("trafo_model" in note for note in prepared.notes)
    assert not prepared.net.user_pf_options


HOSTILE = [
    *(None, True, "", "x", "\x1b[2J", "1", -1, 0, 1e308, -1e-300, 2**62, 10**30, [], [1, 2], {}, {"a": [1]}),
    {"_module": "numpy", "_class": "array", "_object": [1.0, 2.0]},
    {"_module": "builtins", "_class": "set", "_object": ["a"]},
    {"_module": "numpy", "_class": "float64", "_object": "nan"},
    {"_module": "pandapower.control.controller.const_control", "_class": "ConstControl", "_object": "{}"},
]


@pytest.mark.full
@pytest.mark.parametrize("seed", range(40))
def test_whatever_stands_in_a_cell_of_a_file_ends_in_a_feeder_or_a_refusal(seed: int) -> None:
    """Three cells of any tables, and once in a while an index or a column, hold what does not belong there."""
    draw = random.Random(seed)
    tree = json.loads(pandapower.to_json(village()))
    members = tree["_object"]
    tables = [name for name, member in members.items() if isinstance(member, dict) and '"data":[[' in str(member)]
    for _ in range(3):
        held = json.loads(members[name := draw.choice(tables)]["_object"])
        row = draw.randrange(len(held["data"]))
        kind = draw.random()
        if kind < 0.1:
            held["index"][row] = draw.choice([-1, 2**50, "a", 1.5, held["index"][0]])
        elif kind < 0.2:
            held["columns"][draw.randrange(len(held["columns"]))] = "other"
        else:
            held["data"][row][draw.randrange(len(held["columns"]))] = draw.choice(HOSTILE)
        members[name]["_object"] = json.dumps(held)
    try:
        extraction.extract(net_file.parse(json.dumps(tree), Path("net.json")))
    except NetworkError as error:
        said = str(error)
        assert "(got '')" not in said
        assert "\x1b" not in said
        assert len(said) < 20_000
