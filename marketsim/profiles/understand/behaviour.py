"""What the values of a series look like: the sun, a flag, a count of the rows; and whether columns add up to others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import gcd
from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.profiles.times import Steps

_MOST_VALUES: Final = 5_000
"""Of a series that are looked at, evenly spread."""
_DAY: Final = timedelta(days=1)
_LONGEST_OF_SUN: Final = timedelta(hours=3)
_LEAST_AT_NIGHT: Final = 4
_NEXT_TO_NOTHING: Final = 0.01
"""Of the largest power, below which a plant stands still; and of the energy, what may fall at night."""
_NEARLY_ALL: Final = 0.95
_MOST_OF_THE_DAY: Final = 0.75
_NOON: Final = (9.5, 16.0)
"""Hours of the day between which the middle of what a plant yields lies, by clocks of any place and season."""
_FLAG_VALUES: Final = 2
_LEAST_ROWS: Final = 24
_BALANCED: Final = 0.02
"""Of the energy of a series, what columns may lack that add up to it: they are rounded."""
_LACKING: Final = 0.05
_TOGETHER: Final = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A series in short."""

    power: FloatArray
    """Mean power [kW] of some of its steps, evenly spread; in its own unit where that is not known."""
    hours: FloatArray
    """Middle of each of these steps [h of the day]."""
    step: timedelta
    is_flag: bool
    """Whether it holds two of 0, 1 and 2 at most."""
    counts_rows: bool
    """Whether each value is one more than the one above."""

    @property
    def follows_sun(self) -> bool:
        """Whether it is next to nothing in nearly all nights, and has most around noon."""
        known = ~np.isnan(self.power)
        power, hours = self.power[known], self.hours[known]
        at_night = (hours >= 22) | (hours < 3)
        if self.step > _LONGEST_OF_SUN or at_night.sum() < _LEAST_AT_NIGHT or not power.any() or power.min() < 0:
            return False
        total, still = float(power.sum()), power <= _NEXT_TO_NOTHING * power.max()
        noon = float((power * hours).sum()) / total
        dark = float(power[at_night].sum()) <= _NEXT_TO_NOTHING * total and still[at_night].mean() >= _NEARLY_ALL
        return bool(dark and still.mean() >= 1 - _MOST_OF_THE_DAY and _NOON[0] <= noon <= _NOON[1])


def trace_of(power: FloatArray, raw: FloatArray, steps: Steps) -> Trace:
    """A series in short. ``power``: of all steps [kW]; ``raw``: cells in the order of the rows, NaN where none."""
    every = max(-(-len(power) // _MOST_VALUES), 1)
    while gcd(every, max(_DAY // steps.length, 1)) > 1:  # else the same hours of each day
        every += 1
    some = np.arange(0, len(power), every)
    midnight = steps.begins.replace(hour=0, minute=0, second=0, microsecond=0)
    first, length = (steps.begins - midnight) / timedelta(hours=1), steps.length / timedelta(hours=1)
    hours: FloatArray = np.asarray((first + length * (some + 0.5)) % 24, dtype=np.float64)
    known = raw[np.isfinite(raw)]
    values = np.unique(known[: 2 * _MOST_VALUES])
    flag = 0 < len(values) <= _FLAG_VALUES and set(values.tolist()) <= {0.0, 1.0, 2.0}
    counts = len(known) >= _LEAST_ROWS and bool((known[1:] == known[:-1] + 1).all())
    return Trace(power[some], hours, steps.length, flag, counts)


def alike(one: Trace, other: Trace) -> bool:
    """Whether two series are of the same steps, so that they can be added."""
    return one.step == other.step and one.power.shape == other.power.shape and bool((one.hours == other.hours).all())


def adds_up(total: Trace, parts: Iterable[Trace], less: Iterable[Trace] = ()) -> bool:
    """Whether a series is the sum of others, less some, in nearly all steps; never of series that hold next to nothing."""
    plus, minus = list(parts), list(less)
    if not all(alike(total, each) for each in (*plus, *minus)):
        return False
    rest = total.power - _summed(plus) + _summed(minus)
    known = ~np.isnan(rest)
    size = float(np.abs(total.power[known]).sum())
    return size > 0 and float(np.abs(rest[known]).sum()) <= _BALANCED * size


def falls_short(load: Trace, pv: Trace, export: Trace) -> bool:
    """Whether a load is less than what was generated and not fed in, which a household takes itself."""
    if not (alike(load, pv) and alike(load, export)):
        return False
    own = pv.power - export.power
    lacks = np.maximum(own - load.power, 0.0)
    known = ~np.isnan(lacks)
    return float(lacks[known].sum()) > _LACKING * max(float(own[known].sum()), 0.0) > 0


def go_together(load: Trace, export: Trace) -> bool:
    """Whether a load is as large as what is fed in at the same time in much of it, which one meter cannot count."""
    if not alike(load, export):
        return False
    both = np.minimum(load.power, export.power)
    known = ~np.isnan(both)
    return float(both[known].sum()) > _TOGETHER * float(export.power[known].sum()) > 0


def mean_of(trace: Trace) -> float:
    """Mean power of what is known [kW]."""
    known = trace.power[~np.isnan(trace.power)]
    return float(known.mean()) if len(known) else 0.0


def _summed(traces: Sequence[Trace]) -> FloatArray | float:
    total: FloatArray | float = 0.0
    for each in traces:
        total = total + each.power
    return total
