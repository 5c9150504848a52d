"""Loading as a whole: everything at once, in order, and without plugin code unless it is asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from marketsim.core.clock import Clock
from marketsim.core.errors import InputError, Problem, ScenarioError
from marketsim.scenario.load import Loaded

Load = Callable[..., Loaded]
Problems = Callable[..., list[Problem]]

CONTRACT = """\
name: ieee141
seed: 1
clock: {start: 2016-07-12, slots: 96, slot_minutes: 15}
grid: {feeder: feeder141, source_pu: 1.02, voltage_band_pu: [0.95, 1.05], gate: ac}
tariff: {flat: {retail: 0.30, feed_in: 0.08}}        # currency/kWh
market: {engine: {double_auction: {price_rule: resting, rounds: 1}}}
profiles: {source: simbench_2016, pv_scale: 1.0, demand_scale: 0.7}
agents:
  - {kind: prosumer, count: 20, buses: [48, 78], pv_kw: {uniform: [200, 800]},
     battery: {energy_kwh: 400, power_kw: 100}, strategy: {truthful: {}}}
critic: {kind: rule}
output: {voltages: true}
"""

BAD = """\
nam: x
clock: {start: yesterday, slots: 9.5, slot_minute: 15}
grid: {feder: x, gate: as}
tariff: {flt: {retail: 0.30}}
market: {engine: {double_auction: {price_rul: resting, rounds: 0}}, rounds: 3}
agents:
  - {kind: prosumer, pv_kwp: 3, pv_kw: 5 kW, battery: {energy_kwh: "400", power_kw: 1}}
  - {kind: prosumer, pv_kw: -1, connection_kw: {imprt: 3}}
output: {voltages: on}
"""


def test_the_contract_loads(load: Load) -> None:
    """The scenario of the design, key by key."""
    scenario, agents, *_ = load(CONTRACT)
    assert (scenario.name, scenario.seed) == ("ieee141", 1)
    assert scenario.clock.to_clock() == Clock(date(2016, 7, 12), 96, 15)
    assert (scenario.grid.feeder, scenario.grid.source_pu, scenario.grid.gate.name) == ("feeder141", 1.02, "ac")
    assert scenario.grid.voltage_band_pu == (0.95, 1.05)
    assert scenario.profiles.name == "simbench_2016"
    assert scenario.output.voltages is True
    assert len(agents) == 20


def test_everything_wrong_comes_at_once(problems: Problems, tmp_path: Path) -> None:
    """One run of ``validate`` shows every problem of the file, in the order of its lines, each with its column."""
    path = tmp_path / "bad.yaml"
    path.write_text(BAD, encoding="utf-8")
    found = problems(path)
    assert [(problem.line, problem.column, problem.path) for problem in found] == [
        (1, 1, "nam"),
        (2, 16, "clock.start"),
        (2, 34, "clock.slots"),
        (2, 39, "clock.slot_minute"),
        (3, 8, "grid.feder"),
        (3, 24, "grid.gate"),
        (4, 9, "tariff"),
        (5, 36, "market.engine.double_auction.price_rul"),
        (5, 64, "market.engine.double_auction.rounds"),
        (5, 69, "market.rounds"),
        (7, 22, "agents[0].pv_kwp"),
        (7, 40, "agents[0].pv_kw"),
        (7, 68, "agents[0].battery.energy_kwh"),
        (8, 29, "agents[1].pv_kw"),
        (8, 49, "agents[1].connection_kw.imprt"),
        (9, 20, "output.voltages"),
    ]
    assert {problem.file for problem in found} == {str(path)}


def test_problems_read_as_file_line_column_path_message_value_hint(problems: Problems) -> None:
    """The text of a problem is what a user needs to mend it."""
    (problem,) = problems(CONTRACT.replace("seed: 1", "seed: one"))
    assert str(problem) == "<text>:2:7: seed: must be a whole number (got 'one')"
    (problem,) = problems(CONTRACT.replace("slots:", "slot:"))
    assert str(problem) == "<text>:3:28: clock.slot: unknown key\n    did you mean slots?"


def test_errors_of_options_come_last(problems: Problems) -> None:
    """Problems of files precede those of options, which name the option."""
    found = problems(CONTRACT.replace("gate: ac", "gate: as"), {"seed": "x"})
    assert [problem.file for problem in found] == ["<text>", "--set seed"]


def test_name_is_that_of_the_file(load: Load, minimal_file: Path) -> None:
    """A scenario without a name has that of its file, and its folder is the file's."""
    scenario = load(minimal_file).scenario
    assert scenario.name == "minimal"
    assert scenario.folder == minimal_file.parent


def test_source_can_be_varied(load: Load, minimal: str) -> None:
    """What was loaded can be loaded again with other values, as a study does."""
    loaded = load(minimal)
    again = load(loaded.source, {"agents[0].pv_kw": 7})
    assert (loaded.agents[0].pv_kw, again.agents[0].pv_kw) == (5.0, 7.0)


def test_scenario_is_frozen(load: Load, minimal: str) -> None:
    """Nobody changes a scenario."""
    scenario = load(minimal).scenario
    with pytest.raises(ValueError, match="frozen"):
        scenario.seed = 2  # type: ignore[misc]


@pytest.fixture
def with_plugin(tmp_path: Path, minimal: str) -> Path:
    """A scenario whose strategy and device only its plugin knows; loading the plugin leaves a trace."""
    (tmp_path / "case").mkdir()
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'trace')!r}, 'w')\n", encoding="utf-8")
    path = tmp_path / "case" / "s.yaml"
    text = minimal.replace("pv_kw: 5", "pv_kw: 5, strategy: {own: {a: 1}}, boiler: {kw: 2}")
    path.write_text(text + "plugins: [../mine.py]\n", encoding="utf-8")
    return path


def test_validation_runs_no_plugin_code(load: Load, with_plugin: Path) -> None:
    """Without a loader the plugin's names are listed as unchecked, its file is named, and nothing runs."""
    loaded = load(with_plugin)
    assert loaded.unchecked == ("strategy own", "device boiler")
    assert [path.resolve() for path in loaded.plugins] == [(with_plugin.parent.parent / "mine.py").resolve()]
    assert not (with_plugin.parent.parent / "trace").exists()


def test_plugins_are_loaded_before_validation(load: Load, problems: Problems, with_plugin: Path) -> None:
    """The loader gets the files; afterwards every name must be known."""
    seen: list[tuple[Path, ...]] = []
    found = problems(with_plugin, load_plugins=seen.append)
    assert [len(paths) for paths in seen] == [1]
    assert {problem.path for problem in found} == {"agents[0].strategy", "agents[0].boiler"}


def test_plugin_files_must_exist(problems: Problems, minimal: str) -> None:
    """Wrong plugin paths are problems at their own place, beside all others; nothing is loaded then."""
    calls: list[object] = []
    text = f"{minimal}plugins: [nowhere.py, notes.txt]\nseed: x\n"
    first, second, third = problems(text, load_plugins=calls.append)
    assert (first.path, first.message) == ("plugins[0]", "there is no such plugin file")
    assert (second.path, second.message) == ("plugins[1]", "a plugin must be a .py file")
    assert third.path == "seed"
    assert calls == []


def test_relative_paths_start_from_the_folder(load: Load, tmp_path: Path, minimal: str) -> None:
    """``folder`` moves the start of relative paths, as in the scenario that a run writes."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "mine.py").write_text("", encoding="utf-8")
    path = tmp_path / "run.yaml"
    path.write_text(f"{minimal}folder: home\nplugins: [mine.py]\n", encoding="utf-8")
    loaded = load(path)
    assert loaded.plugins == (tmp_path / "home" / "mine.py",)
    assert loaded.scenario.folder == tmp_path / "home"


def test_text_and_mapping_scenarios_load(load: Load, minimal: str) -> None:
    """The Python face takes mappings; values that no file could hold are input errors."""
    made = {"clock": {"start": date(2016, 7, 12)}, "tariff": "flat", "agents": [{"kind": "consumer"}]}
    with pytest.raises(ScenarioError, match=r"tariff.flat.retail: is missing"):
        load(made)
    with pytest.raises(InputError, match="finite"):
        load(minimal, {"agents[0].pv_kw": float("nan")})


def test_import_is_light() -> None:
    """Validation loads neither numba nor any other heavy library."""
    code = (
        "import sys, marketsim.scenario.load, marketsim.extension.registry\n"
        "heavy = {'numba', 'scipy', 'pandas', 'mesa', 'torch', 'pandapower', 'pyarrow'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
