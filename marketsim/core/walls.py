"""Walls around the parts of plugins: what goes in is read-only, what comes out is looked at, what fails is theirs.

A wall is made once, when a part is built, from what the part has: every public method is called under watch, and those of
its port are held to the rules of ``wall_rules``. Built-in parts have no wall.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
from types import MappingProxyType
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

import numpy as np

from marketsim.core import watch
from marketsim.core.blame import place_of, raised_by_package
from marketsim.core.clock import SlotTime
from marketsim.core.errors import LawBroken, MarketsimError, RunError
from marketsim.core.interrupts import is_interrupt
from marketsim.core.ports import declared
from marketsim.core.records import Forecast, Observations
from marketsim.core.wall_rules import RULES, Call, Sizes, Wrong
from marketsim.core.world import World

P = ParamSpec("P")
R = TypeVar("R")


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


class PluginFault(RunError):
    """What a plugin did wrong while the simulation ran; ``of_slot`` adds when."""

    def __init__(self, who: Owner, method: str, rule: str, place: tuple[str, int], when: str = "") -> None:
        self._told = who, method, rule, place
        at = f" ({place[0]}:{place[1]})" if place[0] else ""
        super().__init__(f"{who} failed in {method}{when}: {rule}{at}")
        self.dated = bool(when)

    def of_slot(self, time: SlotTime) -> PluginFault:
        """The same, with slot and time."""
        return self if self.dated else PluginFault(*self._told, _when(time))


def _when(time: SlotTime) -> str:
    return f" of slot {time.slot} ({time.begins:%Y-%m-%d %H:%M})"


def read_only(value: Any) -> Any:
    """The same value, its arrays as views that cannot be written to; records, tuples, lists and mappings are looked into."""
    if isinstance(value, np.ndarray):
        if not value.flags.writeable:
            return value
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, tuple):
        if type(value) is SlotTime:
            return value
        inner = [read_only(each) for each in value]
        if all(new is old for new, old in zip(inner, value, strict=True)):
            return value
        made = type(value)(*inner) if hasattr(value, "_fields") else tuple(inner)
        if isinstance(made, Observations):
            return made._replace(forecast=ReadForecast(made.forecast))
        return made
    if type(value) is list:
        return [read_only(each) for each in value]
    if type(value) is dict:
        return MappingProxyType({key: read_only(each) for key, each in value.items()})
    return value


class ReadForecast:
    """A forecast whose answers cannot be written to: a source may keep what it hands out."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)

    def series(self, name: str, horizon: int) -> Any:
        """As of the forecast."""
        return read_only(self._made.series(name, horizon))

    def tariffs(self, horizon: int) -> Any:
        """As of the forecast."""
        return read_only(self._made.tariffs(horizon))


class Wall:
    """What stands in for a part of a plugin; ``walled`` makes it. What the part has beside methods is handed on."""

    def __init__(self, part: Any, who: Owner, sizes: Sizes) -> None:
        self._part, self._who, self._sizes = part, who, sizes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_part"], name)

    def _ask(self, method: str, arguments: tuple[Any, ...], more: Mapping[str, Any]) -> Any:
        own = getattr(self._part, method)
        with watch.watched(f"{self._who}, {method},", self._who.file), self._blamed(method, arguments):
            result = own(*map(read_only, arguments), **{name: read_only(each) for name, each in more.items()})
        rule = RULES.get(self._who.kind, {}).get(method)
        if rule is None:
            return result
        try:
            return rule(Call(self._part, (*arguments, *more.values()), result, self._sizes))
        except Wrong as wrong:
            raise PluginFault(self._who, method, str(wrong), self._place(own), self._time(arguments)) from None

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

    def _blamed(self, method: str, arguments: tuple[Any, ...]) -> _Blamed:
        return _Blamed(self._who, method, lambda: self._time(arguments))


class _Blamed:
    """Turns what a plugin raises into its fault, an exit included; an interrupt is nobody's."""

    def __init__(self, who: Owner, method: str, when: Callable[[], str]) -> None:
        self._who, self._method, self._when = who, method, when

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if error is None or isinstance(error, PluginFault) or is_interrupt(error):
            return
        if isinstance(error, RunError) and not isinstance(error, LawBroken) and raised_by_package(error):
            return  # a power flow without a solution, a full disk: not of the plugin's making
        if isinstance(error, KeyError) and self._who.kind == "forecast" and self._method == "series":
            return  # there is no such series, which the port provides for
        rule = f"{type(error).__name__}: {error}"
        raise PluginFault(self._who, self._method, rule, place_of(error, self._who.file), self._when()) from error


def walled(part: Any, who: Owner, sizes: Sizes, port: Iterable[str]) -> Any:
    """``part`` behind its wall; what its ``port`` declares is there also where the part makes it up when asked."""
    watch.start()
    static = {name: inspect.getattr_static(part, name, None) for name in dir(part) if not name.startswith("_")}
    methods = {name for name, item in static.items() if callable(item) or isinstance(item, staticmethod | classmethod)}
    if who.kind == "settlement" and callable(part):
        methods.add("__call__")
    made_up = {name for name in port if name not in static and name != "__call__" and hasattr(part, name)}
    methods |= {name for name in made_up if callable(getattr(part, name))}
    data = frozenset({*static, *made_up}) - methods
    wall = _wall_class(cast("Any", type(part)), frozenset(methods), data)(part, who, sizes)
    if who.kind == "profile":
        wall.forecast = _walled_forecasts(wall.forecast, who, sizes)
    return wall


def owner_of(part: Any) -> str:
    """Whose part stands behind a wall, with the line that builds it."""
    who: Owner = part._who
    return f"{who}, {who.file}:{who.line}" if who.file else str(who)


def _walled_forecasts(forecast: Callable[..., Any], who: Owner, sizes: Sizes) -> Callable[..., Any]:
    def made(time: SlotTime, agents: Any) -> Any:
        return walled(
            forecast(time, agents),
            who._replace(kind="forecast"),
            Sizes(len(agents), sizes.n_markets),
            declared(Forecast),
        )

    return made


@cache
def _wall_class(kind: type, methods: frozenset[str], data: frozenset[str]) -> Callable[[Any, Owner, Sizes], Any]:
    """A class with these methods and attributes, so that protocols find in the wall what the part has."""

    def method(name: str) -> Callable[..., Any]:
        def ask(self: Wall, *arguments: Any, **more: Any) -> Any:
            return self._ask(name, arguments, more)

        ask.__name__ = name
        return ask

    def attribute(name: str) -> property:
        return property(lambda self: getattr(self._part, name))

    members: dict[str, Any] = {name: method(name) for name in methods}
    members |= {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    made: Any = type("Wall", (Wall,), members | {name: attribute(name) for name in data})
    return cast("Callable[[Any, Owner, Sizes], Any]", made)


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
            dated = fault.of_slot(world.clock.at(state.slot))
            if dated is fault:
                raise
            raise dated from fault.__cause__
        except Exception as error:
            world, state = cast("tuple[World, Any]", arguments[:2])
            ours = isinstance(error, MarketsimError) and not isinstance(error, LawBroken)
            if ours or not world.suspects or is_interrupt(error):
                raise
            raise suspected(error, world.suspects, _when(world.clock.at(state.slot))) from error

    return stage


def suspected(error: Exception, suspects: tuple[str, ...], when: str) -> RunError:
    """A law broken, or an error in the program, in a simulation with parts of plugins."""
    if isinstance(error, LawBroken):
        what = str(error).replace("; this is a fault of the program", "")
        return LawBroken(f"{what}; the suspects are parts of plugins: {', '.join(suspects)}")
    what = f"{type(error).__name__}: {error}"
    return RunError(f"the simulation failed in the course{when}: {what}; the suspects are: {', '.join(suspects)}")
