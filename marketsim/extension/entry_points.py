"""Plugins that are installed as packages: entry points of the group ``marketsim.plugins``.

Looking them up reads metadata only; their code runs when they are loaded.
"""

from __future__ import annotations

import itertools
from importlib.metadata import EntryPoint, entry_points
from typing import Final, NamedTuple

from marketsim.core import watch
from marketsim.extension import lazy
from marketsim.extension.entry import Entry
from marketsim.extension.registry import Registry, all_of

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
    loaded = all_of(plugins, lambda plugin: registry.register(_import(plugin), plugin.name))
    return tuple(itertools.chain.from_iterable(loaded))


def _import(plugin: InstalledPlugin) -> object:
    who = f"plugin {plugin.name} of {plugin.package or plugin.reference}"
    watch.start()
    with lazy.explained(who, f"{who} cannot be loaded"), watch.watched(f"{who}, its import,", ""):
        return plugin.point.load()
