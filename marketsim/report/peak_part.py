"""The part of a report about the peak: how long all agents together draw how much."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from marketsim.report.series import PlotSeries, plain

MOST_POINTS: Final = 400
"""Of the curve; of longer ones the largest and the smallest power stay, and others evenly."""


def duration_curve(series: PlotSeries, minutes: int) -> dict[str, Any] | None:
    """Mean power of a slot that all agents together draw, largest first, and the share of slots with as much or more.

    Negative: they inject. None where a run has no slot.
    """
    if not {"import", "export"} <= series.keys() or not len(series["import"]):
        return None
    kw = np.sort((series["import"] - series["export"]) * 60.0 / minutes)[::-1]
    share = np.arange(1, len(kw) + 1) / len(kw)
    kept = np.unique(np.linspace(0, len(kw) - 1, min(len(kw), MOST_POINTS)).round().astype(np.int64))
    return {"kw": plain(kw[kept], 3), "share": plain(100.0 * share[kept], 3)}
