"""Inputs that users of similar programs reported, where they are at hand: the right value, or a refusal with its place.

Each kind has a small input of its own in the tests of its part; these are the reported ones as they came.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import marketsim as ms

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the reported inputs are not at hand (shared/cases)")

REFUSED = {
    "cumulative": (
        r"data\.csv:3: home_load_kwh: .*never falls from 1000\.1 to 1040\.2.*meter that counts up",
        r"profiles\.values: counter_kwh",
    ),
    "dup_names": (
        r"s\.yaml:25:8: agents\[0\]\.bus: several buses have this name: those of index 2, 3 \(got 'house'\)",
    ),
    "gap": (
        r"data\.csv:12: time: 2 steps are missing between 2012-10-13 04:30:00 and 2012-10-13 06:00:00",
        r"profiles\.gaps: interpolate",
    ),
    "gen": (r"s\.yaml:7:11: grid\.feeder: .*gen\[0\].*a generator holds its voltage",),
    "lcl_header_blank": (r"data\.csv:1: .*KWH/hh \(per half hour\).*its unit is not known", r"profiles\.values: kw"),
    "underscore_digits": (r"data\.csv:5: home_load_kwh: not a number \(got '1_000'\)",),
    "utc_Z_noset": (
        r"data\.csv:2: time: a time with an offset from UTC",
        r"e\.g\. 0 in the United Kingdom, 1 in Central",
    ),
}
"""Cases that are refused, and what is said of each."""


@pytest.fixture
def case(tmp_path: Path) -> Callable[[str], Path]:
    """``case(name)``: a copy of a reported input; its scenario."""

    def copied(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for path in (CASES / name).iterdir():
            shutil.copyfile(path, folder / path.name)
        return folder / "s.yaml"

    return copied


def test_every_case_is_here() -> None:
    """No reported input is left out."""
    values = {
        "connection_no_gate",
        "ev_stay_shorter_than_slot",
        "int_names_shifted",
        "losses_zip_shunt",
        "zip_no_background",
    }
    assert {path.name for path in CASES.iterdir()} == REFUSED.keys() | values


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_its_place(name: str, case: Callable[[str], Path], cli: Callable, tmp_path: Path) -> None:
    """By ``run``, and by ``validate`` where no net has to be loaded for it; daylight saving is not blamed."""
    scenario = case(name)
    said = cli("run", scenario, "--out", tmp_path / "run")
    assert (said.code, said.out) == (2, "")
    for pattern in REFUSED[name]:
        assert re.search(pattern, said.err), said.err
    assert "daylight" not in said.err or name == "utc_Z_noset"
    assert said.err.count("error:") == 1
    assert not (tmp_path / "run").exists()
    if name not in ("dup_names", "gen"):
        assert cli("validate", scenario).err == said.err


def test_a_connection_limit_holds_without_a_feeder(case: Callable[[str], Path]) -> None:
    """1 kW of export: at most 250 Wh leave in a quarter of an hour, sold or exported; the rest is curtailed and told."""
    run = ms.simulate(case("connection_no_gate"))
    own = run.frame("agents", raw=True)[run.frame("agents", raw=True)["name"] == "h"]
    assert (own.sold_wh + own.export_wh).max() == 250
    assert own.curtailed_wh.sum() > 0
    assert (own.pv_used_wh + own.curtailed_wh == own.pv_available_wh).all()
    assert set(run.frame("rejects", raw=True).reason) == {"connection_export"}


def test_a_vehicle_charges_within_its_stay(case: Callable[[str], Path]) -> None:
    """11 kW from 7.05 h to 7.2 h are 1.65 kWh a day, in the slot of 7:00 alone."""
    run = ms.simulate(case("ev_stay_shorter_than_slot"))
    charged = run.frame("agents", raw=True)[run.frame("agents", raw=True).ev_wh != 0]
    assert charged.slot.tolist() == [28, 124]
    assert charged.ev_wh.tolist() == [-1650, -1650]


def test_a_number_means_one_bus(case: Callable[[str], Path], tmp_path: Path) -> None:
    """The load stands at the bus whose name the scenario wrote, in the tables, in the net and by its label."""
    import pandapower

    scenario = case("int_names_shifted")
    run = ms.simulate(scenario)
    ready = ms.load_scenario(scenario)
    net = pandapower.from_json(str(scenario.parent / "net.json"))
    (bus,) = net.bus.index[net.bus.name.astype(str) == "1"]
    net.load.drop(net.load.index, inplace=True)
    pandapower.create_load(net, bus, p_mw=0.03, q_mvar=0.03 * np.tan(np.arccos(0.95)))
    pandapower.runpp(net, numba=False, tolerance_mva=1e-10)
    told = run.voltages.set_index("bus").v_pu
    assert ready.feeder is not None
    for label, volts in told.items():
        (own,) = net.bus.index[net.bus.name.astype(str) == str(label)]
        assert volts == pytest.approx(net.res_bus.vm_pu[own], abs=1e-6), label
        assert ready.feeder.indices[ready.feeder.node(str(label))] == own


def test_losses_are_those_of_branches(case: Callable[[str], Path]) -> None:
    """Not what shunts and impedance shares draw: 252.4 Wh, the sum of ``pl_mw``, and not 1072.0."""
    run = ms.simulate(case("losses_zip_shunt"))
    net = run.net(0)
    mw = net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum()
    assert run.frame("slots", raw=True).losses_wh.sum() == pytest.approx(252.4, abs=0.05)
    assert run.frame("slots", raw=True).losses_wh.sum() == pytest.approx(mw * 1e6 / 4, abs=0.01)


def test_without_background_no_share_of_a_load_draws(case: Callable[[str], Path]) -> None:
    """The voltages are those of the net with these loads removed."""
    import pandapower

    scenario = case("zip_no_background")
    run = ms.simulate(scenario)
    net = pandapower.from_json(str(scenario.parent / "net.json"))
    net.load.drop(net.load.index, inplace=True)
    net_kw = run.frame("agents", raw=True).net_wh / 250.0
    for bus, kw, kvar in zip((2, 3), net_kw, run.frame("agents", raw=True).kvar, strict=True):
        pandapower.create_sgen(net, bus, p_mw=kw / 1e3, q_mvar=kvar / 1e3)
    pandapower.runpp(net, numba=False, tolerance_mva=1e-10)
    ready = ms.load_scenario(scenario)
    assert ready.feeder is not None
    for row in run.voltages.itertuples():
        index = ready.feeder.indices[ready.feeder.node(str(row.bus))]
        assert row.v_pu == pytest.approx(net.res_bus.vm_pu[index], abs=1e-6), row.bus
