"""What tests of the whole program share: the scenarios of the repository, and runs of them that are made once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

import marketsim as ms
from marketsim.app.kernels import COMPILING
from marketsim.grid.net.names import PANDAPOWER_NETWORKS

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = (*sorted((ROOT / "scenarios").glob("*.yaml")), *sorted((ROOT / "plugins").glob("*/scenario.yaml")))
EXAMPLES = {"quick": 10, "nightly": 10}
"""Examples of a property at most, and times as many as it says."""
BEYOND = {"quick": ("full", "nightly"), "full": ("nightly",), "nightly": ()}
"""Marks of tests that a tier leaves to those after it."""
SETTINGS = "_hypothesis_internal_use_settings"
"""Where hypothesis keeps the settings of a property; tests/test_tiers.py tells where that has changed."""
FEW_NETWORKS = (
    *("case4gs", "case6ww", "case33bw", "create_cigre_network_mv", "create_cigre_network_lv", "create_kerber_dorfnetz"),
    *("example_multivoltage", "mv_oberrhein", "ieee_european_lv_asymmetric", "simple_four_bus_system", "iceland"),
)
"""Nets of pandapower that stand for the others in the quick tier."""
LARGE_NETWORKS = (
    *("case9241pegase", "case6515rte", "case6495rte", "case6470rte", "lv_schutterwald"),
    *("kb_extrem_vorstadtnetz_trafo_1", "kb_extrem_vorstadtnetz_trafo_2"),
)
settings.register_profile(
    "patient", deadline=None, print_blob=True
)  # how long an example takes tells how busy the machine is
settings.load_profile("patient")

HOURS = {"clock.slots": 24, "clock.slot_minutes": 60}
"""A day in a quarter of the slots: night, noon and evening."""


class Ended(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str


def pytest_addoption(parser: pytest.Parser) -> None:
    """How much is tried: ``pytest --tier quick|full|nightly``."""
    parser.addoption("--tier", choices=("quick", "full", "nightly"), default="full", help="how much is tried [full]")


def pytest_configure(config: pytest.Config) -> None:
    """How many examples a tier takes. And a shell's background job ignores Ctrl-C, as would all that a test starts."""
    tier = config.getoption("--tier")
    if tier == "quick":
        settings.register_profile("quick", settings.get_profile("patient"), max_examples=EXAMPLES["quick"])
        settings.load_profile("quick")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each tier has its tests, and properties as many examples: no more in ``quick``, ten times as many in ``nightly``."""
    tier = config.getoption("--tier")
    late = [item for item in items if any(item.get_closest_marker(each) for each in BEYOND[tier])]
    config.hook.pytest_deselected(items=late)
    items[:] = [item for item in items if item not in set(late)]
    if tier == "full":
        return
    found = [getattr(item, "obj", None) for item in items]
    properties = {
        id(each): each for each in found if hasattr(each, SETTINGS)
    }  # cases of one property share its settings
    for each in properties.values():
        law = getattr(each, SETTINGS)
        most = min(law.max_examples, EXAMPLES["quick"]) if tier == "quick" else law.max_examples * EXAMPLES["nightly"]
        setattr(each, SETTINGS, settings(law, max_examples=most))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each scenario of the repository (argument ``shipped``), or each net of pandapower (``pandapower_network``)."""
    if "shipped" in metafunc.fixturenames:
        metafunc.parametrize("shipped", SHIPPED, ids=[str(path.relative_to(ROOT)) for path in SHIPPED])
    if "pandapower_network" in metafunc.fixturenames:
        metafunc.parametrize("pandapower_network", [_network(name) for name in PANDAPOWER_NETWORKS])


def _network(name: str) -> Any:
    if name in LARGE_NETWORKS:
        return pytest.param(name, marks=pytest.mark.nightly)
    return pytest.param(name, marks=[] if name in FEW_NETWORKS else pytest.mark.full)


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def all_shipped() -> tuple[Path, ...]:
    """The scenarios of the repository."""
    return SHIPPED


@pytest.fixture(scope="session")
def simulated() -> Callable[..., ms.Run]:
    """``simulated(scenario, overrides)``: a run in memory, made once for all tests that ask for it. Only read it."""
    kept: dict[str, ms.Run] = {}

    def run(scenario: str | Path | Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> ms.Run:
        source = ROOT / scenario if isinstance(scenario, str | Path) else scenario
        key = json.dumps([source, overrides], sort_keys=True, default=str)
        if key not in kept:
            kept[key] = ms.simulate(ms.load_scenario(source, dict(overrides or {})))
        return kept[key]

    return run


@pytest.fixture(scope="session")
def hours() -> dict[str, int]:
    """Overrides that make a day of 24 slots."""
    return dict(HOURS)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """``written(scenario)``: the run folder of a shipped scenario with a day in hours, made once. Only read it."""
    kept: dict[Path, Path] = {}

    def folder(scenario: Path) -> Path:
        if scenario not in kept:
            kept[scenario] = tmp_path_factory.mktemp("written") / "run"
            ms.simulate(ms.load_scenario(scenario, HOURS), kept[scenario])
        return kept[scenario]

    return folder


@pytest.fixture(scope="session")
def tables() -> Callable[[Path], dict[str, bytes]]:
    """``tables(folder)``: the bytes of every table of a run."""

    def read(folder: Path) -> dict[str, bytes]:
        found = {path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}
        assert {"slots.parquet", "agents.parquet", "trades.parquet", "rejects.parquet"} <= set(found)
        return found

    return read


@pytest.fixture(scope="session")
def python() -> Callable[..., Ended]:
    """``python(*arguments)``: another process of this interpreter that sees this repository's package."""

    def call(*arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Ended:
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            cwd=cwd,
            env=process_environment(env),
            timeout=300,
            check=False,
        )
        return Ended(done.returncode, done.stdout, _said(done.stderr))

    return call


def _said(err: str) -> str:
    """What a command said on standard error; whether it had kernels to compile is no test's business."""
    return err.replace(f"{COMPILING}\n", "")


@pytest.fixture(scope="session")
def said() -> Callable[[str], str]:
    """``said(err)``: standard error of a command that a test ran itself, as ``cli`` and ``python`` give it."""
    return _said


@pytest.fixture(scope="session")
def environment() -> Callable[..., dict[str, str]]:
    """``environment(extra)``: variables of a process that sees this repository's package."""
    return process_environment


def process_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables of this process, with the package under test first on the path."""
    path = os.pathsep.join((str(Path(ms.__file__).parent.parent), os.environ.get("PYTHONPATH", "")))
    return {**os.environ, "PYTHONPATH": path, **(extra or {})}


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """``cli(*arguments)``: the command line in this process, as its entry point calls it."""
    from marketsim.cli.main import main

    def call(*arguments: str | Path) -> Ended:
        capsys.readouterr()
        code: Any = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as left:
            code = left.code or 0
        out, err = capsys.readouterr()
        return Ended(int(code), out, _said(err))

    return call


@pytest.fixture
def scenario_file(tmp_path: Path) -> Callable[..., Path]:
    """``scenario_file(text, name)``: a file in a folder of its own."""

    def write(text: str | bytes, name: str = "s.yaml") -> Path:
        path = tmp_path / "scenarios" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture(scope="session")
def village() -> Callable[..., dict[str, Any]]:
    """``village(**sections)``: the smallest scenario with every device, on feeder141 at a sunny spring day."""

    def make(agents: Sequence[Mapping[str, Any]] | None = None, **sections: Any) -> dict[str, Any]:
        return {
            "name": "village",
            "clock": {"start": "2016-04-12", "slots": 24, "slot_minutes": 60},
            "grid": {"feeder": "feeder141"},
            "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08, "wholesale": 0.06}},
            "profiles": {"source": "simbench_2016"},
            "agents": list(agents or VILLAGERS),
            **sections,
        }

    return make


VILLAGERS: tuple[Mapping[str, Any], ...] = (
    {
        "name": "sun",
        "kind": "prosumer",
        "bus": 48,
        "pv_kw": 12,
        "load": {"annual_kwh": 4000},
        "battery": {"energy_kwh": 10, "power_kw": 4},
    },
    {
        "name": "roof",
        "kind": "prosumer",
        "bus": 78,
        "pv_kw": 8,
        "load": {"annual_kwh": 3000},
        "appliance": {"power_kw": 1},
        "shiftable_load": {"share": 0.2},
    },
    {
        "name": "mill",
        "kind": "prosumer",
        "bus": 102,
        "load": {"annual_kwh": 9000, "shape": "G3-A"},
        "generator": {"max_kw": 5, "ramp_kw_per_h": 4, "cost_per_kwh": 0.15},
    },
    {
        "name": "car",
        "kind": "consumer",
        "bus": 127,
        "load": {"annual_kwh": 3500, "power_factor": 0.95},
        "ev": {"power_kw": 7},
    },
    {
        "name": "warm",
        "kind": "consumer",
        "bus": 59,
        "load": {"annual_kwh": 3500},
        "heat_pump": {"power_kw": 3},
        "curtailable_load": {"share": 0.2, "cost_per_kwh": 0.2},
    },
)
