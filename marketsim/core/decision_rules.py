"""What a plugin's strategy may return: the rules of ``decide`` and ``revise``. All problems of an answer are told at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.records import PV, UTILITY_ONLY_TICKS, Decisions, Fallback, Observations, OrderBatch, Quotes, Side
from marketsim.core.rule_terms import Call, Rule, Wrong, array_of

_MOST: Final = 10**12
"""Largest energy [Wh] and price [ticks] of an order: far beyond any market, far within 64 bits."""
_MOST_KVAR: Final = 1e9
_WHOLE, _TRUTH, _REAL = "iu", "b", "fiu"
"""Kinds of numpy's types."""
_SAID: Final = {_WHOLE: "whole numbers", _TRUTH: "truth values", _REAL: "real numbers"}


def decided(call: Call) -> Decisions:
    """Decisions, in 64-bit integers of one's own; reactive power in 64-bit floats."""
    found, seen = call.result, call.given[0]
    problems = _problems(found, seen, call.sizes.names)
    if problems:
        raise Wrong("; ".join(problems))
    return Decisions(
        dispatch_wh=_whole(found.dispatch_wh),
        marginal_ticks=_whole(found.marginal_ticks),
        absorb=np.array(found.absorb),
        orders=OrderBatch(*(_whole(column) for column in found.orders)),
        kvar=None if found.kvar is None else np.array(found.kvar, dtype=np.float64),
        pv_wh=None if found.pv_wh is None else _whole(found.pv_wh),
    )


def revised(call: Call) -> IntArray:
    """New limit prices."""
    quotes: Quotes = call.given[1]
    price = call.result
    problem = _wrong("its answer", price, (len(quotes.agent),), _WHOLE) or _beyond("each price", price, -_MOST, _MOST)
    if problem:
        raise Wrong(problem)
    return _whole(price)


def _whole(array: IntArray) -> IntArray:
    return np.array(array, dtype=np.int64, order="C")


def _problems(found: Any, seen: Observations, names: tuple[str, ...]) -> list[str]:
    if not isinstance(found, Decisions) or not isinstance(found.orders, OrderBatch):
        return [f"it has to return Decisions with an OrderBatch, not {type(found).__name__}"]
    k, n_devices = len(seen.load_wh), len(seen.ranges)
    malformed = [problem for problem in _malformed(found, k, n_devices) if problem]
    return malformed or [problem for problem in _out_of_range(found, seen, n_devices, names) if problem]


def _malformed(found: Decisions, k: int, n_devices: int) -> Iterator[str]:
    yield _wrong("dispatch_wh", found.dispatch_wh, (n_devices, k), _WHOLE)
    yield _wrong("marginal_ticks", found.marginal_ticks, (n_devices, k), _WHOLE)
    yield _wrong("absorb", found.absorb, (k,), _TRUTH)
    for name, column in found.orders._asdict().items():
        yield _wrong(f"orders.{name}", column, (np.size(found.orders.agent),), _WHOLE)
    if found.kvar is not None:
        yield _wrong("kvar", found.kvar, (k,), _REAL)
    if found.pv_wh is not None:
        yield _wrong("pv_wh", found.pv_wh, (k,), _WHOLE)


def _out_of_range(found: Decisions, seen: Observations, n_devices: int, names: tuple[str, ...]) -> Iterator[str]:
    orders = found.orders
    if found.kvar is not None:
        yield _beyond("kvar", found.kvar, -_MOST_KVAR, _MOST_KVAR, _each(seen, names))
    if found.pv_wh is not None:
        yield _beyond("pv_wh", found.pv_wh, 0, _MOST, _each(seen, names))
    strange = _beyond("orders.agent", orders.agent, 0, len(seen.load_wh) - 1)
    whose = _Owners(orders.agent, seen, () if strange else names)
    yield strange
    yield _beyond("orders.component", orders.component, PV, n_devices - 1, whose)
    yield _beyond("orders.energy_wh", orders.energy_wh, 0, _MOST, whose)
    some = orders.price_ticks != UTILITY_ONLY_TICKS
    yield _beyond("orders.price_ticks", np.where(some, orders.price_ticks, 0), -_MOST, _MOST, whose)
    yield _not_among("orders.side", orders.side, Side, whose)
    yield _not_among("orders.fallback", orders.fallback, Fallback, whose)


class _Owners:
    """Whose a row is, in words; nothing where that cannot be told."""

    def __init__(self, agent: IntArray, seen: Observations, names: tuple[str, ...]) -> None:
        self._agent, self._seen, self._names = agent, seen, names

    def of(self, row: int) -> str:
        """The owner of the row at a position."""
        return f" (agent {self._names[self._seen.agents[self._agent[row]]]!r})" if self._names else ""


def _each(seen: Observations, names: tuple[str, ...]) -> _Owners:
    return _Owners(np.arange(len(seen.agents)), seen, names)


def _wrong(name: str, array: Any, shape: tuple[int, ...], kinds: str) -> str:
    try:
        array_of(name, array, kinds, _SAID[kinds], shape)
    except Wrong as wrong:
        return str(wrong)
    return ""


def _beyond(name: str, array: IntArray | FloatArray, least: float, most: float, whose: _Owners | None = None) -> str:
    inside = (array >= least) & (array <= most)  # NaN is not
    return _first(array, ~inside, f"{name} has to lie in {least}..{most}", whose)


def _not_among(name: str, array: IntArray, choices: type[Side] | type[Fallback], whose: _Owners) -> str:
    known = [int(choice) for choice in choices]
    return _first(array, ~np.isin(array, known), f"{name} has to be one of {known}", whose)


def _first(array: IntArray | FloatArray, strange: BoolArray, rule: str, whose: _Owners | None) -> str:
    places = np.flatnonzero(strange)
    if not places.size:
        return ""
    return f"{rule}, not {array[places[0]]}{'' if whose is None else whose.of(places[0])}"


DECISION_RULES: Final[dict[str, Rule]] = {"decide": decided, "revise": revised}
