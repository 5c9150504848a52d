"""The first run: which kernels a scenario needs, and two processes that compile them."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from marketsim.app import kernels
from marketsim.app.ready import load_scenario
from marketsim.builtin import PARTS
from marketsim.core import compiled

PILOT, IEEE141 = "scenarios/pilot.yaml", "scenarios/ieee141.yaml"


@pytest.fixture(scope="module")
def pilot():
    return load_scenario(PILOT)


@pytest.fixture
def commands(monkeypatch):
    """Second processes that were asked for; none is started."""
    asked = []

    class Process:
        def __init__(self, command, **_):
            asked.append(command)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

        def wait(self, timeout):
            assert timeout < 600

        def kill(self):
            asked.append("killed")

    monkeypatch.setattr(subprocess, "Popen", Process)
    return asked


def test_a_scenario_without_grid_needs_no_gate(pilot):
    needed = kernels.kernels_of(pilot)
    assert not [module for module in needed if ".grid." in module]
    assert needed[-1] == "marketsim.market.double_auction_kernel"


@pytest.mark.parametrize(
    ("gate", "own"),
    [
        ("ac", ["exact_kernel"]),
        ("sensitivity", ["broken_kernel", "screen_kernel"]),
        ("lindistflow", ["broken_kernel", "linear_kernel"]),
        ("observe", ["observe_kernel"]),
    ],
)
def test_only_the_gate_of_the_mode_is_compiled(gate, own):
    """The largest kernels come first, and those of the other modes not at all."""
    needed = kernels.kernels_of(load_scenario(IEEE141, {"grid.gate": gate}))
    grid = [name.rpartition(".")[2] for name in needed if ".grid." in name]
    assert grid == ["gate_slot_kernel", "report_kernel", *own]


def test_another_engine_brings_no_auction():
    needed = kernels.kernels_of(load_scenario(PILOT, {"market.engine": {"pro_rata": {}}}))
    assert "marketsim.market.double_auction_kernel" not in needed


def test_every_kernel_named_exists(pilot):
    """A module that was renamed would silently be compiled by one process alone."""
    names = {*kernels.kernels_of(pilot), *(module for entry in PARTS for module in entry.kernels)}
    for name in names:
        assert compiled._PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py").is_file(), name


def test_nothing_happens_where_all_is_compiled(pilot, commands, monkeypatch):
    monkeypatch.setattr(compiled, "in_cache", lambda module: True)
    told = []
    kernels.compile_once(pilot, told.append)
    assert (commands, told) == ([], [])


def test_two_processes_share_the_list_from_both_ends(pilot, commands, monkeypatch):
    """The user is told once; the other process gets the same modules the other way round."""
    missing, told, imported = {"marketsim.core.rng_kernel", "marketsim.market.bounds_kernel"}, [], []

    def compiled_now(module):
        imported.append(module)
        missing.discard(module)

    monkeypatch.setattr(compiled, "in_cache", lambda module: module not in missing)
    monkeypatch.setattr(kernels.importlib, "import_module", compiled_now)
    kernels.compile_once(pilot, told.append)
    assert told == [kernels.COMPILING]
    claims = Path(commands[0][4])
    reverse = [*reversed(kernels.kernels_of(pilot))]
    assert commands == [[sys.executable, "-P", "-m", "marketsim.app.kernels", str(claims), *reverse]]
    assert not claims.exists()
    assert imported == ["marketsim.core.rng_kernel", "marketsim.market.bounds_kernel"]


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_collected_as_before_once_all_is_compiled(pilot, commands, monkeypatch, collects):
    """And not meanwhile; an interrupt leaves it as it was, too."""
    missing, meanwhile = {"marketsim.core.rng_kernel"}, []

    def interrupted(module):
        meanwhile.append(gc.isenabled())
        raise KeyboardInterrupt

    monkeypatch.setattr(compiled, "in_cache", lambda module: module not in missing)
    monkeypatch.setattr(kernels.importlib, "import_module", interrupted)
    before = gc.isenabled()
    try:
        (gc.enable if collects else gc.disable)()
        with pytest.raises(KeyboardInterrupt):
            kernels.compile_once(pilot)
        assert (meanwhile, gc.isenabled()) == ([False], collects)
    finally:
        (gc.enable if before else gc.disable)()


def test_what_one_has_begun_the_other_leaves_alone(monkeypatch, tmp_path):
    """Each module is compiled by whoever comes first; nobody compiles one twice."""
    by: dict[str, list[str]] = {"here": [], "there": []}
    monkeypatch.setattr(compiled, "in_cache", lambda module: False)
    monkeypatch.setattr(kernels.importlib, "import_module", by["here"].append)
    kernels.compile_unclaimed(tmp_path, ["a", "b"])
    monkeypatch.setattr(kernels.importlib, "import_module", by["there"].append)
    kernels.compile_unclaimed(tmp_path, ["c", "b", "a"])
    assert by == {"here": ["a", "b"], "there": ["c"]}


def test_what_the_other_did_not_finish_is_compiled_here(pilot, commands, monkeypatch):
    """It claimed the first module and was killed."""
    missing, imported = {"marketsim.core.rng_kernel"}, []
    monkeypatch.setattr(compiled, "in_cache", lambda module: module not in missing)
    monkeypatch.setattr(kernels, "_claimed", lambda path: False)
    monkeypatch.setattr(kernels.importlib, "import_module", imported.append)
    kernels.compile_once(pilot)
    assert imported == ["marketsim.core.rng_kernel"]


def test_the_other_process_ends_with_this_one(pilot, commands, monkeypatch):
    """Ctrl-C while kernels are compiled leaves no process behind."""

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(compiled, "in_cache", lambda module: False)
    monkeypatch.setattr(kernels.importlib, "import_module", interrupted)
    with pytest.raises(KeyboardInterrupt):
        kernels.compile_once(pilot)
    assert commands[-1] == "killed"


def test_a_second_process_that_hangs_is_given_up(pilot, commands, monkeypatch):
    """It was stopped in the middle of a module: that one is compiled here."""
    missing, imported = {"marketsim.core.rng_kernel"}, []

    def hangs(_, timeout):
        raise subprocess.TimeoutExpired("python", timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", hangs)
    monkeypatch.setattr(compiled, "in_cache", lambda module: module not in missing)
    monkeypatch.setattr(kernels, "_claimed", lambda path: False)
    monkeypatch.setattr(kernels.importlib, "import_module", imported.append)
    kernels.compile_once(pilot)
    assert commands[-1] == "killed"
    assert imported == ["marketsim.core.rng_kernel"]


@pytest.mark.parametrize("what", ["TemporaryDirectory", "Popen"])
def test_without_room_for_a_second_process_one_compiles(pilot, monkeypatch, what):
    missing, imported = {"marketsim.core.rng_kernel"}, []

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kernels.tempfile if what == "TemporaryDirectory" else subprocess, what, full)
    monkeypatch.setattr(compiled, "in_cache", lambda module: module not in missing)
    monkeypatch.setattr(kernels.importlib, "import_module", imported.append)
    with pytest.warns(RuntimeWarning, match="compiled by one process alone: .*No space left"):
        kernels.compile_once(pilot)
    assert imported == ["marketsim.core.rng_kernel"]


def test_the_cache_tells_which_modules_it_holds(monkeypatch, tmp_path):
    """By the names of its files; without a cache there is nothing to share."""
    (tmp_path / "rng_kernel.mix_rows-29.0123456789abcdef.nbc").write_bytes(b"")
    monkeypatch.setattr(compiled, "cache_folder", lambda: tmp_path)
    assert compiled.in_cache("marketsim.core.rng_kernel")
    assert not compiled.in_cache("marketsim.core.slot_kernel")
    monkeypatch.setattr(compiled, "cache_folder", lambda: None)
    assert compiled.in_cache("marketsim.core.slot_kernel")
