"""One registrable part, and what each kind of part has to be callable with.

Built-ins and plugins are described by the same record. ``params`` and ``build`` may be given as ``"module:Attr"``:
then nothing is imported before the part is used, so that listing and validating load no heavy library.
"""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from marketsim.core.params import Params
from marketsim.extension.kinds import KINDS, WITHOUT_PARAMETERS

Build = Callable[..., Any]

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
        "income",
        "owners",
        "strategy",
        "devices",
    }
)
"""Keys of an agent in a scenario; a device is such a key too, so it cannot carry one of these names."""

RESERVED_GAME_NAMES: Final = frozenset({"days", "prices", "quantities", "charges", "agents", "ratings"})
"""Settings of the market game, which older scenarios wrote where a game is named now."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A part under the name by which scenarios choose it."""

    kind: str
    """A word of ``kinds.KINDS``."""
    name: str
    """Lower-case letters, digits and ``_``."""
    build: Build | str
    """What builds the part, called as its kind says, or where it is (``"package.module:build"``)."""
    params: type[Params] | str = Params
    """Model of its parameters, or where it is; ``Params`` itself: it takes none."""
    summary: str = ""
    """One line for ``marketsim plugins list``."""
    traits: frozenset[str] = frozenset()
    """Facts that validation needs before anything is built; which there are stands at each kind."""
    extra: str = ""
    """Extra of the package to install if a library is missing."""
    kernels: tuple[str, ...] = ()
    """Modules of compiled functions that the part needs in any case: the first run on a machine compiles them side by side
    with others. Of built-in parts alone; a gate's are those for radial feeders."""
    source: str = ""
    """Who registered it; filled in by the registry."""


def faults(entry: object) -> list[str]:
    """What is wrong with an entry, as far as can be told without importing anything."""
    if not isinstance(entry, Entry):
        return [f"each item must be an Entry, not {type(entry).__name__}"]
    if not isinstance(entry.kind, str) or entry.kind not in KINDS:
        close = get_close_matches(str(entry.kind), KINDS, n=1)
        known = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(KINDS)}"
        return [f"there is no kind {entry.kind!r}; {known}"]
    return [*_name_faults(entry), *_params_faults(entry), *_build_faults(entry), *_word_faults(entry)]


def place_of(build: object) -> tuple[str, int]:
    """File and line of what builds a part, a function or a class; empty and 0 where that cannot be told."""
    if inspect.isclass(build):
        build = vars(build).get("__init__", build)
    code = getattr(build, "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code is not None else ("", 0)


def _name_faults(entry: Entry) -> list[str]:
    name = entry.name
    if not isinstance(name, str) or not _NAME.fullmatch(name) or keyword.iskeyword(name):
        return [f"the name {name!r} must be lower-case letters, digits and '_', beginning with a letter"]
    if entry.kind == "device" and name in RESERVED_DEVICE_NAMES:
        return [f"the device name {name!r} is already a key of every agent in a scenario"]
    if entry.kind == "game" and name in RESERVED_GAME_NAMES:
        return [f"the game name {name!r} is already a setting of the market game in scenarios of older versions"]
    return []


def _params_faults(entry: Entry) -> list[str]:
    params = entry.params
    if entry.kind in WITHOUT_PARAMETERS and params is not Params:
        return [f"a part of the kind {entry.kind} has no parameters of its own"]
    if isinstance(params, str):
        return [] if _REFERENCE.fullmatch(params) else [f"params {params!r} must read 'module:Attribute'"]
    return params_class_faults(params)


def params_class_faults(params: object) -> list[str]:
    """What is wrong with the parameter model itself."""
    if isinstance(params, type) and issubclass(params, Params):
        return []
    return [f"params must be a subclass of marketsim.core.params.Params, not {params!r}"]


def _build_faults(entry: Entry) -> list[str]:
    if isinstance(entry.build, str):
        known = _REFERENCE.fullmatch(entry.build)
        return [] if known else [f"build {entry.build!r} must read 'module:attribute'"]
    return call_faults(entry.kind, entry.build)


def _word_faults(entry: Entry) -> list[str]:
    found: list[str] = (
        [] if isinstance(entry.summary, str) else [f"the summary must be one line of text, not {entry.summary!r}"]
    )
    if entry.kernels and not all(module.startswith("marketsim.") for module in entry.kernels):
        found.append("kernels are modules of the package: those of a plugin are compiled when it imports them")
    words = entry.traits
    if not isinstance(words, frozenset | set) or not all(isinstance(word, str) for word in words):
        return [*found, f"traits must be a set of words, not {words!r}"]
    known = KINDS[entry.kind].traits
    can_be = f"the kind {entry.kind} has {', '.join(known)}" if known else f"the kind {entry.kind} has none"
    return [*found, *(f"there is no trait {word!r}; {can_be}" for word in sorted(words) if word not in known)]


def call_faults(kind: str, build: object) -> list[str]:
    """Whether ``build`` can be called as its kind demands."""
    shape = KINDS[kind].shape
    if not callable(build):
        return [f"build must be callable as {shape}, not {build!r}"]
    try:
        inspect.signature(build).bind(*KINDS[kind].call)
    except TypeError as error:
        return [f"{getattr(build, '__name__', build)!r} must be callable as {shape}: {error}"]
    except ValueError:
        # Some callables written in C do not tell their signature; they show at the first call.
        return []
    return []
