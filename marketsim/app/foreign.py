"""Parts of plugins while they are built: watched, handed read-only records, named where they fail, looked at when made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from marketsim.builtin import SOURCE
from marketsim.core import watch
from marketsim.core.blame import place_of, raised_by_package, said
from marketsim.core.errors import InputError, MarketsimError, PluginError, Problem
from marketsim.core.interrupts import is_interrupt
from marketsim.core.ports import declared, lacking, uncallable, untaken
from marketsim.core.read_only import read_only
from marketsim.core.rule_terms import Sizes, Wrong
from marketsim.core.walls import Owner, walled
from marketsim.extension.entry import place_of as written_at
from marketsim.extension.registry import Registry
from marketsim.fairness.critic_rules import CRITIC_RULES

_TOLD_ALL: Final = frozenset(("reactive",))
"""Kinds whose parts may be called with every argument that their port declares, also those that can be left out."""


_RULES: Final = {"critic": CRITIC_RULES}
"""Rules of kinds whose records are not the core's."""


def owner(registry: Registry, kind: str, name: str) -> Owner | None:
    """Whose part it is; None: it comes with the package."""
    source = registry.entry(kind, name).source
    return None if source == SOURCE else Owner(source, kind, name, *written_at(registry.builder(kind, name)))


def made_by(who: Owner, build: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What the factory of a plugin makes; PluginError names it and its line where it fails.

    ``arguments`` are handed on read-only.
    """
    with named(who, "cannot be built"), watch.watched(f"{who}, build,", who.file):
        return build(*map(read_only, arguments))


def behind_wall(part: Any, who: Owner, sizes: Sizes, port: type | None, walls: type | None) -> Any:
    """A plugin's part as the simulation gets it; PluginError where it has not all that its ``port`` declares.

    ``walls`` declares what may be called on it, behind a wall; None: it has none.
    """
    with named(who, "cannot be used"):
        if port is not None:
            for what in _short_of(port, part, who.kind):
                why = f"{type(part).__name__} {what}, which the port {port.__name__} declares"
                raise fault(who, why, f"see {port.__module__}.{port.__name__}")
        try:
            return part if walls is None else walled(part, who, sizes, declared(walls), _RULES.get(who.kind))
        except Wrong as wrong:
            raise fault(who, str(wrong)) from None


def _short_of(port: type, part: object, kind: str) -> Iterator[str]:
    """What a part has not of its port, the worst first."""
    missing = lacking(port, part)
    if missing:
        yield f"has no {', '.join(missing)}"
    dumb = uncallable(port, part)
    if dumb:
        yield f"has {', '.join(dumb)} as no method"
    deaf = untaken(port, part) if kind in _TOLD_ALL else []
    if deaf:
        yield f"cannot be called as {', '.join(deaf)}"


def fault(who: Owner, what: str, hint: str = "") -> PluginError:
    """What is wrong with a plugin's part before the simulation runs, at the line that builds it."""
    return PluginError([Problem(f"{who}: {what}", hint=hint, file=who.file, line=who.line)])


@contextmanager
def named(who: Owner, what: str) -> Iterator[None]:
    """Turn whatever a plugin raises into a PluginError, at the plugin's line; what the package says of inputs stays so."""
    watch.start()
    try:
        yield
    except BaseException as error:
        ours = isinstance(error, InputError) or (isinstance(error, MarketsimError) and raised_by_package(error))
        if ours or is_interrupt(error):
            raise
        file, line = place_of(error, who.file)
        place = (file, line) if line else (who.file, who.line)
        message = f"{who} {what}: {said(error)}"
        raise PluginError([Problem(message, file=place[0], line=place[1])]) from error
