"""Values whose steps change within a file: energies of hours among energies of quarter hours, which are no gaps."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.errors import Problem
from marketsim.profiles.powers_at import StepPlaces

_LEAST_ALIKE: Final = 4
"""Values in longer steps of one length, one after another, that are no chance."""


class StepChange(NamedTuple):
    """Where values stand in steps that are longer than those of the file."""

    place: int
    """Step of the file at which they change."""
    told: str
    """For people."""


def step_change(known: IntArray, at: StepPlaces) -> StepChange | None:
    """Where values that stand in the steps ``known`` change to longer ones, or from them; None where there are but gaps."""
    if len(known) <= _LEAST_ALIKE:
        return None
    apart = np.diff(known)
    same = (apart[1:] == apart[:-1]) & (apart[1:] > 1)
    runs = np.convolve(same.astype(np.int64), np.ones(_LEAST_ALIKE - 1, dtype=np.int64), "valid")
    found = np.flatnonzero(runs == _LEAST_ALIKE - 1)
    if not len(found):
        return None
    first = int(found[0])
    other = np.flatnonzero(apart[first:] != apart[first])
    lasts, length = int(apart[first]) * at.steps.length, at.steps.length
    if first > 0:
        place = int(known[first])
        return StepChange(place, f"values go on in steps of {lasts} and not of {length} from {at.time(place)} on")
    if not len(other):
        return StepChange(int(known[0]), f"values stand in steps of {lasts} and not of {length}, as those of others")
    place = int(known[first + int(other[0])])
    return StepChange(place, f"values go on in steps of {length} and not of {lasts} from {at.time(place)} on")


def changed_energies(known: IntArray, at: StepPlaces) -> list[Problem]:
    """The problem that energies would be filled as if values were missing where steps are longer."""
    found = step_change(known, at)
    if found is None:
        return []
    message = f"{found.told}: the energy of a longer step is not that of a shorter one, and none is missing"
    hint = (
        "write equal steps, read days of one step alone (profiles.first_day and last_day), or write mean powers in place of "
        "energies; where steps without a value have none, set profiles.gaps: zero"
    )
    return [Problem(message, at.name, "", hint, *at.place(found.place))]
