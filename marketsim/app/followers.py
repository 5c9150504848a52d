"""Who follows an expert's plans in a simulation, and what these plans have for a slot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.expert import Follower
from marketsim.core.setpoints import Setpoints


class MadeFollower(NamedTuple):
    """A follower and the agents that it was made for, by their rows of the flat axis."""

    rows: IntArray
    follower: Follower


def planned_setpoints(followers: Sequence[MadeFollower], n_agents: int) -> FloatArray | None:
    """What the plans that are followed have for the last slot, of all agents [5, n_agents]; None where none is followed.

    NaN for who follows none.
    """
    if not followers:
        return None
    planned = np.full((len(Setpoints._fields), n_agents), np.nan)
    for rows, follower in followers:
        planned[:, rows] = np.array(follower.planned)
    return planned
