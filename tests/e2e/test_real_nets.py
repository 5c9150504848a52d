"""Three real nets run every verb, and pandapower's power flow finds what the tables say: a meshed one, LV ones with transformer.

CIGRE's medium-voltage benchmark (Task Force C6.04.02, 2014) with its rings closed, Kerber's village of overhead lines
(Kerber 2011) and SimBench's rural low-voltage net (Meinecke et al. 2020), each as pandapower or SimBench ship it.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandapower
import pytest

import marketsim as ms

BAND = (0.95, 1.05)
AGREES_PU = 1e-6


class RealNet(NamedTuple):
    """A net of others, and powers of devices that mean something on it."""

    feeder: str
    meshed: bool
    pv_kw: float
    battery_kw: float
    unit_kw: float
    pv_scales: str
    """Of a study that ends beyond what the net takes."""


NETS = {
    "cigre_rings": RealNet("file:cigre_rings.json", True, 2_000, 1_000, 2_000, "0:20:3"),
    "kerber_village": RealNet("pandapower:create_kerber_landnetz_freileitung_1", False, 20, 5, 10, "0:10:3"),
    "simbench_rural": RealNet("simbench:1-LV-rural1--0-sw", False, 20, 5, 10, "0:20:3"),
}
SCENARIO = """\
name: {name}
clock: {{start: 2016-07-12, slots: 6, slot_minutes: 240}}
grid: {{feeder: "{net.feeder}", voltage_band_pu: {band}, source_pu: 1.0, load_scale: 0.5, gate: ac}}
tariff: {{flat: {{retail: 0.30, feed_in: 0.08}}}}
profiles: {{source: simbench_2016, demand_scale: 0.5}}
agents:
  - kind: prosumer
    count: 3
    buses: {{sample: loads}}
    load: {{peak_kw: feeder, power_factor: 0.95}}
    pv_kw: {net.pv_kw}
    battery: {{energy_kwh: {net.battery_kw}, power_kw: {net.battery_kw}}}
  - {{kind: consumer, count: 8, buses: {{sample: loads}}, load: {{peak_kw: feeder, power_factor: feeder}}}}
output: {{voltages: true}}
"""


@pytest.fixture(scope="module", params=NETS)
def name(request: pytest.FixtureRequest) -> str:
    """Of the net; SimBench's where its package is installed."""
    if request.param.startswith("simbench") and importlib.util.find_spec("simbench") is None:
        pytest.skip("needs the extra simbench")
    return str(request.param)


@pytest.fixture(scope="module")
def scenario(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario's file; beside it the CIGRE net with every switch closed."""
    folder = tmp_path_factory.mktemp(name)
    if NETS[name].feeder.startswith("file:"):
        net = ms.feeder("pandapower:create_cigre_network_mv")
        net.switch["closed"] = True
        pandapower.to_json(net, folder / "cigre_rings.json")
    path = folder / f"{name}.yaml"
    path.write_text(SCENARIO.format(name=name, net=NETS[name], band=list(BAND)))
    return path


def voltages_apart(run: ms.Run, feeder: Any, net: Any, slot: int) -> float:
    """Largest difference of a bus's voltage between the run's table and pandapower; every supplied bus is in it."""
    table = run.voltages[run.voltages.slot == slot].set_index("bus").v_pu
    theirs = net.res_bus.vm_pu.dropna()
    assert len(theirs) > 12
    ours = np.array([table[feeder.network.bus_names[feeder.nodes[str(bus)]]] for bus in theirs.index])
    return float(np.abs(ours - theirs.to_numpy()).max())


def test_a_run_agrees_with_pandapower_in_every_slot(cli: Callable, scenario: Path, name: str, tmp_path: Path) -> None:
    """Voltage of each bus to 1e-6 p.u., the highest loading, and what flows in from above."""
    ended = cli("run", scenario, "--out", tmp_path / "run", "--json")
    assert (ended.code, ended.err) == (0, "")
    summary = json.loads(ended.out)
    assert (summary["validated_slots"], summary["validation_mismatches"]) == (6, 0)
    assert summary["p2p_kwh"] > 0
    run, feeder = ms.open_run(tmp_path / "run", trust=True), ms.load_scenario(scenario).feeder
    for slot, row in enumerate(run.slots.itertuples()):
        net = run.net(slot)
        assert voltages_apart(run, feeder, net, slot) < AGREES_PU
        loadings = (net[table].loading_percent.max() for table in ("res_line", "res_trafo"))
        assert row.loading_max_percent == pytest.approx(max(loadings), abs=1e-4)
        taken_kwh = net.res_ext_grid.p_mw.sum() * 1e3 * 4.0
        assert taken_kwh == pytest.approx(row.import_kwh - row.export_kwh + row.losses_kwh, abs=0.01)


def test_a_study_fills_every_row_and_its_limits_are_pandapower_s(scenario: Path, name: str, excess: Callable) -> None:
    """All points run; the gate keeps what ``observe`` breaks, by the solution of pandapower on either side."""
    ready = ms.load_scenario(scenario)
    vary = {"profiles.pv_scale": NETS[name].pv_scales, "grid.gate": ["ac", "observe"]}
    table = ms.whatif(ready, vary, workers=1)
    assert table.status.tolist() == ["ok"] * 6
    numbers = ["voltage_min_pu", "voltage_max_pu", "loading_max_percent", "p2p_kwh", "ftg", "consumer_cost"]
    assert np.isfinite(table[numbers].to_numpy(dtype=float)).all()
    assert (table.validation_mismatches == 0).all()
    for row in table.to_dict("records")[-2:]:
        run = ms.simulate(ready.variant({path: row[path] for path in vary}))
        worst = [excess(run.net(slot)) for slot in range(6)]
        assert sum(each > 1e-7 for each in worst) == row["slots_with_violation"]
    ac, observe = table.to_dict("records")[-2:]
    assert ac["slots_with_violation"] == 0 < observe["slots_with_violation"]
    assert ac["curtailed_kwh"] > observe["curtailed_kwh"] == 0


def test_capacity_found_is_pandapower_s_on_either_side(
    cli: Callable, scenario: Path, name: str, hosting_day: Callable
) -> None:
    """At the capacity of a bus every limit is kept in each slot of the worst day; a tenth of a unit more breaks one."""
    unit_kw = NETS[name].unit_kw
    ended = cli("hosting-capacity", scenario, "--placements", 2, "--days", 1, "--unit-kw", unit_kw, "--json")
    assert (ended.code, ended.err) == (0, "")
    told = json.loads(ended.out)
    free, held = told["capacities"]
    assert len(free["cases"]) == len(held["cases"]) == 2
    assert len(free["buses"]) == 11
    assert 0.0 < free["kw"]["50 %"] <= held["kw"]["50 %"]
    assert "balanced" in told["notes"][-1]
    day = hosting_day(scenario, told["days"][:10])
    for place in sorted(free["buses"], key=lambda bus: bus["kw"])[:2]:
        assert place["kw"] > 0.0
        inside, outside = (day.worst({place["name"]: kw}) for kw in (place["kw"], place["kw"] + 0.1 * unit_kw))
        assert inside <= 1e-7 < outside, place


@pytest.mark.parametrize("verb", ["run", "hosting-capacity"])
def test_volt_var_on_a_meshed_net_is_refused_with_what_to_choose(
    cli: Callable, scenario: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """Curves are solved on radial feeders; elsewhere the message names the key and the modes that there are."""
    if not NETS[name].meshed:
        pytest.skip("radial feeders have them")
    monkeypatch.chdir(tmp_path)
    ended = cli(verb, scenario, "--set", "grid.reactive=volt_var")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: --set grid.reactive: volt-var curves are solved on radial feeders only\n"
        "    choose unity, fixed_pf or fixed_q\n"
    )
