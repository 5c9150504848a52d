"""When a feeder counts as having taken what was added."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.grid.flow.cases import Assessment, Cases

TOLERANCE: Final = 1e-9
"""Beyond a limit by less is kept (p.u., share of a rating)."""


class HostingCriterion(NamedTuple):
    """A named way to judge; loadings and heads are held in every slot by all of them."""

    name: str
    text: str


CRITERIA: Final = MappingProxyType(
    {
        each.name: each
        for each in (
            HostingCriterion("strict", "every voltage within the band in every slot"),
            HostingCriterion(
                "en50160",
                "every bus within the band in 95 % of the slots of a week; EN 50160 counts ten-minute means and this "
                "counts slots, an approximation that smooths over what is shorter",
            ),
            HostingCriterion(
                "depth_hours", "no bus farther outside the band, times duration, than the given p.u. hours"
            ),
        )
    }
)
WEEK_SHARE: Final = 0.05


def holds(
    criterion: str, cases: Cases, installed_kw: FloatArray, n_slots: int, hours: float, depth: float
) -> BoolArray:
    """Whether each case is taken [n_cases]. ``hours``: of a slot [h]; ``depth``: what ``depth_hours`` allows [p.u. h]."""
    found: Assessment = cases.assess(installed_kw, stop=criterion == "strict")
    if criterion == "strict":
        return np.asarray(found.excess <= TOLERANCE)
    wires = found.hard <= TOLERANCE
    if criterion == "en50160":
        return np.asarray(wires & (found.outside.max(axis=1) <= WEEK_SHARE * n_slots))
    return np.asarray(wires & (found.depth.max(axis=1) * hours <= depth))


def mostly_kept(
    cases: Cases, installed_kw: FloatArray, unit: FloatArray, most: float, weight: FloatArray | None = None
) -> BoolArray:
    """Whether keeping every limit takes away at most the share ``most`` of the added energy [n_cases].

    In each slot one factor is put on all added units. ``weight``: slots that each slot stands for, 1 or more [n_slots].
    """
    counted = np.ones(len(unit)) if weight is None else weight
    energy = np.abs(unit) * counted
    allowed = most * energy.sum()
    # Patience is counted without weights: who has lost that much without them has lost more than is allowed with them.
    lost = (1.0 - cases.kept_share(installed_kw, allowed / counted.min())) @ energy
    return np.asarray(lost <= allowed)
