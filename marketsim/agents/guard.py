"""Strategies of plugins, held to their contract in every slot: what they get wrong is named, not passed on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.blame import told
from marketsim.core.errors import RunError
from marketsim.core.ports import RevisingStrategy, Strategy
from marketsim.core.records import PV, Decisions, Fallback, Observations, OrderBatch, Quotes, Side

_MOST = 10**12
"""Largest energy [Wh] and price [ticks] of an order: far beyond any market, far within 64 bits."""

_WHOLE, _TRUTH = "iu", "b"
"""Kinds of numpy's types."""


class GuardedStrategy:
    """A strategy whose errors and malformed decisions stop the run with a RunError that names it and the slot."""

    def __init__(self, inner: Strategy, name: str, owner: str = "") -> None:
        self._inner, self._name, self._owner = inner, name, owner
        self.sees = tuple(inner.sees)

    def decide(self, seen: Observations) -> Decisions:
        """The decisions, in 64-bit integers."""
        try:
            decided = self._inner.decide(seen)
        except RunError:
            raise
        except Exception as error:
            raise self._failed("decide", seen, told(error)) from error
        problems = _problems(decided, len(seen.load_wh), len(seen.ranges))
        if problems:
            raise self._failed("decide", seen, "; ".join(problems))
        return Decisions(
            dispatch_wh=_whole(decided.dispatch_wh),
            marginal_ticks=_whole(decided.marginal_ticks),
            absorb=np.asarray(decided.absorb),
            orders=OrderBatch(*(_whole(column) for column in decided.orders)),
        )

    def _failed(self, method: str, seen: Observations, what: str) -> RunError:
        where = f"{type(self._inner).__module__}.{type(self._inner).__qualname__}"
        return RunError(
            f"strategy {self._name!r} ({where}) failed in {method} of slot {seen.time.slot} "
            f"({seen.time.begins:%Y-%m-%d %H:%M}): {what}" + (f" ({self._owner})" if self._owner else "")
        )


class GuardedRevisingStrategy(GuardedStrategy):
    """The same for a strategy that quotes anew in each round."""

    def __init__(self, inner: RevisingStrategy, name: str, owner: str = "") -> None:
        super().__init__(inner, name, owner)
        self._revising = inner

    def revise(self, seen: Observations, quotes: Quotes) -> IntArray:
        """The new limit prices."""
        try:
            price = self._revising.revise(seen, quotes)
        except RunError:
            raise
        except Exception as error:
            raise self._failed("revise", seen, told(error)) from error
        problem = _wrong("its answer", price, (len(quotes.agent),), _WHOLE) or _beyond(
            "each price", price, -_MOST, _MOST
        )
        if problem:
            raise self._failed("revise", seen, problem)
        return _whole(price)


def guarded(strategy: Strategy, name: str, owner: str = "") -> Strategy:
    """``strategy`` under guard; ``name`` is what a scenario calls it, ``owner`` says whose it is."""
    if isinstance(strategy, RevisingStrategy):
        return GuardedRevisingStrategy(strategy, name, owner)
    return GuardedStrategy(strategy, name, owner)


def _whole(array: IntArray) -> IntArray:
    return np.ascontiguousarray(array, dtype=np.int64)


def _problems(decided: Any, k: int, n_devices: int) -> list[str]:
    if not isinstance(decided, Decisions) or not isinstance(decided.orders, OrderBatch):
        return [f"it has to return Decisions with an OrderBatch, not {type(decided).__name__}"]
    malformed = [problem for problem in _malformed(decided, k, n_devices) if problem]
    return malformed or [problem for problem in _out_of_range(decided.orders, k, n_devices) if problem]


def _malformed(decided: Decisions, k: int, n_devices: int) -> Iterator[str]:
    yield _wrong("dispatch_wh", decided.dispatch_wh, (n_devices, k), _WHOLE)
    yield _wrong("marginal_ticks", decided.marginal_ticks, (n_devices, k), _WHOLE)
    yield _wrong("absorb", decided.absorb, (k,), _TRUTH)
    for name, column in decided.orders._asdict().items():
        yield _wrong(f"orders.{name}", column, (np.size(decided.orders.agent),), _WHOLE)


def _out_of_range(orders: OrderBatch, k: int, n_devices: int) -> Iterator[str]:
    yield _beyond("orders.agent", orders.agent, 0, k - 1)
    yield _beyond("orders.component", orders.component, PV, n_devices - 1)
    yield _beyond("orders.energy_wh", orders.energy_wh, 0, _MOST)
    yield _beyond("orders.price_ticks", orders.price_ticks, -_MOST, _MOST)
    yield _not_among("orders.side", orders.side, Side)
    yield _not_among("orders.fallback", orders.fallback, Fallback)


def _wrong(name: str, array: Any, shape: tuple[int, ...], kinds: str) -> str:
    if not isinstance(array, np.ndarray):
        return f"{name} has to be an array, not {type(array).__name__}"
    if array.shape != shape:
        return f"{name} has to have the shape {shape}, not {array.shape}"
    if array.dtype.kind not in kinds:
        return f"{name} has to hold {'truth values' if kinds == _TRUTH else 'whole numbers'}, not {array.dtype}"
    return ""


def _beyond(name: str, array: IntArray, least: int, most: int) -> str:
    strange = array[(array < least) | (array > most)]
    return f"{name} has to lie in {least}..{most}, not {strange[0]}" if strange.size else ""


def _not_among(name: str, array: IntArray, choices: type[Side] | type[Fallback]) -> str:
    known = [int(choice) for choice in choices]
    strange = array[~np.isin(array, known)]
    return f"{name} has to be one of {known}, not {strange[0]}" if strange.size else ""
