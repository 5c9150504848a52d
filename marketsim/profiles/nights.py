"""Hours without sun, in which a plant that tells nothing yields nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import Problem
from marketsim.profiles.powers_at import StepPlaces, gap_ends
from marketsim.profiles.times import Steps

NIGHT: Final = (22 * 60, 3 * 60)
"""Begin and end of what is night everywhere but far north and south [min of the day]."""
_MIDDAY: Final = (10 * 60, 15 * 60)
"""Hours in which the sun shines everywhere, in standard time [min of the day]."""
_DAY_MINUTES: Final = 1_440
_MINUTE: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(hours=3)
_NOTHING: Final = 1e-3
"""What counts as no yield, as a share of the largest."""


def minutes_of_day(steps: Steps, n_steps: int) -> IntArray:
    """When each step begins [min of the day] [n_steps]."""
    first = steps.begins.hour * 60 + steps.begins.minute
    minutes: IntArray = (first + np.arange(n_steps) * (steps.length // _MINUTE)) % _DAY_MINUTES
    return minutes


def _at_night(minutes: IntArray) -> BoolArray:
    return (minutes >= NIGHT[0]) | (minutes < NIGHT[1])


def missing_by_night(missing: BoolArray, steps: Steps) -> bool:
    """Whether values are missing in nights and never about noon, as of an inverter that sleeps; some are."""
    if not missing.any() or steps.length > _LONGEST:
        return False
    minutes = minutes_of_day(steps, len(missing))
    noon = (minutes >= _MIDDAY[0]) & (minutes < _MIDDAY[1])
    nights = _at_night(minutes)
    return not (missing & noon).any() and bool((missing & nights).any())


def filled_by_night(power: FloatArray, missing: BoolArray, at: StepPlaces) -> list[Problem]:
    """The problem that a plant would yield at night, since what is missing was filled from evening and morning."""
    if at.steps.length > _LONGEST:
        return []
    made = missing & _at_night(minutes_of_day(at.steps, len(power))) & (power > _NOTHING * power.max(initial=0.0))
    begins, ends = gap_ends(missing)
    long = [(begin, end) for begin, end in zip(begins.tolist(), ends.tolist(), strict=True) if made[begin:end].any()]
    if not long:
        return []
    begin, end = long[0]
    message = (
        f"the plant tells nothing from {at.time(begin)} for {(end - begin) * at.steps.length}, and would yield at night"
    )
    hint = "set profiles.gaps: zero (or previous_day), or write 0 where it yields nothing"
    return [Problem(message, at.name, "", hint, *at.place(begin))]
