"""The registry: every part that a scenario can name, built-in or of a plugin, by kind and name.

There is no registry of the module: ``new_registry()`` makes one, whoever needs it hands it on. It answers while a
scenario is validated and a simulation built; afterwards only plain objects are left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, cast

import pluggy

from marketsim.core.errors import PluginError, Problem
from marketsim.core.params import Params
from marketsim.extension import hookspecs, lazy
from marketsim.extension.entry import KINDS, Entry, Factory, call_faults, faults, params_class_faults


class Registry:
    """Parts by kind and name. A name is taken once; nothing is overwritten and nothing is swallowed."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)

    def add(self, kind: str, entry: Entry, source: str) -> Entry:
        """Register one part and return it as filed; PluginError if it is malformed or its name is taken."""
        problems = [Problem(f"plugin {source}: {kind}: {fault}") for fault in faults(kind, entry)]
        problems = problems or self._clashes(kind, entry, source)
        if problems:
            raise PluginError(problems)
        filed = replace(entry, kind=kind, source=source)
        self._entries[kind][entry.name] = filed
        return filed

    def register(self, plugin: object, name: str, file: str = "") -> tuple[Entry, ...]:
        """Take in all parts of a plugin (a module or an object with hooks), or none of them.

        ``name`` is how messages and ``marketsim plugins`` call it, ``file`` where its code is. Raises PluginError with
        everything that is wrong: hooks that do not exist or take other arguments, returns of the wrong type,
        factories of the wrong signature, names that are taken.
        """
        problems = _hook_problems(self._manager, plugin, name, file)
        if problems:
            raise PluginError(problems)
        try:
            self._manager.register(plugin, name)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError([Problem(f"plugin {name}: {error}", file=file)]) from error
        try:
            return self._file_all(plugin, name, file)
        except Exception:
            self._manager.unregister(plugin)
            raise

    def _file_all(self, plugin: object, name: str, file: str) -> tuple[Entry, ...]:
        offered: list[tuple[str, str, Entry]] = []
        problems: list[Problem] = []
        for hook, result in _call_hooks(self._manager, plugin, name, file):
            kind = hookspecs.KIND_OF_HOOK[hook]
            found, wrong = _entries(result, kind)
            offered += [(hook, kind, entry) for entry in found]
            problems += [Problem(f"plugin {name}: {hook}: {fault}", file=file) for fault in wrong]
        names = [(kind, entry.name) for _, kind, entry in offered]
        for position, (hook, kind, entry) in enumerate(offered):
            clashes = self._clashes(kind, entry, name)
            if names[position] in names[:position]:
                clashes = [Problem(f"{kind} {entry.name!r} is brought twice")]
            head = f"plugin {name}: {hook}"
            problems += [clash._replace(message=f"{head}: {clash.message}", file=file) for clash in clashes]
        if problems:
            raise PluginError(problems)
        return tuple(self.add(kind, entry, name) for _, kind, entry in offered)

    def _clashes(self, kind: str, entry: Entry, source: str) -> list[Problem]:
        taken = self._entries[kind].get(entry.name)
        if taken is None:
            return []
        hint = f"give the one of {source} another name"
        return [Problem(f"{kind} {entry.name!r} is already registered by {taken.source}", hint=hint)]

    def names(self, kind: str) -> tuple[str, ...]:
        """Names registered for a kind, in order of registration; PluginError for an unknown kind."""
        return tuple(self._of(kind))

    def entries(self, kind: str | None = None) -> tuple[Entry, ...]:
        """Everything registered, or everything of a kind, in order of registration."""
        kinds = KINDS if kind is None else (kind,)
        return tuple(entry for each in kinds for entry in self._of(each).values())

    def plugins(self) -> tuple[str, ...]:
        """Names of the registered plugins."""
        return tuple(name for name, _ in self._manager.list_name_plugin())

    def entry(self, kind: str, name: str) -> Entry:
        """The part of a name; PluginError with the nearest names if there is none."""
        known = self._of(kind)
        if name not in known:
            raise PluginError([_unknown(f"{kind} named {name!r}", name, known)])
        return known[name]

    def params(self, kind: str, name: str) -> type[Params]:
        """Parameter model of a part, imported now if it was given by reference."""
        entry = self.entry(kind, name)
        found = self._resolve(entry, entry.params)
        self._check(entry, params_class_faults(found))
        return cast("type[Params]", found)

    def factory(self, kind: str, name: str) -> Factory:
        """Factory of a part, imported now if it was given by reference."""
        entry = self.entry(kind, name)
        found = self._resolve(entry, entry.factory)
        self._check(entry, call_faults(kind, found))
        return cast("Factory", found)

    def traits(self, kind: str, name: str) -> frozenset[str]:
        """Facts about a part that validation needs; see ``Entry.traits``."""
        return self.entry(kind, name).traits

    def _of(self, kind: str) -> Mapping[str, Entry]:
        if kind not in self._entries:
            raise PluginError([_unknown(f"kind of part {kind!r}", kind, self._entries)])
        return self._entries[kind]

    @staticmethod
    def _resolve(entry: Entry, item: Any) -> Any:
        return lazy.load(item, _title(entry), entry.extra) if isinstance(item, str) else item

    @staticmethod
    def _check(entry: Entry, wrong: list[str]) -> None:
        if wrong:
            raise PluginError([Problem(f"{_title(entry)}: {fault}") for fault in wrong])


def new_registry() -> Registry:
    """An empty registry."""
    return Registry()


def _title(entry: Entry) -> str:
    return f"{entry.kind} {entry.name!r} of {entry.source}"


def _unknown(what: str, name: str, known: Iterable[str]) -> Problem:
    names = list(known)
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names) or 'none'}"
    return Problem(f"there is no {what}", hint=hint)


def _hook_problems(manager: pluggy.PluginManager, plugin: object, name: str, file: str) -> list[Problem]:
    """Hooks that do not exist, functions that forgot their mark, and plugins that bring nothing."""
    problems: list[Problem] = []
    marked = 0
    for attribute in dir(plugin):
        is_marked = manager.parse_hookimpl_opts(plugin, attribute) is not None
        marked += is_marked
        if is_marked and attribute not in hookspecs.KIND_OF_HOOK:
            problem = _unknown(f"hook {attribute!r}", attribute, hookspecs.KIND_OF_HOOK)
            problems.append(problem._replace(message=f"plugin {name}: {problem.message}", file=file))
        if not is_marked and attribute in hookspecs.KIND_OF_HOOK:
            message = f"plugin {name}: {attribute} is not marked as a hook"
            problems.append(Problem(message, hint="put @hookimpl above it", file=file))
            marked += 1
    if not marked:
        hint = "mark a function such as marketsim_strategies with @hookimpl and return a list of Entry"
        problems.append(Problem(f"plugin {name} has no hooks", hint=hint, file=file))
    return problems


def _call_hooks(manager: pluggy.PluginManager, plugin: object, name: str, file: str) -> Iterable[tuple[str, object]]:
    """Result of each hook of this plugin alone, in the order of ``KIND_OF_HOOK``."""
    for hook in hookspecs.KIND_OF_HOOK:
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            if implementation.plugin is not plugin:
                continue
            try:
                result = implementation.function()
                yield hook, list(result) if isinstance(result, Iterator) else result
            except Exception as error:
                problem = lazy.failure(error, f"plugin {name}: {hook} failed", own_file=file)
                raise PluginError([problem]) from error


def _entries(result: object, kind: str) -> tuple[list[Entry], list[str]]:
    """The well-formed entries that a hook returned, and what is wrong with the others."""
    if isinstance(result, Entry | str) or not isinstance(result, Iterable):
        return [], [f"must return a list of Entry, not {type(result).__name__}"]
    items = list(result)
    wrong = [_named(item, fault) for item in items for fault in faults(kind, item)]
    return [item for item in items if not faults(kind, item)], wrong


def _named(item: object, fault: str) -> str:
    return f"{item.name!r}: {fault}" if isinstance(item, Entry) else fault
