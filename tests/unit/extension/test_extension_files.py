"""Plugins from files and from installed packages."""

from __future__ import annotations

import hashlib
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from marketsim.core.errors import MissingDependency, PluginError
from marketsim.extension import entry_points
from marketsim.extension.entry_points import InstalledPlugin, installed_plugins, load_installed
from marketsim.extension.files import load_file, load_files, plugin_name
from marketsim.extension.registry import Registry, new_registry

GOOD = """\
from __future__ import annotations

from marketsim.core.params import Params
from marketsim.extension.entry import Entry
from marketsim.extension.hookspecs import hookimpl


class NightParams(Params):
    price: Price = 0.2


Price = float


def build(params, context):
    return params.price


@hookimpl
def marketsim_parts():
    return [Entry(kind="strategy", name="night", build=build, params=NightParams, summary="buys at night")]
"""


@pytest.fixture
def registry() -> Registry:
    return new_registry()


def written(folder: Path, text: str, name: str = "plugin.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_registers_its_parts(registry: Registry, tmp_path: Path) -> None:
    """The parts work, annotations of the model are found, and the hash is that of the file."""
    path = written(tmp_path, GOOD)
    loaded = load_file(registry, path)
    assert loaded.name == tmp_path.name
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [(entry.kind, entry.name) for entry in loaded.entries] == [("strategy", "night")]
    params = registry.params("strategy", "night")
    assert registry.builder("strategy", "night")(params(), None) == 0.2


def test_nothing_is_written_beside_the_file(registry: Registry, tmp_path: Path) -> None:
    """Loading leaves the folder as it was."""
    load_file(registry, written(tmp_path, GOOD))
    assert [path.name for path in tmp_path.iterdir()] == ["plugin.py"]


def test_each_registry_loads_a_file_anew_or_shares_the_module(tmp_path: Path) -> None:
    """The same bytes are executed once in a process; changed bytes are another module."""
    path = written(tmp_path, GOOD)
    first, second = new_registry(), new_registry()
    load_file(first, path)
    load_file(second, path)
    assert first.params("strategy", "night") is second.params("strategy", "night")
    path.write_text(GOOD.replace("0.2", "0.3"), encoding="utf-8")
    third = new_registry()
    load_file(third, path)
    assert third.params("strategy", "night")().model_dump() == {"price": 0.3}


def test_names_of_plugin_files() -> None:
    """``plugin.py`` has the name of its folder, any other file its own."""
    assert plugin_name(Path("plugins/my_agent/plugin.py")) == "my_agent"
    assert plugin_name(Path("plugins/night.py")) == "night"


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("x = (\n", "SyntaxError", 1),
        ("x = 1\ny = x / 0\n", "ZeroDivisionError: division by zero", 2),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3", 2),
        ("\nimport not_installed_at_all\n", "No module named 'not_installed_at_all'", 2),
        ("from marketsim.core.params import Parms\n", "cannot import name 'Parms'", 1),
        ("def f():\n    raise ValueError('deep')\nf()\n", "ValueError: deep", 2),
        ("x = 1\n", "has no hooks", 0),
        ("a = '\x00'\n", "null bytes", 0),
    ],
)
def test_broken_files_are_located(registry: Registry, tmp_path: Path, text: str, message: str, line: int) -> None:
    """Whatever goes wrong names plugin, file and line; half a module does not stay behind."""
    path = written(tmp_path, text, "mine.py")
    with pytest.raises(PluginError, match=message) as caught:
        load_file(registry, path)
    problem = caught.value.problems[0]
    assert "plugin mine" in problem.message
    assert problem.file == str(path)
    assert problem.line == line or "null bytes" in message
    assert registry.entries() == ()


def test_missing_extras_are_named(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that needs a library of an extra says which extra."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependency, match=r"plugin mine needs ray: pip install 'marketsim\[ray\]'"):
        load_file(registry, written(tmp_path, "import ray\n", "mine.py"))


def test_interrupts_pass(registry: Registry, tmp_path: Path) -> None:
    """Ctrl-C while a plugin loads is not the plugin's fault."""
    with pytest.raises(KeyboardInterrupt):
        load_file(registry, written(tmp_path, "raise KeyboardInterrupt\n"))


def test_only_readable_python_files(registry: Registry, tmp_path: Path) -> None:
    """Other files, folders and missing files are refused before anything runs."""
    with pytest.raises(PluginError, match=r"must be a \.py file"):
        load_file(registry, written(tmp_path, GOOD, "plugin.txt"))
    with pytest.raises(PluginError, match="no such file"):
        load_file(registry, tmp_path / "nowhere.py")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(PluginError, match="is a folder"):
        load_file(registry, tmp_path / "folder.py")


def test_problems_of_all_files_come_at_once(registry: Registry, tmp_path: Path) -> None:
    """One broken file does not hide the other."""
    paths = (written(tmp_path, "x = 1\n", "a.py"), tmp_path / "b.py", written(tmp_path, GOOD, "c.py"))
    with pytest.raises(PluginError) as caught:
        load_files(registry, paths)
    assert len(caught.value.problems) == 2


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path that holds installed plugins."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def announced(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> tuple[InstalledPlugin, ...]:
    made = [EntryPoint(name, value, entry_points.GROUP) for name, value in points]
    monkeypatch.setattr(entry_points, "entry_points", lambda group: made if group == entry_points.GROUP else [])
    return installed_plugins()


def test_installed_plugins_are_listed_without_running(monkeypatch: pytest.MonkeyPatch, package: Path) -> None:
    """Looking them up imports nothing; they come in the order of their names."""
    written(package, "raise AssertionError\n", "ext_never.py")
    plugins = announced(monkeypatch, ("zeta", "ext_never"), ("alpha", "ext_never:thing"))
    assert [(plugin.name, plugin.reference) for plugin in plugins] == [
        ("alpha", "ext_never:thing"),
        ("zeta", "ext_never"),
    ]
    assert "ext_never" not in sys.modules


def test_installed_plugins_are_loaded_on_demand(
    monkeypatch: pytest.MonkeyPatch, package: Path, registry: Registry
) -> None:
    """The module behind the entry point is a plugin like any other."""
    written(package, GOOD, "ext_good.py")
    entries = load_installed(registry, announced(monkeypatch, ("nights", "ext_good")))
    assert [(entry.name, entry.source) for entry in entries] == [("night", "nights")]


def test_broken_installed_plugins_are_all_reported(
    monkeypatch: pytest.MonkeyPatch, package: Path, registry: Registry
) -> None:
    """A package that fails to import, misses an attribute or brings no hooks is named."""
    written(package, "x = 1 / 0\n", "ext_broken.py")
    written(package, "x = 1\n", "ext_empty.py")
    plugins = announced(
        monkeypatch, ("a", "ext_broken"), ("b", "ext_empty"), ("c", "ext_absent"), ("d", "ext_empty:nothing")
    )
    with pytest.raises(PluginError) as caught:
        load_installed(registry, plugins)
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    for part in ("ZeroDivisionError", "plugin b has no hooks", "plugin c of ext_absent", "plugin d of ext_empty"):
        assert part in text
    assert caught.value.problems[0].file.endswith("ext_broken.py")
