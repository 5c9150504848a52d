"""Import on demand, with errors that say what to install or which line of the plugin is wrong."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final

from marketsim.core import watch
from marketsim.core.blame import place_of, said
from marketsim.core.errors import MissingDependency, PluginError, Problem
from marketsim.core.interrupts import is_interrupt

EXTRA_OF_LIBRARY: Final = {
    "torch": "learn",
    "ollama": "learn",
    "pettingzoo": "learn",
    "gymnasium": "learn",
    "cvxpy": "experts-code",
    "ray": "ray",
    "simbench": "simbench",
}
"""Extra of the package that brings each optional library."""


def load(reference: str, who: str, extra: str = "") -> object:
    """The object behind ``"module:attribute"``.

    ``who`` names the part in messages, e.g. ``strategy 'ppo' of my_plugin``. Raises MissingDependency where a library
    of an extra is not installed, PluginError for everything else that goes wrong.
    """
    module_name, _, attribute = reference.partition(":")
    with explained(who, f"{who}: {reference} cannot be imported", extra):
        module = _imported(module_name, who)
    try:
        return getattr(module, attribute)
    except AttributeError:
        hint = f"{module_name} defines {', '.join(public_names(module)) or 'no public names'}"
        raise PluginError([Problem(f"{who}: {module_name} has no {attribute}", hint=hint)]) from None


@contextmanager
def explained(who: str, failed: str, extra: str = "", own_file: str = "") -> Iterator[None]:
    """What goes wrong while code of ``who`` is imported: a library that is not there, else a problem that ``failed`` names.

    Raises MissingDependency and PluginError as ``load`` does; interrupts go their way.
    """
    try:
        yield
    except ImportError as error:
        raise import_failure(error, who, extra, own_file) from error
    except BaseException as error:
        if is_interrupt(error):
            raise
        raise PluginError([failure(error, failed, own_file)]) from error


def _imported(name: str, who: str) -> ModuleType:
    """A module, its import watched where it is none of the package: those compile kernels, which may take long."""
    if name.partition(".")[0] == "marketsim":
        return importlib.import_module(name)
    watch.start()
    with watch.watched(f"{who}, its import,", ""):
        return importlib.import_module(name)


def import_failure(
    error: ImportError, who: str, extra: str = "", own_file: str = ""
) -> MissingDependency | PluginError:
    """The error to raise for a failed import: an extra to install if the library belongs to one."""
    library = (error.name or "").partition(".")[0]
    wanted = extra or EXTRA_OF_LIBRARY.get(library, "")
    absent = isinstance(error, ModuleNotFoundError)
    if absent and wanted and library != "marketsim":
        return MissingDependency(library, wanted, who)
    hint = f"pip install {library}, if this is its name" if absent and library and library != "marketsim" else ""
    return PluginError([failure(error, f"{who} cannot be imported", own_file, hint)])


def failure(error: BaseException, what: str, own_file: str = "", hint: str = "") -> Problem:
    """An exception of foreign code as a problem at the line of that code."""
    file, line, column = _place(error, own_file)
    return Problem(f"{what}: {said(error)}", hint=hint, file=file, line=line, column=column)


def _place(error: BaseException, own_file: str) -> tuple[str, int, int]:
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 0, error.offset or 0
    return (*place_of(error, own_file), 0)


def public_names(module: object) -> list[str]:
    """Names in a module that a reference could have meant, at most ten."""
    return [name for name in vars(module) if not name.startswith("_")][:10]
