"""The largest level that is kept, for many cases at once: bisection where answers are monotone, a scan where not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from marketsim.core.arrays import BoolArray, IntArray

Keeps: TypeAlias = Callable[[IntArray, IntArray], BoolArray]
"""(rows, levels) -> whether each row keeps its level; rows may repeat."""
PROBES: Final = 8
"""Levels at which monotonicity is checked."""
SCAN: Final = 64
"""Levels a step of a scan asks about at once."""


class Found(NamedTuple):
    """Largest levels."""

    level: IntArray
    """[n_rows]; every level up to it is kept, as far as was looked at."""
    monotone: BoolArray
    """Rows that kept nothing above a level that they did not keep; the others were scanned [n_rows]."""
    capped: BoolArray
    """Rows that keep the highest level that was asked about [n_rows]."""


def largest_levels(keeps: Keeps, n_rows: int, most: int) -> Found:
    """Largest kept level of each row, from 0 (taken to be kept) to ``most``."""
    rows = np.arange(n_rows)
    ceiling = _ceiling(keeps, n_rows, most)
    probes = np.unique(np.linspace(0, ceiling, PROBES + 1).astype(np.int64))[1:]
    answers = keeps(np.repeat(rows, len(probes)), np.tile(probes, n_rows)).reshape(n_rows, len(probes))
    monotone = ~(answers[:, 1:] & ~answers[:, :-1]).any(axis=1)
    first_no = np.where(answers.all(axis=1), len(probes), np.argmin(answers, axis=1))
    ends = np.append(probes, most + 1)
    low, high = np.append(0, probes)[first_no], ends[first_no]
    capped = answers.all(axis=1) & (ceiling == most)
    high = np.where(capped, low + 1, np.minimum(high, most + 1))
    while ((high - low) > 1).any():
        todo = np.flatnonzero(high - low > 1)
        middle = (low[todo] + high[todo]) // 2
        kept = keeps(todo, middle)
        low[todo], high[todo] = np.where(kept, middle, low[todo]), np.where(kept, high[todo], middle)
    for row in np.flatnonzero(~monotone).tolist():
        low[row] = _scan(keeps, row, int(low[row]))
    return Found(low, np.asarray(monotone), np.asarray(capped))


def _ceiling(keeps: Keeps, n_rows: int, most: int) -> int:
    """A level that no row keeps, by doubling; ``most`` where some row keeps that."""
    level = min(8, most)
    open_rows = np.arange(n_rows)
    while level < most:
        open_rows = open_rows[keeps(open_rows, np.full(len(open_rows), level))]
        if not len(open_rows):
            return level
        level = min(2 * level, most)
    return most


def _scan(keeps: Keeps, row: int, most: int) -> int:
    """The last level before the first that is not kept, looking at every one up to ``most``."""
    for begin in range(1, most + 1, SCAN):
        levels = np.arange(begin, min(begin + SCAN, most + 1))
        kept = keeps(np.full(len(levels), row), levels)
        if not kept.all():
            return int(levels[np.argmin(kept)]) - 1
    return most
