"""The registry: every part that a scenario can name, built-in or of a plugin, by kind and name.

There is no registry of the module: ``new_registry()`` makes one, whoever needs it hands it on. It answers while a
scenario is validated and a simulation built; afterwards only plain objects are left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeVar, cast

import pluggy

from marketsim.core import watch
from marketsim.core.errors import PluginError, Problem
from marketsim.core.interrupts import is_interrupt
from marketsim.core.params import Params
from marketsim.extension import hookspecs, lazy
from marketsim.extension.entry import Build, Entry, call_faults, faults, params_class_faults, place_of
from marketsim.extension.kinds import KINDS, OLDER_HOOKS

T = TypeVar("T")
R = TypeVar("R")


class Registry:
    """Parts by kind and name. A name is taken once; nothing is overwritten and nothing is swallowed."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)

    def add(self, entry: Entry, source: str) -> Entry:
        """Register one part and return it as filed; PluginError if it is malformed or its name is taken."""
        problems = [Problem(f"plugin {source}: {fault}") for fault in faults(entry)]
        problems = problems or self._clashes(entry, source)
        if problems:
            raise PluginError(problems)
        filed = replace(entry, traits=frozenset(entry.traits), source=source)
        self._entries[entry.kind][entry.name] = filed
        return filed

    def register(self, plugin: object, name: str, file: str = "") -> tuple[Entry, ...]:
        """Take in all parts of a plugin (a module or an object with hooks), or none of them.

        ``name`` is how messages and ``marketsim plugins`` call it, ``file`` where its code is. Raises PluginError with
        everything that is wrong: hooks that do not exist or take other arguments, returns of the wrong type,
        a ``build`` of the wrong signature, names that are taken.
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
        except Exception:  # whatever a plugin's hook raises: all of its parts, or none
            self._manager.unregister(plugin)
            raise

    def _file_all(self, plugin: object, name: str, file: str) -> tuple[Entry, ...]:
        found, problems = _entries(_call_hook(self._manager, plugin, name, file), _Origin.of(plugin, name, file))
        seen: set[tuple[str, str]] = set()
        for entry in found:
            key = entry.kind, entry.name
            clashes = [Problem("it is brought twice")] if key in seen else self._clashes(entry, name)
            seen.add(key)
            origin = _Origin.of(plugin, name, file)
            problems += [origin.problem(entry, clash.message, clash.hint) for clash in clashes]
        if problems:
            raise PluginError(problems)
        return tuple(self.add(entry, name) for entry in found)

    def _clashes(self, entry: Entry, source: str) -> list[Problem]:
        taken = self._entries[entry.kind].get(entry.name)
        if taken is None:
            return []
        hint = f"give the one of {source} another name"
        return [Problem(f"{entry.kind} {entry.name!r} is already registered by {taken.source}", hint=hint)]

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

    def builder(self, kind: str, name: str) -> Build:
        """What builds a part, imported now if it was given by reference."""
        entry = self.entry(kind, name)
        found = self._resolve(entry, entry.build)
        self._check(entry, call_faults(kind, found))
        return cast("Build", found)

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


def all_of(items: Iterable[T], load: Callable[[T], R]) -> tuple[R, ...]:
    """What ``load`` makes of each item; PluginError with every problem of all of them at once."""
    loaded: list[R] = []
    problems: list[Problem] = []
    for item in items:
        try:
            loaded.append(load(item))
        except PluginError as error:
            problems += error.problems
    if problems:
        raise PluginError(problems)
    return tuple(loaded)


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


class _Origin(NamedTuple):
    """Where a plugin's parts come from."""

    name: str
    file: str
    line: int
    """Of its hook; 0 where that cannot be told."""

    @classmethod
    def of(cls, plugin: object, name: str, file: str) -> _Origin:
        code = getattr(getattr(plugin, hookspecs.HOOK, None), "__code__", None)
        if code is None or (file and code.co_filename != file):
            return cls(name, file, 0)
        return cls(name, file or code.co_filename, code.co_firstlineno)

    def problem(self, entry: object, fault: str, hint: str = "") -> Problem:
        """A fault of an entry, at the line of what builds it, else at that of the hook."""
        own_file, own_line = place_of(entry.build) if isinstance(entry, Entry) else ("", 0)
        line = own_line if own_file == self.file else self.line
        what = f"{entry.kind} {entry.name!r}: " if isinstance(entry, Entry) else ""
        return Problem(f"plugin {self.name}: {what}{fault}", hint=hint, file=self.file, line=line)


def _hook_problems(manager: pluggy.PluginManager, plugin: object, name: str, file: str) -> list[Problem]:
    """Hooks that do not exist or no longer do, a function that forgot its mark, and plugins that bring nothing."""
    older = [hook for hook in OLDER_HOOKS if hasattr(plugin, hook)]
    if older:
        return [_renewed(plugin, older, name, file)]
    problems: list[Problem] = []
    marked = [each for each in dir(plugin) if manager.parse_hookimpl_opts(plugin, each) is not None]
    for attribute in marked:
        if attribute != hookspecs.HOOK:
            problem = _unknown(f"hook {attribute!r}", attribute, (hookspecs.HOOK,))
            problems.append(problem._replace(message=f"plugin {name}: {problem.message}", file=file))
    if hookspecs.HOOK not in marked and hasattr(plugin, hookspecs.HOOK):
        message = f"plugin {name}: {hookspecs.HOOK} is not marked as a hook"
        problems.append(Problem(message, hint="put @hookimpl above it", file=file))
    elif not marked:
        hint = f"mark a function {hookspecs.HOOK} with @hookimpl and let it yield an Entry for each part"
        problems.append(Problem(f"plugin {name} has no hooks", hint=hint, file=file))
    return problems


def _renewed(plugin: object, older: list[str], name: str, file: str) -> Problem:
    """How a plugin for the older hooks, one a kind, is written now."""
    code = getattr(getattr(plugin, older[0]), "__code__", None)
    line = code.co_firstlineno if code is not None and code.co_filename == file else 0
    one = "a hook" if len(older) == 1 else "hooks"
    yields = "\n".join(
        f'        yield ms.Entry(kind="{kind}", name=..., build=lambda {", ".join(KINDS[kind].call)}: ..., summary=...)'
        for kind in (OLDER_HOOKS[hook] for hook in older)
    )
    form = f"write it as\n    @ms.hookimpl\n    def {hookspecs.HOOK}():\n{yields}"
    message = (
        f"plugin {name}: {', '.join(older)}: {one} of an older version; parts of every kind come from one hook now"
    )
    return Problem(message, hint=form, file=file, line=line)


def _call_hook(manager: pluggy.PluginManager, plugin: object, name: str, file: str) -> object:
    """What the hook of this plugin alone returns."""
    for implementation in getattr(manager.hook, hookspecs.HOOK).get_hookimpls():
        if implementation.plugin is plugin:
            try:
                with watch.watched(f"plugin {name}, {hookspecs.HOOK},", file):
                    result = implementation.function()
                    return list(result) if isinstance(result, Iterator) else result
            except BaseException as error:
                if is_interrupt(error):
                    raise
                problem = lazy.failure(error, f"plugin {name}: {hookspecs.HOOK} failed", own_file=file)
                raise PluginError([problem]) from error
    return ()


def _entries(result: object, origin: _Origin) -> tuple[list[Entry], list[Problem]]:
    """The well-formed entries that a hook returned, and what is wrong with the others."""
    if isinstance(result, Entry | str) or not isinstance(result, Iterable):
        fault = f"{hookspecs.HOOK} must yield entries or return a list of them, not {type(result).__name__}"
        return [], [origin.problem(None, fault)]
    items = list(result)
    wrong = [origin.problem(item, fault) for item in items for fault in faults(item)]
    return [item for item in items if not faults(item)], wrong
