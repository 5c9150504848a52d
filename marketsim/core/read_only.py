"""Records as plugins get them: the same numbers, in arrays that cannot be written to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any, overload

import numpy as np

from marketsim.core.build import BuildContext, GridInfo
from marketsim.core.clock import SlotTime
from marketsim.core.records import Observations


def read_only(value: Any) -> Any:
    """The same value, its arrays as views that cannot be written to.

    Records, frozen dataclasses, tuples, lists and mappings are looked into, and what answers questions of a simulation
    (forecasts, the tariff) gives answers that are read-only, too.
    """
    if isinstance(value, np.ndarray):
        return _view(value)
    if isinstance(value, tuple):
        return value if type(value) is SlotTime else _items(value)
    if type(value) is list:
        return [read_only(each) for each in value]
    if type(value) is dict:
        return MappingProxyType({key: read_only(each) for key, each in value.items()})
    frozen = getattr(type(value), "__dataclass_params__", None)
    return _fields(value) if frozen is not None and frozen.frozen else value


def _view(array: Any) -> Any:
    if not array.flags.writeable:
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def _items(value: tuple[Any, ...]) -> Any:
    if isinstance(value, Observations):
        value = value._replace(forecast=Answers(value.forecast), pool=value.pool and Answers(value.pool))
    inner = [read_only(each) for each in value]
    if all(new is old for new, old in zip(inner, value, strict=True)):
        return value
    return type(value)(*inner) if hasattr(value, "_fields") else tuple(inner)


def _fields(value: Any) -> Any:
    """A frozen dataclass; of what a factory gets to know, also what its members answer."""
    seen = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
    kept = {name: read_only(each) for name, each in seen.items()}
    if isinstance(value, BuildContext) and value.tariff is not None:
        kept["tariff"] = Answers(value.tariff)
    if isinstance(value, GridInfo):
        kept["distances"] = lambda: read_only(value.distances())
        kept["taps"] = None if value.taps is None else Live(value.taps)
    changed = {name: each for name, each in kept.items() if each is not seen[name]}
    return replace(value, **changed) if changed else value


class Answers:
    """Something whose methods answer with records that cannot be written to: it may keep what it hands out."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # of a copy that is being made, which has nothing yet
        found = getattr(self.__dict__["_made"], name)
        if not callable(found):
            return read_only(found)
        return lambda *arguments, **more: read_only(found(*arguments, **more))


class Live(Sequence[Any]):
    """A list that goes on growing, to be read alone."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = items

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Any]: ...
    def __getitem__(self, place: int | slice) -> Any:
        return self._items[place]

    def __len__(self) -> int:
        return len(self._items)
