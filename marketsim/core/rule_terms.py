"""What the rules of walls are written in: what a call returned, numbers in arrays of a shape, and what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray

MOST: Final = 10**15
"""Largest energy [Wh] and price [ticks] of anything: far within 64 bits."""


class Wrong(Exception):
    """A result breaks a rule; the text says which one."""


class Sizes(NamedTuple):
    """How many there are of what; None: it cannot be told."""

    n_agents: int | None = None
    n_markets: int | None = None
    names: tuple[str, ...] = ()
    """Of the agents of all markets; empty: they cannot be told."""


class Call(NamedTuple):
    """A call that has returned."""

    part: Any
    """What stands in for the part: its attributes are those that it had when it was built."""
    given: tuple[Any, ...]
    result: Any
    sizes: Sizes


def wrong(what: str) -> NoReturn:
    """Raise ``Wrong``."""
    raise Wrong(what)


def array_of(name: str, value: Any, kinds: str, say: str, shape: tuple[int | None, ...]) -> Any:
    """A plain array of these kinds of numpy's types (``say`` in words) and this shape; None: any length."""
    if not isinstance(value, np.ndarray):
        wrong(f"{name} has to be an array, not {type(value).__name__}")
    if isinstance(value, np.ma.MaskedArray):
        wrong(f"{name} has to be an array without a mask")
    value = np.asarray(value)  # no subclass, which may compare as it likes
    if value.dtype.kind not in kinds:
        wrong(f"{name} has to hold {say}, not {value.dtype}")
    fits = value.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, value.shape, strict=True)
    )
    if not fits:
        told = ", ".join("any" if want is None else str(want) for want in shape)
        wrong(f"{name} has to have the shape ({told}{',' * (len(shape) == 1)}), not {value.shape}")
    return value


def demand(name: str, array: Any, holds: Any, rule: str) -> None:
    """Wrong with the first element for which a rule does not hold."""
    if not np.all(holds):
        place = np.argwhere(~holds)[0]
        wrong(f"{name} has to be {rule}, not {array[tuple(place)]} at {', '.join(map(str, place))}")


def whole(name: str, value: Any, shape: tuple[int | None, ...], least: int = -MOST, most: int = MOST) -> IntArray:
    """Whole numbers within bounds, as 64-bit integers of one's own."""
    array = array_of(name, value, "iu", "whole numbers", shape)
    demand(name, array, (array >= least) & (array <= most), f"within {least}..{most}")
    return np.array(array, dtype=np.int64, order="C")


def real(
    name: str,
    value: Any,
    shape: tuple[int | None, ...],
    *,
    nan: bool = False,
    least: float = -math.inf,
    most: float = math.inf,
) -> FloatArray:
    """Real numbers within bounds, finite or, where that has a meaning, NaN."""
    array = np.array(array_of(name, value, "fiu", "real numbers", shape), dtype=np.float64, order="C")
    unknown = np.isnan(array) if nan else False
    demand(name, array, np.isfinite(array) | unknown, "finite")
    demand(name, array, (array >= least) | unknown, f"at least {least:g}")
    demand(name, array, (array <= most) | unknown, f"at most {most:g}")
    return array


def record_of(result: Any, kind: type, method: str = "it") -> Any:
    """A record of this kind."""
    if not isinstance(result, kind):
        wrong(f"{method} has to return {kind.__name__}, not {type(result).__name__}")
    return result


def pair_of(result: Any, what: str) -> tuple[Any, Any]:
    """Two things, which are ``what``."""
    if not isinstance(result, tuple) or len(result) != 2:
        wrong(f"it has to return {what}, not {type(result).__name__}")
    return result[0], result[1]


def whole_number(name: str, value: Any, least: int, most: int) -> int:
    """A whole number within bounds."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not least <= value <= most:
        wrong(f"{name} has to be a whole number within {least}..{most}, not {value!r:.60}")
    return int(value)


Rule = Callable[[Call], Any]
"""Returns what a call returned, copied in the types that the program counts on; or raises ``Wrong``."""
Declared = Callable[[Any, Sizes], dict[str, Any]]
"""Attributes of a part by name, as they are when it is built."""
