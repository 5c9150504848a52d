"""Plugins that are installed as packages: entry points of the group ``marketsim.plugins``.

Looking them up reads metadata only; their code runs when they are loaded.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Final, NamedTuple

from marketsim.core import watch
from marketsim.core.errors import PluginError, Problem
from marketsim.core.interrupts import is_interrupt
from marketsim.extension import lazy
from marketsim.extension.entry import Entry
from marketsim.extension.registry import Registry

GROUP: Final = "marketsim.plugins"


class InstalledPlugin(NamedTuple):
    """A plugin that a package announces."""

    name: str
    reference: str
    """Module, or ``module:object``, that holds its hooks."""
    package: str
    version: str
    point: EntryPoint


def installed_plugins() -> tuple[InstalledPlugin, ...]:
    """Every announced plugin by name; none of them is imported."""
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    return tuple(_described(point) for point in points)


def _described(point: EntryPoint) -> InstalledPlugin:
    package = point.dist.name if point.dist else ""
    version = point.dist.version if point.dist else ""
    return InstalledPlugin(point.name, point.value, package, version, point)


def load_installed(registry: Registry, plugins: tuple[InstalledPlugin, ...]) -> tuple[Entry, ...]:
    """Import and register installed plugins; every problem of all of them at once."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    for plugin in plugins:
        try:
            entries += registry.register(_import(plugin), plugin.name)
        except PluginError as error:
            problems += error.problems
    if problems:
        raise PluginError(problems)
    return tuple(entries)


def _import(plugin: InstalledPlugin) -> object:
    who = f"plugin {plugin.name} of {plugin.package or plugin.reference}"
    watch.start()
    try:
        with watch.watched(f"{who}, its import,", ""):
            return plugin.point.load()
    except ImportError as error:
        raise lazy.import_failure(error, who) from error
    except BaseException as error:
        if is_interrupt(error):
            raise
        raise PluginError([lazy.failure(error, f"{who} cannot be loaded")]) from error
