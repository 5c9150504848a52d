"""Running a scenario in memory and to a folder, and looking at it afterwards."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pytest

from marketsim.app.ready import load_scenario
from marketsim.app.running import default_folder, manifest_facts, open_run, simulate
from marketsim.core.errors import InputError, RunFolderError, ScenarioError

VILLAGE = {
    "name": "small_village",
    "seed": 4,
    "clock": {"start": "2016-07-12", "slots": 14, "slot_minutes": 60},
    "grid": {"feeder": "feeder141"},
    "output": {"voltages": True},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08, "wholesale": 0.06}},
    "profiles": {"source": "simbench_2016"},
    "agents": [
        {"name": "sun", "kind": "prosumer", "bus": 48, "pv_kw": 12, "load": {"annual_kwh": 4000}},
        {"name": "car", "kind": "consumer", "bus": 127, "load": {"annual_kwh": 9500, "power_factor": 0.95}},
    ],
}
TABLES = ("slots", "agents", "trades", "rejects", "book", "voltages")


@pytest.fixture(scope="module")
def ready():
    return load_scenario(VILLAGE)


@pytest.fixture(scope="module")
def in_memory(ready):
    return simulate(ready)


@pytest.fixture(scope="module")
def on_disk(ready, tmp_path_factory):
    return simulate(ready, tmp_path_factory.mktemp("runs") / "run")


def test_in_memory_equals_on_disk(in_memory, on_disk):
    """Every table and every KPI is the same wherever the run is kept; only the time taken differs."""
    for name in TABLES:
        assert in_memory.table(name).equals(on_disk.table(name)), name
    assert len(in_memory.trades) > 0
    own, other = ({**run.summary, "wall_s": None} for run in (in_memory, on_disk))
    assert own == other
    assert (in_memory.path, on_disk.path.name) == (None, "run")


def test_a_run_opens_again(on_disk):
    """The folder alone gives the complete run, tables and summary."""
    opened = open_run(on_disk.path)
    assert (opened.status, opened.n_slots) == ("complete", 14)
    assert opened.summary == on_disk.summary
    assert all(opened.table(name).equals(on_disk.table(name)) for name in TABLES)


@pytest.mark.parametrize("slot", [0, 12])
def test_the_net_of_a_slot_has_the_voltages_of_the_run(in_memory, on_disk, slot):
    """An independent solution of the slot agrees with the table to 1e-8 p.u., from memory and from the folder."""
    for run in (in_memory, open_run(on_disk.path)):
        net = run.net(slot)
        table = run.voltages[run.voltages.slot == slot]
        solved = dict(zip(net.bus.name.astype(str), net.res_bus.vm_pu, strict=True))
        there = np.array([solved[str(bus)] for bus in table.bus])
        assert len(there) == 141
        assert np.abs(there - table.v_pu.to_numpy()).max() <= 1e-8


def test_a_net_needs_a_slot_of_the_run(in_memory):
    """A slot beyond the end is refused, and so is any slot without a grid."""
    with pytest.raises(InputError, match="slots 0 to 13"):
        in_memory.net(14)


def test_without_a_grid_there_is_no_net():
    """A run without a feeder says so and writes no voltages."""
    plain = {key: value for key, value in VILLAGE.items() if key not in ("grid", "output")}
    agents = [{key: value for key, value in agent.items() if key != "bus"} for agent in VILLAGE["agents"]]
    run = simulate(load_scenario({**plain, "agents": agents}, {"clock.slots": 1}))
    with pytest.raises(InputError, match="no grid"):
        run.net(0)
    with pytest.raises(InputError, match="no table of voltages"):
        _ = run.voltages


def test_progress_counts_the_slots(ready):
    """Called once a slot with the slots done and all slots."""
    seen = []
    simulate(ready.variant({"clock.slots": 3}), progress=lambda *counts: seen.append(counts))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_run_is_replaced_only_when_told(ready, tmp_path):
    """A folder with a run in it is kept unless ``force`` says otherwise."""
    short = ready.variant({"clock.slots": 1})
    simulate(short, tmp_path / "run")
    with pytest.raises(RunFolderError, match="run"):
        simulate(short, tmp_path / "run")
    assert simulate(short, tmp_path / "run", force=True).n_slots == 1


def test_the_saved_scenario_gives_the_same_run(on_disk):
    """The scenario beside the tables, run again, gives the tables bit for bit."""
    again = simulate(load_scenario(on_disk.path / "scenario.yaml"))
    for name in TABLES:
        assert again.table(name).equals(on_disk.table(name)), name


def test_the_default_folder_names_scenario_seed_and_time(ready):
    """``runs/<scenario>-<seed>-<time>``, safe as a file name."""
    folder = default_folder(ready, datetime(2026, 3, 4, 5, 6, 7))
    assert folder.as_posix() == "runs/small_village-4-20260304T050607"


def test_the_manifest_says_where_a_run_came_from(ready, on_disk):
    """Scenario, seed, hash and versions; what the folder holds is what was computed."""
    facts = manifest_facts(ready)
    assert (facts["scenario"], facts["seed"], facts["plugins"]) == ("small_village", 4, [])
    assert {"python", "marketsim", "numpy", "numba"} <= set(facts["versions"])
    assert {name: on_disk.manifest[name] for name in facts} == facts


def test_the_hash_follows_the_content(ready):
    """The same scenario has the same hash, another seed or another agent another one."""
    hashes = [
        manifest_facts(each)["scenario_hash"]
        for each in (ready, load_scenario(VILLAGE), ready.variant({"seed": 5}), ready.variant({"agents.0.pv_kw": 11}))
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_what_can_be_loaded_can_be_simulated(tmp_path):
    """A mapping and a path stand for the scenario that they load."""
    loaded = simulate(load_scenario(VILLAGE)).trades
    assert simulate(VILLAGE).trades.equals(loaded)
    path = tmp_path / "s.yaml"
    path.write_text(json.dumps(VILLAGE, default=str))
    assert simulate(path).trades.equals(loaded)


@pytest.mark.parametrize(("scenario", "overrides"), [(3, None), (None, None), (VILLAGE, ["seed"]), (VILLAGE, "seed=3")])
def test_misuse_of_the_python_face_is_told(scenario, overrides):
    with pytest.raises(ScenarioError, match=r"^a scenario is a path, a mapping|^overrides map paths to values, as in"):
        load_scenario(scenario, overrides)


@pytest.mark.parametrize("slot", ["3", 2.0, None, -1, 10_000])
def test_a_net_is_asked_for_by_the_number_of_a_slot(in_memory, slot):
    """Anything else is told with the slots that there are."""
    with pytest.raises(InputError, match=r"^slot .* is not in this run: it has slots 0 to 13$"):
        in_memory.net(slot)
