"""Which unit a series has whose name tells none: the one that makes it plausible, and one for all columns of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from marketsim.core.arrays import FloatArray
from marketsim.profiles.file_params import Values
from marketsim.profiles.plausible import RANGES, Range
from marketsim.profiles.times import Steps
from marketsim.profiles.understand.words import ColumnRole

PV_A_DAY: Final = Range(0.2, 120.0, "a plant on a roof yields 0.2 to 120 kWh a day")
_KINDS: Final[tuple[Values, ...]] = ("kwh", "kw", "wh", "w")
_USUAL: Final = 11.0
"""Energy of a household a day [kWh]: the middle of what is plausible, by factors."""
_RARE: Final[Mapping[Values, float]] = {"kwh": 0.0, "kw": 0.7, "wh": 0.7, "w": 0.0}
"""What tables hold less often: whole watts are power, and what has decimals energy (as a logarithm of a factor)."""
_IMPLAUSIBLE: Final = 10.0
"""What a series counts that a unit makes implausible, beside factors."""


class Guess(NamedTuple):
    """What a series holds by its energies."""

    values: Values | None
    why: str
    daily: tuple[tuple[Values, float], ...] = ()
    """Energy a day [kWh] by each unit among which was chosen; () where nothing was."""


def range_of(role: ColumnRole) -> Range | None:
    """What is plausible a day; what a meter feeds in is bounded as a plant is."""
    return PV_A_DAY if role in ("pv", "export") else RANGES.get(role)


def plausible(kwh_a_day: float, role: ColumnRole) -> bool:
    """Whether an energy a day is one that a series of this role can have."""
    own = PV_A_DAY if role == "pv" else RANGES["load"]
    return own.holds(kwh_a_day)


def guess(
    known: FloatArray, steps: Steps, role: ColumnRole, is_power: bool | None, table_unit: Values | None = None
) -> Guess:
    """The unit of a series, among those of power or energy where its name says which it is.

    ``table_unit``: what all columns without a unit are taken for.
    """
    own = range_of(role)
    if own is None or not len(known):
        return Guess(None, "")
    mean = float(known.mean())
    every = {"kwh": mean * 24 / steps.hours, "kw": mean * 24, "wh": mean * 0.024 / steps.hours, "w": mean * 0.024}
    among: Sequence[Values] = {None: _KINDS, True: ("kw", "w"), False: ("kwh", "wh")}[is_power]
    daily = tuple((kind, every[kind]) for kind in among if steps.hours != 1.0 or is_power or kind[-1] == "h")
    fitting = [kind for kind, kwh in daily if own.holds(kwh)]
    if not fitting:
        says = "power" if is_power else "energy"
        told = f"its name says {says}, of which no unit makes it plausible: {own.words}"
        return Guess(None, "" if is_power is None else told)
    chosen = table_unit if table_unit in dict(daily) else min(daily, key=lambda each: _cost(role, *each))[0]
    return Guess(chosen, _why(chosen, dict(daily), own, fitting), daily)


def _why(chosen: Values, daily: Mapping[Values, float], own: Range, fitting: Sequence[Values]) -> str:
    others = [f"{kind} would be {daily[kind]:.3g} (values: {kind})" for kind in fitting if kind != chosen]
    also = f"; {', '.join(others)}" if others else ""
    if chosen not in fitting:
        return f"other columns are{also}"
    return f"{daily[chosen]:.3g} kWh a day, and {own.words}{also}"


def unit_of_all(guesses: Sequence[tuple[ColumnRole, Guess]]) -> dict[tuple[Values, ...], Values]:
    """The one unit of all series whose unit was guessed, by the units among which it was."""
    groups: dict[tuple[Values, ...], list[tuple[ColumnRole, Mapping[Values, float]]]] = {}
    for role, found in guesses:
        if found.daily:
            groups.setdefault(tuple(kind for kind, _ in found.daily), []).append((role, dict(found.daily)))
    return {
        kinds: min(kinds, key=lambda kind: sum(_cost(role, kind, daily[kind]) for role, daily in own))
        for kinds, own in groups.items()
    }


def _cost(role: ColumnRole, kind: Values, kwh_a_day: float) -> float:
    """How unlikely a unit is for a series: by which factor it is off what households take, and how rare it is."""
    own = range_of(role)
    off = 0.0 if own is None or own.holds(kwh_a_day) else _IMPLAUSIBLE
    if role in ("load", "net") and kwh_a_day > 0:
        off += abs(math.log(kwh_a_day / _USUAL))
    return off + _RARE[kind]
