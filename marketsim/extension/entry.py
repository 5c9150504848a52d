"""One registrable part, and what each kind of part has to be callable with.

Built-ins and plugins are described by the same record. ``params`` and ``factory`` may be given as ``"module:Attr"``:
then nothing is imported before the part is used, so that listing and validating load no heavy library.
"""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from marketsim.core.params import Params

Factory = Callable[..., Any]

FACTORY_ARGUMENTS: Final = MappingProxyType(
    {
        "agent": ("params", "context"),
        "strategy": ("params", "context"),
        "engine": ("params",),
        "critic": ("params", "context"),
        "device": ("rows", "context"),
        "profile": ("params", "context"),
        "tariff": ("params", "context"),
        "metric": ("params", "context"),
        "grid": ("argument", "folder"),
        "learner": ("params",),
        "charges": ("params", "context"),
        "allocation": ("params", "context"),
        "reactive": ("params", "context"),
    }
)
"""Positional arguments with which the factory of each kind is called."""

KINDS: Final = tuple(FACTORY_ARGUMENTS)

WITHOUT_PARAMETERS: Final = frozenset(("agent", "grid"))
"""Kinds that a scenario only names."""

RESERVED_DEVICE_NAMES: Final = frozenset(
    {
        "name",
        "kind",
        "group",
        "count",
        "bus",
        "buses",
        "load",
        "pv_kw",
        "pv_shape",
        "inverter_kva",
        "connection_kw",
        "income_class",
        "strategy",
        "devices",
    }
)
"""Keys of an agent in a scenario; a device is such a key too, so it cannot carry one of these names."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Entry:
    """A part under the name by which scenarios choose it. Plugins fill in the first four to seven fields."""

    name: str
    """Lower-case letters, digits and ``_``."""
    factory: Factory | str
    """What builds the part, or where it is (``"package.module:build"``)."""
    params: type[Params] | str = Params
    """Model of its parameters, or where it is; ``Params`` itself: it takes none."""
    summary: str = ""
    """One line for ``marketsim plugins list``."""
    traits: frozenset[str] = frozenset()
    """Facts that validation needs before anything is built: an engine with ``pairs`` handles pairwise charges, charges
    with ``pairwise`` need such an engine, and with ``signed`` can be negative, so that prices are held within the
    tariffs; a profile source with ``metered`` brings loads that need no scaling."""
    extra: str = ""
    """Extra of the package to install if a library is missing."""
    kind: str = ""
    """Filled in by the registry."""
    source: str = ""
    """Who registered it; filled in by the registry."""


def faults(kind: str, entry: object) -> list[str]:
    """What is wrong with an entry returned for ``kind``, as far as can be told without importing anything."""
    if not isinstance(entry, Entry):
        return [f"each item must be an Entry, not {type(entry).__name__}"]
    return [*_name_faults(kind, entry.name), *_params_faults(kind, entry), *_factory_faults(kind, entry)]


def _name_faults(kind: str, name: object) -> list[str]:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or keyword.iskeyword(name):
        return [f"the name {name!r} must be lower-case letters, digits and '_', beginning with a letter"]
    if kind == "device" and name in RESERVED_DEVICE_NAMES:
        return [f"the device name {name!r} is already a key of every agent in a scenario"]
    return []


def _params_faults(kind: str, entry: Entry) -> list[str]:
    params = entry.params
    if kind in WITHOUT_PARAMETERS and params is not Params:
        return [f"a part of the kind {kind} has no parameters of its own"]
    if isinstance(params, str):
        return [] if _REFERENCE.fullmatch(params) else [f"params {params!r} must read 'module:Attribute'"]
    return params_class_faults(params)


def params_class_faults(params: object) -> list[str]:
    """What is wrong with the parameter model itself."""
    if isinstance(params, type) and issubclass(params, Params):
        return []
    return [f"params must be a subclass of marketsim.core.params.Params, not {params!r}"]


def _factory_faults(kind: str, entry: Entry) -> list[str]:
    if isinstance(entry.factory, str):
        known = _REFERENCE.fullmatch(entry.factory)
        return [] if known else [f"factory {entry.factory!r} must read 'module:attribute'"]
    return call_faults(kind, entry.factory)


def call_faults(kind: str, factory: object) -> list[str]:
    """Whether ``factory`` can be called as its kind demands."""
    arguments = FACTORY_ARGUMENTS[kind]
    shape = f"build({', '.join(arguments)})"
    if not callable(factory):
        return [f"factory must be callable as {shape}, not {factory!r}"]
    try:
        inspect.signature(factory).bind(*arguments)
    except TypeError as error:
        return [f"factory {getattr(factory, '__name__', factory)!r} must be callable as {shape}: {error}"]
    except ValueError:
        # Some callables written in C do not tell their signature; they show at the first call.
        return []
    return []
