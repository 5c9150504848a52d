"""Plugins from files: ``plugins: [path/to/plugin.py]`` in a scenario.

A file is read once; what is executed is exactly what was hashed for the manifest. No byte code is written beside it.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

from marketsim.core import watch
from marketsim.core.errors import PluginError, Problem
from marketsim.core.files import MIB, read_bytes
from marketsim.extension import lazy
from marketsim.extension.entry import Entry
from marketsim.extension.registry import Registry, all_of

LARGEST: Final = 4 * MIB
"""Bytes of a plugin file."""

_PREFIX: Final = "marketsim_plugin_"
"""Of the names of their modules."""


class PluginFile(NamedTuple):
    """A plugin file that was loaded."""

    name: str
    """Its stem, or the name of its folder if it is called ``plugin.py``."""
    path: Path
    sha256: str
    """Of the bytes that were executed."""
    entries: tuple[Entry, ...]


def plugin_name(path: Path) -> str:
    """How messages call the plugin of a file."""
    return path.parent.name or path.stem if path.stem == "plugin" else path.stem


def load_file(registry: Registry, path: Path, tell: Callable[[Path], None] | None = None) -> PluginFile:
    """Execute a plugin file and register what it brings; PluginError with file and line where it fails.

    ``tell`` gets its path before that.
    """
    source = _read(path)
    if tell is not None:
        tell(path)
    digest = hashlib.sha256(source).hexdigest()
    name = plugin_name(path)
    module = _module(path, source, digest, name)
    return PluginFile(name, path, digest, registry.register(module, name, str(path)))


def load_files(
    registry: Registry, paths: tuple[Path, ...], tell: Callable[[Path], None] | None = None
) -> tuple[PluginFile, ...]:
    """Load several files; every problem of all of them at once."""
    return all_of(paths, lambda path: load_file(registry, path, tell))


def line_of_plugin(error: BaseException) -> str:
    """``file:line`` of the last line of a plugin's file that an error passed; empty where it passed none."""
    executed = {module.__file__ for name, module in list(sys.modules.items()) if name.startswith(_PREFIX)}
    frames = traceback.extract_tb(error.__traceback__)
    return next((f"{each.filename}:{each.lineno}" for each in reversed(frames) if each.filename in executed), "")


def _read(path: Path) -> bytes:
    if path.suffix != ".py":
        raise PluginError([Problem("a plugin must be a .py file", value=str(path))])
    return read_bytes(path, LARGEST, PluginError)


def _module(path: Path, source: bytes, digest: str, name: str) -> ModuleType:
    """The executed module; the same file with the same bytes is executed once in a process."""
    place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    module_name = f"{_PREFIX}{name}_{place}_{digest[:12]}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    module = ModuleType(module_name)
    module.__file__ = str(path)
    # Annotations of parameter models and pickles look their module up by name.
    sys.modules[module_name] = module
    who, file = f"plugin {name}", str(path)
    try:
        watch.start()
        with lazy.explained(who, f"{who} cannot be loaded", own_file=file), watch.watched(f"{who}, its file,", file):
            exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
    except BaseException:  # an interrupt, too: no half of a plugin stays among the modules
        del sys.modules[module_name]
        raise
    return module
