"""Where steps of a column stand in its file, and where some of them are missing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.errors import Problem
from marketsim.profiles.table import CellTable
from marketsim.profiles.times import Steps


class StepPlaces(NamedTuple):
    """Where the steps of a column stand in the file."""

    table: CellTable
    name: str
    steps: Steps

    def place(self, step: int) -> tuple[str, int]:
        """File and line of a step, or of the next that has one."""
        return self.table.place(step if self.steps.rows is None else int(np.searchsorted(self.steps.rows, step)))

    def time(self, step: int) -> str:
        """When a step begins."""
        return str(self.steps.begins + step * self.steps.length)

    def problem(self, step: int, message: str, seen: float, hint: str, unit: str = "") -> Problem:
        """A problem of the value of a step."""
        return Problem(message, self.name, f"{seen:.9g}{unit}", hint, *self.place(step))


def gap_ends(missing: BoolArray) -> tuple[IntArray, IntArray]:
    """First step of each gap, and the first behind it."""
    edges = np.diff(np.concatenate(([0], missing.astype(np.int8), [0])))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
