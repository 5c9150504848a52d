"""Walls around the parts of plugins: what goes in is read-only, what comes out is looked at, what fails is theirs.

A wall is made once, when a part is built, from what the part has: every public method is called under watch, and those of
its port are held to the rules of its kind. Built-in parts have no wall.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, wraps
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar, cast

from marketsim.core import watch
from marketsim.core.blame import place_of, raised_by_package, said
from marketsim.core.clock import SlotTime
from marketsim.core.decision_rules import DECISION_RULES
from marketsim.core.errors import BY_CHECK, BY_LAW, InputError, LawBroken, MarketsimError, RunError, ValidationMismatch
from marketsim.core.expert_rules import EXPERT_RULES
from marketsim.core.interrupts import is_interrupt
from marketsim.core.metric_rules import METRIC_RULES, declared_kpis
from marketsim.core.ports import declared
from marketsim.core.read_only import read_only
from marketsim.core.records import Forecast
from marketsim.core.rule_terms import Call, Declared, Rule, Sizes, Wrong
from marketsim.core.wall_rules import DECLARED, RULES
from marketsim.core.world import World

HELD: Final[Mapping[str, Mapping[str, Rule]]] = {
    **RULES,
    "strategy": DECISION_RULES,
    "metric": METRIC_RULES,
    "expert": EXPERT_RULES,
}
"""What methods return is held to, by kind and method; kinds whose records are not the core's bring rules of their own."""
_DECLARED: Final[Mapping[str, Declared]] = {**DECLARED, "metric": declared_kpis}
"""What parts declare when they are built, which stays so, by kind."""

P = ParamSpec("P")
R = TypeVar("R")
_LONG: Final = frozenset((("learner", "train"), ("importer", "read")))
"""Calls that take as long as they take."""


class Owner(NamedTuple):
    """Whose part it is, as messages tell it."""

    plugin: str
    kind: str
    name: str
    file: str = ""
    line: int = 0
    """Of what builds the part."""

    def __str__(self) -> str:
        return f"plugin {self.plugin}: {self.kind} {self.name!r}"

    @property
    def placed(self) -> str:
        """The same, with the line that builds the part."""
        return f"{self}, {self.file}:{self.line}" if self.file else str(self)


class PluginFault(RunError):
    """What a plugin did wrong while the simulation ran; ``at`` adds when."""

    def __init__(self, who: Owner, method: str, rule: str, place: tuple[str, int], when: str = "") -> None:
        self._told = who, method, rule, place
        at = f" ({place[0]}:{place[1]})" if place[0] else ""
        super().__init__(f"{who} failed in {method}{when}: {rule}{at}")
        self.dated = bool(when)

    def at(self, when: str) -> PluginFault:
        """The same, told with when it was, such as `` of episode 3, slot 5``."""
        return self if self.dated or not when else PluginFault(*self._told, when)


def _when(time: SlotTime) -> str:
    return f" of slot {time.slot} ({time.begins:%Y-%m-%d %H:%M})"


class Wall:
    """What stands in for a part of a plugin; ``walled`` makes it. What the part has beside methods is handed on."""

    def __init__(self, part: Any, who: Owner, sizes: Sizes, rules: Mapping[str, Rule]) -> None:
        self._part, self._who, self._sizes, self._rules = part, who, sizes, rules
        self._declared = _DECLARED[who.kind](part, sizes) if who.kind in _DECLARED else {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_part"], name)

    def _ask(self, method: str, arguments: tuple[Any, ...], more: Mapping[str, Any]) -> Any:
        own = getattr(self._part, method)
        with self._blamed(method, arguments, own):
            with self._watched(method):
                result = own(*map(read_only, arguments), **{name: read_only(each) for name, each in more.items()})
            rule = self._rules.get(method)
            return result if rule is None else rule(Call(self, (*arguments, *more.values()), result, self._sizes))

    def _watched(self, method: str) -> AbstractContextManager[None]:
        if (self._who.kind, method) in _LONG:
            return nullcontext()
        return watch.watched(f"{self._who}, {method},", self._who.file)

    def _time(self, arguments: tuple[Any, ...]) -> str:
        """When a call is, where its arguments tell."""
        for given in arguments:
            inputs = getattr(given, "inputs", given)
            time = inputs if isinstance(inputs, SlotTime) else getattr(inputs, "time", None)
            if isinstance(time, SlotTime):
                return _when(time)
        return ""

    def _place(self, own: Any) -> tuple[str, int]:
        """Where a method is written; where the package wrote it, where the part is built."""
        function = own if inspect.isroutine(own) else type(own).__call__
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is None or (self._who.file and code.co_filename != self._who.file):
            return self._who.file, self._who.line
        return code.co_filename, code.co_firstlineno

    def _written(self, method: str) -> tuple[str, int]:
        """Where a method or a property is written."""
        static = inspect.getattr_static(self._part, method, None)
        return self._place(static.fget if isinstance(static, property) else getattr(self._part, method, None))

    def _blamed(self, method: str, arguments: tuple[Any, ...], own: Any) -> _Blamed:
        return _Blamed(self._who, method, lambda: self._place(own), lambda: self._time(arguments))


class _Blamed:
    """Turns what a plugin raises, or returns against a rule, into its fault, an exit included; an interrupt is nobody's."""

    def __init__(
        self, who: Owner, method: str, written: Callable[[], tuple[str, int]], when: Callable[[], str]
    ) -> None:
        self._who, self._method, self._written, self._when = who, method, written, when

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if error is None or isinstance(error, PluginFault) or is_interrupt(error):
            return
        if isinstance(error, Wrong):
            raise PluginFault(self._who, self._method, str(error), self._written(), self._when()) from None
        if isinstance(error, RunError) and not isinstance(error, LawBroken) and raised_by_package(error):
            return  # a power flow without a solution, a full disk: not of the plugin's making
        if isinstance(error, KeyError) and self._who.kind == "forecast" and self._method == "series":
            return  # there is no such series, which the port provides for
        if isinstance(error, InputError) and self._who.kind == "learner" and raised_by_package(error):
            return  # what a learner cannot play or resume is the user's choice
        if isinstance(error, InputError) and self._who.kind == "importer":
            return  # what is wrong with the data of a source, whoever says it
        rule = said(error)
        file, line = place_of(error, self._who.file)
        place = (file, line) if line else self._written()
        raise PluginFault(self._who, self._method, rule, place, self._when()) from error


def walled(part: Any, who: Owner, sizes: Sizes, port: Iterable[str], rules: Mapping[str, Rule] | None = None) -> Any:
    """``part`` behind its wall; what its ``port`` declares is there also where the part makes it up when asked.

    ``rules`` by method; None: those of ``HELD`` for its kind.
    """
    watch.start()
    static = {name: inspect.getattr_static(part, name, None) for name in dir(part) if not name.startswith("_")}
    methods = {name for name, item in static.items() if callable(item) or isinstance(item, staticmethod | classmethod)}
    if who.kind == "settlement" and callable(part):
        methods.add("__call__")
    made_up = {name for name in port if name not in static and name != "__call__" and hasattr(part, name)}
    methods |= {name for name in made_up if callable(getattr(part, name))}
    data = frozenset({*static, *made_up}) - methods
    wall = _wall_class(cast("Any", type(part)), frozenset(methods), data)(
        part, who, sizes, HELD.get(who.kind, {}) if rules is None else rules
    )
    if who.kind == "profile":
        wall.forecast = _walled_forecasts(wall.forecast, who, sizes)
    return wall


def held(part: Any, method: str, rule: Callable[[Any], R], call: Callable[[], Any], when: str = "") -> R:
    """What ``call`` brings, which is ``method`` of a part behind its wall, by a rule; PluginFault with ``when`` it was."""
    wall = cast("Wall", part)
    try:
        with _Blamed(wall._who, method, lambda: wall._written(method), lambda: when):
            return rule(call())
    except PluginFault as fault:
        dated = fault.at(when)
        if dated is fault:
            raise
        raise dated from fault.__cause__


def _walled_forecasts(forecast: Callable[..., Any], who: Owner, sizes: Sizes) -> Callable[..., Any]:
    def made(time: SlotTime, agents: Any) -> Any:
        return walled(
            forecast(time, agents),
            who._replace(kind="forecast"),
            sizes._replace(n_agents=len(agents), names=()),
            declared(Forecast),
        )

    return made


@cache
def _wall_class(kind: type, methods: frozenset[str], data: frozenset[str]) -> Any:
    """A subclass of ``Wall`` with these methods and attributes, so that protocols find in the wall what the part has."""

    def method(name: str) -> Callable[..., Any]:
        def ask(self: Wall, *arguments: Any, **more: Any) -> Any:
            return self._ask(name, arguments, more)

        ask.__name__ = name
        return ask

    def attribute(name: str) -> property:
        return property(lambda self: self._declared[name] if name in self._declared else getattr(self._part, name))

    members: dict[str, Any] = {name: method(name) for name in methods}
    members |= {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return type("Wall", (Wall,), members | {name: attribute(name) for name in data})


def blaming(function: Callable[P, R]) -> Callable[P, R]:
    """A stage of a slot, called with world and state first, that tells of faults when they happened and whose they may be.

    What plugins bring is checked on its own, and may still break a law together with everything else: in a simulation with
    parts of plugins, those are suspected, not the program.
    """

    @wraps(function)
    def stage(*arguments: P.args, **more: P.kwargs) -> R:
        try:
            return function(*arguments, **more)
        except PluginFault as fault:
            world, state = cast("tuple[World, Any]", arguments[:2])
            dated = fault.at(_when(world.clock.at(state.slot)))
            if dated is fault:
                raise
            raise dated from fault.__cause__
        except Exception as error:
            world, state = cast("tuple[World, Any]", arguments[:2])
            if not _is_suspicious(error, world.suspects):
                raise
            raise suspected(error, world.suspects, _when(world.clock.at(state.slot))) from error

    return stage


@contextmanager
def suspecting(suspects: tuple[str, ...]) -> Iterator[None]:
    """The same for what is done with slots that are simulated, such as checking them."""
    try:
        yield
    except Exception as error:
        if not _is_suspicious(error, suspects):
            raise
        raise suspected(error, suspects, "") from error


def _is_suspicious(error: Exception, suspects: tuple[str, ...]) -> bool:
    """Whether an error in a simulation with parts of plugins may be theirs, and none has been named yet."""
    if not suspects or is_interrupt(error) or (isinstance(error, RunError) and error.suspects):
        return False
    return isinstance(error, LawBroken | ValidationMismatch) or not isinstance(error, MarketsimError)


def suspected(error: Exception, suspects: tuple[str, ...], when: str) -> RunError:
    """A law broken, or an error in the program, in a simulation with parts of plugins."""
    listed = ", ".join(suspects)
    if isinstance(error, LawBroken | ValidationMismatch):
        what = str(error).removesuffix(BY_LAW).removesuffix(BY_CHECK)
        made: RunError = type(error)(f"{what}; the suspects are parts of plugins: {listed}")
    else:
        what = said(error)
        made = RunError(f"the simulation failed in the course{when}: {what}; the suspects are: {listed}")
    made.suspects = suspects
    return made
